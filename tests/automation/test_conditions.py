"""Conditions of ours: three-valued, with reasons that a person can act on."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from rule_house import House
from rule_reading import one, with_condition

from hub.automation.language.model import Condition
from hub.automation.runtime.conditions import Judge
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Judgement, Truth
from hub.contracts.providers import SUN
from hub.core.clock import to_us
from hub.core.states import BAD, STALE
from hub.testing.harness import HubHarness


def condition(folder: Path, text: str) -> Condition:
    """One condition, as a rule has it."""
    [found] = one(folder, with_condition(f"{text}\n"), ("sun",)).conditions
    return found


ON, OFF = True, False


class Almanac:
    """Knows when the sun rises: at 6, and sets at 18, in Shanghai."""

    def time_of(self, event: Literal["sunrise", "sunset"], day: date) -> datetime | None:
        """The instant."""
        return datetime(
            day.year, day.month, day.day, 6 if event == "sunrise" else 18, tzinfo=ZoneInfo("Asia/Shanghai")
        )


class Court:
    """A hub, and what is judged in it."""

    def __init__(self, house: House) -> None:
        """Judge in a house."""
        self.house = house

    def __call__(self, text: str, *, sees_text: bool = False, **variables: object) -> Judgement:
        """What is found of a condition."""
        judge = Judge(self.house.triggers.around.world, sees_text=sees_text)
        return judge.judge(condition(self.house.folder, text), variables)


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules."""
    return House(hub)


async def court(house: House) -> Court:
    """A court with some states: `sensor.a` is 15, `sensor.stale` is 15 and stale, `sensor.bad` has none."""
    await house.set("sensor.a", 15, attributes={"level": 4})
    await house.set("sensor.stale", 15, quality=STALE)
    await house.set("sensor.bad", None, quality=BAD)
    await house.set("switch.on", ON)
    await house.set("switch.off", OFF)
    await house.set("switch.bad", ON, quality=BAD)
    await house.start("[]")
    return Court(house)


NUMERIC: list[tuple[str, str, Truth, str]] = [
    ("sensor.a", "above: 10", TRUE, "sensor.a is 15, above 10"),
    ("sensor.a", "above: 15", FALSE, "sensor.a is 15, not above 15"),
    ("sensor.a", "at_or_above: 15", TRUE, "sensor.a is 15, at or above 15"),
    ("sensor.a", "below: 15", FALSE, "sensor.a is 15, not below 15"),
    ("sensor.a", "at_or_below: 15", TRUE, "sensor.a is 15, at or below 15"),
    ("sensor.a", "above: 10, below: 12", FALSE, "sensor.a is 15, not below 12 and above 10"),
    ("sensor.stale", "above: 10", UNKNOWN, "unknown: sensor.stale is stale for 12 min (15)"),
    ("sensor.bad", "above: 10", UNKNOWN, "unknown: sensor.bad is bad for 12 min"),
    ("sensor.gone", "above: 10", UNKNOWN, "unknown: sensor.gone does not exist or was never seen"),
    ("sensor.a", "above: sensor.stale", UNKNOWN,
     "unknown: sensor.a is 15, the bound sensor.stale is not known: sensor.stale is stale for 12 min (15)"),
    ("sensor.a", "attribute: level, below: 5", TRUE, "sensor.a is 4, below 5"),
    ("sensor.a", "attribute: other, below: 5", UNKNOWN, "unknown: sensor.a has no attribute 'other'"),
    ("switch.on", "above: 0", UNKNOWN, "unknown: switch.on is 'on', no number"),
    ("[sensor.a, sensor.stale]", "above: 10", UNKNOWN, "unknown: sensor.stale is stale for 12 min (15)"),
    ("[sensor.stale, sensor.a]", "above: 20", FALSE, "sensor.a is 15, not above 20"),
    ("'sensor.none_*'", "above: 0", UNKNOWN, "unknown: no entity is selected"),
    ("sensor.a", "value_template: '{{ state.state | int * 2 }}', above: 29", TRUE, "sensor.a is 30, above 29"),
]  # fmt: skip


