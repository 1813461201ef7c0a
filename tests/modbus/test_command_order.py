"""A relay obeys the newest word only: what waited is asked again, in the moment before it is written, if it may."""

from __future__ import annotations

import asyncio

import pytest
from field_hall import Field, point_of, start_bus, start_field, write_profile

from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import CommandResult, Desired, Outcome, Position, Refusal
from hub.contracts.supply import Intent
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness

LONG_US = 20_000_000


async def order(
    field: Field,
    point: PointId,
    desired: Desired,
    fence: int,
    *,
    grant_us: int = LONG_US,
    deadline_us: int = LONG_US,
) -> CommandResult:
    """A command whose grant and deadline last as said."""
    now_us = field.hub.clock.now_us()
    intent = Intent(
        point=point, desired=desired, seq=Fence(fence), decided_us=now_us, context=Context("test", "test")
    )
    grant = mint_for_supply(intent, now_us=now_us, expires_us=now_us + grant_us)
    return await field.relays.ensure(point, desired, grant, intent.seq, now_us + deadline_us)


async def keep_busy(field: Field, units: range) -> None:
    """Restores of other meters, which all go before any open."""
    await asyncio.gather(*(order(field, point_of(unit), Desired.CLOSED, 2) for unit in units))


async def start_with_open_ones(hub: HubHarness, units: range) -> Field:
    field = await start_field(hub, units.stop - 1)
    await hub.advance("25 s")
    for unit in units:
        await order(field, point_of(unit), Desired.OPEN, 1)
    return field


async def test_an_open_that_waited_is_not_obeyed_once_a_newer_close_has_come_and_gone(hub: HubHarness) -> None:
    others = range(2, 13)
    field = await start_with_open_ones(hub, others)
    old = asyncio.ensure_future(order(field, point_of(1), Desired.OPEN, 5))
    newer = asyncio.ensure_future(order(field, point_of(1), Desired.CLOSED, 6))
    await keep_busy(field, others)
    assert (await newer).outcome is Outcome.CONFIRMED
    result = await old
    assert (result.outcome, result.refusal, result.writes) == (Outcome.REFUSED, Refusal.SUPERSEDED, 0)
    assert field.bus.meters[1].is_closed


@pytest.mark.parametrize(
    ("grant_us", "deadline_us", "step_s"),
    [(500_000, LONG_US, 0.0), (LONG_US, 500_000, 0.0), (LONG_US, 500_000, -60.0)],
    ids=["the grant is over", "the deadline is over", "the wall clock was set back"],
)
async def test_an_open_that_waited_too_long_is_not_obeyed(
    hub: HubHarness, grant_us: int, deadline_us: int, step_s: float
) -> None:
    others = range(2, 13)
    field = await start_with_open_ones(hub, others)
    busy = asyncio.ensure_future(keep_busy(field, others))
    late = asyncio.ensure_future(
        order(field, point_of(1), Desired.OPEN, 5, grant_us=grant_us, deadline_us=deadline_us)
    )
    await hub.advance("100 ms")
    hub.clock.step(step_s)
    result = await late
    assert (result.outcome, result.refusal, result.writes) == (Outcome.REFUSED, Refusal.EXPIRED, 0)
    assert field.bus.meters[1].is_closed
    await busy


async def test_who_joined_a_command_is_not_cancelled_with_who_began_it(hub: HubHarness) -> None:
    others = range(2, 8)
    field = await start_with_open_ones(hub, others)
    busy = asyncio.ensure_future(keep_busy(field, others))
    first = asyncio.ensure_future(order(field, point_of(1), Desired.OPEN, 5))
    await hub.advance("50 ms")
    second = asyncio.ensure_future(order(field, point_of(1), Desired.OPEN, 5))
    await hub.advance("50 ms")
    first.cancel()
    result = await second
    assert (result.outcome, result.writes, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, 1, False)
    await busy


