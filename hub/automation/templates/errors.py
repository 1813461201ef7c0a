"""What a render may fail with."""

from __future__ import annotations

from hub.core.errors import HubError


class TemplateError(HubError):
    """A template could not be rendered; the text says where it is written, which line, and what to do."""


class TemplateTooCostly(TemplateError):
    """A render was stopped: it took too many steps, too long, or made something too large."""


class NotOffered(TemplateError):
    """A template reached for an attribute, method or object that templates are not given."""
