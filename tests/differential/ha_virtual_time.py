"""Virtual time for Home Assistant: a loop that jumps to its next timer, and clocks that all follow it.

Runs in Home Assistant's own Python. Import it before anything of Home Assistant: its modules copy the functions
of the clock when they are imported.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import logging
import queue
import selectors
import threading
import time  # noqa: TID251 - the clock that is replaced here
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# They copy `time.monotonic` as well, and must keep the real one.
_KEEP_REAL_TIME = (concurrent.futures, logging, queue, selectors, threading)
REAL_TIME = time.perf_counter  # noqa: TID251 - a limit on a case is about real time
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Deadlock(Exception):
    """Nothing runs and no timer is left, though the case has not ended."""


class TooLong(Exception):
    """A case runs on and on."""


class _Now:
    """What time it is: where the present loop stands, after where its start lies."""

    def __init__(self) -> None:
        self.start = _EPOCH
        self.loop_s = 0.0

    def instant(self) -> datetime:
        return self.start + timedelta(seconds=self.loop_s)

    def timestamp(self) -> float:
        return self.start.timestamp() + self.loop_s


NOW = _Now()


class _Timer(asyncio.TimerHandle):
    """A timer that goes after the timers of the same instant that were set before it.

    On a real clock no two are of one instant; asyncio's heap alone would make their order an accident.
    """

    def __init__(self, number: int, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.number = number

    def __lt__(self, other: Any) -> bool:
        return (self.when(), self.number) < (other.when(), other.number)

    __hash__ = asyncio.TimerHandle.__hash__


class _NoWaiting(selectors.SelectSelector):
    """A selector that moves time where another would wait."""

    def __init__(self, jump: Callable[[float | None], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop at a virtual second, on a clock that starts at an instant; thread work is done at once."""

    _scheduled: list[asyncio.TimerHandle]
    _clock_resolution: float

    def __init__(self, start: datetime, now_s: float, real_limit_s: float) -> None:
        """Make a loop whose `time()` is `now_s`, `now_s` seconds after `start`."""
        super().__init__(_NoWaiting(self._jump))
        self._clock_resolution = 1e-9
        self._timer_number = 0
        self._turns = 0
        self.has_no_limit = False
        self._ends_at = REAL_TIME() + real_limit_s
        NOW.start, NOW.loop_s = start, now_s

    def time(self) -> float:
        """Virtual seconds since the start."""
        return NOW.loop_s

    def _jump(self, timeout: float | None) -> None:
        if timeout is None:
            raise Deadlock("nothing runs and no timer is left")
        NOW.loop_s = max(NOW.loop_s, self._scheduled[0].when())

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call at a virtual second; of one instant, in the order in which it was asked for."""
        self._timer_number += 1
        timer = _Timer(self._timer_number, when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Do thread work here and now, so that a case is the same each time."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns % 1000 == 0 and not self.has_no_limit and REAL_TIME() > self._ends_at:
            raise TooLong("the case runs on and on")
        super()._run_once()  # type: ignore[misc]


def install() -> None:
    """Replace the clocks of this process; to be called once, first."""
    time.time = NOW.timestamp  # noqa: TID251
    time.monotonic = lambda: NOW.loop_s  # noqa: TID251
    time.time_ns = lambda: round(NOW.timestamp() * 1e9)  # noqa: TID251
    import homeassistant.util.dt as ha_time

    def local_now(time_zone: tzinfo | None = None) -> datetime:
        return NOW.instant().astimezone(time_zone or ha_time.get_default_time_zone())

    ha_time.utcnow = NOW.instant
    ha_time.now = local_now
