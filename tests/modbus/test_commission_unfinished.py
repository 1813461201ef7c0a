"""Commissioning that nobody ends: after an expiry, a stop of the hub, a dead meter or an absent supply control."""

from __future__ import annotations

import asyncio

import pytest
from commission_stage import CHEN, POINT, UNIT, set_stage

from hub.contracts.axes import OffReason
from hub.contracts.ids import Fence, PointId
from hub.contracts.supply import SUPPLY
from hub.core.errors import HubError
from hub.core.storage import Tx
from hub.testing import HubHarness
from plugins.kpm_modbus.commission_records import Session, Step, insert, update
from plugins.kpm_modbus.commission_supply import CommissioningRefused


async def test_a_session_without_a_next_step_is_over_after_a_quarter_of_an_hour(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await hub.advance("15 min")
    with pytest.raises(CommissioningRefused, match="there is no open commissioning session"):
        await stage.chen.trip()
    (session,) = await stage.chen.on_record()
    assert (session["outcome"], session["detail"], stage.is_closed()) == (
        "unfinished",
        "nobody went on with it",
        True,
    )
    await stage.chen.begin()


async def test_a_relay_that_nobody_comes_back_for_is_closed_after_five_minutes(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    await hub.advance("295 s")
    assert not stage.is_closed()
    await hub.advance("15 s")
    assert stage.is_closed()
    (session,) = await stage.chen.on_record()
    assert (session["outcome"], session["detail"]) == (
        "unfinished", "nobody went on with it; its relay is closed again",
    )  # fmt: skip
    assert session["steps"][-1]["evidence"]["position"] == "closed"


async def test_a_hub_that_stopped_in_the_middle_closes_the_relay_and_shows_the_session_as_unfinished(
    hub: HubHarness,
) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("20 s")
    assert stage.is_closed()
    (session,) = await stage.chen.on_record()
    assert session["outcome"] == "unfinished"
    assert session["detail"] == "the hub stopped in the middle of it, after trip; its relay is closed again"


async def test_a_hub_that_stopped_while_the_relay_moved_closes_it_as_well(hub: HubHarness) -> None:
    """Nothing is on record of the trip but that it was begun."""
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    tripping = asyncio.ensure_future(stage.chen.trip())
    while stage.is_closed():
        await hub.advance("10 ms")
    assert not tripping.done()
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("20 s")
    with pytest.raises(HubError):
        await tripping
    assert stage.is_closed()
    (session,) = await stage.chen.on_record()
    assert (session["outcome"], session["steps"][1]["ended_at"]) == ("unfinished", None)


async def test_a_session_before_its_trip_moves_nothing_at_the_next_start(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    stage.field.bus.meters[UNIT].switch(is_closed=False)  # by hand, meanwhile
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("10 min")
    (session,) = await stage.chen.on_record()
    assert (session["outcome"], [step["step"] for step in session["steps"]]) == ("unfinished", ["identity"])
    assert not stage.is_closed()


async def test_a_dead_meter_is_tried_for_a_minute_and_then_a_person_is_told_to_look(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    stage.field.bus.silent.add(UNIT)
    await hub.advance("7 min")
    (session,) = await stage.chen.on_record()
    assert session["outcome"] == "unfinished"
    assert session["detail"].endswith("its relay may be open and could not be closed: go and look")
    assert 2 <= len([step for step in session["steps"] if step["step"] == "restore"]) <= 12


async def test_while_supply_is_away_a_point_that_it_knows_is_neither_tripped_nor_ended(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    stage.take_supply_away()
    with pytest.raises(CommissioningRefused, match="supply control knows this point and does not run"):
        await stage.chen.restore()
    assert not stage.is_closed()
    hub.provide(SUPPLY, stage.supply)
    await stage.chen.restore()
    assert (await stage.chen.finish())["outcome"] == "passed"


async def test_a_restart_does_not_close_what_supply_wants_off(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    await stage.supply.decide(POINT, OffReason.SAFETY_TRIP, is_off=True)
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("10 min")
    assert not stage.is_closed()
    (session,) = await stage.chen.on_record()
    assert session["outcome"] == "abandoned"


async def test_a_point_that_was_taken_out_of_the_configuration_does_not_hold_up_the_others(hub: HubHarness) -> None:
    """Its session began first, and nobody can close its relay any more."""
    stage = await set_stage(hub)
    gone = Session(
        id="before",
        point=PointId("stall_99"),
        actor="os:li",
        context_id="before",
        fence=Fence(0),
        is_known_to_supply=False,
        started_us=1,
        expires_us=2,
        steps=(Step(name="trip", began_us=1, found={}),),
    )

    def write(tx: Tx) -> None:
        insert(tx, gone)
        update(tx, gone)

    await hub.kernel.db.write(write, owner="kpm_modbus")
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("20 s")
    assert stage.is_closed()
    sessions = await hub.kernel.queries.ask("modbus.commissioning", {"point": "stall_99"}, CHEN)
    assert isinstance(sessions, list)
    [session] = sessions
    assert session["outcome"] == "unfinished"
    assert session["detail"].endswith("its relay may be open and could not be closed: go and look")
    assert session["steps"][-1]["detail"].startswith("no meter is configured for point 'stall_99'")
