"""`for` of numeric, state and template triggers: restarts and blips do not disturb it, doubt never fires it."""

from __future__ import annotations

import pytest
from rule_house import House

from hub.automation.runtime.strategies import HOME_ASSISTANT
from hub.core.states import BAD, GOOD, STALE, Quality, Value
from hub.testing.harness import HubHarness

P = "sensor.p"

RULE = """
- id: a
  triggers: [{trigger: TRIGGER, id: a, FOR}]
  actions: [{action: test.fired}]
"""
NUMERIC = "numeric_state, entity_id: sensor.p, above: 100"
STATE = "state, entity_id: sensor.p, to: 'on'"
TEMPLATE = "template, value_template: \"{{ states('sensor.p') == 'on' }}\""

Kind = tuple[str, Value, Value]
KINDS: dict[str, Kind] = {
    "numeric": (NUMERIC, 50, 150),
    "state": (STATE, False, True),
    "template": (TEMPLATE, "off", "on"),
}


def rule(kind: Kind, length: str = "for: {minutes: 10}") -> str:
    """A rule with a trigger of a kind."""
    return RULE.replace("TRIGGER", kind[0]).replace("FOR", length)


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules yet."""
    return House(hub)


@pytest.fixture(params=KINDS, name="kind")
def _kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


async def begin(house: House, kind: Kind, length: str = "for: {minutes: 10}") -> None:
    """A rule, and a `for` that has begun just now."""
    await house.set(P, kind[1])
    await house.start(rule(kind, length))
    await house.set(P, kind[2])
    assert house.fired.take() == []


async def test_it_fires_when_it_has_held_so_long(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.advance(599)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1
    await house.advance(3600)
    assert not house.fired.firings


async def test_coming_back_ends_it(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.advance(300)
    await house.set(P, kind[1])
    await house.advance(3600)
    assert not house.fired.firings
    await house.set(P, kind[2])
    await house.advance(600)
    assert len(house.fired.take()) == 1


@pytest.mark.parametrize("quality", [STALE, BAD])
@pytest.mark.parametrize("keeps_value", [True, False])
async def test_a_blip_neither_ends_nor_restarts_it(
    house: House, kind: Kind, quality: Quality, keeps_value: bool
) -> None:
    await begin(house, kind)
    await house.advance(300)
    await house.set(P, kind[2] if keeps_value else None, quality=quality)
    await house.advance(60)
    await house.set(P, kind[2])
    await house.advance(239)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1


async def test_in_home_assistant_a_blip_starts_it_again(hub: HubHarness, kind: Kind) -> None:
    house = House(hub, HOME_ASSISTANT)
    await begin(house, kind)
    await house.advance(300)
    await house.set(P, None, quality=BAD)
    await house.set(P, kind[2])
    await house.advance(599)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1


@pytest.mark.parametrize("comes_back", [True, False])
async def test_when_it_is_due_in_doubt_the_next_good_value_decides(
    house: House, kind: Kind, comes_back: bool
) -> None:
    await begin(house, kind)
    await house.advance(300)
    house.hub.kernel.states.mark(P, STALE)
    await house.advance(600)
    assert not house.fired.firings
    [(told, text)] = house.fired.told()
    assert told == "held"
    assert "sensor.p is stale for 5 min" in text
    await house.set(P, kind[2] if comes_back else kind[1])
    assert len(house.fired.firings) == comes_back
    if comes_back:
        assert house.fired.data()["late_s"] == 300


async def test_it_survives_a_restart(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.advance(300)
    await house.restart(down=60)
    await house.set(P, kind[2])
    await house.advance(239)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1
    await house.restart()
    await house.set(P, kind[2])
    await house.advance(3600)
    assert not house.fired.firings


async def test_one_that_was_due_while_the_hub_was_down_fires_with_the_first_good_value(
    house: House, kind: Kind
) -> None:
    await begin(house, kind)
    await house.restart(down="1 h")
    await house.advance(1)
    assert not house.fired.firings, "the restored value is stale"
    await house.set(P, kind[2])
    data = house.fired.data()
    assert data["late_s"] == 3001
    assert data["to_state"].read("state") == {150: "150", True: "on", "on": "on"}[kind[2]]  # type: ignore[attr-defined]


async def test_one_that_ended_while_the_hub_was_down_fires_nothing(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.restart(down="1 h")
    await house.set(P, kind[1])
    await house.advance(3600)
    assert not house.fired.firings


async def test_in_home_assistant_it_is_lost_with_the_process(hub: HubHarness, kind: Kind) -> None:
    house = House(hub, HOME_ASSISTANT)
    await begin(house, kind)
    await house.restart()
    await house.advance(3600)
    assert not house.fired.firings


async def test_a_reload_of_the_same_trigger_keeps_it(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.advance(300)
    await house.reload(rule(kind).replace("test.fired", "test.other"))
    await house.advance(300)
    assert len(house.fired.take()) == 1


async def test_another_length_begins_anew_for_a_threshold(house: House) -> None:
    kind = KINDS["numeric"]
    await begin(house, kind)
    await house.advance(300)
    await house.reload(rule(kind, "for: {minutes: 20}"))
    await house.advance(1199)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1


async def test_a_value_between_bound_and_reset_ends_it_and_the_next_crossing_begins_another(house: House) -> None:
    kind = (NUMERIC + ", reset_below: 90", 50, 150)
    await begin(house, kind)
    await house.advance(300)
    await house.set(P, 95)
    await house.set(P, 150)
    await house.advance(599)
    assert not house.fired.firings
    await house.advance(1)
    assert len(house.fired.take()) == 1


async def test_other_values_beyond_do_not_disturb_it(house: House) -> None:
    await begin(house, KINDS["numeric"])
    for value in (120, 130.5, 200):
        await house.advance(150)
        await house.set(P, value)
    await house.advance(150)
    data = house.fired.data()
    assert data["to_state"].read("state") == "150"  # type: ignore[attr-defined]


async def test_a_for_of_a_template_is_rendered_when_it_begins(house: House, kind: Kind) -> None:
    await house.set("sensor.minutes", 5)
    await begin(house, kind, "for: {minutes: \"{{ states('sensor.minutes') }}\"}")
    await house.set("sensor.minutes", 50)
    await house.advance(300)
    assert str(house.fired.data()["for"]) == "0:05:00"


async def test_a_bad_for_of_a_template_uses_the_crossing_up_and_says_so(house: House, kind: Kind) -> None:
    await begin(house, kind, "for: \"{{ 'soon' }}\"")
    assert [note.kind for note in house.fired.notes] == ["error"]
    assert "`for`" in house.fired.notes[0].text
    await house.advance(3600)
    assert not house.fired.firings


async def test_a_rule_that_is_detached_fires_nothing_more(house: House, kind: Kind) -> None:
    await begin(house, kind)
    house.attached["a"].detach()
    await house.advance(3600)
    assert not house.fired.firings


async def test_a_rename_keeps_it(house: House) -> None:
    entity = await house.entity(P)
    await house.set(P, 50)
    await house.start(rule((NUMERIC.replace("sensor.p", "'sensor.*'"), 50, 150)))
    await house.set(P, 150)
    await house.advance(300)
    await house.hub.kernel.registry.rename(entity.id, "sensor.q")
    await house.advance(300)
    assert len(house.fired.take()) == 1


async def test_a_restart_while_it_runs_and_the_value_marked_good_again(house: House, kind: Kind) -> None:
    await begin(house, kind)
    await house.restart(down=30)
    house.hub.kernel.states.mark(P, GOOD)
    await house.advance(570)
    assert len(house.fired.take()) == 1


async def test_an_alarm_follows_a_step_of_the_clock(house: House, kind: Kind) -> None:
    await begin(house, kind)
    house.hub.clock.step(590)
    await house.advance(120)
    assert len(house.fired.take()) == 1
