"""The field of the books' world: meters that count on while no hub looks, and that somebody resets now and then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta

from hub.contracts.ids import PointId
from hub.core.clock import to_us
from hub.sim import VirtualClock
from hub.testing.fakes import FakeReadings, FakeRelays

BEGIN = datetime.fromisoformat("2026-11-28T06:30:00+08:00")
LIFE_HOURS = 7
"""So far apart in virtual time lives begin: a month ends within those of one folder."""
RESET_EVERY = 4
RESET_AFTER = timedelta(minutes=25)
HOUR_US = 3_600_000_000

POWER_W = {"grill": 7_300, "oven": 4_100, "shelf": 900, "hall": 5_050}
"""What flows through each point in the mean of an hour."""


def begin_of(life: int) -> datetime:
    """When a life begins."""
    return BEGIN + timedelta(hours=LIFE_HOURS * life)


def count_of(point: PointId, at_us: int) -> int:
    """What a meter shows at an instant, in Wh: the grill's is reset in every fourth life."""
    since_us = to_us(BEGIN - timedelta(days=2))
    if point == "grill":
        life = (at_us - to_us(BEGIN)) // (LIFE_HOURS * HOUR_US)
        resets = (begin_of(number) + RESET_AFTER for number in range(RESET_EVERY, life + 1, RESET_EVERY))
        since_us = max([since_us, *(instant for reset in resets if (instant := to_us(reset)) <= at_us)])
    hours, rest_us = divmod(at_us - since_us, HOUR_US)
    half_us = rest_us if rest_us * 2 < HOUR_US else 3 * rest_us - HOUR_US  # three times as much in the second half
    return POWER_W[point] * (2 * HOUR_US * hours + half_us) // (2 * HOUR_US)


class Meters(FakeReadings):
    """Meters whose count is a function of time, so that it goes on over the deaths of hubs."""

    def __init__(self, clock: VirtualClock) -> None:
        """Hang all of them up."""
        super().__init__(clock)
        for name in POWER_W:
            self.add_meter(PointId(name))

    async def poll_all(self, without: Iterable[str] = ()) -> None:
        """Read all meters but some."""
        for name in sorted(set(POWER_W) - set(without)):
            await self.poll(PointId(name))

    def tell_late(self, name: str, at_us: int) -> None:
        """A look at a meter comes through only now."""
        point = PointId(name)
        meter = self._meter(point)
        now = super()._reading(meter, at_us, None, None)
        late = dataclasses.replace(now, raw=count_of(point, at_us), source_us=at_us)
        for stream in self._streams:
            stream.put(late)

    def _reading(self, meter, began_us, tag, asked_us):  # type: ignore[no-untyped-def]  # as the fake's own
        meter.raw = count_of(meter.register.point, self._clock.now_us())
        return super()._reading(meter, began_us, tag, asked_us)


def relays_of(clock: VirtualClock) -> FakeRelays:
    """A relay behind each meter."""
    relays = FakeRelays(clock)
    for name in POWER_W:
        relays.add_relay(PointId(name))
    return relays
