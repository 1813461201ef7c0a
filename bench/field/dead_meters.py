"""What dead meters cost the others, and how soon all are back."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bench.field.site import KPM33B, VirtualField, VirtualHub, in_virtual_time, point_of, virtual_field
from bench.ours.running import Figures
from bench.timing import Params, whole
from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS, Liveness

PERIOD_S = 10.0
DEAD = (5, 6, 7)
SETTLE_S = 60.0
SILENT_S = 600.0
BACK_LIMIT_S = 300.0
STEP_S = 0.1


def some(params: Params) -> Figures:
    """Three of the meters fall silent, from the first moment of the measured time on."""

    async def work(hub: VirtualHub) -> Figures:
        meters, span_s = whole(params, "meters"), whole(params, "span_s")
        field = await virtual_field(hub, meters, KPM33B, PERIOD_S)
        await hub.advance(SETTLE_S)
        seen_us: dict[PointId, list[int]] = {point_of(0, unit): [] for unit in field.units if unit not in DEAD}
        taking = asyncio.ensure_future(_take(hub, seen_us))
        field.line.stations.silent.update(DEAD)
        await hub.advance(float(span_s))
        taking.cancel()
        assert all(field.device(unit).liveness is Liveness.DEAD for unit in DEAD)
        wanted = len(seen_us) * span_s / PERIOD_S
        longest_us = max(later - earlier for times in seen_us.values() for earlier, later in pairwise(times))
        return {
            "done_percent": 100 * min(1.0, sum(map(len, seen_us.values())) / wanted),
            "longest_gap": longest_us / 1e6 / PERIOD_S,
        }

    return in_virtual_time(params, work)


async def _take(hub: VirtualHub, seen_us: dict[PointId, list[int]]) -> None:
    """Note when each reading was measured; a batch comes as soon as there is anything."""
    stream = hub.kernel.services.get(READINGS).subscribe()
    while True:
        for reading in await stream.take(1000):
            if reading.point in seen_us:
                seen_us[reading.point].append(reading.source_us)


def all_and_back(params: Params) -> Figures:
    """All fall silent for long enough that every pause has grown to the cap, and come back at once."""

    async def work(hub: VirtualHub) -> Figures:
        field = await virtual_field(hub, whole(params, "meters"), KPM33B, PERIOD_S)
        await hub.advance(SETTLE_S)
        stations = field.line.stations
        longest_s = 0.0
        for turn in range(whole(params, "turns")):
            stations.silent.update(field.units)
            await hub.advance(SILENT_S + 7.3 * turn)
            assert not _live(field)
            stations.silent.clear()
            back_s = hub.clock.monotonic()
            while _live(field) < len(field.units):
                await hub.advance(STEP_S)
                assert hub.clock.monotonic() < back_s + BACK_LIMIT_S
            longest_s = max(longest_s, hub.clock.monotonic() - back_s)
        return {"all_back_s": longest_s}

    return in_virtual_time(params, work)


def _live(field: VirtualField) -> int:
    return sum(field.device(unit).liveness is Liveness.LIVE for unit in field.units)