@pytest.mark.parametrize(("entities", "keys", "truth", "reason"), NUMERIC)
async def test_numbers(house: House, entities: str, keys: str, truth: Truth, reason: str) -> None:
    judge = await court(house)
    await house.advance(720)
    found = judge(f"condition: numeric_state\nentity_id: {entities}\n" + keys.replace(", ", "\n"))
    assert (found.truth, found.reason) == (truth, reason)


STATE: list[tuple[str, str, Truth]] = [
    ("switch.on", "state: 'on'", TRUE),
    ("switch.on", "state: 'off'", FALSE),
    ("switch.on", "state: ['off', 'on']", TRUE),
    ("switch.bad", "state: 'on'", UNKNOWN),
    ("switch.bad", "state: unavailable", TRUE),
    ("switch.on", "state: unavailable", FALSE),
    ("sensor.stale", "state: unavailable", FALSE),
    ("sensor.stale", "state: '15'", UNKNOWN),
    ("sensor.stale", "state: [unavailable, '15']", UNKNOWN),
    ("switch.bad", "state: [unavailable, 'on']", TRUE),
    ("switch.gone", "state: 'on'", UNKNOWN),
    ("[switch.on, switch.bad]", "state: 'on'", UNKNOWN),
    ("[switch.off, switch.bad]", "state: 'on'", FALSE),
    ("[switch.bad, switch.on]", "state: 'on'\nmatch: any", TRUE),
    ("[switch.bad, switch.off]", "state: 'on'\nmatch: any", UNKNOWN),
    ("[switch.off, switch.off]", "state: 'on'\nmatch: any", FALSE),
    ("switch.on", "state: 'on'\nfor: {minutes: 11}", TRUE),
    ("switch.on", "state: 'on'\nfor: {minutes: 12}", FALSE),
    ("switch.on", "state: 'on'\nfor: \"{{ 'x' }}\"", UNKNOWN),
]


@pytest.mark.parametrize(("entities", "keys", "truth"), STATE)
async def test_states(house: House, entities: str, keys: str, truth: Truth) -> None:
    judge = await court(house)
    await house.advance(720)
    assert judge(f"condition: state\nentity_id: {entities}\n{keys}").truth is truth


T = "{condition: state, entity_id: switch.on, state: 'on'}"
F = "{condition: state, entity_id: switch.on, state: 'off'}"
U = "{condition: state, entity_id: switch.bad, state: 'on'}"
LOGIC: list[tuple[str, str, Truth]] = [
    ("and", f"{T}, {T}", TRUE), ("and", f"{T}, {F}", FALSE), ("and", f"{U}, {F}", FALSE),
    ("and", f"{T}, {U}", UNKNOWN), ("and", "", TRUE), ("or", f"{F}, {T}", TRUE),
    ("or", f"{U}, {T}", TRUE), ("or", f"{F}, {U}", UNKNOWN),
    ("or", f"{F}, {F}", FALSE), ("or", "", FALSE), ("not", F, TRUE), ("not", T, FALSE), ("not", U, UNKNOWN),
    ("not", f"{F}, {U}", UNKNOWN), ("not", f"{U}, {T}", FALSE), ("not", "", TRUE),
]  # fmt: skip


@pytest.mark.parametrize(("word", "inner", "truth"), LOGIC)
async def test_kleene_logic(house: House, word: str, inner: str, truth: Truth) -> None:
    judge = await court(house)
    found = judge(f"condition: {word}\nconditions: [{inner}]")
    assert found.truth is truth
    assert found.passes is (truth is TRUE)


async def test_the_reason_of_a_whole_is_that_of_the_one_that_decided(house: House) -> None:
    judge = await court(house)
    found = judge(f"condition: and\nconditions: [{T}, {{or: [{F}, {U}]}}]")
    assert found.reason == "unknown: not all are known"
    assert found.told.startswith("unknown: switch.bad is bad for 0 s")
    assert [part.path for part in found.parts] == ["conditions/0/conditions/0", "conditions/0/conditions/1"]


