"""The state machine: what each write does to value, times and listeners, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum

import pytest

from hub.core import context as contexts
from hub.core.bus import Bus
from hub.core.clock import Clock
from hub.core.context import Context
from hub.core.states import (
    BAD,
    GOOD,
    NO_ATTRIBUTES,
    STALE,
    UNCERTAIN,
    InvalidState,
    Quality,
    State,
    StateChanged,
    StateMachine,
    StateReported,
    Value,
)


class Level(IntEnum):
    """A number that is more than a number."""

    HIGH = 3


class HandClock(Clock):
    """A clock that a test sets by hand."""

    is_virtual = True

    def __init__(self) -> None:
        self.us = 1000

    def now_us(self) -> int:
        return self.us

    def monotonic(self) -> float:
        return self.us / 1e6


class House:
    """States on a bus, and everything that was told."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.bus = Bus(lambda owner, name, work: None)
        self.states = StateMachine(self.bus, self.clock)
        self.changes: list[StateChanged] = []
        self.reports: list[StateReported] = []
        self.bus.subscribe(StateChanged, self.changes.append, owner="test")
        self.bus.subscribe(StateReported, self.reports.append, owner="test")

    def times(self, entity_id: str = "sensor.a") -> tuple[int, int, int, int]:
        """Source, changed, updated, reported."""
        state = self.states.get(entity_id)
        assert state is not None
        return state.source_us, state.changed_us, state.updated_us, state.reported_us


@pytest.fixture
def house() -> House:
    return House()


Write = Callable[[StateMachine], object]

WRITES: dict[str, tuple[Write, tuple[int, int, int, int], bool | None]] = {
    "the same again": (lambda s: s.set("sensor.a", 1, unit="V"), (2000, 1000, 1000, 2000), False),
    "the same, unit left out": (lambda s: s.set("sensor.a", 1), (2000, 1000, 1000, 2000), False),
    "the same, measured earlier": (lambda s: s.set("sensor.a", 1, source_us=1500), (1500, 1000, 1000, 2000), False),
    "equal attributes": (lambda s: s.set("sensor.a", 1, attributes={"n": 1}), (2000, 1000, 1000, 2000), False),
    "another value": (lambda s: s.set("sensor.a", 2), (2000, 2000, 2000, 2000), True),
    "another unit": (lambda s: s.set("sensor.a", 1, unit="kV"), (2000, 2000, 2000, 2000), True),
    "another quality": (lambda s: s.set("sensor.a", 1, quality=UNCERTAIN), (2000, 1000, 2000, 2000), True),
    "other attributes": (lambda s: s.set("sensor.a", 1, attributes={"n": 2}), (2000, 1000, 2000, 2000), True),
    "no attributes": (lambda s: s.set("sensor.a", 1, attributes={}), (2000, 1000, 2000, 2000), True),
    "a mark": (lambda s: s.mark("sensor.a", STALE), (1000, 1000, 2000, 1000), True),
    "the mark it has": (lambda s: s.mark("sensor.a", GOOD), (1000, 1000, 1000, 1000), None),
}


@pytest.mark.parametrize(("write", "times", "is_change"), WRITES.values(), ids=WRITES.keys())
def test_each_write_moves_only_its_times_and_is_told_as_what_it_is(
    house: House, write: Write, times: tuple[int, int, int, int], is_change: bool | None
) -> None:
    house.states.set("sensor.a", 1, unit="V", attributes={"n": 1})
    house.changes.clear()
    house.clock.us = 2000

    write(house.states)

    assert house.times() == times
    assert len(house.changes) == (1 if is_change else 0)
    assert len(house.reports) == (1 if is_change is False else 0)


def test_the_first_write_sets_every_time_and_is_told_without_an_old_state(house: House) -> None:
    state = house.states.set("sensor.a", 1, source_us=900)
    assert house.times() == (900, 1000, 1000, 1000)
    assert [(change.key, change.old, change.new) for change in house.changes] == [("sensor.a", None, state)]
    assert house.states.get("sensor.a") is state


TYPES = {
    "1 and 1.0": (1, 1.0),
    "1 and True": (1, True),
    "0 and False": (0, False),
    "1.0 and Decimal 1": (1.0, Decimal(1)),
    "1 and its text": (1, "1"),
    "empty text and None": ("", None),
}


@pytest.mark.parametrize(("was", "now"), TYPES.values(), ids=TYPES.keys())
def test_values_of_different_types_differ_even_when_python_finds_them_equal(
    house: House, was: Value, now: Value
) -> None:
    house.states.set("sensor.a", was)
    house.clock.us = 2000
    state = house.states.set("sensor.a", now)
    assert type(state.value) is type(now)
    assert state.changed_us == 2000
    assert house.changes[-1].is_value_edge


