"""What a rehearsal needs of virtual time; the simulation has it, and this package does not import that.

Whoever starts a rehearsal hands it in: the command line as its context's object, tests as an argument.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from hub.core.clock import Clock

T = TypeVar("T")
Advance: TypeAlias = Callable[[float], Awaitable[None]]
"""Lets seconds pass with all that is due in them; with 0, whatever can happen now."""


class VirtualTime(Protocol):
    """Runs a coroutine in virtual time; `hub.sim.rehearsal.rehearse` is one."""

    def __call__(self, main: Callable[[Clock, Advance], Coroutine[Any, Any, T]], start: datetime) -> T:
        """Run `main(clock, advance)` on a clock that begins at `start`, and return what it returns."""
