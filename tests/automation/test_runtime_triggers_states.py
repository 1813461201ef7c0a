"""State triggers of ours: edges between good values; and by texts where a rule asks for the connection."""

from __future__ import annotations

import pytest
from rule_house import House

from hub.automation.runtime.strategies import HOME_ASSISTANT
from hub.core.states import BAD, GOOD, STALE, UNCERTAIN, Quality, Value
from hub.testing.harness import HubHarness

R = "binary_sensor.r"

Step = tuple[Value, Quality, int]
ON, OFF = True, False


def rule(keys: str, entity: str = "binary_sensor.r") -> str:
    """A rule with a state trigger."""
    trigger = f"{{trigger: state, entity_id: {entity}{keys}}}"
    return f"- id: a\n  triggers: [{trigger}]\n  actions: [{{action: test.fired}}]\n"


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules yet."""
    return House(hub)


TABLE: list[tuple[str, str, list[Step]]] = [
    ("a blip between equal values is no edge", ", to: 'on'",
     [(True, GOOD, 1), (None, BAD, 0), (True, GOOD, 0), (True, STALE, 0), (True, GOOD, 0)]),
    ("an edge across a blip is one", ", to: 'on'", [(None, BAD, 0), (True, GOOD, 1)]),
    ("doubtful values are no edges", ", to: 'on'", [(True, UNCERTAIN, 0), (True, STALE, 0), (True, GOOD, 1)]),
    ("from and to go by the last good value", ", from: 'off', to: 'on'",
     [(None, BAD, 0), (None, BAD, 0), (True, GOOD, 1)]),
    ("any change means any change of a good value", "",
     [(True, GOOD, 1), (None, BAD, 0), (True, GOOD, 0), (False, GOOD, 1)]),
    ("not_from and not_to of unavailable shut nothing else out", ", not_from: [unavailable], not_to: [unavailable]",
     [(None, BAD, 0), (True, GOOD, 1)]),
    ("who asks for unavailable gets it", ", to: unavailable",
     [(None, BAD, 1), (None, BAD, 0), (True, GOOD, 0), (True, BAD, 1)]),
    ("and who asks from unavailable too", ", from: unavailable, to: 'on'", [(None, BAD, 0), (True, GOOD, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "steps"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_what_is_an_edge(house: House, keys: str, steps: list[Step]) -> None:
    await house.set(R, OFF)
    await house.start(rule(keys))
    for number, (value, quality, fires) in enumerate(steps):
        await house.set(R, value, quality=quality)
        assert house.fired.take() == [R] * fires, f"step {number}"


async def test_in_home_assistant_a_blip_between_equal_values_fires(hub: HubHarness) -> None:
    house = House(hub, HOME_ASSISTANT)
    await house.set(R, ON)
    await house.start(rule(", to: 'on'"))
    await house.set(R, None, quality=BAD)
    await house.set(R, ON)
    assert house.fired.take() == [R]


async def test_an_attribute_change_counts_only_without_from_and_to(house: House) -> None:
    two = rule("") + rule(", to: null").replace("id: a", "id: b")
    await house.set(R, ON, attributes={"level": 1})
    await house.start(two)
    await house.set(R, ON, attributes={"level": 2})
    assert [firing.rule.id for firing in house.fired.firings] == ["a"]


async def test_an_attribute_is_compared_with_its_type(house: House) -> None:
    await house.set(R, ON, attributes={"level": 1})
    await house.start(rule(", attribute: level, to: 2"))
    await house.set(R, OFF, attributes={"level": "2"})
    await house.set(R, OFF, attributes={"level": 1})
    assert house.fired.take() == []
    await house.set(R, OFF, attributes={"level": 2})
    assert house.fired.take() == [R]


async def test_a_restart_is_no_edge_and_what_changed_meanwhile_is_one(house: House) -> None:
    await house.set(R, OFF)
    await house.start(rule(", to: 'on'"))
    await house.set(R, ON)
    assert house.fired.take() == [R]
    await house.restart(down=600)
    await house.set(R, ON)
    assert house.fired.take() == []
    await house.set(R, OFF)
    await house.restart(down=600)
    await house.set(R, ON)
    assert house.fired.take() == [R]


async def test_what_was_unavailable_before_a_restart_is_no_edge_after_it(house: House) -> None:
    await house.set(R, ON)
    await house.start(rule(", to: 'on'"))
    await house.set(R, None, quality=BAD)
    await house.restart(down=600)
    await house.set(R, ON)
    assert house.fired.take() == [], "what it was before nobody knows"


async def test_an_entity_that_appears_and_goes(house: House) -> None:
    await house.start(rule(""))
    await house.set(R, ON)
    house.hub.kernel.states.remove(R)
    await house.settle()
    assert [firing.trigger_data["to_state"] is None for firing in house.fired.firings] == [False, True]


async def test_a_rename_is_no_edge(house: House) -> None:
    entity = await house.entity(R)
    await house.set(R, ON)
    await house.start(rule("", "'binary_sensor.*'"))
    await house.hub.kernel.registry.rename(entity.id, "binary_sensor.q")
    await house.settle()
    assert house.fired.take() == []
    await house.set("binary_sensor.q", OFF)
    assert house.fired.take() == ["binary_sensor.q"]


async def test_areas_narrowed_by_globs_follow_who_comes_and_goes(house: House) -> None:
    registry = house.hub.kernel.registry
    await registry.places.create_area("Hall", area_id="hall")
    relay, other = await house.entity("binary_sensor.a_relay"), await house.entity("binary_sensor.a_other")
    await house.start(rule("").replace(f"entity_id: {R}", "target: {area_id: hall, only: '*.*_relay'}"))
    await house.set(relay.entity_id, ON)
    assert house.fired.take() == []
    for entity in (relay, other):
        await registry.set_place(entity.id, "hall")
    await house.set(relay.entity_id, OFF)
    await house.set(other.entity_id, OFF)
    await house.set("binary_sensor.b_relay", OFF)
    assert house.fired.take() == [relay.entity_id]


async def test_a_disabled_trigger_does_not_fire(house: House) -> None:
    await house.set(R, OFF)
    await house.start(rule(", enabled: false") + rule(", enabled: '{{ 1 == 2 }}'").replace("id: a", "id: b"))
    await house.set(R, ON)
    assert house.fired.take() == []


async def test_a_bad_template_of_a_triggers_variables_is_told(house: House) -> None:
    await house.set(R, OFF)
    await house.start(rule(", variables: {x: '{{ trigger.nothing.at_all }}'}"))
    await house.set(R, ON)
    assert house.fired.take() == []
    [(kind, text)] = house.fired.told()
    assert kind == "error"
    assert "`variables`" in text
