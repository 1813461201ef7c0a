"""A site's rules and scripts: where they are read from, what a broken one does, what they are pinned to."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_reading import (
    ACTIONS,
    TRIGGERS,
    errors,
    one,
    read,
    read_files,
    with_condition,
    with_step,
    with_trigger,
)
from test_language_conditions import CONDITIONS
from test_language_steps import STEPS
from test_language_triggers import TRIGGERS as TRIGGER_CASES

from hub.automation.language import load_rules_file, rule_from_content, script_from_content
from hub.automation.language.model import Delay, RunLimit, ScriptField, SetVariables
from hub.core.codec import decode, encode


def rule(name: str) -> str:
    """A small rule with an id."""
    return f"- id: {name}\n{TRIGGERS}{ACTIONS}"


SCRIPTS = """\
ring:
  alias: Ring the bell
  icon: mdi:bell
  mode: queued
  max: 3
  fields:
    who: {name: Who, description: Whom to ring for, required: true, example: Li, selector: {text: }}
    times: {default: 2, advanced: true}
  sequence: {delay: 1}
"""


def test_rules_come_from_all_files(tmp_path: Path) -> None:
    files = {
        "automations.yaml": rule("a"),
        "automations/b.yaml": rule("b") + rule("c"),
        "automations/one.yaml": rule("d").replace("- id", "id").replace("\n  ", "\n"),
        "automations/empty.yaml": "",
        "automations/notes.txt": "not: read",
        "scripts.yaml": SCRIPTS,
    }
    loaded = read_files(tmp_path, files)
    assert [rule.id for rule in loaded.rules] == ["a", "b", "c", "d"]
    assert [script.id for script in loaded.scripts] == ["ring"]
    assert loaded.invalid == ()


def test_a_file_of_both_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "both.yaml"
    file.write_text(f"automation:\n{rule('a')}script:\n  ring: {{sequence: []}}\n")
    loaded = load_rules_file(file)
    assert [each.id for each in (*loaded.rules, *loaded.scripts)] == ["a", "ring"]


def test_a_broken_rule_stops_nobody(tmp_path: Path) -> None:
    loaded = read(tmp_path, rule("a") + "- id: broken\n  trigers: []\n" + rule("c"))
    assert [rule.id for rule in loaded.rules] == ["a", "c"]
    [invalid] = loaded.invalid
    assert invalid.id == "broken"
    assert len(invalid.errors) == 3


def test_a_broken_file_stops_no_other_file(tmp_path: Path) -> None:
    loaded = read_files(tmp_path, {"automations/a.yaml": "- id: [\n", "automations/b.yaml": rule("b")})
    assert [rule.id for rule in loaded.rules] == ["b"]
    assert [invalid.id for invalid in loaded.invalid] == ["automations/a.yaml"]
    assert errors(loaded)[0].startswith("automations/a.yaml:2:1: this is not YAML")


def test_an_id_belongs_to_the_first_rule_that_has_it(tmp_path: Path) -> None:
    loaded = read(tmp_path, rule("a") + rule("a"))
    assert len(loaded.rules) == 1
    [error] = errors(loaded)
    assert error == (
        "automations/r.yaml:4:7: rule 'a': the id 'a' is already that of the rule at automations/r.yaml:1:3; "
        "give one of them another id"
    )


def test_a_rule_without_an_id_is_named_by_its_alias(tmp_path: Path) -> None:
    nameless = f"- alias: Ring the Bell!\n{TRIGGERS}{ACTIONS}"
    loaded = read(tmp_path, nameless + nameless + nameless.replace("Ring the Bell!", "响铃"))
    ids = [rule.id for rule in loaded.rules]
    assert ids[:2] == ["ring_the_bell", "ring_the_bell_2"]
    assert ids[2] == f"rule_{loaded.rules[2].version[:8]}"


def test_the_settings_of_a_rule(tmp_path: Path) -> None:
    settings = (
        "  alias: A\n  description: B\n  mode: queued\n  max: 3\n  max_exceeded: SILENT\n  initial_state: off\n"
        "  variables: {a: 1}\n  trigger_variables: {b: 2}\n  trace: {stored_traces: 9}\n  run_per: entity\n"
        "  on_restart: ask\n  catch_up: 1 h\n  max_late: 00:05:00\n  max_runs_per: {minute: 30}\n"
    )
    rule = one(tmp_path, f"- id: a\n{settings}{TRIGGERS}{ACTIONS}")
    assert (rule.alias, rule.description, rule.mode, rule.max, rule.max_exceeded) == (
        "A",
        "B",
        "queued",
        3,
        "silent",
    )
    assert (rule.initial_state, rule.variables, rule.trigger_variables) == (False, {"a": 1}, {"b": 2})
    assert (rule.stored_traces, rule.run_per, rule.on_restart) == (9, "entity", "ask")
    assert (rule.catch_up_s, rule.max_late_s, rule.max_runs_per) == (3600, 300, RunLimit(30, 60))


def test_a_script_with_its_fields(tmp_path: Path) -> None:
    [script] = read_files(tmp_path, {"scripts.yaml": SCRIPTS}).scripts
    assert (script.id, script.alias, script.mode, script.max) == ("ring", "Ring the bell", "queued", 3)
    assert [type(step) for step in script.sequence] == [Delay]
    assert script.fields == (
        ScriptField(
            key="who",
            name="Who",
            description="Whom to ring for",
            is_required=True,
            example="Li",
            selector={"text": None},
        ),
        ScriptField(key="times", default=2),
    )


BAD_SCRIPTS = {
    "no sequence": ("ring: {alias: x}\n", "1:7: script 'ring': `sequence` is missing"),
    "not a mapping": ("ring: 5\n", "1:1: script 'ring': a script is a mapping with a sequence, got 5"),
    "a name of all scripts": (
        "reload: {sequence: []}\n",
        "1:1: script 'reload': 'reload' is an action on all scripts; give the script another name",
    ),
    "a name with a blank": (
        "ring it: {sequence: []}\n",
        (
            "1:1: script 'ring it': expected a name of a-z, 0-9 and _, such as north_wing_2, got 'ring it'. "
            "Did you mean 'ring_it'?"
        ),
    ),
    "a list": (
        "- ring\n",
        "1:1: scripts are a mapping; start each with its name, `ring_the_bell:`; got a list",
    ),
}


@pytest.mark.parametrize(("text", "error"), BAD_SCRIPTS.values(), ids=BAD_SCRIPTS.keys())
def test_a_mistake_in_a_script_is_told(text: str, error: str, tmp_path: Path) -> None:
    assert errors(read_files(tmp_path, {"scripts.yaml": text})) == [f"scripts.yaml:{error}"]


PROVIDERS = ("webhook", "mqtt", "calendar", "sun")
WHOLE = {
    **{f"trigger: {name}": with_trigger(text) for name, (text, _) in TRIGGER_CASES.items()},
    **{f"condition: {name}": with_condition(text) for name, (text, _) in CONDITIONS.items()},
    **{f"step: {name}": with_step(text) for name, (text, _) in STEPS.items()},
}


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE.keys())
def test_a_rule_can_be_made_again_from_what_a_run_is_pinned_to(text: str, tmp_path: Path) -> None:
    rule = one(tmp_path, text, PROVIDERS)
    kept = decode(encode(rule.content))
    again = rule_from_content(kept, rule_id=rule.id, providers=PROVIDERS)
    assert again == rule
    assert again.version == rule.version


def test_a_script_can_be_made_again_too(tmp_path: Path) -> None:
    [script] = read_files(tmp_path, {"scripts.yaml": SCRIPTS}).scripts
    kept = decode(encode(script.content))
    assert script_from_content(kept, script_id="ring") == script


def test_variables_keep_their_order_in_what_a_run_is_pinned_to(tmp_path: Path) -> None:
    text = with_step("variables: {b: 1, a: '{{ b }}'}\n")
    first, turned = one(tmp_path, text), one(tmp_path, text.replace("b: 1, a: '{{ b }}'", "a: '{{ b }}', b: 1"))
    [step] = rule_from_content(first.content, rule_id="a").actions
    assert isinstance(step, SetVariables)
    assert list(step.variables) == ["b", "a"]
    assert first.version != turned.version


def test_the_version_changes_with_the_rule_and_not_with_its_place(tmp_path: Path) -> None:
    first = one(tmp_path, rule("a"))
    moved = one(tmp_path, f"\n\n# moved\n{rule('a')}")
    changed = one(tmp_path, rule("a").replace("delay: 1", "delay: 2"))
    assert first.mark != moved.mark
    assert first == moved
    assert first.version == moved.version != changed.version
