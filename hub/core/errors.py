"""The root of every error the hub raises on purpose, so that callers can tell a refusal from a bug."""

from __future__ import annotations


class HubError(Exception):
    """A refusal or failure that the hub names; its text says who, what, where and what to do."""


class NotFound(HubError):
    """Something was asked for by a name that nothing has."""


class NotAllowed(HubError):
    """The principal may not do or see this."""
