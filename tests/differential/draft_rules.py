"""Random rules, in the old and the new spelling, and what a reload makes of them."""

from __future__ import annotations

import copy
from typing import Any

from draft import Draft, Yaml
from draft_conditions import conditions
from draft_steps import steps
from draft_triggers import triggers
from draft_words import claim


def rules(draft: Draft) -> list[Yaml]:
    """A few rules."""
    return [_rule(draft, number) for number in range(1, 1 + draft.pick((1, 1, 2, 2, 3)))]


def changed(draft: Draft, made: list[Yaml]) -> list[Yaml]:
    """The rules of a new file: some as they were, some changed, one added or left out at times."""
    draft.heard = []
    new = [copy.deepcopy(rule) if draft.chance(0.6) else _rule(draft, place) for place, rule in enumerate(made, 1)]
    if draft.chance(0.3):
        new.append(_rule(draft, len(made) + 1))
    elif len(new) > 1 and draft.chance(0.3):
        new.pop()
    return new


def _rule(draft: Draft, number: int) -> Yaml:
    is_old = draft.chance(0.35)
    draft.use("spelling: old" if is_old else "spelling: new")
    draft.own_event = f"chain_{number}"
    made: Yaml = {"id": f"r{number}"}
    _add_head(draft, made)
    keys = ("trigger", "condition", "action") if is_old else ("triggers", "conditions", "actions")
    made[keys[0]] = _alone(draft, triggers(draft, key="platform" if is_old else "trigger"), "triggers")
    if draft.chance(0.4):
        draft.use("conditions of a rule")
        made[keys[1]] = conditions(draft)
    names: tuple[str, ...] = ()
    if draft.chance(0.25):
        draft.use("variables of a rule")
        made["variables"] = {
            "from_rule": draft.pick(("{{ trigger.id }} {{ states('switch.a') }}", 7, claim(draft)))
        }
        names = ("from_rule", "from_trigger | default('none')")
    made[keys[2]] = _alone(draft, steps(draft, names), "actions")
    draft.heard.append(draft.own_event)
    return made


def _add_head(draft: Draft, made: Yaml) -> None:
    if draft.chance(0.3):
        made["alias"] = f"Rule {made['id']}"
    if draft.chance(0.05):
        draft.use("initial_state")
        made["initial_state"] = draft.pick((True, True, False))
    if draft.chance(0.1):
        draft.use("trigger_variables")
        made["trigger_variables"] = {"kind": "{{ 'one' }}"}
    mode = draft.pick(("", "", "single", "restart", "queued", "parallel"))
    if not mode:
        return
    draft.use(f"mode: {mode}")
    made["mode"] = mode
    if mode in ("queued", "parallel") and draft.chance(0.5):
        draft.use(f"mode: {mode}: max")
        made["max"] = draft.pick((2, 3))
    if draft.chance(0.3):
        draft.use("max_exceeded")
        made["max_exceeded"] = draft.pick(("silent", "warning", "error"))


def _alone(draft: Draft, made: list[Yaml], element: str) -> Any:
    """One of its kind may stand without a list."""
    if len(made) == 1 and draft.chance(0.3):
        draft.use(f"{element}: one alone")
        return made[0]
    return made
