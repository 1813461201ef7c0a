"""A wall clock for simulation: an epoch, the virtual loop's time, and the steps a test makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.core.clock import Clock, to_us

if TYPE_CHECKING:
    from hub.sim.loop import VirtualLoop

DEFAULT_EPOCH = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday, at midnight


class VirtualClock(Clock):
    """The clock of a hub in simulation: `monotonic()` is the loop's time, `now()` the same on a calendar."""

    is_virtual = True

    def __init__(self, loop: VirtualLoop, epoch: datetime = DEFAULT_EPOCH) -> None:
        """Let the calendar read `epoch` at the loop's second 0."""
        self._loop_time = loop.time
        self._base_us = to_us(epoch)  # the epoch and all steps
        # now_us() runs for every reading, many times within one virtual instant: the last answer is kept.
        self._asked_s = -1.0
        self._answer_us = 0

    def now_us(self) -> int:
        """Wall-clock time in microseconds since 1970."""
        now_s = self._loop_time()
        if now_s != self._asked_s:
            self._asked_s = now_s
            self._answer_us = self._base_us + round(now_s * 1e6)
        return self._answer_us

    def monotonic(self) -> float:
        """The loop's virtual seconds; a step of the wall clock does not show here."""
        return self._loop_time()

    def step(self, seconds: float) -> None:
        """Put the wall clock forward, or back when negative; timers and `monotonic()` do not move."""
        self._base_us += round(seconds * 1e6)
        self._asked_s = -1.0
