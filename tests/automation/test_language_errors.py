"""Each mistake has its text and its place; all of a rule are told at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_reading import ACTIONS, TRIGGERS, errors, read, read_files, with_condition, with_step, with_trigger

STATE = "trigger: state\nentity_id: sensor.a\n"
NUMERIC = "trigger: numeric_state\nentity_id: sensor.a\n"
A_TRIGGER, A_CONDITION, A_STEP = "rule 'a', triggers/0: ", "rule 'a', conditions/0: ", "rule 'a', actions/0: "

ERRORS = {
    "no triggers": (
        f"- id: a\n{ACTIONS}",
        "1:3: rule 'a': `triggers` is missing; a rule without one never runs. What is only called is a script",
    ),
    "no actions": (f"- id: a\n{TRIGGERS}", "1:3: rule 'a': `actions` is missing"),
    "a key of no rule": (
        f"- id: a\n  acions: []\n{TRIGGERS}{ACTIONS}",
        "2:3: rule 'a': unknown key 'acions'. Did you mean 'actions'?",
    ),
    "a rule that is a text": ("- low\n", "1:3: a rule is a mapping with triggers and actions, got 'low'"),
    "a file that is a text": ("low\n", "1:1: a file of rules is a list; start each rule with `- id:`; got 'low'"),
    "a threshold without an id": (
        f"- alias: Low\n  triggers: [{{trigger: numeric_state, entity_id: sensor.a, below: 1}}]\n{ACTIONS}",
        "1:3: rule 'Low': `id` is missing; a rule with a threshold needs one, since its latches are kept under it",
    ),
    "an unknown mode": (
        f"- id: a\n  mode: quewed\n{TRIGGERS}{ACTIONS}",
        ("2:9: rule 'a': `mode` is one of single, restart, queued, parallel, got 'quewed'. Did you mean 'queued'?"),
    ),
    "max of nothing": (
        f"- id: a\n  mode: queued\n  max: 0\n{TRIGGERS}{ACTIONS}",
        "3:8: rule 'a': `max` must be a whole number of at least 1, got 0",
    ),
    "a limit in years": (
        f"- id: a\n  max_runs_per: {{year: 3}}\n{TRIGGERS}{ACTIONS}",
        ("2:17: rule 'a': `max_runs_per` is a mapping such as {minute: 30} with one of second, minute, hour, day"),
    ),
    "a variable that cannot be named": (
        f"- id: a\n  variables: {{a-b: 3}}\n{TRIGGERS}{ACTIONS}",
        "2:15: rule 'a': 'a-b' cannot name a variable; use letters, digits and _",
    ),
    "an empty key": (
        with_trigger(STATE + "for:\n"),
        f"6:11: {A_TRIGGER}`for` is empty; write a value or leave the key out",
    ),
    "a trigger without its kind": (
        with_trigger("entity_id: sensor.a\n"),
        (
            f"4:7: {A_TRIGGER}the key `trigger` is missing; it says the kind: state, numeric_state, template, "
            "event, time, time_pattern, hub, homeassistant, webhook, mqtt, calendar, sun"
        ),
    ),
    "a trigger that is a text": (
        f"- id: a\n  triggers: state\n{ACTIONS}",
        f"2:13: {A_TRIGGER}a trigger is a mapping such as `trigger: state`, got 'state'",
    ),
    "an unknown trigger": (
        with_trigger("trigger: numeric_sate\n"),
        f"4:16: {A_TRIGGER}unknown trigger 'numeric_sate'. Did you mean 'numeric_state'?",
    ),
    "a key of no trigger": (
        with_trigger(NUMERIC + "below: 1\nbelw: 2\n"),
        f"7:7: {A_TRIGGER}unknown key 'belw'. Did you mean 'below'?",
    ),
    "no entity": (with_trigger("trigger: state\n"), f"4:7: {A_TRIGGER}`entity_id` or `target` is missing"),
    "an entity id with a blank": (
        with_trigger("trigger: state\nentity_id: [sensor.b, sensor.the hall]\n"),
        (
            f"5:29: {A_TRIGGER}expected an entity id such as sensor.north_wing, got 'sensor.the hall'. "
            "Did you mean 'sensor.the_hall'?"
        ),
    ),
    "an entity by its registry id": (
        with_trigger("trigger: state\nentity_id: 0123456789abcdef0123456789abcdef\n"),
        (
            f"5:18: {A_TRIGGER}'0123456789abcdef0123456789abcdef' is an id of Home Assistant's entity registry; "
            "write the entity id, such as sensor.hall"
        ),
    ),
    "an entity by a template": (
        with_trigger("trigger: state\nentity_id: '{{ x }}'\n"),
        (
            f"5:18: {A_TRIGGER}the entities of a trigger or condition cannot be a template; "
            "use a glob, an area or a label"
        ),
    ),
    "entities in two places": (
        with_trigger(STATE + "target: {area_id: x}\n"),
        f"5:18: {A_TRIGGER}write the entities under `target`, not beside it too",
    ),
    "a floor": (
        with_trigger("trigger: state\ntarget: {floor_id: x, area_id: y}\n"),
        (
            "5:26: rule 'a', triggers/0/target: `floor_id` does not exist here; "
            "name an area that holds the entities, or a label"
        ),
    ),
    "only without an area": (
        with_trigger("trigger: state\ntarget: {entity_id: sensor.a, only: sensor.*}\n"),
        (
            "5:43: rule 'a', triggers/0/target: `only` narrows areas and labels, and there are none; "
            "write the globs as entity_id"
        ),
    ),
    "a state that is a number": (
        with_trigger(STATE + "to: 5\n"),
        f"6:11: {A_TRIGGER}`to`: a state is a text; put 5 in quotes",
    ),
    "to and not_to": (
        with_trigger(STATE + "to: a\nnot_to: b\n"),
        f"7:15: {A_TRIGGER}`to` and `not_to` say the same twice; write one of them",
    ),
    "no bound": (
        with_trigger(NUMERIC),
        f"4:7: {A_TRIGGER}`above` or `below` or `at_or_above` or `at_or_below` is missing",
    ),
    "a bound that is a word": (
        with_trigger(NUMERIC + "below: low\n"),
        f"6:14: {A_TRIGGER}`below` must be a number or the id of an entity that holds one, got 'low'",
    ),
    "two bounds on one side": (
        with_trigger(NUMERIC + "below: 1\nat_or_below: 1\n"),
        f"7:20: {A_TRIGGER}`below` and `at_or_below` are two bounds on the same side; write one of them",
    ),
    "bounds that contradict": (
        with_trigger(NUMERIC + "above: 20\nbelow: 10\n"),
        (f"7:14: {A_TRIGGER}no number is above 20 and below 10 at once; write two triggers or conditions instead"),
    ),
    "a reset on the wrong side": (
        with_trigger(NUMERIC + "below: 100\nreset_above: 99.99\n"),
        f"7:20: {A_TRIGGER}`reset_above: 99.99` lies below the bound 100, so it resets nothing; write 100 or more",
    ),
    "a low reset on the wrong side": (
        with_trigger(NUMERIC + "above: 100\nreset_below: 101\n"),
        f"7:20: {A_TRIGGER}`reset_below: 101` lies above the bound 100, so it resets nothing; write 100 or less",
    ),
    "a reset without its bound": (
        with_trigger(NUMERIC + "above: 1\nreset_above: 2\n"),
        f"7:20: {A_TRIGGER}`reset_above` goes with below or at_or_below, which is not there",
    ),
    "a negative for": (
        with_trigger(STATE + "for: '-00:05'\n"),
        f"6:12: {A_TRIGGER}`for`: a duration cannot be negative",
    ),
    "a unit that does not exist": (
        with_trigger(STATE + "for: {minuts: '{{ x }}'}\n"),
        (
            f"6:12: {A_TRIGGER}`for`: unknown unit 'minuts'; there are microseconds, milliseconds, seconds, "
            "minutes, hours, days, weeks. Did you mean 'minutes'?"
        ),
    ),
    "a time that is none": (
        with_trigger("trigger: time\nat: '25:00'\n"),
        (
            f'5:11: {A_TRIGGER}`at` must be a time such as "07:30" or "07:30:00", or an entity that holds one, '
            "got '25:00'"
        ),
    ),
    "a step of zero": (
        with_trigger("trigger: time_pattern\nminutes: /0\n"),
        f'5:16: {A_TRIGGER}`minutes` must be 0 to 59, "*", or a step such as "/5", got \'/0\'',
    ),
    "an hour too late": (
        with_trigger("trigger: time_pattern\nhours: 24\n"),
        f'5:14: {A_TRIGGER}`hours` must be 0 to 23, "*", or a step such as "/5", got 24',
    ),
    "a hub that wakes up": (
        with_trigger("trigger: homeassistant\nevent: wake\n"),
        f"5:14: {A_TRIGGER}`event` is one of start, shutdown, got 'wake'",
    ),
    "an unknown condition": (
        with_condition("condition: numeric\n"),
        f"5:18: {A_CONDITION}unknown condition 'numeric'. Did you mean 'numeric_state'?",
    ),
    "a condition that is a word": (
        f"- id: a\n{TRIGGERS}  conditions: night\n{ACTIONS}",
        (
            f"3:15: {A_CONDITION}a condition is a mapping such as `condition: state`, "
            "or a template such as \"{{ ... }}\", got 'night'"
        ),
    ),
    "a weekday in full": (
        with_condition("condition: time\nweekday: monday\n"),
        f"6:16: {A_CONDITION}`weekday` takes mon, tue, wed, thu, fri, sat, sun, got 'monday'. Did you mean 'mon'?",
    ),
    "a state that is missing": (
        with_condition("condition: state\nentity_id: sensor.a\n"),
        f"5:7: {A_CONDITION}`state` is missing",
    ),
    "a condition in a condition": (
        with_condition("or:\n  - condition: trigger\n"),
        "6:11: rule 'a', conditions/0/conditions/0: `id` is missing",
    ),
    "a step that is a template": (
        f"- id: a\n{TRIGGERS}  actions: ['{{{{ x }}}}']\n",
        (
            f"3:13: {A_STEP}a template that stands alone is no step; to go on only if it is true, "
            "write `condition:` before it"
        ),
    ),
    "a step without a deed": (
        with_step("alias: x\nactoin: a.b\n"),
        (
            f"5:7: {A_STEP}this step does nothing; it needs one of action, delay, wait_template, wait_for_trigger, "
            "condition, choose, if, repeat, parallel, sequence, variables, event, stop. Did you mean 'action'?"
        ),
    ),
    "a step with two deeds": (
        with_step("action: a.b\ndelay: 1\n"),
        (
            f"5:7: {A_STEP}a step does one thing, and this one has `action` and `delay`; "
            "write them as steps of their own"
        ),
    ),
    "an action that is no name": (
        with_step("action: notify\n"),
        f"5:15: {A_STEP}`action` is a name such as notify.staff, got 'notify'",
    ),
    "a key of no target": (
        with_step("action: a.b\ntarget: {entity: x}\n"),
        "6:16: rule 'a', actions/0/target: unknown key 'entity'. Did you mean 'entity_id'?",
    ),
    "data that is a list": (
        with_step("action: a.b\ndata: [1]\n"),
        f"6:13: {A_STEP}`data` must be a mapping, got a list",
    ),
    "a delay that is negative": (
        with_step("delay: -1\n"),
        f"5:14: {A_STEP}`delay`: a duration cannot be negative",
    ),
    "a template with an open brace": (
        with_step("action: a.b\ndata: {deep: [{m: '{{ x'}]}\n"),
        f"6:25: {A_STEP}line 1 of the template: unexpected end of template, expected 'end of print statement'.",
    ),
    "a wait for nothing": (
        with_step("wait_for_trigger: []\n"),
        f"5:25: {A_STEP}`wait_for_trigger` names no trigger; it would wait for ever",
    ),
    "an option without a sequence": (
        with_step("choose: [{conditions: []}]\n"),
        "5:16: rule 'a', actions/0/choose/0: `sequence` is missing",
    ),
    "an if without then": (with_step("if: []\n"), f"5:7: {A_STEP}`then` is missing"),
    "a repeat that says twice how often": (
        with_step("repeat: {count: 1, until: '{{ x }}', sequence: []}\n"),
        "5:33: rule 'a', actions/0/repeat: `count` and `until` say twice how often; write one of them",
    ),
    "a repeat without an end": (
        with_step("repeat: {sequence: []}\n"),
        "5:15: rule 'a', actions/0/repeat: `count` or `for_each` or `while` or `until` is missing",
    ),
    "a loop that nothing ends": (
        with_step("repeat: {until: [], sequence: []}\n"),
        "5:23: rule 'a', actions/0/repeat: `until` holds no condition, so nothing would end the loop",
    ),
    "a stop with an error and a response": (
        with_step("stop: x\nerror: true\nresponse_variable: y\n"),
        f"7:26: {A_STEP}a stop gives an error or a response, not both; leave one out",
    ),
    "infinity": (
        with_step("variables: {a: .inf}\n"),
        f"5:22: {A_STEP}`.inf` is no number that a rule can use",
    ),
}


@pytest.mark.parametrize(("text", "error"), ERRORS.values(), ids=ERRORS.keys())
def test_a_mistake_is_told_where_it_stands(text: str, error: str, tmp_path: Path) -> None:
    assert errors(read(tmp_path, text)) == [f"automations/r.yaml:{error}"]


def test_all_mistakes_of_a_rule_are_told_at_once(tmp_path: Path) -> None:
    text = """\
