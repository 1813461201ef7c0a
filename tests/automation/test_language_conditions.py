"""Each kind of condition, key by key."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rule_reading import one, template, with_condition, with_step

from hub.automation.language.model import (
    AndCondition,
    Condition,
    ConditionStep,
    NotCondition,
    NumericCondition,
    OrCondition,
    StateCondition,
    SunCondition,
    Targets,
    TemplateCondition,
    TimeCondition,
    TriggerCondition,
)
from hub.core.selectors import Selector

ONE = Targets(Selector(("sensor.a",)))
P = "conditions/0"
STATE = "condition: state\nentity_id: sensor.a\n"
NUMERIC = "condition: numeric_state\nentity_id: sensor.a\n"


def holds(path: str, text: str) -> TemplateCondition:
    """A template as a condition inside another."""
    return TemplateCondition(path=path, value_template=template(text))


CONDITIONS: dict[str, tuple[str, Condition]] = {
    "state": (STATE + "state: 'on'\n", StateCondition(path=P, targets=ONE, states=("on",))),
    "state, several, any, for some time": (
        STATE + "state: ['on', idle]\nmatch: Any\nfor: {days: '{{ x }}'}\n",
        StateCondition(path=P, targets=ONE, states=("on", "idle"), match="any", for_={"days": template("{{ x }}")}),
    ),
    "state of an attribute": (
        STATE + "attribute: level\nstate: [1, null]\n",
        StateCondition(path=P, targets=ONE, attribute="level", states=(1, None)),
    ),
    "state of an area": (
        "condition: state\ntarget: {area_id: north}\nstate: x\n",
        StateCondition(path=P, targets=Targets(Selector(areas=("north",))), states=("x",)),
    ),
    "numbers": (
        NUMERIC + "above: 1\nbelow: sensor.limit\nattribute: x\nvalue_template: '{{ y }}'\n",
        NumericCondition(
            path=P,
            targets=ONE,
            above=Decimal(1),
            below="sensor.limit",
            attribute="x",
            value_template=template("{{ y }}"),
        ),
    ),
    "our own bounds": (
        NUMERIC + "at_or_above: 0.00\nat_or_below: 100.00\n",
        NumericCondition(path=P, targets=ONE, at_or_above=Decimal(0), at_or_below=Decimal(100)),
    ),
    "template, named and turned off": (
        "alias: x\nenabled: false\ncondition: template\nvalue_template: '{{ x }}'\n",
        TemplateCondition(path=P, alias="x", enabled=False, value_template=template("{{ x }}")),
    ),
    "time": (
        "condition: time\nafter: '22:00'\nbefore: input_datetime.end\nweekday: [mon, Sun]\n",
        TimeCondition(path=P, after=time(22), before="input_datetime.end", weekdays=frozenset((0, 6))),
    ),
    "one weekday": ("condition: time\nweekday: fri\n", TimeCondition(path=P, weekdays=frozenset((4,)))),
    "trigger": ("condition: trigger\nid: [a, 1]\n", TriggerCondition(path=P, ids=("a", "1"))),
    "sun": (
        "condition: sun\nafter: sunset\nafter_offset: '-01:00'\n",
        SunCondition(path=P, after="sunset", after_offset=timedelta(hours=-1)),
    ),
    "logic in logic": (
        "or:\n  - and: ['{{ a }}', '{{ b }}']\n  - not: '{{ c }}'\n",
        OrCondition(
            path=P,
            conditions=(
                AndCondition(
                    path=f"{P}/conditions/0",
                    conditions=(
                        holds(f"{P}/conditions/0/conditions/0", "{{ a }}"),
                        holds(f"{P}/conditions/0/conditions/1", "{{ b }}"),
                    ),
                ),
                NotCondition(
                    path=f"{P}/conditions/1", conditions=(holds(f"{P}/conditions/1/conditions/0", "{{ c }}"),)
                ),
            ),
        ),
    ),
}


@pytest.mark.parametrize(("text", "condition"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_condition_means_what_it_says(text: str, condition: Condition, tmp_path: Path) -> None:
    assert one(tmp_path, with_condition(text), providers=("sun",)).conditions == (condition,)


@pytest.mark.parametrize("text", [text for text, _ in CONDITIONS.values()], ids=CONDITIONS.keys())
def test_every_condition_can_be_a_step(text: str, tmp_path: Path) -> None:
    [step] = one(tmp_path, with_step(f"{text}continue_on_error: true\n"), providers=("sun",)).actions
    assert isinstance(step, ConditionStep)
    assert step.continue_on_error
    assert step.condition.path == "actions/0/condition"
