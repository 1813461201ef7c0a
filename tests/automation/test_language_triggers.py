"""Each kind of trigger, key by key."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

import pytest
from rule_reading import ACTIONS, one, template, with_trigger

from hub.automation.language.model import (
    EntityTime,
    EventTrigger,
    HubTrigger,
    NumericTrigger,
    ProviderTrigger,
    StateTrigger,
    Targets,
    TemplateTrigger,
    TimePatternTrigger,
    TimeTrigger,
    Trigger,
)
from hub.core.selectors import Selector


class _Place(TypedDict):
    path: str
    id: str
    key: str
    index: int


PLACE = _Place(path="triggers/0", id="0", key="0", index=0)
ONE = Targets(Selector(("sensor.a",)))
STATE = "trigger: state\nentity_id: sensor.a\n"
NUMERIC = "trigger: numeric_state\nentity_id: sensor.a\n"

TRIGGERS: dict[str, tuple[str, Trigger]] = {
    "state, any change": (STATE, StateTrigger(**PLACE, targets=ONE)),
    "state from and to": (
        STATE + "from: 'off'\nto: ['on', idle]\n",
        StateTrigger(**PLACE, targets=ONE, from_=("off",), to=("on", "idle"), takes_any_change=False),
    ),
    "state not from and not to": (
        STATE + "not_from: unavailable\nnot_to: [unknown]\n",
        StateTrigger(**PLACE, targets=ONE, not_from=("unavailable",), not_to=("unknown",), takes_any_change=False),
    ),
    "state, attributes alone do not count": (
        STATE + "to:\n",
        StateTrigger(**PLACE, targets=ONE, takes_any_change=False),
    ),
    "on is a text": (STATE + "to: on\n", StateTrigger(**PLACE, targets=ONE, to=("on",), takes_any_change=False)),
    "state of an attribute, of any type": (
        STATE + "attribute: level\nto: [1, true, x]\n",
        StateTrigger(**PLACE, targets=ONE, attribute="level", to=(1, True, "x"), takes_any_change=False),
    ),
    "for as a template": (STATE + "for: '{{ x }}'\n", StateTrigger(**PLACE, targets=ONE, for_=template("{{ x }}"))),
    "for with a template in it": (
        STATE + "for: {minutes: '{{ x }}', seconds: 5}\n",
        StateTrigger(**PLACE, targets=ONE, for_={"minutes": template("{{ x }}"), "seconds": 5}),
    ),
    "numbers": (
        NUMERIC + "above: 10\nbelow: '20.5'\nfor: 5 s\n",
        NumericTrigger(**PLACE, targets=ONE, above=Decimal(10), below=Decimal("20.5"), for_=timedelta(seconds=5)),
    ),
    "our own bounds": (
        NUMERIC + "at_or_above: 10\nat_or_below: 20\nreset_above: 20\nreset_below: 10\ninitial: fire\n",
        NumericTrigger(
            **PLACE,
            targets=ONE,
            at_or_above=Decimal(10),
            at_or_below=Decimal(20),
            reset_above=Decimal(20),
            reset_below=Decimal(10),
            initial="fire",
        ),
    ),
    "bounds that are entities": (
        NUMERIC + "below: input_number.Limit\nattribute: x\n",
        NumericTrigger(**PLACE, targets=ONE, below="input_number.limit", attribute="x"),
    ),
    "a value template": (
        NUMERIC + "below: 0\nvalue_template: '{{ state.state }}'\n",
        NumericTrigger(**PLACE, targets=ONE, below=Decimal(0), value_template=template("{{ state.state }}")),
    ),
    "a glob": (
        "trigger: state\nentity_id: [sensor.a, 'sensor.*_balance']\n",
        StateTrigger(**PLACE, targets=Targets(Selector(("sensor.a",), ("sensor.*_balance",)))),
    ),
    "areas and labels": (
        "trigger: state\ntarget: {entity_id: sensor.a, area_id: north, label_id: [vip], only: '*.*_balance'}\n",
        StateTrigger(**PLACE, targets=Targets(Selector(("sensor.a",), (), ("north",), ("vip",)), ("*.*_balance",))),
    ),
    "template": (
        "trigger: template\nvalue_template: '{{ x }}'\nfor: 1\n",
        TemplateTrigger(**PLACE, value_template=template("{{ x }}"), for_=timedelta(seconds=1)),
    ),
    "event": (
        "trigger: event\nevent_type: [a, '{{ b }}']\nevent_data: {x: '{{ y }}'}\ncontext: {user_id: [u]}\n",
        EventTrigger(
            **PLACE,
            event_types=("a", template("{{ b }}", limited=True)),
            event_data={"x": template("{{ y }}", limited=True)},
            context={"user_id": ["u"]},
        ),
    ),
    "times": (
        (
            "trigger: time\nat: ['7:30', 22:00:01, input_datetime.wake, '{{ x }}',"
            " {entity_id: sensor.next, offset: '-00:05'}]\n"
        ),
        TimeTrigger(
            **PLACE,
            at=(
                time(7, 30),
                time(22, 0, 1),
                EntityTime(entity_id="input_datetime.wake"),
                template("{{ x }}", limited=True),
                EntityTime(entity_id="sensor.next", offset=timedelta(minutes=-5)),
            ),
        ),
    ),
    "a pattern of minutes": (
        "trigger: time_pattern\nminutes: /20\n",
        TimePatternTrigger(**PLACE, hours=tuple(range(24)), minutes=(0, 20, 40), seconds=(0,)),
    ),
    "a pattern of hours": (
        "trigger: time_pattern\nhours: '7'\n",
        TimePatternTrigger(**PLACE, hours=(7,), minutes=(0,), seconds=(0,)),
    ),
    "a pattern of all": (
        "trigger: time_pattern\nhours: '*'\nminutes: 5\nseconds: '/30'\n",
        TimePatternTrigger(**PLACE, hours=tuple(range(24)), minutes=(5,), seconds=(0, 30)),
    ),
    "a step that leaves a rest": (
        "trigger: time_pattern\nminutes: 0\nseconds: /25\n",
        TimePatternTrigger(**PLACE, hours=tuple(range(24)), minutes=(0,), seconds=(0, 25, 50)),
    ),
    "the hub stops": ("trigger: hub\nevent: shutdown\n", HubTrigger(**PLACE, event="shutdown")),
    "webhook": (
        "trigger: webhook\nwebhook_id: abc\nallowed_methods: [post]\nlocal_only: false\n",
        ProviderTrigger(
            **PLACE,
            provider="webhook",
            config={"webhook_id": "abc", "allowed_methods": ["POST"], "local_only": False},
        ),
    ),
    "mqtt": (
        "trigger: mqtt\ntopic: a\npayload: 'on'\nvalue_template: '{{ x }}'\nqos: 1\nencoding: ''\n",
        ProviderTrigger(
            **PLACE,
            provider="mqtt",
            config={
                "topic": "a",
                "payload": "on",
                "value_template": template("{{ x }}"),
                "encoding": "",
                "qos": 1,
            },
        ),
    ),
    "calendar": (
        "trigger: calendar\nentity_id: calendar.a\nevent: end\noffset: '-0:15:00'\n",
        ProviderTrigger(
            **PLACE, provider="calendar", config={"entity_id": "calendar.a", "event": "end", "offset": -900}
        ),
    ),
    "sun": (
        "trigger: sun\nevent: sunset\noffset: -00:10:00\n",
        ProviderTrigger(**PLACE, provider="sun", config={"event": "sunset", "offset": -600}),
    ),
}


@pytest.mark.parametrize(("text", "trigger"), TRIGGERS.values(), ids=TRIGGERS.keys())
def test_a_trigger_means_what_it_says(text: str, trigger: Trigger, tmp_path: Path) -> None:
    rule = one(tmp_path, with_trigger(text), providers=("webhook", "mqtt", "calendar", "sun"))
    assert rule.triggers == (trigger,)


def test_every_trigger_takes_id_alias_variables_and_enabled(tmp_path: Path) -> None:
    text = "trigger: hub\nevent: start\nid: up\nalias: The hub is up\nvariables: {n: 1}\nenabled: '{{ x }}'\n"
    [trigger] = one(tmp_path, with_trigger(text)).triggers
    assert trigger == HubTrigger(
        path="triggers/0",
        id="up",
        key="up",
        index=0,
        alias="The hub is up",
        variables={"n": 1},
        enabled=template("{{ x }}", limited=True),
        event="start",
    )


def test_the_key_of_a_trigger_is_its_own_even_if_ids_are_not(tmp_path: Path) -> None:
    triggers = "".join(
        f"    - {{trigger: event, event_type: x{each}}}\n" for each in (", id: a", ", id: a", "", ", id: 2")
    )
    rule = one(tmp_path, f"- id: r\n  triggers:\n{triggers}{ACTIONS}")
    assert [(trigger.id, trigger.key) for trigger in rule.triggers] == [
        ("a", "a/0"),
        ("a", "a/1"),
        ("2", "#2"),
        ("2", "2"),
    ]


RUN_PER = {
    "a list of entities": ("entity_id: [sensor.a, sensor.b]", "rule"),
    "a glob": ("entity_id: sensor.*", "entity"),
    "an area": ("target: {area_id: north}", "entity"),
    "a label": ("target: {label_id: vip}", "entity"),
    "a list under target": ("target: {entity_id: [sensor.a]}", "rule"),
}


@pytest.mark.parametrize(("target", "run_per"), RUN_PER.values(), ids=RUN_PER.keys())
def test_our_own_target_forms_run_for_each_entity(target: str, run_per: str, tmp_path: Path) -> None:
    assert one(tmp_path, with_trigger(f"trigger: state\n{target}\n")).run_per == run_per


def test_the_rule_may_say_what_it_runs_for(tmp_path: Path) -> None:
    assert (
        one(tmp_path, with_trigger("trigger: state\nentity_id: sensor.*\n") + "  run_per: rule\n").run_per == "rule"
    )


def test_only_narrows_areas_and_labels_but_not_what_is_named(tmp_path: Path) -> None:
    text = "trigger: state\ntarget: {entity_id: [sensor.x, 'switch.*'], area_id: north, only: sensor.*_balance}\n"
    [trigger] = one(tmp_path, with_trigger(text)).triggers
    assert isinstance(trigger, StateTrigger)
    asked = ("sensor.x", "sensor.a_balance", "switch.a", "sensor.a_power")
    assert [trigger.targets.admits(each) for each in asked] == [True, True, True, False]


FINGERPRINTS = {
    "written another way": ("below: '100.0'", True),
    "strictness": ("at_or_below: 100", False),
    "another bound": ("below: 99", False),
    "a reset": ("below: 100\nreset_above: 120", False),
    "another attribute": ("below: 100\nattribute: x", False),
    "a length of time": ("below: 100\nfor: 5", True),
}


@pytest.mark.parametrize(("text", "is_same"), FINGERPRINTS.values(), ids=FINGERPRINTS.keys())
def test_the_fingerprint_changes_with_what_is_compared(text: str, is_same: bool, tmp_path: Path) -> None:
    [first] = one(tmp_path, with_trigger(NUMERIC + "below: 100\n")).triggers
    [second] = one(tmp_path, with_trigger(f"{NUMERIC}{text}\n")).triggers
    assert isinstance(first, NumericTrigger)
    assert isinstance(second, NumericTrigger)
    assert (first.fingerprint == second.fingerprint) is is_same
