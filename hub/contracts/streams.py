"""The delivery rule of `Readings.subscribe`, written once: latest wins, but a tagged reading always arrives.

It is code and not only a Protocol, because the field layer and its fake must not differ in what they drop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from hub.contracts.ids import PointId, RegisterId
from hub.contracts.metering import EpochHint, Reading, StreamOverflowed

TAGGED_MAX = 50_000
"""The most tagged readings that may wait in one stream: several band edges of a site of 10,000 meters."""


class ReadingStream:
    """One subscriber's queue: per register, the tagged readings and at most one untagged one behind them."""

    def __init__(self, points: Collection[PointId] | None = None, *, tagged_max: int = TAGGED_MAX) -> None:
        """Wait for the readings of some points, or of all."""
        self._points = None if points is None else frozenset(points)
        self._tagged_max = tagged_max
        self._waiting: dict[tuple[PointId, RegisterId], deque[Reading]] = {}
        self._tagged = 0
        self._coalesced = 0
        self._is_closed = False
        self._fault: StreamOverflowed | None = None
        self._changed = asyncio.Event()

    @property
    def coalesced(self) -> int:
        """How many untagged readings gave way to a newer one before they were taken."""
        return self._coalesced

    @property
    def is_closed(self) -> bool:
        """Whether nothing is put any more; the publisher then forgets the stream."""
        return self._is_closed

    def put(self, reading: Reading) -> None:
        """Add a reading, newer than all of its register before it; for the publisher."""
        if self._is_closed or (self._points is not None and reading.point not in self._points):
            return
        place = (reading.point, reading.register)
        queue = self._waiting.get(place)
        if queue is None:
            self._waiting[place] = deque((reading,))
        elif queue[-1].tag is None:
            if reading.epoch is EpochHint.CONTINUES:  # what it made of the one that gives way still holds
                reading = replace(reading, epoch=queue[-1].epoch)
            queue[-1] = reading
            self._coalesced += 1
        else:
            queue.append(reading)
        if reading.tag is not None:
            self._tagged += 1
            if self._tagged > self._tagged_max:
                self._overflow()
        self._changed.set()

    async def take(self, limit: int = 1000) -> list[Reading]:
        """Wait for a reading, then return what waits, at most `limit`; empty only when the stream is closed."""
        while not self._waiting and not self._is_closed:
            self._changed.clear()
            await self._changed.wait()
        if self._fault is not None:
            raise self._fault
        taken: list[Reading] = []
        while self._waiting and len(taken) < limit:
            place, queue = next(iter(self._waiting.items()))
            while queue and len(taken) < limit:
                taken.append(queue.popleft())
            if not queue:
                del self._waiting[place]
        self._tagged -= sum(reading.tag is not None for reading in taken)
        return taken

    async def __aiter__(self) -> AsyncIterator[Reading]:
        """One reading after the other, until the stream is closed and empty."""
        while taken := await self.take(1):
            yield taken[0]

    def close(self) -> None:
        """Put nothing more; what waits can still be taken."""
        self._is_closed = True
        self._changed.set()

    def _overflow(self) -> None:
        self._fault = StreamOverflowed(
            f"a subscriber left more than {self._tagged_max} tagged readings waiting; none may be dropped, so its "
            "stream ends: find out why it is slow, subscribe again, and read its points now"
        )
        self._waiting.clear()
        self.close()
