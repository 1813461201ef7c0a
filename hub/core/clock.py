"""The only source of time: aware UTC for records, monotonic seconds for timeouts, sleeping and deadlines.

Instants are carried as whole microseconds since 1970 (`*_us`): exact, small and ordered. `datetime` is for people.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# A wall clock before this instant has lost its time: the code was written later.
EARLIEST_SANE_US = 1_767_225_600_000_000  # 2026-01-01


def to_us(moment: datetime) -> int:
    """Whole microseconds since 1970 of an aware datetime; a naive one is refused."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; the hub keeps aware times only")
    return (moment - _EPOCH) // _MICROSECOND


def from_us(instant_us: int) -> datetime:
    """The aware UTC datetime of an instant in microseconds."""
    return _EPOCH + timedelta(microseconds=instant_us)


class Clock(ABC):
    """What the hub asks for time; the wall clock may step, the monotonic one never does."""

    @abstractmethod
    def now_us(self) -> int:
        """Wall-clock time in microseconds since 1970."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that only ever grow; for timeouts and durations."""

    @property
    @abstractmethod
    def is_virtual(self) -> bool:
        """True in simulation: no threads, no sockets, time jumps to the next timer."""

    def now(self) -> datetime:
        """Wall-clock time as an aware UTC datetime."""
        return from_us(self.now_us())

    def seconds_until(self, instant_us: int) -> float:
        """How long it is until an instant by the wall clock as it runs now; 0 when it has passed."""
        return max(0.0, (instant_us - self.now_us()) / 1e6)

    async def sleep(self, seconds: float) -> None:
        """Suspend the caller for that many seconds of monotonic time."""
        await asyncio.sleep(seconds)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back once after a delay in monotonic seconds."""
        return asyncio.get_running_loop().call_later(delay_s, callback)

    def call_at(self, when_us: int, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back once when the wall clock, as it runs now, reaches an instant.

        A later step of the wall clock does not move the timer: whoever waits for wall time over long spans
        listens to `ClockStepped` and arms again, as the durable timers do.
        """
        return self.call_later(self.seconds_until(when_us), callback)


class SystemClock(Clock):
    """The machine's own clocks."""

    is_virtual = False

    def now_us(self) -> int:
        """Wall-clock time of the machine."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()


def block_thread(seconds: float) -> None:
    """Block the calling thread (never the loop's): for watchdog threads and command line waits."""
    time.sleep(seconds)
