"""A command that is not obeyed says why, and nothing is written; a close may do what an open must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from field_hall import Field, point_of, serial_of, start_field

from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.links import Function
from hub.contracts.metering import Liveness
from hub.contracts.profiles import Range
from hub.contracts.relays import Desired, Outcome, Refusal
from hub.contracts.supply import Intent
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness


def is_dead(field: Field) -> None:
    field.device(1).liveness = Liveness.DEAD


def is_suspect(field: Field) -> None:
    field.device(1).liveness = Liveness.SUSPECT


def is_quarantined(field: Field) -> None:
    field.device(1).quarantined_for = "unit 1 says it is 'X'"


def is_swapped(field: Field) -> None:
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial_of(99)))


def is_denied(field: Field) -> None:
    """A profile as no check would let it pass: the command itself stands on the deny-list."""
    bar = Range(function=Function.READ_COILS, first=1, last=1, reason="it drives the siren")
    field.device(1).profile = replace(field.device(1).profile, deny=(bar,))


def has_no_relay(field: Field) -> None:
    field.device(1).profile = replace(field.device(1).profile, relay=None, actions={})


def hangs_behind_its_relay(field: Field) -> None:
    profile = field.device(1).profile
    capabilities = replace(profile.capabilities, is_self_powered_behind_relay=True)
    field.device(1).profile = replace(profile, capabilities=capabilities)


def has_no_identity(field: Field) -> None:
    field.device(1).profile = replace(field.device(1).profile, identity=None)


@pytest.mark.parametrize(
    ("spoil", "refusal", "says"),
    [
        (is_dead, Refusal.STALE, "its meter is dead; nothing is switched off blindly"),
        (is_suspect, Refusal.STALE, "its meter is suspect; nothing is switched off blindly"),
        (is_quarantined, Refusal.QUARANTINED, "is quarantined: unit 1 says it is 'X'"),
        (is_swapped, Refusal.WRONG_IDENTITY, "expected '33B1225900001'"),
        (is_denied, Refusal.DENIED, "0x0001 is never written: it drives the siren"),
        (has_no_relay, Refusal.NO_RELAY, "has no relay that can be commanded"),
        (hangs_behind_its_relay, Refusal.DENIED, "must not be switched off remotely"),
        (has_no_identity, Refusal.DENIED, "must not be switched off remotely"),
    ],
)
async def test_an_open_is_refused_with_the_reason(
    hub: HubHarness, spoil: Callable[[Field], None], refusal: Refusal, says: str
) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    spoil(field)
    result = await field.command(1, Desired.OPEN)
    assert (result.outcome, result.refusal) == (Outcome.REFUSED, refusal)
    assert point_of(1) in result.detail
    assert says in result.detail
    assert (result.writes, result.first_byte_us) == (0, None)
    assert field.bus.meters[1].is_closed


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [(is_quarantined, Refusal.QUARANTINED), (is_denied, Refusal.DENIED), (has_no_relay, Refusal.NO_RELAY)],
)
async def test_a_close_is_refused_where_it_would_reach_the_wrong_one_or_do_harm(
    hub: HubHarness, spoil: Callable[[Field], None], refusal: Refusal
) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await field.command(1, Desired.OPEN)
    spoil(field)
    result = await field.command(1, Desired.CLOSED)
    assert (result.outcome, result.refusal, result.writes) == (Outcome.REFUSED, refusal, 0)


@pytest.mark.parametrize("spoil", [is_dead, is_suspect])
async def test_a_close_is_tried_where_an_open_would_be_refused(
    hub: HubHarness, spoil: Callable[[Field], None]
) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    await field.command(1, Desired.OPEN)
    spoil(field)
    result = await field.command(1, Desired.CLOSED)
    assert (result.outcome, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, True)


async def test_a_relay_that_nobody_configured_is_unknown(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    now_us = hub.clock.now_us()
    nowhere = PointId("stall_99")
    intent = Intent(
        point=nowhere, desired=Desired.OPEN, seq=Fence(1), decided_us=now_us, context=Context("test", "test")
    )
    grant = mint_for_supply(intent, now_us=now_us, expires_us=now_us + 9_000_000)
    with pytest.raises(NotFound, match="no meter is configured for point 'stall_99'"):
        await field.relays.ensure(nowhere, Desired.OPEN, grant, Fence(1), now_us + 9_000_000)


async def test_the_shortest_time_in_a_position_delays_an_open_and_never_a_close(hub: HubHarness) -> None:
    field = await start_field(hub, 1, min_interval="60 s")
    await hub.advance("90 s")
    assert (await field.command(1, Desired.OPEN)).outcome is Outcome.CONFIRMED
    closed = await field.command(1, Desired.CLOSED)
    assert (closed.outcome, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, True)

    early = await field.command(1, Desired.OPEN)
    assert (early.outcome, early.refusal, early.writes) == (Outcome.REFUSED, Refusal.TOO_SOON, 0)
    assert early.not_before_us is not None
    assert 55_000_000 <= early.not_before_us - hub.clock.now_us() <= 60_000_000
    assert field.bus.meters[1].is_closed

    await hub.advance((early.not_before_us - hub.clock.now_us()) / 1e6)
    later = await field.command(1, Desired.OPEN)
    assert (later.outcome, field.bus.meters[1].is_closed) == (Outcome.CONFIRMED, False)
