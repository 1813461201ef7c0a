"""Relay commands through the whole field layer: first on the bus, proven before and after, honest about doubt."""

from __future__ import annotations

from field_hall import Field, point_of, serial_of, start_field

from hub.contracts.relays import CommandResult, Desired, Outcome, Position, Refusal
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness


def first_byte_s(result: CommandResult) -> float:
    assert result.first_byte_us is not None
    return (result.first_byte_us - result.queued_us) / 1e6


def took_s(result: CommandResult) -> float:
    return (result.finished_us - result.queued_us) / 1e6


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def commands(field: Field, turns: int) -> list[CommandResult]:
    """Commands to all live meters in turn, at moments that wander over the polls' phase."""
    results = []
    for turn in range(turns):
        await field.hub.advance(3.0 + 0.037 * turn)
        unit = 10 + turn % 20
        await field.command(unit, Desired.OPEN)
        await field.hub.advance(2.0 + 0.053 * turn)
        results.append(await field.command(unit, Desired.CLOSED))
    return results


async def test_a_restore_under_full_polling_is_on_the_wire_in_time(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    await hub.advance("30 s")
    results = await commands(field, 40)
    assert {result.outcome for result in results} == {Outcome.CONFIRMED}
    assert quantile([first_byte_s(result) for result in results], 0.99) <= 0.3
    assert quantile([took_s(result) for result in results], 0.99) <= 1.0


async def test_with_dead_meters_on_the_bus_it_is_hardly_later(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    field.bus.silent.update({1, 2, 3})
    await hub.advance("60 s")
    results = await commands(field, 40)
    assert {result.outcome for result in results} == {Outcome.CONFIRMED}
    assert quantile([first_byte_s(result) for result in results], 0.99) <= 0.7


async def test_an_open_and_a_close_are_confirmed_and_seen(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    opened = await field.command(1, Desired.OPEN)
    assert (opened.outcome, opened.writes, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, 1, False)
    assert field.relays.observed(point_of(1)).position is Position.OPEN
    closed = await field.command(1, Desired.CLOSED)
    assert (closed.outcome, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, True)


async def test_a_relay_that_stands_as_desired_is_not_written(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    result = await field.command(1, Desired.CLOSED)
    assert (result.outcome, result.writes) == (Outcome.CONFIRMED, 0)


async def test_a_lower_fence_is_refused_also_after_a_restart_of_the_plugin(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await field.command(1, Desired.OPEN, fence=7)
    late = await field.command(1, Desired.CLOSED, fence=6)
    assert (late.outcome, late.refusal) == (Outcome.REFUSED, Refusal.FENCE_LOWER)
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("15 s")
    late = await field.command(1, Desired.CLOSED, fence=6)
    assert (late.outcome, late.refusal) == (Outcome.REFUSED, Refusal.FENCE_LOWER)
    assert field.bus.meters[1].is_closed is False


async def test_nothing_opens_by_itself_after_a_restart(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await field.command(1, Desired.OPEN)
    field.bus.meters[1].switch(is_closed=True)
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("5 min")
    assert field.bus.meters[1].is_closed


async def test_an_open_proves_who_it_is_sent_to(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("6 s")  # so soon after the first look a close would rest on that
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial_of(99)))
    result = await field.command(1, Desired.OPEN)
    assert (result.outcome, result.refusal) == (Outcome.REFUSED, Refusal.WRONG_IDENTITY)
    assert (result.writes, field.bus.meters[1].is_closed) == (0, True)


async def test_a_lost_reply_is_read_before_anything_else(hub: HubHarness) -> None:
    """The meter obeyed and its answer was lost: the read-back tells, and nothing is written twice."""
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await field.readings.read_now(point_of(1), hub.clock.now_us() + 5_000_000)
    field.bus.set_fault(Fault(kind=FaultKind.WRONG_ECHO, unit=1, times=1))
    result = await field.command(1, Desired.OPEN)
    assert (result.outcome, result.writes, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, 1, False)


async def test_a_stuck_relay_is_unconfirmed(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    field.bus.set_fault(Fault(kind=FaultKind.RELAY_STUCK, unit=1))
    result = await field.command(1, Desired.OPEN)
    assert (result.outcome, result.writes) == (Outcome.UNCONFIRMED, 1)


async def test_a_relay_that_says_open_while_current_flows_is_not_believed(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    field.bus.set_fault(Fault(kind=FaultKind.LYING_RELAY, unit=1))
    result = await field.command(1, Desired.OPEN)
    assert result.outcome is Outcome.UNCONFIRMED
    assert field.relays.observed(point_of(1)).position is Position.UNKNOWN


async def test_a_dead_meter_is_never_opened_and_a_close_is_tried_once(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    field.bus.silent.add(1)
    await hub.advance("1 min")
    refused = await field.command(1, Desired.OPEN)
    tried = await field.command(1, Desired.CLOSED)
    assert (refused.outcome, refused.refusal) == (Outcome.REFUSED, Refusal.STALE)
    assert (tried.outcome, tried.writes) == (Outcome.FAILED, 0)
