"""Reads of a whole bus at an instant, such as a band edge: near it, tagged, joined, and behind commands."""

from __future__ import annotations

import asyncio

import pytest
from field_hall import Field, point_of, start_field

from hub.contracts.ids import PointId
from hub.contracts.metering import ReadFailed, ReadFailure, Reading, ReadingTag
from hub.contracts.relays import Desired, Outcome
from hub.core.errors import NotFound
from hub.testing import HubHarness

UNITS = range(1, 33)
NEAR_US = 2_500_000
"""Half of what the bus takes to prove and read 32 meters, with a little for the poll that was under way."""


async def at_the_edge(field: Field, *, in_s: float = 60.0) -> dict[PointId, tuple[Reading, ...] | ReadFailed]:
    instant_us = field.hub.clock.now_us() + round(in_s * 1e6)
    asked = asyncio.ensure_future(field.readings.read_at([point_of(unit) for unit in UNITS], instant_us))
    await field.hub.advance(in_s + 30)
    return dict(asked.result())


async def test_a_whole_bus_is_read_around_the_instant(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    await hub.advance("45 s")
    instant_us = hub.clock.now_us() + 60_000_000
    answers = await at_the_edge(field)
    readings = [reading for answer in answers.values() if isinstance(answer, tuple) for reading in answer]
    assert [reading.point for reading in readings] == [point_of(unit) for unit in UNITS]
    assert {(reading.tag, reading.asked_us) for reading in readings} == {(ReadingTag.BOUNDARY, instant_us)}
    distances_us = [reading.source_us - instant_us for reading in readings]
    assert max(map(abs, distances_us)) <= NEAR_US
    assert min(distances_us) < 0 < max(distances_us)


async def test_a_meter_that_does_not_answer_is_a_failure_and_keeps_nobody_from_the_instant(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    field.bus.silent.update({1, 2, 3})
    await hub.advance("45 s")
    instant_us = hub.clock.now_us() + 60_000_000
    answers = await at_the_edge(field)
    failed = {point: answer.reason for point, answer in answers.items() if isinstance(answer, ReadFailed)}
    assert failed == dict.fromkeys([point_of(1), point_of(2), point_of(3)], ReadFailure.NO_REPLY)
    live = [answer[0].source_us for answer in answers.values() if isinstance(answer, tuple)]
    assert len(live) == 29
    assert max(abs(source_us - instant_us) for source_us in live) <= NEAR_US


async def test_who_asks_again_joins_the_first(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    stream = field.readings.subscribe()
    points = [point_of(1), point_of(2)]
    instant_us = hub.clock.now_us() + 20_000_000
    first = asyncio.ensure_future(field.readings.read_at(points, instant_us))
    await hub.advance("1 s")
    second = asyncio.ensure_future(field.readings.read_at(points, instant_us))
    await hub.advance("30 s")
    late = asyncio.ensure_future(field.readings.read_at([point_of(2)], instant_us))
    await hub.advance("1 s")
    assert first.result() == second.result()
    assert late.result()[point_of(2)] == first.result()[point_of(2)]
    tagged = [reading for reading in await stream.take(1000) if reading.tag is ReadingTag.BOUNDARY]
    assert sorted(reading.point for reading in tagged) == points


async def test_what_gave_nothing_is_tried_again_when_it_is_asked_again(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    field.bus.silent.add(1)
    instant_us = hub.clock.now_us() + 5_000_000
    first = asyncio.ensure_future(field.readings.read_at([point_of(1)], instant_us))
    await hub.advance("10 s")
    assert isinstance(first.result()[point_of(1)], ReadFailed)
    field.bus.silent.clear()
    second = asyncio.ensure_future(field.readings.read_at([point_of(1)], instant_us))
    await hub.advance("10 s")
    answer = second.result()[point_of(1)]
    assert isinstance(answer, tuple)
    assert answer[0].source_us > instant_us


async def test_a_cancelled_caller_does_not_cancel_the_others(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    instant_us = hub.clock.now_us() + 5_000_000
    first = asyncio.ensure_future(field.readings.read_at([point_of(1)], instant_us))
    second = asyncio.ensure_future(field.readings.read_at([point_of(1)], instant_us))
    await hub.advance("1 s")
    first.cancel()
    await hub.advance("10 s")
    assert isinstance(second.result()[point_of(1)], tuple)


async def test_commands_go_before_the_reads_of_a_boundary_and_these_before_polls(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    await hub.advance("45 s")
    instant_us = hub.clock.now_us() + 30_000_000
    asked = asyncio.ensure_future(field.readings.read_at([point_of(unit) for unit in UNITS], instant_us))
    await hub.advance("30 s")  # the bus is in the middle of them
    result = await field.command(20, Desired.OPEN)
    assert (result.outcome, asked.done()) == (Outcome.CONFIRMED, False)
    assert result.first_byte_us is not None
    assert result.first_byte_us - result.queued_us <= 500_000
    await hub.advance("5 s")
    assert all(isinstance(answer, tuple) for answer in asked.result().values())


async def test_a_quarantined_meter_and_an_unknown_point_say_so(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    field.device(1).quarantined_for = "another one answered"
    asked = asyncio.ensure_future(field.readings.read_at([point_of(1)], hub.clock.now_us()))
    await hub.advance("1 s")
    failed = asked.result()[point_of(1)]
    assert isinstance(failed, ReadFailed)
    assert failed.reason is ReadFailure.QUARANTINED
    assert "another one answered" in str(failed)
    with pytest.raises(NotFound, match="stall_99"):
        await field.readings.read_at([point_of(99)], hub.clock.now_us())
