"""Alarms by the wall clock, for `for`s and times; what must outlive the process is kept in tables beside them."""

from __future__ import annotations

import heapq
from asyncio import TimerHandle
from collections.abc import Callable
from itertools import count

from hub.core.clock import Clock

VOID_KEPT_MIN = 64
"""Cancelled alarms stay in the heap until they are more than the others by this many."""


class Alarm:
    """A call at an instant, until it is cancelled."""

    __slots__ = ("_alarms", "call", "due_us")

    def __init__(self, alarms: Alarms, due_us: int, call: Callable[[], object]) -> None:
        """Set by `Alarms.at`."""
        self._alarms = alarms
        self.due_us = due_us
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Do not call any more; harmless when it has."""
        if self.call is not None:
            self.call = None
            self._alarms.void += 1


class Alarms:
    """All alarms of an engine; one loop timer waits for the earliest. Those of one instant go in the order set."""

    def __init__(self, clock: Clock) -> None:
        """Go by a clock's wall time."""
        self._clock = clock
        self._heap: list[tuple[int, int, Alarm]] = []
        self._numbers = count()
        self._handle: TimerHandle | None = None
        self._is_stopped = False
        self.void = 0
        """How many in the heap were cancelled."""

    def __len__(self) -> int:
        """How many alarms are set."""
        return len(self._heap) - self.void

    def at(self, due_us: int, call: Callable[[], object]) -> Alarm:
        """Call back once when the wall clock reaches an instant; in a later turn if it has passed."""
        alarm = Alarm(self, due_us, call)
        if self.void > len(self) + VOID_KEPT_MIN:
            self._heap = [item for item in self._heap if item[2].call is not None]
            heapq.heapify(self._heap)
            self.void = 0
        heapq.heappush(self._heap, (due_us, next(self._numbers), alarm))
        if self._heap[0][2] is alarm:
            self._wait()
        return alarm

    def rearm(self) -> None:
        """Look at the wall clock again, after it stepped."""
        self._wait()

    def stop(self) -> None:
        """Call nobody any more."""
        self._is_stopped = True
        self._heap.clear()
        self.void = 0
        self._wait()

    def _wait(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap and not self._is_stopped:
            self._handle = self._clock.call_at(self._heap[0][0], self._ring)

    def _ring(self) -> None:
        self._handle = None
        now_us = self._clock.now_us()
        try:
            while self._heap and self._heap[0][0] <= now_us:
                alarm = heapq.heappop(self._heap)[2]
                call, alarm.call = alarm.call, None
                if call is None:
                    self.void -= 1
                else:
                    call()
        finally:
            self._wait()  # also when a call raises: the others must not suffer
