"""Random steps of each kind, nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from draft import Draft, Yaml, jinja
from draft_conditions import condition, conditions
from draft_triggers import waited_for
from draft_words import READ_ACTION, claim, value

DEPTH_MAX = 3
Names = tuple[str, ...]

_TARGETS: tuple[Yaml, ...] = (
    {"entity_id": "light.a"},
    {"entity_id": ["light.a", "light.b"]},
    {"entity_id": "{{ ['light.a', 'light.c'] }}"},
    {"entity_id": "{{ 'light.' ~ states('switch.a') }}"},
    {"area_id": "hall"},
    {"device_id": "d1", "label_id": ["x", "y"]},
    {"entity_id": "light.a", "area_id": ["hall", "yard"]},
)


def steps(draft: Draft, names: Names, depth: int = 0, most: int = 4) -> list[Yaml]:
    """A sequence; there is a call in it, so that what goes on can be seen."""
    made: list[Yaml] = []
    for _ in range(draft.random.randint(1, most)):
        make = draft.pick(_LEAVES if depth >= DEPTH_MAX else _ALL)
        step, names = make(draft, names, depth)
        made.append(_with_options(draft, step))
        if draft.chance(0.4):
            made.append(call(draft, names))
    if not any("action" in step or "service" in step for step in made):
        made.append(call(draft, names))
    return made


def _with_options(draft: Draft, step: Yaml) -> Yaml:
    if draft.chance(0.04):
        draft.use("step: enabled")
        step["enabled"] = draft.pick((False, True, "{{ 1 == 2 }}"))
    if draft.chance(0.04):
        draft.use("step: alias")
        step["alias"] = "named"
    if draft.chance(0.05) and "condition" not in step and not {"and", "or", "not"} & set(step):
        draft.use("step: continue_on_error")
        step["continue_on_error"] = draft.pick((True, True, False))
    return step


def call(draft: Draft, names: Names) -> Yaml:
    """An action call, each with a name of its own."""
    draft.actions += 1
    key = draft.pick(("action", "action", "service"))
    name = f"test.call_{draft.actions}"
    if draft.chance(0.05):
        draft.use("call: name from a template")
        name = "test.call_" + jinja(draft.actions)
    step: Yaml = {key: name}
    if draft.chance(0.7):
        data = {name: value(draft, names) for name in draft.some(("v", "w", "x"), 3)}
        if draft.chance(0.1):
            draft.use("call: data_template")
            step["data_template"] = data
        else:
            draft.use("call: data")
            step["data"] = data
    if draft.chance(0.2):
        draft.use("call: target")
        step["target"] = draft.pick(_TARGETS)
    elif draft.chance(0.05):
        draft.use("call: entity_id")
        step["entity_id"] = draft.pick(("light.a", ["light.a", "light.b"]))
    draft.use(f"call: {key}")
    return step


def _call(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    return call(draft, names), names


def _read(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("call: response_variable")
    step: Yaml = {"action": READ_ACTION, "response_variable": "answer"}
    if draft.chance(0.3):
        draft.use("step: continue_on_error")
        step["continue_on_error"] = True
    return step, (*names, "answer.value | default('no value')", "answer | default('no answer')")


def _delay(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    return {"delay": 0 if draft.chance(0.05) else draft.duration("delay")}, names


def _timeout(draft: Draft, element: str) -> Yaml:
    made: Yaml = {}
    if draft.chance(0.8):
        draft.use(f"{element}: timeout")
        made["timeout"] = 0 if draft.chance(0.05) else draft.duration("timeout", 30)
        if draft.chance(0.4):
            draft.use(f"{element}: continue_on_timeout")
            made["continue_on_timeout"] = draft.pick((False, False, True))
    return made


_WAITED = ("wait.completed", "wait.remaining | round(3) if wait.remaining is not none else 'none'")


def _wait_template(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("wait_template")
    return {"wait_template": claim(draft), **_timeout(draft, "wait_template")}, (*names, *_WAITED)


def _wait_for_trigger(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("wait_for_trigger")
    step = {"wait_for_trigger": waited_for(draft), **_timeout(draft, "wait_for_trigger")}
    return step, (*names, *_WAITED, "wait.trigger.id if wait.trigger else 'none'")


def _event(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("event")
    step: Yaml = {"event": draft.own_event}
    if draft.chance(0.6):
        draft.use("event: event_data")
        step["event_data"] = {"n": value(draft, names), "who": "me"}
    return step, names


def _condition(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("condition as a step")
    return condition(draft), names


def _variables(draft: Draft, names: Names, _: int) -> tuple[Yaml, Names]:
    draft.use("variables")
    name = draft.pick(("p", "q"))
    step = {"variables": {name: value(draft, names), "total": "{{ (total | default(0)) + 1 }}"}}
    return step, (*names, f"{name} | default('unset')", "total | default(0)")


def _stop(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    draft.use("stop")
    step: Yaml = {"stop": "enough"}
    if draft.chance(0.3):
        draft.use("stop: error")
        step["error"] = True
    if depth:
        return step, names
    return {"if": conditions(draft), "then": [step]}, names


def _choose(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    draft.use("choose")
    options = [
        {"conditions": conditions(draft), "sequence": steps(draft, names, depth + 1, 2)}
        for _ in range(draft.pick((1, 2, 2, 3)))
    ]
    step: Yaml = {"choose": options if len(options) > 1 or draft.chance(0.5) else options[0]}
    if draft.chance(0.6):
        draft.use("choose: default")
        step["default"] = steps(draft, names, depth + 1, 2)
    return step, names


def _if(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    draft.use("if")
    step: Yaml = {"if": conditions(draft), "then": steps(draft, names, depth + 1, 2)}
    if draft.chance(0.5):
        draft.use("if: else")
        step["else"] = steps(draft, names, depth + 1, 2)
    return step, names


_ROUND = ("repeat.index", "repeat.first", "repeat.last | default('open')", "repeat.item | default('none')")


def _repeat(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    kind = draft.pick(("count", "for_each", "while", "until"))
    draft.use(f"repeat: {kind}")
    inner = steps(draft, (*names, *_ROUND), depth + 1, 2)
    made: Yaml = {"sequence": inner}
    if kind == "count":
        made["count"] = draft.pick((1, 2, 3, 0, "{{ 2 }}", "{{ states('input_number.limit') | int(0) // 10 }}"))
    elif kind == "for_each":
        made["for_each"] = draft.pick(
            (["a", "b"], [{"n": 1}, {"n": 2}], [], "{{ ['x', 1, 2.5] }}", ["{{ states('switch.a') }}", 3])
        )
    else:
        made[kind] = _bounded(draft, kind)
        if draft.chance(0.4):
            inner.append({"delay": draft.duration("delay", 8)})
    return {"repeat": made}, names


def _bounded(draft: Draft, kind: str) -> Any:
    """Conditions of a loop that end it after a few rounds, whatever the world does."""
    bound = draft.random.randint(1, 3)
    if kind == "until":
        if draft.chance(0.5):
            return jinja(f"repeat.index >= {bound}")
        return [{"or": [condition(draft), {"condition": "template", "value_template": "{{ repeat.index >= 4 }}"}]}]
    template = jinja(f"repeat.index <= {bound}")
    if draft.chance(0.5):
        return template
    return [{"condition": "template", "value_template": template}, condition(draft)]


def _parallel(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    draft.use("parallel")
    branches: list[Any] = []
    for _ in range(draft.pick((1, 2, 2, 3))):
        branch = steps(draft, names, depth + 1, 2)
        if draft.chance(0.3):
            branches.append(call(draft, names))
        else:
            draft.use("parallel: sequence")
            branches.append({"sequence": branch})
    return {"parallel": branches}, names


def _sequence(draft: Draft, names: Names, depth: int) -> tuple[Yaml, Names]:
    draft.use("sequence")
    return {"sequence": steps(draft, names, depth + 1, 2)}, names


_Maker = Callable[[Draft, Names, int], tuple[Yaml, Names]]
_LEAVES: tuple[_Maker, ...] = (
    _call, _call, _call, _delay, _delay, _wait_template, _wait_for_trigger, _event, _condition, _variables, _read,
)  # fmt: skip
_ALL: tuple[_Maker, ...] = (*_LEAVES, _choose, _if, _if, _repeat, _repeat, _repeat, _parallel, _sequence, _stop)
