"""Each kind of step, key by key."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rule_reading import one, template, with_step

from hub.automation.language.model import (
    Branch,
    Call,
    Choose,
    Delay,
    EventTrigger,
    FireEvent,
    If,
    Option,
    Parallel,
    Repeat,
    Sequence,
    SetVariables,
    Step,
    Stop,
    TemplateCondition,
    WaitForTrigger,
    WaitTemplate,
)

P = "actions/0"
SECOND = timedelta(seconds=1)


def wait(path: str) -> Delay:
    """A delay of a second somewhere inside."""
    return Delay(path=path, length=SECOND)


def holds(path: str) -> TemplateCondition:
    """The condition `{{ x }}` somewhere inside."""
    return TemplateCondition(path=path, value_template=template("{{ x }}"))


STEPS: dict[str, tuple[str, Step]] = {
    "action": (
        (
            "action: A.b\ndata: {n: 1.50, list: [1, '{{ x }}'], deep: {m: '{{ y }}'}}\n"
            "target: {entity_id: ['{{ e }}', Light.A], area_id: north}\n"
            "response_variable: answer\non_unknown: repeat\n"
        ),
        Call(
            path=P,
            action="a.b",
            data={"n": Decimal("1.50"), "list": [1, template("{{ x }}")], "deep": {"m": template("{{ y }}")}},
            target={"entity_id": [template("{{ e }}"), "light.a"], "area_id": "north"},
            response_variable="answer",
            on_unknown="repeat",
        ),
    ),
    "action, all of it templates": (
        "action: '{{ a }}'\ndata: '{{ b }}'\ntarget: '{{ c }}'\n",
        Call(path=P, action=template("{{ a }}"), data=template("{{ b }}"), target=template("{{ c }}")),
    ),
    "action with nothing": ("action: a.b\ndata:\ntarget:\n", Call(path=P, action="a.b")),
    "delay": ("delay: {milliseconds: 500}\n", Delay(path=P, length=timedelta(milliseconds=500))),
    "delay of half a second": ("delay: 0.5\n", Delay(path=P, length=timedelta(milliseconds=500))),
    "delay as a template": ("delay: '{{ x }}'\n", Delay(path=P, length=template("{{ x }}"))),
    "named, off, going on": (
        "alias: w\nenabled: '{{ x }}'\ncontinue_on_error: true\ndelay: 1\n",
        Delay(path=P, alias="w", enabled=template("{{ x }}", limited=True), continue_on_error=True, length=SECOND),
    ),
    "wait_template": (
        "wait_template: '{{ x }}'\ntimeout: 1\ncontinue_on_timeout: false\n",
        WaitTemplate(path=P, wait_template=template("{{ x }}"), timeout=SECOND, continue_on_timeout=False),
    ),
    "wait_for_trigger": (
        "wait_for_trigger: {trigger: event, event_type: x, id: done}\ntimeout: '{{ x }}'\n",
        WaitForTrigger(
            path=P,
            triggers=(
                EventTrigger(path=f"{P}/wait_for_trigger/0", id="done", key="done", index=0, event_types=("x",)),
            ),
            timeout=template("{{ x }}"),
        ),
    ),
    "wait_for_trigger, armed before the act": (
        "wait_for_trigger: {trigger: event, event_type: x}\nafter_arming: {action: a.b}\n",
        WaitForTrigger(
            path=P,
            triggers=(EventTrigger(path=f"{P}/wait_for_trigger/0", id="0", key="0", index=0, event_types=("x",)),),
            after_arming=(Call(path=f"{P}/after_arming/0", action="a.b"),),
        ),
    ),
    "event": (
        "event: bell\nevent_data: {a: '{{ x }}'}\n",
        FireEvent(path=P, event="bell", event_data={"a": template("{{ x }}")}),
    ),
    "choose": (
        "choose:\n  - {alias: one, conditions: ['{{ x }}'], sequence: [{delay: 1}]}\ndefault: [{delay: 1}]\n",
        Choose(
            path=P,
            options=(
                Option(
                    path=f"{P}/choose/0",
                    alias="one",
                    conditions=(holds(f"{P}/choose/0/conditions/0"),),
                    sequence=(wait(f"{P}/choose/0/sequence/0"),),
                ),
            ),
            default=(wait(f"{P}/default/0"),),
        ),
    ),
    "if": (
        "if: '{{ x }}'\nthen: [{delay: 1}]\nelse: [{delay: 1}]\n",
        If(path=P, conditions=(holds(f"{P}/if/0"),), then=(wait(f"{P}/then/0"),), else_=(wait(f"{P}/else/0"),)),
    ),
    "repeat, count": (
        "repeat: {count: 3, sequence: [{delay: 1}]}\n",
        Repeat(path=P, count=3, sequence=(wait(f"{P}/repeat/sequence/0"),)),
    ),
    "repeat, count as a template": (
        "repeat: {count: '{{ x }}', sequence: []}\n",
        Repeat(path=P, count=template("{{ x }}"), sequence=()),
    ),
    "repeat, for each": (
        "repeat: {for_each: [1, {a: '{{ x }}'}], sequence: []}\n",
        Repeat(path=P, for_each=[1, {"a": template("{{ x }}")}], sequence=()),
    ),
    "repeat, for each of a template": (
        "repeat: {for_each: '{{ x }}', sequence: []}\n",
        Repeat(path=P, for_each=template("{{ x }}"), sequence=()),
    ),
    "repeat, while": (
        "repeat: {while: ['{{ x }}'], sequence: []}\n",
        Repeat(path=P, while_=(holds(f"{P}/repeat/while/0"),), sequence=()),
    ),
    "repeat, until": (
        "repeat: {until: ['{{ x }}'], sequence: []}\n",
        Repeat(path=P, until=(holds(f"{P}/repeat/until/0"),), sequence=()),
    ),
    "parallel": (
        "parallel:\n  - {delay: 1}\n  - {alias: two, continue_on_error: on, sequence: [{delay: 1}, {delay: 1}]}\n",
        Parallel(
            path=P,
            branches=(
                Branch(path=f"{P}/parallel/0", sequence=(wait(f"{P}/parallel/0/sequence/0"),)),
                Branch(
                    path=f"{P}/parallel/1",
                    alias="two",
                    continue_on_error=True,
                    sequence=(wait(f"{P}/parallel/1/sequence/0"), wait(f"{P}/parallel/1/sequence/1")),
                ),
            ),
        ),
    ),
    "sequence": ("sequence: [{delay: 1}]\n", Sequence(path=P, sequence=(wait(f"{P}/sequence/0"),))),
    "variables": (
        "variables: {a: 1, b: '{{ x }}', c: }\n",
        SetVariables(path=P, variables={"a": 1, "b": template("{{ x }}"), "c": None}),
    ),
    "stop": ("stop: enough\nresponse_variable: r\n", Stop(path=P, reason="enough", response_variable="r")),
    "stop without a reason, with an error": ("stop:\nerror: true\n", Stop(path=P, is_error=True)),
}


@pytest.mark.parametrize(("text", "step"), STEPS.values(), ids=STEPS.keys())
def test_a_step_means_what_it_says(text: str, step: Step, tmp_path: Path) -> None:
    assert one(tmp_path, with_step(text)).actions == (step,)