async def test_a_command_that_nobody_waits_for_any_more_is_withdrawn_before_it_begins(hub: HubHarness) -> None:
    others = range(2, 8)
    field = await start_with_open_ones(hub, others)
    busy = asyncio.ensure_future(keep_busy(field, others))
    both = [asyncio.ensure_future(order(field, point_of(1), Desired.OPEN, 5)) for _ in range(2)]
    await hub.advance("50 ms")
    for one in both:
        one.cancel()
    await busy
    await hub.advance("10 s")
    assert all(one.cancelled() for one in both)
    assert field.bus.meters[1].is_closed


async def test_a_command_that_is_asked_for_again_after_its_end_looks_anew(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await asyncio.gather(*(order(field, point_of(1), Desired.OPEN, 5) for _ in range(2)))
    field.bus.meters[1].switch(is_closed=True)  # by hand
    again = await order(field, point_of(1), Desired.OPEN, 5)
    assert (again.outcome, again.writes, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, 1, False)


@pytest.mark.parametrize(
    ("code", "outcome", "writes"),
    [
        (1, Outcome.FAILED, 0),
        (4, Outcome.UNKNOWN, 1),
        (5, Outcome.UNKNOWN, 1),
        (6, Outcome.FAILED, 0),
    ],
    ids=["illegal function", "device failure", "acknowledged, and not done yet", "busy"],
)
async def test_an_exception_after_which_the_relay_may_have_moved_is_unknown(
    hub: HubHarness, code: int, outcome: Outcome, writes: int
) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    open_now = field.plugin.place(point_of(1)).device.profile.actions["open"].command
    link = field.plugin.place(point_of(1)).worker.link
    ask = link.transact

    async def spoilt(request: object, timeout_s: float) -> object:
        if getattr(request, "function", None) is open_now.function:
            field.bus.set_fault(Fault(kind=FaultKind.EXCEPTION, unit=1, code=code, times=1))
        return await ask(request, timeout_s)  # type: ignore[arg-type]

    link.transact = spoilt  # type: ignore[method-assign,assignment]
    result = await order(field, point_of(1), Desired.OPEN, 5)
    assert (result.outcome, result.writes) == (outcome, writes)


TWO_CIRCUITS = """\
profile: two_circuits
vendor: Nobody
models: [D2]
status: documented
source: made up
capabilities: {functions: [1, 3, 5], registers_max: 60}
identity: {at: 0x0010, type: u32, pattern: "[1-9][0-9]*"}
defaults: {read: 3, type: f32, counter: {resolution: 0.001, rate_max_per_h: 14}}
relay: {read: 1, at: 0x0001, count: 1, mask: 0x1, open: 0x0, closed: 0x1}
actions:
  open: {command: {write: 5, at: 0x0001, value: 0}, settle: 300 ms, timeout: 2 s}
  close: {command: {write: 5, at: 0x0001, value: 0xFF00}, settle: 300 ms, timeout: 2 s}
points:
  frequency: {at: 0x0020, unit: Hz}
channels:
  names: [c1, c2]
  step: 0x0010
  points:
    power: {at: 0x0100, unit: W, group: fast}
    energy_import: {at: 0x0102, unit: kWh, kind: counter, group: fast, billing: true}
"""


async def test_the_relay_of_one_circuit_is_not_moved_by_a_grant_for_another(hub: HubHarness) -> None:
    write_profile(hub, "two_circuits", TWO_CIRCUITS)
    field = await start_bus(
        hub,
        [{"unit": 9, "serial": "7001", "profile": "two_circuits", "loads": {"c1": 1000, "c2": 2000}}],
        [{
            "channels": {"c1": point_of(1), "c2": point_of(2)}, "profile": "two_circuits", "unit": 9,
            "serial": "7001",
        }],
        groups=("fast",),
    )  # fmt: skip
    await hub.advance("15 s")
    result = await order(field, point_of(2), Desired.OPEN, 1)
    assert (result.outcome, result.refusal, result.writes) == (Outcome.REFUSED, Refusal.NO_RELAY, 0)
    assert result.detail == "stall_02 has no relay of its own: its meter's relay feeds stall_01"
    assert field.relays.observed(point_of(1)).position is Position.CLOSED
    with pytest.raises(NotFound, match="stall_02 has no relay: its meter is a two_circuits"):
        field.relays.traits(point_of(2))
    assert field.relays.traits(point_of(1)).may_open_remotely
