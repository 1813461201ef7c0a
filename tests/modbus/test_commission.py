"""Commissioning over the simulated field: nothing moves unproven, each step is on record, nobody is left dark."""

from __future__ import annotations

import json

import pytest
from commission_stage import CHEN, LI, POINT, UNIT, Person, set_stage
from field_hall import serial_of

from hub.contracts.axes import OffReason
from hub.contracts.relays import Desired
from hub.core.errors import HubError, NotAllowed
from hub.core.principals import OWNER, Principal
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness
from plugins.kpm_modbus.commission_supply import CommissioningRefused


async def test_a_whole_walk_moves_the_relay_twice_and_ends_manual_only(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    chen = stage.chen
    await chen.begin()
    await chen.identify()
    assert stage.is_closed()
    await chen.trip()
    assert not stage.is_closed()
    await chen.restore()
    assert stage.is_closed()
    assert await stage.is_manual_only(), "not before the person has seen the power come back"
    ended = await chen.finish()
    assert ended["outcome"] == "passed"
    assert not await stage.is_manual_only()


async def test_the_record_holds_who_and_the_evidence_of_each_step(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    chen = stage.chen
    for step in (chen.begin, chen.identify, chen.trip, chen.restore, chen.finish):
        await step()
    (session,) = await chen.on_record()
    assert (session["actor"], session["point"], session["outcome"]) == ("os:chen", POINT, "passed")
    assert [step["step"] for step in session["steps"]] == ["identity", "trip", "restore"]
    assert [step["is_confirmed"] for step in session["steps"]] == [True, True, True]
    identity, trip, restore = (step["evidence"] for step in session["steps"])
    assert (identity["serial"], identity["position"], identity["unit"]) == (serial_of(UNIT), "closed", UNIT)
    assert identity["current_ma"] > 1000, "the load was seen"
    assert (trip["outcome"], trip["position"], trip["status_words"], trip["current_ma"]) == (
        "confirmed", "open", [0, 0, 0], 0,
    )  # fmt: skip
    assert (restore["outcome"], restore["position"], restore["serial"]) == ("confirmed", "closed", serial_of(UNIT))
    row = await hub.kernel.db.read(
        lambda reader: reader.one("SELECT actor, steps FROM kpm_modbus__commissioning"), owner="kpm_modbus"
    )
    assert row is not None
    assert (row["actor"], len(json.loads(row["steps"]))) == ("os:chen", 3)


async def test_its_commands_are_on_record_as_those_of_the_session(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    rows = await hub.kernel.db.read(
        lambda reader: reader.all("SELECT desired, reference FROM kpm_modbus__attempts"), owner="kpm_modbus"
    )
    reference = f"commissioning/{stage.chen.session['session']}"
    assert [tuple(row) for row in rows] == [("open", reference)]


async def test_nothing_is_opened_before_the_identity_was_proven(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    with pytest.raises(CommissioningRefused, match="prove its identity first"):
        await stage.chen.trip()
    assert stage.is_closed()


async def test_the_wrong_serial_number_ends_the_session(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    stage.field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=UNIT, serial=serial_of(99)))
    await stage.chen.begin()
    ended = await stage.chen.identify()
    assert ended["outcome"] == "failed"
    assert f"says it is '{serial_of(99)}', expected '{serial_of(UNIT)}'" in ended["detail"]
    with pytest.raises(CommissioningRefused, match="there is no open commissioning session"):
        await stage.chen.trip()
    assert stage.is_closed()


async def test_a_meter_that_is_swapped_after_its_proof_is_not_opened(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    stage.field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=UNIT, serial=serial_of(99)))
    session = await stage.chen.trip()
    trip = session["steps"][-1]
    assert (trip["has_passed"], trip["evidence"]["refusal"], trip["evidence"]["writes"]) == (
        False, "wrong_identity", 0,
    )  # fmt: skip
    assert stage.is_closed()
    ended = await stage.chen.finish(is_power_back=False)
    assert ended["outcome"] == "failed"


async def test_a_second_session_on_the_point_is_refused_and_told_whose_the_first_is(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    with pytest.raises(CommissioningRefused, match=f"{POINT} is being commissioned by os:chen already, in session"):
        await Person(hub, LI).begin()
    await stage.chen.finish(is_power_back=False)
    await Person(hub, LI).begin()


async def test_nobody_goes_on_with_another_persons_session_but_anybody_may_end_it(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    session = await stage.chen.begin()
    await stage.chen.identify()
    li = Person(hub, LI, session)
    with pytest.raises(CommissioningRefused, match="is being commissioned by os:chen, not by os:li"):
        await li.trip()
    await stage.chen.trip()
    ended = await li.finish(is_power_back=False)
    assert (ended["outcome"], ended["detail"]) == ("failed", "ended by os:li")
    assert stage.is_closed()


async def test_a_person_who_sees_another_meter_ends_it_with_nothing_moved(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    ended = await stage.chen.trip(is_right_meter=False)
    assert (ended["outcome"], ended["detail"]) == ("abandoned", "the person says that it is another meter")
    assert (ended["steps"][0]["is_confirmed"], len(ended["steps"]), stage.is_closed()) == (False, 1, True)


async def test_a_person_who_still_sees_light_gets_the_relay_closed_and_no_pass(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    await stage.chen.restore(is_power_off=False)
    assert stage.is_closed()
    ended = await stage.chen.finish()
    assert (ended["outcome"], await stage.is_manual_only()) == ("failed", True)


async def test_a_stuck_relay_does_not_pass(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    stage.field.bus.set_fault(Fault(kind=FaultKind.RELAY_STUCK, unit=UNIT))
    await stage.chen.begin()
    await stage.chen.identify()
    trip = (await stage.chen.trip())["steps"][-1]
    assert (trip["has_passed"], trip["evidence"]["outcome"]) == (False, "unconfirmed")
    await stage.chen.restore(is_power_off=False)
    assert (await stage.chen.finish())["outcome"] == "failed"
    assert await stage.is_manual_only()


async def test_an_open_relay_is_not_tested(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    stage.field.bus.meters[UNIT].switch(is_closed=False)
    await stage.chen.begin()
    identity = (await stage.chen.identify())["steps"][-1]
    assert not identity["has_passed"]
    assert "a trip test begins with a closed one" in identity["detail"]
    with pytest.raises(CommissioningRefused, match="prove its identity first"):
        await stage.chen.trip()


@pytest.mark.parametrize("is_after_begin", [False, True], ids=["before the session", "in its middle"])
async def test_a_point_that_supply_wants_off_is_not_commissioned(hub: HubHarness, is_after_begin: bool) -> None:
    stage = await set_stage(hub)
    if is_after_begin:
        await stage.chen.begin()
        await stage.chen.identify()
    await stage.supply.decide(POINT, OffReason.MAINTENANCE_LOCKOUT, is_off=True)
    with pytest.raises(CommissioningRefused, match=r"supply control wants it off \(maintenance_lockout\)"):
        await (stage.chen.trip() if is_after_begin else stage.chen.begin())
    assert stage.is_closed()


async def test_a_relay_that_was_locked_out_meanwhile_is_left_open(hub: HubHarness) -> None:
    """Somebody works on the circuit: power must not come back by the test's restore."""
    stage = await set_stage(hub)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.chen.trip()
    await stage.supply.decide(POINT, OffReason.MAINTENANCE_LOCKOUT, is_off=True)
    ended = await stage.chen.restore()
    assert ended["outcome"] == "abandoned"
    assert "left to supply control" in ended["detail"]
    await hub.advance("10 min")
    assert not stage.is_closed()


async def test_once_supply_has_decided_anew_the_session_moves_nothing(hub: HubHarness) -> None:
    """Its fence is the one that stood when it began: a lower one is refused."""
    stage = await set_stage(hub)
    await stage.field.command(UNIT, Desired.CLOSED, fence=3)
    await stage.chen.begin()
    await stage.chen.identify()
    await stage.field.command(UNIT, Desired.CLOSED, fence=4)
    trip = (await stage.chen.trip())["steps"][-1]
    assert (trip["evidence"]["outcome"], trip["evidence"]["refusal"]) == ("refused", "fence_lower")
    assert stage.is_closed()
    assert (await stage.chen.finish(is_power_back=False))["outcome"] == "failed"


async def test_it_leaves_the_highest_fence_as_it_is(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    await stage.field.command(UNIT, Desired.CLOSED, fence=3)
    for step in (stage.chen.begin, stage.chen.identify, stage.chen.trip, stage.chen.restore, stage.chen.finish):
        await step()
    assert stage.field.relays.highest_fence(POINT) == 3


async def test_a_point_that_supply_does_not_know_passes_and_says_so(hub: HubHarness) -> None:
    stage = await set_stage(hub, supply_knows=False)
    for step in (stage.chen.begin, stage.chen.identify, stage.chen.trip, stage.chen.restore, stage.chen.finish):
        await step()
    assert stage.chen.session["outcome"] == "passed"
    assert stage.chen.session["detail"] == "supply control does not know the point yet"


@pytest.mark.parametrize(
    ("principal", "error", "text"),
    [
        pytest.param(
            Principal("rule:dark", frozenset({"*"})), CommissioningRefused, "a person commissions it, no rule:dark",
            id="a rule",
        ),
        pytest.param(
            Principal("plugin:automation", frozenset({"*"})), CommissioningRefused, "a person commissions it",
            id="a plugin",
        ),
        pytest.param(OWNER, CommissioningRefused, "a person commissions it, no system", id="the hub itself"),
        pytest.param(
            Principal("os:clerk", frozenset({"topup.*"})), NotAllowed, "lacks the permission 'modbus.commission'",
            id="a clerk",
        ),
    ],
)  # fmt: skip
async def test_only_a_person_with_the_permission_gets_a_relay_by_this_door(
    hub: HubHarness, principal: Principal, error: type[HubError], text: str
) -> None:
    await set_stage(hub)
    with pytest.raises(error, match=text):
        await Person(hub, principal).begin()


async def test_a_dead_meter_and_an_unknown_point_are_refused(hub: HubHarness) -> None:
    stage = await set_stage(hub)
    with pytest.raises(HubError, match="no meter is configured for point 'stall_99'"):
        await hub.call("modbus.commission_begin", {"point": "stall_99"}, principal=CHEN)
    stage.field.bus.silent.add(UNIT)
    await hub.advance("1 min")
    with pytest.raises(CommissioningRefused, match="its meter is dead; look at the wiring first"):
        await stage.chen.begin()
