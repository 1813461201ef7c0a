"""What a task waits for: the chain of places it waits in, and the innermost thing it awaits."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from types import CoroutineType
from typing import Any

PLACES_MAX = 32


def awaited(task: asyncio.Task[Any]) -> tuple[list[str], object]:
    """The places, the outermost first, and the future awaited there; None for that while it is a sleep."""
    places: list[str] = []
    is_sleep = False
    at: object = task.get_coro()
    while isinstance(at, CoroutineType) and len(places) < PLACES_MAX:
        frame = at.cr_frame
        if frame is not None:
            file = "/".join(PurePath(frame.f_code.co_filename).parts[-2:])
            places.append(f"{at.__qualname__} ({file}:{frame.f_lineno})")
            is_sleep = frame.f_code is asyncio.sleep.__code__
        at = at.cr_await
    if is_sleep:
        return places, None
    future: object = getattr(task, "_fut_waiter", None)
    inner = [future] if isinstance(future, asyncio.Task) else getattr(future, "_children", ())
    for child in inner:  # whoever awaits tasks waits for what they wait for
        if isinstance(child, asyncio.Task) and not child.done():
            more, waits_for = awaited(child)
            if waits_for is None:
                return places, None
            places += more
    return places, future