EDGES: dict[str, tuple[Write, bool]] = {
    "a quality": (lambda s: s.set("sensor.a", 1, quality=BAD), False),
    "a mark": (lambda s: s.mark("sensor.a", STALE), False),
    "an attribute": (lambda s: s.set("sensor.a", 1, attributes={"n": 1}), False),
    "a unit": (lambda s: s.set("sensor.a", 1, unit="V"), False),
    "a value": (lambda s: s.set("sensor.a", 2), True),
    "the end of it": (lambda s: s.remove("sensor.a"), True),
}


@pytest.mark.parametrize(("write", "is_edge"), EDGES.values(), ids=EDGES.keys())
def test_only_a_changed_value_is_a_value_edge(house: House, write: Write, is_edge: bool) -> None:
    house.states.set("sensor.a", 1)
    assert house.changes[-1].is_value_edge
    write(house.states)
    assert len(house.changes) == 2
    assert house.changes[-1].is_value_edge is is_edge


REFUSED: dict[str, tuple[str, object, str]] = {
    "NaN": ("sensor.a", float("nan"), "sensor.a: nan is not a number; keep the last value and write quality=BAD"),
    "infinity": ("sensor.a", float("-inf"), "sensor.a: -inf is not a number"),
    "a Decimal NaN": ("sensor.a", Decimal("NaN"), "sensor.a: NaN is not a number"),
    "a signalling Decimal NaN": ("sensor.a", Decimal("sNaN"), "sensor.a: sNaN is not a number"),
    "an infinite Decimal": ("sensor.a", Decimal("Infinity"), "sensor.a: Infinity is not a number"),
    "a list": ("sensor.a", [1], "sensor.a: a state's value is int, float, Decimal, str, bool or None, not list"),
    "a subclass of int": ("sensor.a", Level.HIGH, "not Level"),
    "an id without domain": (
        "a",
        1,
        "'a' is no entity id; write domain.name in lower case, digits and underscores",
    ),
    "an id in capitals": ("Sensor.a", 1, "'Sensor.a' is no entity id"),
    "an id with a line end": ("sensor.a\n", 1, "is no entity id"),
    "an id with two dots": ("sensor.a.b", 1, "'sensor.a.b' is no entity id"),
    "an id with a foreign digit": ("sensor.a\u0663", 1, "is no entity id"),
}


@pytest.mark.parametrize(("entity_id", "value", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_state_is_refused_with_words_and_leaves_no_trace(
    house: House, entity_id: str, value: Value, text: str
) -> None:
    with pytest.raises(InvalidState) as caught:
        house.states.set(entity_id, value)
    assert text in str(caught.value)
    assert len(house.states) == 0
    assert house.changes == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), [1]])
def test_a_bad_value_does_not_replace_a_good_one(house: House, value: Value) -> None:
    house.states.set("sensor.a", 1)
    with pytest.raises(InvalidState):
        house.states.set("sensor.a", value)
    state = house.states.get("sensor.a")
    assert state is not None
    assert state.value == 1


def test_attributes_are_frozen_and_their_owner_may_go_on_changing_his_own(house: House) -> None:
    mine: dict[str, object] = {"phases": [1, 2], "limits": {"high": [3]}}
    state = house.states.set("sensor.a", 1, attributes=mine)
    with pytest.raises(TypeError):
        state.attributes["phases"] = 0  # type: ignore[index]
    phases = mine["phases"]
    assert isinstance(phases, list)
    phases.append(9)
    assert state.attributes == {"phases": [1, 2], "limits": {"high": [3]}}
    house.states.set("sensor.a", 1, attributes=mine)
    assert house.changes[-1].new is not None
    assert house.changes[-1].new.attributes["phases"] == [1, 2, 9]


def test_equal_attributes_are_shared_and_none_cost_nothing(house: House) -> None:
    first = house.states.set("sensor.a", 1, attributes={"n": 1})
    second = house.states.set("sensor.a", 2, attributes={"n": 1})
    assert second.attributes is first.attributes
    assert house.states.set("sensor.b", 1).attributes is NO_ATTRIBUTES


def test_removal_is_told_once_with_the_last_state(house: House) -> None:
    state = house.states.set("sensor.a", 1)
    house.states.remove("sensor.a")
    house.states.remove("sensor.a")
    assert [(change.old, change.new) for change in house.changes[1:]] == [(state, None)]
    assert house.states.get("sensor.a") is None
    assert house.states.mark("sensor.a", STALE) is None