- id: low
  triggers:
    - {trigger: numeric_state, entity_id: sensor.a, below: x}
    - {trigger: zone, entity_id: person.a}
  conditions:
    - {condition: time}
  actions:
    - delay: soon
    - choose:
        - conditions: "{{ x"
          sequence: [{actoin: a.b}]
"""
    assert [error.split(": ", 2)[:2] for error in errors(read(tmp_path, text))] == [
        ["automations/r.yaml:3:60", "rule 'low', triggers/0"],
        ["automations/r.yaml:4:17", "rule 'low', triggers/1"],
        ["automations/r.yaml:6:7", "rule 'low', conditions/0"],
        ["automations/r.yaml:8:14", "rule 'low', actions/0"],
        ["automations/r.yaml:10:23", "rule 'low', actions/1/choose/0/conditions/0"],
        ["automations/r.yaml:11:22", "rule 'low', actions/1/choose/0/sequence/0"],
    ]


def test_a_secret_in_a_rule_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = with_step("action: a.b\ndata: {token: !secret key}\n")
    loaded = read_files(tmp_path, {"secrets.yaml": "key: hunter2secret\n", "automations/r.yaml": text})
    [error] = errors(loaded)
    assert error == (
        f"automations/r.yaml:6:21: {A_STEP}a secret does not belong in a rule, whose content is kept on disk "
        "and shown in traces; give it to the plugin that needs it, in hub.yaml"
    )
