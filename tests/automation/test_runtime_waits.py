"""What runs wait for: triggers and templates that are armed in memory."""

from __future__ import annotations

import pytest
from rule_house import House
from rule_reading import one, with_trigger

from hub.automation.language.model import Trigger
from hub.automation.runtime.contract import TriggerData
from hub.automation.runtime.store import read_saved
from hub.automation.templates import compile_template
from hub.contracts.custom_events import CustomEvent
from hub.core.context import Context
from hub.core.states import BAD, STALE
from hub.testing.harness import HubHarness

A = "sensor.a"


class Heard:
    """What called back."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.data: list[TriggerData] = []
        self.calls = 0

    def fired(self, data: TriggerData, _: Context) -> None:
        """A trigger fired."""
        self.data.append(data)

    def true(self) -> None:
        """A template is true."""
        self.calls += 1


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules."""
    return House(hub)


def trigger(house: House, text: str) -> Trigger:
    """One trigger."""
    [found] = one(house.folder, with_trigger(text)).triggers
    return found


BELOW = "trigger: numeric_state\nid: low\nentity_id: sensor.a\nbelow: 100\n"


async def test_a_bound_that_holds_already_waits_for_a_crossing(house: House) -> None:
    await house.set(A, 50)
    await house.start("[]")
    heard = Heard()
    stop = house.waits.arm([trigger(house, BELOW)], {}, heard.fired)
    await house.set(A, 49)
    assert heard.data == []
    await house.set(A, 149)
    await house.set(A, 49)
    assert [data["entity_id"] for data in heard.data] == [A]
    stop()
    stop()
    await house.set(A, 149)
    await house.set(A, 49)
    assert len(heard.data) == 1


async def test_for_a_wait_that_goes_on_after_a_restart_it_counts(house: House) -> None:
    await house.set(A, 50)
    await house.start("[]")
    heard = Heard()
    house.waits.arm([trigger(house, BELOW)], {}, heard.fired, is_resumed=True)
    assert len(heard.data) == 1


async def test_and_if_its_value_is_stale_as_soon_as_it_is_good_again(house: House) -> None:
    await house.set(A, 50, quality=STALE)
    await house.start("[]")
    heard = Heard()
    house.waits.arm([trigger(house, BELOW)], {}, heard.fired, is_resumed=True)
    assert heard.data == []
    await house.set(A, 50)
    assert len(heard.data) == 1


async def test_the_variables_of_the_run_are_seen(house: House) -> None:
    await house.start("[]")
    heard = Heard()
    text = "trigger: event\nevent_type: paid\nevent_data: {account: '{{ account }}'}\n"
    house.waits.arm([trigger(house, text)], {"account": "acct_7"}, heard.fired)
    for account in ("acct_8", "acct_7"):
        house.hub.fire(CustomEvent(event_type="paid", data={"account": account}))
    assert [data["event"]["data"] for data in heard.data] == [{"account": "acct_7"}]  # type: ignore[index]


async def test_a_wait_leaves_nothing_on_disk(house: House) -> None:
    await house.set(A, 150)
    await house.start("[]")
    heard = Heard()
    house.waits.arm([trigger(house, BELOW + "for: 60\n")], {}, heard.fired)
    await house.set(A, 50)
    await house.advance(30)
    saved = await house.hub.kernel.db.read(read_saved, owner="automation")
    assert not any(saved)
    await house.advance(30)
    assert len(heard.data) == 1


async def test_a_template_that_is_true_already_calls_at_once(house: House) -> None:
    await house.set(A, 5)
    await house.start("[]")
    heard = Heard()
    house.waits.watch_template(compile_template("{{ states('sensor.a') == '5' }}", "a test"), {}, heard.true)
    assert heard.calls == 1


async def test_a_template_calls_once_when_it_turns_true(house: House) -> None:
    await house.set(A, 4)
    await house.start("[]")
    heard = Heard()
    template = compile_template("{{ states('sensor.a') | int >= level }}", "a test")
    house.waits.watch_template(template, {"level": 5}, heard.true)
    for value in (3, 5, 6, 3, 7):
        await house.set(A, value)
    assert heard.calls == 1


async def test_doubtful_data_does_not_end_a_wait(house: House) -> None:
    await house.set(A, 50)
    await house.start("[]")
    heard = Heard()
    template = compile_template("{{ states('sensor.a') | float(0) < 10 }}", "a test")
    house.waits.watch_template(template, {}, heard.true)
    await house.set(A, None, quality=BAD)
    assert heard.calls == 0
    await house.set(A, 5)
    assert heard.calls == 1


async def test_a_template_that_is_stopped_calls_no_more(house: House) -> None:
    await house.set(A, 4)
    await house.start("[]")
    heard = Heard()
    stop = house.waits.watch_template(compile_template("{{ states('sensor.a') == '5' }}", "a test"), {}, heard.true)
    stop()
    await house.set(A, 5)
    assert heard.calls == 0