def test_a_rename_keeps_value_times_and_cause_and_is_no_value_edge_under_the_new_id(house: House) -> None:
    cause = Context("c1", "plugin:a")
    was = house.states.set("sensor.a", 1, unit="V", source_us=900, attributes={"n": 1}, context=cause)
    house.changes.clear()
    house.clock.us = 2000

    house.states.rename("sensor.a", "sensor.b")

    assert house.states.get("sensor.a") is None
    assert house.states.get("sensor.b") == was._replace(entity_id="sensor.b")
    assert house.times("sensor.b") == (900, 1000, 1000, 1000)
    assert [(change.key, change.new is None, change.is_value_edge) for change in house.changes] == [
        ("sensor.a", True, True),
        ("sensor.b", False, False),
    ]


@pytest.mark.parametrize(
    ("old_id", "new_id"), [("sensor.none", "sensor.b"), ("sensor.a", "sensor.a")], ids=["of nothing", "to itself"]
)
def test_a_rename_that_moves_nothing_says_nothing(house: House, old_id: str, new_id: str) -> None:
    house.states.set("sensor.a", 1)
    house.changes.clear()
    house.states.rename(old_id, new_id)
    assert house.changes == []
    assert len(house.states) == 1


def test_a_rename_to_a_malformed_id_is_refused_and_moves_nothing(house: House) -> None:
    house.states.set("sensor.a", 1)
    with pytest.raises(InvalidState):
        house.states.rename("sensor.a", "Sensor B")
    assert house.states.get("sensor.a") is not None


def test_a_restored_state_keeps_its_own_times(house: House) -> None:
    state = State("sensor.a", 1, "V", STALE, 1, 2, 3, 4, NO_ATTRIBUTES, contexts.SYSTEM)
    house.states.restore(state)
    assert house.states.get("sensor.a") is state
    assert [change.new for change in house.changes] == [state]


TEXTS: dict[str, tuple[Value, Quality, str]] = {
    "a bad one": (1, BAD, "unavailable"),
    "never seen": (None, GOOD, "unknown"),
    "a bad one never seen": (None, BAD, "unavailable"),
    "true": (True, GOOD, "on"),
    "false": (False, GOOD, "off"),
    "one is not on": (1, GOOD, "1"),
    "a stale number": (2.50, STALE, "2.5"),
    "money": (Decimal("12.30"), GOOD, "12.30"),
    "text": ("open", UNCERTAIN, "open"),
}


@pytest.mark.parametrize(("value", "quality", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_the_text_view_is_the_one_home_assistant_knows(
    house: House, value: Value, quality: Quality, text: str
) -> None:
    assert house.states.set("sensor.a", value, quality=quality).text == text


def test_a_write_without_a_context_is_caused_by_whoever_runs(house: House) -> None:
    cause = Context("c1", "os:anna")
    with contexts.use(cause):
        state = house.states.set("sensor.a", 1)
    assert state.context is cause
    assert house.changes[0].context is cause


def test_a_write_by_a_listener_is_visible_at_once_and_told_after_the_first(house: House) -> None:
    order: list[tuple[Value, Value]] = []

    def follow(change: StateChanged) -> None:
        if change.new is not None and change.new.value == 1:
            house.states.set("sensor.a", 2)

    house.bus.subscribe(StateChanged, follow, key="sensor.a", owner="test")
    house.bus.subscribe(
        StateChanged,
        lambda change: order.append((change.old and change.old.value, change.new and change.new.value)),
        owner="test",
    )
    house.states.set("sensor.a", 1)
    assert order == [(None, 1), (1, 2)]


def test_first_appearance_comes_before_its_event_and_the_end_after_it(house: House) -> None:
    order: list[str] = []
    house.states.on_appear = (lambda entity_id: order.append(f"appear {entity_id}"),)
    house.states.on_vanish = (lambda entity_id: order.append(f"vanish {entity_id}"),)
    house.bus.subscribe(
        StateChanged,
        lambda change: order.append(f"told {change.entity_id} {change.new and change.new.value}"),
        owner="test",
    )
    house.states.set("sensor.a", 1)
    house.states.set("sensor.a", 2)
    house.states.rename("sensor.a", "sensor.b")
    house.states.remove("sensor.b")
    house.states.remove("sensor.b")
    assert order == [
        "appear sensor.a",
        "told sensor.a 1",
        "told sensor.a 2",
        "told sensor.a None",
        "vanish sensor.a",
        "appear sensor.b",
        "told sensor.b 2",
        "told sensor.b None",
        "vanish sensor.b",
    ]