@pytest.mark.parametrize(
    ("template", "truth"),
    [
        ("{{ states('sensor.a') | int > 10 }}", TRUE),
        ("{{ states('sensor.a') | int > 20 }}", FALSE),
        ("{{ states('sensor.stale') | int > 10 }}", UNKNOWN),
        ("{{ states('sensor.bad') | float(0) < 10 }}", UNKNOWN),
        ("{{ is_state('sensor.bad', 'unavailable') }}", TRUE),
        ("{{ 1 / 0 }}", UNKNOWN),
        ("{{ trigger.id == 'x' }}", TRUE),
    ],
)
async def test_templates(house: House, template: str, truth: Truth) -> None:
    judge = await court(house)
    found = judge(f'condition: template\nvalue_template: "{template}"', trigger={"id": "x"})
    assert found.truth is truth


async def test_home_assistants_texts_take_a_stale_number_for_what_it_says(house: House) -> None:
    judge = await court(house)
    text = "condition: numeric_state\nentity_id: sensor.stale\nabove: 10"
    assert judge(text, sees_text=True).truth is TRUE
    assert judge(text).truth is UNKNOWN


async def test_by_trigger(house: House) -> None:
    judge = await court(house)
    assert judge("condition: trigger\nid: [x, y]", trigger={"id": "y"}).truth is TRUE
    assert judge("condition: trigger\nid: x", trigger={"id": "y"}).truth is FALSE
    assert judge("condition: trigger\nid: x").reason == "no trigger started this run"


async def test_one_that_is_switched_off_counts_as_passed(house: House) -> None:
    judge = await court(house)
    assert judge("condition: state\nentity_id: switch.on\nstate: 'off'\nenabled: false").passes
    assert judge(f"condition: or\nconditions: [{F.replace('}', ', enabled: false}')}]").truth is FALSE


TIMES: list[tuple[str, str, Truth]] = [
    ("2026-11-21T21:00:00", "after: '21:00:00'\nbefore: '23:00:00'", TRUE),
    ("2026-11-21T23:00:00", "after: '21:00:00'\nbefore: '23:00:00'", FALSE),
    ("2026-11-21T23:30:00", "after: '22:00:00'\nbefore: '06:00:00'", TRUE),
    ("2026-11-21T06:00:00", "after: '22:00:00'\nbefore: '06:00:00'", FALSE),
    ("2026-11-21T12:00:00", "weekday: [sat]", TRUE),
    ("2026-11-21T12:00:00", "weekday: [sun]", FALSE),
    ("2026-11-21T12:00:00", "after: input_datetime.noon", TRUE),
    ("2026-11-21T11:59:59", "after: input_datetime.noon", FALSE),
    ("2026-11-21T12:00:00", "after: input_datetime.bad", UNKNOWN),
    ("2026-11-21T12:00:00", "after: input_datetime.gone", UNKNOWN),
    ("2026-11-21T12:00:00", "after: input_datetime.text", UNKNOWN),
]


@pytest.mark.parametrize(("now", "keys", "truth"), TIMES)
async def test_times(house: House, now: str, keys: str, truth: Truth) -> None:
    judge = await court(house)
    zone = house.triggers.around.world.time_zone
    await house.set("input_datetime.noon", "12:00")
    await house.set("input_datetime.bad", "12:00", quality=STALE)
    await house.set("input_datetime.text", "noon")
    instant = datetime.fromisoformat(now).replace(tzinfo=zone)
    house.hub.clock.step((to_us(instant) - house.hub.clock.now_us()) / 1e6)
    assert judge(f"condition: time\n{keys}").truth is truth


async def test_the_sun_needs_who_knows_it(house: House) -> None:
    judge = await court(house)
    zone = house.triggers.around.world.time_zone
    text = "condition: sun\nafter: sunset\nafter_offset: '-01:00:00'"
    assert judge(text).reason == "unknown: nobody who knows when the sun rises is loaded now"
    house.hub.provide(SUN, Almanac())
    for hour, truth in [(16, FALSE), (18, TRUE)]:
        instant = datetime(2026, 11, 21, hour, tzinfo=zone)
        house.hub.clock.step((to_us(instant) - house.hub.clock.now_us()) / 1e6)
        assert judge(text).truth is truth, hour
