"""What the planner saves: the KPM33B's values by planned reads, and value by value, on the same wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.field.site import (
    KPM33B,
    TIMING,
    TURN_S,
    VirtualHub,
    in_virtual_time,
    link_to,
    named_profile,
    simulated_line,
)
from bench.ours.running import Figures
from bench.timing import Params
from hub.contracts.links import Function, Link, Request
from hub.contracts.profiles import Point, Profile, Range
from plugins.kpm_modbus.planner import Limits, plan
from plugins.kpm_modbus.polls import READ_TIME_MAX_S

UNIT = 1
FIRST, LAST = 0x0030, 0x008B
"""Everything that the meter measures now: 44 floats."""
GAP = Range(function=Function.READ_HOLDING_REGISTERS, first=0x0064, last=0x0067)
TIMEOUT_S = 0.5


def planned(params: Params) -> Figures:
    """Planned with the gap forbidden, with the gap proven, and not planned at all."""

    async def work(hub: VirtualHub) -> Figures:
        shipped = named_profile(hub.hub.site.folder, KPM33B)
        proven = replace(shipped, gaps_proven=(GAP,))
        link = link_to(simulated_line(hub, proven, [UNIT]), hub)
        points = [point for point in shipped.points if point.address >= FIRST and point.last <= LAST]
        assert len(points) == 44
        each = [Request(unit=UNIT, function=one.function, address=one.address, count=one.count) for one in points]
        single_s = await _takes_s(hub, link, each)
        capped_s = await _takes_s(hub, link, _plan(points, shipped, READ_TIME_MAX_S))
        joined_s = await _takes_s(hub, link, _plan(points, proven, None))
        return {
            "single_ms": 1000 * single_s,
            "planned_ms": 1000 * capped_s,
            "joined_ms": 1000 * joined_s,
            "times_faster": single_s / capped_s,
            "times_faster_joined": single_s / joined_s,
        }

    return in_virtual_time(params, work)


def _plan(points: Sequence[Point], profile: Profile, read_time_max_s: float | None) -> list[Request]:
    limits = Limits(timing=TIMING, turn_s=TURN_S, read_time_max_s=read_time_max_s)
    return [read.request(UNIT) for read in plan(points, profile, limits).reads]


async def _takes_s(hub: VirtualHub, link: Link, requests: Sequence[Request]) -> float:
    """How long these reads take, after one of them that opens the port."""
    await link.transact(requests[0], TIMEOUT_S)
    began_s = hub.clock.monotonic()
    for request in requests:
        reply = await link.transact(request, TIMEOUT_S)
        assert len(reply.words) == request.count
    return hub.clock.monotonic() - began_s
