"""Old words, new words and short forms are the same rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_reading import ACTIONS, TRIGGERS, errors, one, read, with_condition, with_step, with_trigger

RULES = {
    "trigger and triggers": (
        "- id: a\n  trigger: {trigger: event, event_type: bell}\n" + ACTIONS,
        "- id: a\n  triggers: [{trigger: event, event_type: bell}]\n" + ACTIONS,
    ),
    "condition and conditions": (
        f"- id: a\n{TRIGGERS}  condition: {{condition: trigger, id: x}}\n{ACTIONS}",
        f"- id: a\n{TRIGGERS}  conditions: [{{condition: trigger, id: x}}]\n{ACTIONS}",
    ),
    "action and actions": (
        f"- id: a\n{TRIGGERS}  action: {{delay: 1}}\n",
        f"- id: a\n{TRIGGERS}  actions: [{{delay: 1}}]\n",
    ),
    "platform and trigger": (
        with_trigger("platform: template\nvalue_template: '{{ x }}'\n"),
        with_trigger("trigger: template\nvalue_template: '{{ x }}'\n"),
    ),
    "triggers in a sub-list": (
        (
            "- id: a\n  triggers:\n    - triggers:\n      - {trigger: event, event_type: a}\n"
            "      - {platform: event, event_type: b}\n    - {trigger: event, event_type: c}\n" + ACTIONS
        ),
        (
            "- id: a\n  triggers:\n    - {trigger: event, event_type: a}\n    - {trigger: event, event_type: b}\n"
            "    - {trigger: event, event_type: c}\n" + ACTIONS
        ),
    ),
    "entity ids in one text": (
        with_trigger("trigger: state\nentity_id: sensor.a, Sensor.B\n"),
        with_trigger("trigger: state\nentity_id: [sensor.a, sensor.b]\n"),
    ),
    "homeassistant and hub": (
        with_trigger("trigger: homeassistant\nevent: start\n"),
        with_trigger("trigger: hub\nevent: start\n"),
    ),
    "for as a clock and as a mapping": (
        with_trigger("trigger: state\nentity_id: sensor.a\nfor: '00:05:00'\n"),
        with_trigger("trigger: state\nentity_id: sensor.a\nfor: {minutes: 5}\n"),
    ),
    "for in seconds": (
        with_trigger("trigger: state\nentity_id: sensor.a\nfor: 90\n"),
        with_trigger("trigger: state\nentity_id: sensor.a\nfor: 1 min 30 s\n"),
    ),
    "and in short": (
        with_condition("and: ['{{ a }}', '{{ b }}']\n"),
        with_condition("condition: and\nconditions: ['{{ a }}', '{{ b }}']\n"),
    ),
    "or in short, of a single one": (
        with_condition("or: '{{ a }}'\nalias: x\n"),
        with_condition("condition: or\nalias: x\nconditions: ['{{ a }}']\n"),
    ),
    "not in short": (
        with_condition("not: [{condition: trigger, id: x}]\n"),
        with_condition("condition: not\nconditions: [{condition: trigger, id: x}]\n"),
    ),
    "a list of conditions": (
        with_condition("condition: ['{{ a }}', '{{ b }}']\n"),
        with_condition("condition: and\nconditions: ['{{ a }}', '{{ b }}']\n"),
    ),
    "a template as a condition": (
        f"- id: a\n{TRIGGERS}  conditions: '{{{{ a }}}}'\n{ACTIONS}",
        with_condition("condition: template\nvalue_template: '{{ a }}'\n"),
    ),
    "a template as a step": (
        with_step("condition: '{{ a }}'\n"),
        with_step("condition: template\nvalue_template: '{{ a }}'\n"),
    ),
    "service and action": (with_step("service: a.b\n"), with_step("action: a.b\n")),
    "service_template": (with_step("service_template: '{{ x }}'\n"), with_step("action: '{{ x }}'\n")),
    "data_template": (
        with_step("service: a.b\ndata_template: {m: '{{ x }}'}\n"),
        with_step("action: a.b\ndata: {m: '{{ x }}'}\n"),
    ),
    "data and data_template": (
        with_step("service: a.b\ndata: {n: 1, m: 2}\ndata_template: {m: '{{ x }}'}\n"),
        with_step("action: a.b\ndata: {n: 1, m: '{{ x }}'}\n"),
    ),
    "entity_id beside service": (
        with_step("service: a.b\nentity_id: light.a, Light.B\nmetadata: {}\n"),
        with_step("action: a.b\ntarget: {entity_id: [light.a, light.b]}\n"),
    ),
    "event_data_template": (
        with_step("event: bell\nevent_data_template: {a: '{{ x }}'}\n"),
        with_step("event: bell\nevent_data: {a: '{{ x }}'}\n"),
    ),
    "a delay as a clock": (with_step("delay: '00:00:05'\n"), with_step("delay: {seconds: 5}\n")),
    "a choose of one": (
        with_step("choose:\n  conditions: '{{ a }}'\n  sequence: {delay: 1}\ndefault: {delay: 2}\n"),
        with_step(
            "choose:\n  - conditions: ['{{ a }}']\n    sequence: [{delay: 1}]\ndefault: [{delay: 2}]\n",
        ),
    ),
    "an if of one": (
        with_step("if: '{{ a }}'\nthen: {delay: 1}\nelse: {service: a.b}\n"),
        with_step("if: ['{{ a }}']\nthen: [{delay: 1}]\nelse: [{action: a.b}]\n"),
    ),
    "a parallel of steps and lists": (
        with_step("parallel:\n  - service: a.b\n  - [{delay: 1}, {delay: 2}]\n"),
        with_step("parallel:\n  - sequence: [{action: a.b}]\n  - sequence: [{delay: 1}, {delay: 2}]\n"),
    ),
    "a repeat with one condition": (
        with_step("repeat: {while: '{{ a }}', sequence: {service: a.b}}\n"),
        with_step("repeat: {while: ['{{ a }}'], sequence: [{action: a.b}]}\n"),
    ),
    "a wait for one trigger": (
        with_step("wait_for_trigger: {platform: event, event_type: x}\n"),
        with_step("wait_for_trigger: [{trigger: event, event_type: x}]\n"),
    ),
    "words for true and false": (
        with_step("service: a.b\nenabled: off\ncontinue_on_error: yes\n"),
        with_step("action: a.b\nenabled: false\ncontinue_on_error: true\n"),
    ),
    "keys of Home Assistant's pages": (
        f"- id: a\n  hide_entity: true\n{TRIGGERS}{ACTIONS}",
        f"- id: a\n{TRIGGERS}{ACTIONS}",
    ),
}


@pytest.mark.parametrize(("old", "new"), RULES.values(), ids=RULES.keys())
def test_both_spellings_are_the_same_rule(old: str, new: str, tmp_path: Path) -> None:
    assert one(tmp_path, old) == one(tmp_path, new)


SAME_CONTENT = (
    "trigger and triggers",
    "platform and trigger",
    "service and action",
    "and in short",
    "a choose of one",
)


@pytest.mark.parametrize("name", SAME_CONTENT)
def test_changing_only_the_words_does_not_change_the_version(name: str, tmp_path: Path) -> None:
    old, new = RULES[name]
    assert one(tmp_path, old).version == one(tmp_path, new).version


BOTH = {
    "trigger and platform": (
        with_trigger("trigger: event\nplatform: event\nevent_type: x\n"),
        "automations/r.yaml:5:7: rule 'a': `platform` is the old word for `trigger`; write one of them",
    ),
    "action and service": (
        with_step("action: a.b\nservice: a.b\n"),
        "automations/r.yaml:6:7: rule 'a': `service` is the old word for `action`; write one of them",
    ),
    "triggers and trigger": (
        f"- id: a\n{TRIGGERS}  trigger: []\n{ACTIONS}",
        "automations/r.yaml:3:3: rule 'a': `trigger` is the old word for `triggers`; write one of them",
    ),
    "data that cannot be joined": (
        with_step("action: a.b\ndata: '{{ x }}'\ndata_template: {m: 1}\n"),
        (
            "automations/r.yaml:7:22: rule 'a', actions/0: `data` and `data_template` cannot be joined; "
            "write one `data`"
        ),
    ),
}


@pytest.mark.parametrize(("text", "error"), BOTH.values(), ids=BOTH.keys())
def test_both_words_at_once_are_an_error(text: str, error: str, tmp_path: Path) -> None:
    assert errors(read(tmp_path, text)) == [error]
