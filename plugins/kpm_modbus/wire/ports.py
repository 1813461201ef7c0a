"""A byte stream that is open, whatever it runs over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Port(Protocol):
    """An open serial port or connection."""

    def write(self, data: bytes) -> None:
        """Send bytes without waiting; raises OSError when the port is gone."""

    def close(self) -> None:
        """Let go; the listener hears nothing more."""


class Listener(Protocol):
    """Who is told what a port hears."""

    def received(self, data: bytes) -> None:
        """Bytes came in."""

    def lost(self, why: str) -> None:
        """The port is gone, and closed: told once, and never after `close`."""


OpenPort = Callable[[Listener], Awaitable[Port]]
"""Opens a port; raises OSError with a text for people."""
