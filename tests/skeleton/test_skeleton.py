"""The walking skeleton in virtual time: meter, price, balance, rule, relay, top-up, restore; all the real parts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hub.contracts.links import LINKS
from hub.contracts.relays import CommandFinished, Outcome
from hub.contracts.supply import IntentChanged, TripRequested
from hub.contracts.topups import ToppedUp
from hub.core.ids import SeededIds
from hub.core.plugins import PluginState, discover
from hub.core.site import load_site
from hub.sim import VirtualClock, VirtualLoop
from hub.sim.demo import copy_site
from hub.sim.field.plugin import SimulatedField
from hub.testing.harness import HubHarness, make_hub


async def start_demo(loop: VirtualLoop, folder: Path) -> HubHarness:
    copy_site(folder)
    clock = VirtualClock(loop)
    found = list(discover().found.values())
    hub = make_hub(load_site(folder), clock, SeededIds(1), found)
    await hub.start()
    harness = HubHarness(hub, loop, clock)
    states = {status.name: status for status in hub.plugins.statuses()}
    assert all(status.state is PluginState.RUNNING for status in states.values()), states
    return harness


def relay(demo: HubHarness) -> object:
    state = demo.kernel.states.get("binary_sensor.stall_07_relay")
    return None if state is None else state.value


def balance(demo: HubHarness) -> object:
    state = demo.kernel.states.get("sensor.noodle_house_balance")
    return None if state is None else state.value


async def test_from_a_meter_to_a_trip_and_from_a_top_up_to_a_restore(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    commands = demo.capture(CommandFinished)
    topups = demo.capture(ToppedUp)

    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.10"), "receipt": "r1"})
    await demo.advance("1.5 s")
    assert relay(demo) is True
    assert balance(demo) == Decimal("0.07")

    await demo.advance("5 s")
    assert relay(demo) is False
    [trip] = commands
    assert (trip.result.outcome, trip.result.writes) == (Outcome.CONFIRMED, 1)
    owed = balance(demo)
    assert isinstance(owed, Decimal)
    assert Decimal("-0.10") < owed <= 0

    began_us = demo.clock.now_us()
    answer = await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("5.00"), "receipt": "r2"})
    assert (answer["outcome"], answer["balance"]) == ("credited", owed + 5)
    await demo.advance("1 s")
    assert relay(demo) is True
    restore = commands.last().result
    assert restore.first_byte_us is not None
    assert restore.first_byte_us - began_us < 300_000
    assert [topup.amount_minor for topup in topups] == [10, 500]
    await demo.hub.stop()


async def test_the_same_receipt_credits_once(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    paid = {"account": "noodle_house", "amount": Decimal(5), "receipt": "r1"}
    first = await demo.call("topup.cash", paid)
    second = await demo.call("topup.cash", paid)
    other = await demo.call("topup.cash", {**paid, "amount": Decimal(6)})
    assert [first["outcome"], second["outcome"], other["outcome"]] == ["credited", "already", "refused"]
    assert balance(demo) == Decimal(5)
    await demo.hub.stop()


async def test_a_site_on_hold_trips_nobody(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    intents = demo.capture(IntentChanged)
    demo.kernel.holds.place("clock_doubtful", "a test doubts the clock")
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    await demo.advance("1 min")
    assert (relay(demo), intents) == (True, [])
    demo.kernel.holds.lift("clock_doubtful")
    await demo.advance("5 s")
    assert relay(demo) is False
    await demo.hub.stop()


async def test_a_silent_meter_is_no_ground_for_a_trip(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    await demo.advance("1.2 s")
    field = demo.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    field.buses["hall"].silent.add(1)
    answer = await demo.call("supply.disconnect", {"point": "stall_07"})
    await demo.advance("1 hour")
    assert answer["answer"] in {"pending", "no_grounds"}
    assert field.buses["hall"].meters[1].power_w == 60_000
    field.buses["hall"].silent.clear()
    await demo.advance("2 min")
    assert field.buses["hall"].meters[1].power_w == 0
    await demo.hub.stop()


async def test_everything_survives_a_restart(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    await demo.advance("10 s")
    assert relay(demo) is False
    before = balance(demo)
    await demo.restart()
    await demo.advance("1 min")
    assert (relay(demo), balance(demo)) == (False, before)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal(1), "receipt": "r2"})
    await demo.advance("1 s")
    assert relay(demo) is True
    await demo.hub.stop()


async def test_a_hold_that_comes_while_a_trip_is_being_decided_stops_it(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    requested = demo.capture(TripRequested)
    while not requested:
        await demo.advance("0.01 s")
    demo.kernel.holds.place("clock_doubtful", "a test doubts the clock")
    await demo.advance("1 min")
    assert relay(demo) is True
    await demo.hub.stop()


async def test_a_site_on_hold_opens_no_relay_again_that_a_person_closed(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    demo = await start_demo(virtual_loop, tmp_path)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    await demo.advance("10 s")
    assert relay(demo) is False
    demo.kernel.holds.place("clock_doubtful", "a test doubts the clock")
    field = demo.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    field.buses["hall"].meters[1].switch(is_closed=True)
    await demo.advance("1 min")
    assert relay(demo) is True
    demo.kernel.holds.lift("clock_doubtful")
    await demo.advance("10 s")
    assert relay(demo) is False
    await demo.hub.stop()


async def test_a_step_of_a_clock_is_seen_by_whoever_is_about_to_act(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    """The guard looks once a virtual minute; a decision in between looks by itself."""
    demo = await start_demo(virtual_loop, tmp_path)
    await demo.call("topup.cash", {"account": "noodle_house", "amount": Decimal("0.05"), "receipt": "r1"})
    await demo.advance("1 s")
    demo.clock.step(3600)
    await demo.advance("10 s")
    assert relay(demo) is True
    assert "clock_doubtful" in demo.kernel.holds.reasons
    await demo.hub.stop()
