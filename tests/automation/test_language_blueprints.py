"""Blueprints: one file of the integrator, filled in by each site, with errors on the side that made them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from rule_reading import RULES, errors, read_files, template

from hub.automation.language import Loaded
from hub.automation.language.model import Call, Delay, NumericTrigger

FILE = "blueprints/automation/low.yaml"
BLUEPRINT = """\
blueprint:
  name: Low balance
  domain: automation
  author: An integrator
  homeassistant: {min_version: 2024.6.0}
  input:
    balance:
      name: The balance
      selector: {entity: {domain: sensor}}
    more:
      name: Rarely changed
      collapsed: true
      input:
        bound:
          default: 100
          selector: {number: {min: 0, max: 500}}
        then:
          default: []
          selector: {action: }
variables: {bound: !input bound}
trigger:
  - platform: numeric_state
    entity_id: !input balance
    below: !input bound
action:
  - service: notify.staff
    data: {message: "{{ bound }}"}
  - sequence: !input then
"""


def use(folder: Path, given: str, blueprint: str = BLUEPRINT, beside: str = "") -> Loaded:
    """A rule that uses the blueprint with some inputs, and other keys beside it."""
    rule = f"- id: low\n  use_blueprint:\n    path: low.yaml\n    input: {given}\n{beside}"
    return read_files(folder, {RULES: rule, FILE: blueprint})


def test_a_blueprint_is_filled_in(tmp_path: Path) -> None:
    loaded = use(tmp_path, "{balance: sensor.noodles, bound: 50.5, then: [{delay: 1}]}")
    assert errors(loaded) == []
    [rule] = loaded.rules
    [trigger] = rule.triggers
    assert isinstance(trigger, NumericTrigger)
    assert trigger.targets.selector.entity_ids == ("sensor.noodles",)
    assert trigger.below == Decimal("50.5")
    call, sequence = rule.actions
    assert isinstance(call, Call)
    assert call.data == {"message": template("{{ bound }}")}
    assert [step.path for step in getattr(sequence, "sequence", ())] == ["actions/1/sequence/0"]
    assert (rule.blueprint, rule.variables) == ("low.yaml", {"bound": Decimal("50.5")})


def test_what_is_not_given_has_its_default(tmp_path: Path) -> None:
    [rule] = use(tmp_path, "{balance: sensor.noodles}").rules
    assert rule.variables == {"bound": 100}


def test_the_keys_of_the_rule_win(tmp_path: Path) -> None:
    [rule] = use(tmp_path, "{balance: sensor.a}", beside="  alias: Ours\n  action: [{delay: 1}]\n").rules
    assert rule.alias == "Ours"
    assert [type(step) for step in rule.actions] == [Delay]


def test_one_blueprint_serves_many_rules(tmp_path: Path) -> None:
    rules = "".join(
        f"- id: low_{n}\n  use_blueprint: {{path: low.yaml, input: {{balance: sensor.s{n}}}}}\n" for n in range(3)
    )
    loaded = read_files(tmp_path, {RULES: rules, FILE: BLUEPRINT})
    assert [rule.id for rule in loaded.rules] == ["low_0", "low_1", "low_2"]
    assert len({rule.version for rule in loaded.rules}) == 3


USE = "automations/r.yaml:{}: rule 'low', use_blueprint: "
MISTAKES = {
    "an input is missing": ("{}", "3:5", "the blueprint needs the input `balance` (The balance)"),
    "an input that does not exist": (
        "{balance: sensor.a, bonud: 3}",
        "4:32",
        "the blueprint has no input 'bonud'. Did you mean 'bound'?",
    ),
    "an entity of another domain": (
        "{balance: light.a}",
        "4:22",
        "the input `balance` takes an entity of sensor, got 'light.a'",
    ),
    "several entities": (
        "{balance: [sensor.a]}",
        "4:22",
        "the input `balance` takes one entity, got a list; the blueprint allows several with `multiple: true`",
    ),
    "a number that is a text": (
        "{balance: sensor.a, bound: low}",
        "4:39",
        "the input `bound` takes a number, got 'low'",
    ),
    "a number too large": (
        "{balance: sensor.a, bound: 501}",
        "4:39",
        "the input `bound` takes 500 or less, got 501",
    ),
}


@pytest.mark.parametrize(("given", "place", "error"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_the_inputs_is_told_at_the_rule(given: str, place: str, error: str, tmp_path: Path) -> None:
    assert errors(use(tmp_path, given)) == [USE.format(place) + error]


TYPES = {
    "boolean": ("{boolean: }", "true", "'yes'", "takes true or false, got 'yes'"),
    "text": ("{text: }", "x", "5", "takes a text, got 5; put it in quotes"),
    "select": ("{select: {options: [red, {value: blue}]}}", "blue", "rad", "takes one of red, blue, got 'rad'."),
    "time": ("{time: }", "'07:30'", "sensor.a", "takes a time such as \"07:30:00\", got 'sensor.a'"),
    "duration": ("{duration: }", "{minutes: 5}", "soon", "'soon' is no duration"),
    "area": ("{area: }", "north", "[north]", "takes a text, got a list"),
    "many labels": ("{label: {multiple: true}}", "[a, b]", "[a, 5]", "takes a text, got 5"),
    "many entities": (
        "{entity: {multiple: true, filter: [{domain: [sensor, switch]}]}}",
        "[sensor.a, switch.b]",
        "[sensor.a, light.b]",
        "takes an entity of sensor or switch, got 'light.b'",
    ),
}


@pytest.mark.parametrize(("selector", "right", "wrong", "error"), TYPES.values(), ids=TYPES.keys())
def test_an_input_has_a_type(selector: str, right: str, wrong: str, error: str, tmp_path: Path) -> None:
    blueprint = (
        f"blueprint:\n  name: x\n  domain: automation\n  input: {{x: {{selector: {selector}}}}}\n"
        "triggers: [{trigger: event, event_type: a}]\nactions: [{variables: {v: !input x}}]\n"
    )
    assert errors(use(tmp_path, f"{{x: {right}}}", blueprint)) == []
    [told] = errors(use(tmp_path, f"{{x: {wrong}}}", blueprint))
    assert told.startswith(USE.format(told.split(": ")[0].split("yaml:")[1]) + f"the input `x` {error}")


def test_a_value_that_does_not_fit_where_the_blueprint_puts_it_is_told_at_the_rule(tmp_path: Path) -> None:
    loaded = use(tmp_path, "{balance: sensor.a, then: [{delay: soon}]}")
    assert [error.split(": `delay`")[0] for error in errors(loaded)] == [
        "automations/r.yaml:4:47: rule 'low', actions/1/sequence/0"
    ]


BROKEN = {
    "an unknown key": (
        BLUEPRINT.replace("below:", "belw:"),
        [
            f"{FILE}:22:5: rule 'low', triggers/0: `above` or `below` or `at_or_above` or `at_or_below` is missing",
            f"{FILE}:24:5: rule 'low', triggers/0: unknown key 'belw'. Did you mean 'below'?",
        ],
    ),
    "an input that it does not define": (
        BLUEPRINT.replace("!input then", "!input than"),
        [
            (
                f"{FILE}:28:15: rule 'low': blueprint low.yaml: there is no input 'than' in this blueprint. "
                "Did you mean 'then'?"
            )
        ],
    ),
    "a tag that it may not have": (
        BLUEPRINT.replace("author: An integrator", "author: !secret name"),
        [f"{FILE}:4:11: rule 'low': blueprint low.yaml: unknown tag '!secret'; there are !input."],
    ),
    "another domain": (
        BLUEPRINT.replace("domain: automation", "domain: script"),
        [
            (
                f"{FILE}:3:11: rule 'low': blueprint low.yaml: its domain is 'script', "
                "and here a blueprint of 'automation' is needed"
            )
        ],
    ),
    "no head": (
        "triggers: []\n",
        [
            (
                f"{FILE}:1:1: rule 'low': blueprint low.yaml: the section `blueprint` with name, domain and input "
                "is missing"
            )
        ],
    ),
}


@pytest.mark.parametrize(("blueprint", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_mistake_of_the_blueprint_is_told_in_the_blueprint(
    blueprint: str, told: list[str], tmp_path: Path
) -> None:
    assert errors(use(tmp_path, "{balance: sensor.a}", blueprint)) == told


PATHS = {
    "misspelled": (
        "lwo.yaml",
        "there is no blueprint 'lwo.yaml' in blueprints/automation. Did you mean 'low.yaml'?",
    ),
    "outside": ("../../hub.yaml", "the blueprint '../../hub.yaml' leads outside blueprints/automation"),
}


@pytest.mark.parametrize(("path", "error"), PATHS.values(), ids=PATHS.keys())
def test_a_blueprint_that_is_not_there(path: str, error: str, tmp_path: Path) -> None:
    rule = f"- id: low\n  use_blueprint: {{path: {path}}}\n"
    loaded = read_files(tmp_path, {RULES: rule, FILE: BLUEPRINT})
    assert errors(loaded) == [f"automations/r.yaml:2:25: rule 'low', use_blueprint: {error}"]


def test_a_script_can_use_a_blueprint(tmp_path: Path) -> None:
    blueprint = (
        "blueprint: {name: x, domain: script, input: {who: }}\nsequence: [{action: a.b, data: {who: !input who}}]\n"
    )
    loaded = read_files(
        tmp_path,
        {
            "blueprints/script/s.yaml": blueprint,
            "scripts.yaml": "ring: {use_blueprint: {path: s.yaml, input: {who: Li}}}\n",
        },
    )
    [script] = loaded.scripts
    [call] = script.sequence
    assert isinstance(call, Call)
    assert call.data == {"who": "Li"}
