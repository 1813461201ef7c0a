"""The check of loaded rules: names that nobody has, calls that cannot be made, what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import voluptuous as vol
from rule_reading import TRIGGERS, read, read_files, with_condition, with_step, with_trigger

from hub.automation.language import Known, check
from hub.core.actions import Action, Call, Effect

NUMERIC = "trigger: numeric_state\nentity_id: sensor.a\n"


async def do_nothing(call: Call) -> None:
    """What the actions of these tests would do."""


def action(name: str, schema: dict[object, object] | None, returns: str | None = None) -> Action:
    """An action as the registry has it."""
    return Action(name, "test", Effect.LEVEL, "", name, schema, returns, do_nothing, 1.0)


ACTIONS = {
    each.name: each
    for each in (
        action(
            "notify.staff", {vol.Required("message"): vol.All(str, vol.Length(max=20)), vol.Optional("to"): str}
        ),
        action("meter.read", {vol.Required("entity_id"): object}, returns="its registers"),
        action("hub.stop", None),
    )
}
KNOWN = Known(entity_ids=("sensor.a", "sensor.b_balance"), actions=ACTIONS, areas=("north",), labels=("vip",))


def found(folder: Path, text: str, known: Known = KNOWN) -> list[str]:
    """What the check finds in one file of rules, which loads."""
    loaded = read(folder, text)
    assert not loaded.invalid, loaded.invalid
    return [str(each).removeprefix("automations/r.yaml:") for each in check(loaded, known)]


T, C, S = "rule 'a', triggers/0: ", "rule 'a', conditions/0: ", "rule 'a', actions/0: "
NAMES = {
    "an entity": (
        with_trigger("trigger: state\nentity_id: [sensor.a, sensor.aa]\n"),
        [f"4:7: warning: {T}there is no entity 'sensor.aa' now. Did you mean 'sensor.a'?"],
    ),
    "the entity of a bound": (
        with_trigger(NUMERIC + "below: sensor.b_balans\n"),
        [f"4:7: warning: {T}there is no entity 'sensor.b_balans' now. Did you mean 'sensor.b_balance'?"],
    ),
    "the entity of a time": (
        with_condition("condition: time\nafter: input_datetime.x\n"),
        [f"5:7: warning: {C}there is no entity 'input_datetime.x' now."],
    ),
    "the entity of a time trigger": (
        with_trigger("trigger: time\nat: input_datetime.x\n"),
        [f"4:7: warning: {T}there is no entity 'input_datetime.x' now."],
    ),
    "the entity of a target": (
        with_step("action: meter.read\ntarget: {entity_id: [sensor.bb, 'sensor.*']}\n"),
        [f"5:7: warning: {S}there is no entity 'sensor.bb' now. Did you mean 'sensor.a'?"],
    ),
    "an entity in a template": (
        with_condition("condition: template\nvalue_template: |\n  {{ 1 }}\n  {{ states('sensor.c') }}\n"),
        [
            (
                f"6:23: warning: {C}line 2 of the template: there is no entity 'sensor.c' now. "
                "Did you mean 'sensor.a'?"
            )
        ],
    ),
    "a glob, an area, a label": (
        with_trigger("trigger: state\ntarget: {entity_id: 'light.*', area_id: nort, label_id: [vip, x]}\n"),
        [
            f"4:7: warning: {T}no entity fits 'light.*' now; one that comes later will count",
            f"4:7: warning: {T}there is no area 'nort' now. Did you mean 'north'?",
            f"4:7: warning: {T}there is no label 'x' now.",
        ],
    ),
    "an action": (
        with_step("action: notify.stafff\n"),
        [f"5:7: error: {S}there is no action 'notify.stafff'. Did you mean 'notify.staff'?"],
    ),
    "an action deep inside": (
        with_step(
            "if: []\nthen:\n  - parallel:\n      - wait_for_trigger: {trigger: event, event_type: x}\n"
            "        after_arming: {action: a.b}\n"
        ),
        [
            (
                "9:29: error: rule 'a', actions/0/then/0/parallel/0/sequence/0/after_arming/0: "
                "there is no action 'a.b'. See `hub action list`."
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "told"), NAMES.values(), ids=NAMES.keys())
def test_a_name_that_nobody_has_is_found(text: str, told: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, text) == told


@pytest.mark.parametrize("text", [text for text, _ in NAMES.values()], ids=NAMES.keys())
def test_nothing_is_said_of_what_is_not_known(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, text, Known()) == []


DATA = f"{S[:-2]}: data of notify.staff"
CALLS = {
    "right": ("action: notify.staff\ndata: {message: hello}\n", []),
    "right, as far as it is known": ("action: notify.staff\ndata: {message: '{{ x }}', to: Li}\n", []),
    "all of it a template": ("action: notify.staff\ndata: '{{ x }}'\n", []),
    "a name that is a template": ("action: '{{ x }}'\ndata: {a: 1}\n", []),
    "a target": ("action: meter.read\ntarget: {entity_id: sensor.a}\nresponse_variable: r\n", []),
    "no schema": ("action: hub.stop\ndata: {a: 1}\n", []),
    "a missing field": ("action: notify.staff\n", [f"5:7: error: {DATA}: missing key 'message'"]),
    "an unknown field": (
        "action: notify.staff\ndata: {message: x, too: y}\n",
        [f"6:26: error: {DATA}: unknown key 'too'. Did you mean 'to'?"],
    ),
    "a wrong type": (
        "action: notify.staff\ndata:\n  message: '{{ x }}'\n  to: 5\n",
        [f"8:13: error: {DATA} at to: expected a text, got 5; put it in quotes"],
    ),
    "a target that it does not take": (
        "action: notify.staff\ndata: {message: x}\ntarget: {entity_id: sensor.a}\n",
        [f"7:16: error: {DATA}: unknown key 'entity_id'. Known keys: message, to."],
    ),
    "a response that it does not give": (
        "action: notify.staff\ndata: {message: x}\nresponse_variable: r\n",
        [
            (
                f"5:7: error: {S}the action 'notify.staff' returns nothing, so `response_variable` would "
                "stay empty; leave it out"
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "told"), CALLS.values(), ids=CALLS.keys())
def test_the_data_of_a_call_is_checked_as_far_as_it_is_known(text: str, told: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, with_step(text)) == told


def test_a_call_of_a_script_gives_the_fields_it_needs(tmp_path: Path) -> None:
    script = "ring: {fields: {who: {required: true}, times: {required: true, default: 1}}, sequence: []}\n"
    steps = "".join(
        f"    - {{action: script.{each}}}\n" for each in ("ring, data: {who: x}", "ring", "rang", "turn_on")
    )
    files = {"scripts.yaml": script, "automations/r.yaml": f"- id: a\n{TRIGGERS}  actions:\n{steps}"}
    assert [each.error.message for each in check(read_files(tmp_path, files), KNOWN)] == [
        "rule 'a', actions/1: the script 'ring' needs the field 'who', and the call does not give it",
        "rule 'a', actions/2: there is no action 'script.rang'. Did you mean 'script.ring'?",
    ]


def with_setting(settings: str) -> str:
    """A rule with some settings."""
    return f"- id: a\n  {settings}\n{TRIGGERS}  actions: [{{delay: 1}}]\n"


SENSE = {
    "max without effect": (
        with_setting("max: 3"),
        ["1:3: warning: rule 'a': `max` changes nothing in mode single; it is for queued and parallel"],
    ),
    "max with effect": (with_setting("max: 3\n  mode: queued"), []),
    "run_per without effect": (
        with_setting("run_per: entity"),
        ["1:3: warning: rule 'a': `run_per: entity` changes nothing, since no trigger is about entities"],
    ),
    "no actions": (
        f"- id: a\n{TRIGGERS}  actions: []\n",
        ["1:3: warning: rule 'a': `actions` is empty, so a run does nothing"],
    ),
    "bounds that meet": (
        with_trigger(NUMERIC + "above: 5\nat_or_below: 5.0\n"),
        [f"4:7: error: {T}no number fits these bounds: they meet in one number, and it is left out"],
    ),
    "bounds that meet in a number": (with_trigger(NUMERIC + "at_or_above: 5\nat_or_below: 5\n"), []),
    "the id of no trigger": (
        with_condition("condition: trigger\nid: bel\n").replace("event_type: bell", "event_type: b, id: bell"),
        [f"5:7: warning: {C}no trigger has the id 'bel', so this never passes. Did you mean 'bell'?"],
    ),
    "a step after stop": (
        with_step("sequence: [{stop: x}, {delay: 1}]\n"),
        [
            (
                "5:29: warning: rule 'a', actions/0/sequence/1: this step is never reached: "
                "actions/0/sequence/0 stops the run"
            )
        ],
    ),
    "a step after a stop that is off": (with_step("sequence: [{stop: x, enabled: false}, {delay: 1}]\n"), []),
    "an option that takes all": (
        with_step("choose:\n  - {conditions: [], sequence: []}\n  - {conditions: [], sequence: []}\n"),
        [
            (
                "6:11: warning: rule 'a', actions/0/choose/0: this option has no conditions, "
                "so those after it are never reached"
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "told"), SENSE.values(), ids=SENSE.keys())
def test_what_cannot_be_meant_is_found(text: str, told: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, text) == told
