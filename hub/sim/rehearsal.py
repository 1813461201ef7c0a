"""Virtual time for whoever rehearses something, handed to verbs that may not know the simulation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from hub.core.clock import Clock
from hub.sim.clock import VirtualClock
from hub.sim.loop import VirtualLoop, advance, run_virtual

T = TypeVar("T")


def rehearse(
    main: Callable[[Clock, Callable[[float], Awaitable[None]]], Coroutine[Any, Any, T]], start: datetime
) -> T:
    """Run `main(clock, advance)` on a clock that begins at `start`; `advance(seconds)` lets virtual time pass."""

    async def inside(loop: VirtualLoop) -> T:
        return await main(VirtualClock(loop, start), partial(advance, loop))

    return run_virtual(inside)
