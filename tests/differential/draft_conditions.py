"""Random conditions of each kind, nested, and in the shorthands."""

from __future__ import annotations

from typing import Any

from draft import Draft, Yaml
from draft_words import (
    LEVELS,
    LIMIT,
    NUMBERS,
    SWITCH_STATES,
    SWITCHES,
    claim,
    numeric_bounds,
    numeric_source,
    one_or_list,
)

DEPTH_MAX = 2


def conditions(draft: Draft, most: int = 2) -> Any:
    """What stands under `conditions`, `if`, `while`: a list, one alone, or a bare template."""
    if draft.chance(0.15):
        draft.use("conditions: a bare template")
        return claim(draft)
    made: list[Any] = [condition(draft) for _ in range(draft.random.randint(1, most))]
    if draft.chance(0.15):
        draft.use("condition: template as text")
        made.append(claim(draft))
    return made


def condition(draft: Draft, depth: int = 0) -> Yaml:
    """One condition as a mapping, as a step needs it."""
    if depth < DEPTH_MAX and draft.chance(0.3):
        made = _combined(draft, depth)
    else:
        kind = draft.pick((_state, _state, _numeric_state, _numeric_state, _template, _time, _trigger))
        name = kind.__name__.strip("_")
        draft.use(f"condition: {name}")
        made = {"condition": name, **kind(draft)}
    if draft.chance(0.06):
        draft.use("condition: enabled")
        made["enabled"] = draft.pick((False, True, "{{ 1 == 2 }}"))
    if draft.chance(0.05):
        draft.use("condition: alias")
        made["alias"] = "named"
    return made


def _combined(draft: Draft, depth: int) -> Yaml:
    name = draft.pick(("and", "or", "or", "not"))
    members: list[Any] = [condition(draft, depth + 1) for _ in range(draft.pick((1, 2, 2)))]
    if draft.chance(0.3):
        draft.use("condition: template as text")
        members.append(claim(draft))
    if draft.chance(0.5):
        draft.use(f"condition: {name} in short")
        return {name: members}
    draft.use(f"condition: {name}")
    return {"condition": name, "conditions": members}


def _state(draft: Draft) -> Yaml:
    element = "condition: state"
    if draft.chance(0.2):
        draft.use(f"{element}: attribute")
        return {"entity_id": draft.pick(NUMBERS), "attribute": "level", "state": draft.pick(LEVELS)}
    if draft.chance(0.08):
        draft.use(f"{element}: entity that is not there")
        return {"entity_id": "switch.never", "state": "on"}
    if draft.chance(0.3):
        made: Yaml = {"entity_id": one_or_list(draft, NUMBERS, f"{element}: entity_id")}
        options: tuple[str, ...] = (*map(str, LEVELS), "unavailable", LIMIT)
    else:
        made = {"entity_id": one_or_list(draft, SWITCHES, f"{element}: entity_id")}
        options = SWITCH_STATES
    if draft.chance(0.5):
        draft.use(f"{element}: list")
        made["state"] = draft.some(options, 3)
    else:
        made["state"] = draft.pick(options)
    if isinstance(made["entity_id"], list) and draft.chance(0.5):
        match = draft.pick(("any", "any", "all"))
        draft.use(f"{element}: match {match}")
        made["match"] = match
    if draft.chance(0.25):
        draft.use(f"{element}: for")
        made["for"] = draft.duration("for", 15)
    return made


def _numeric_state(draft: Draft) -> Yaml:
    element = "condition: numeric_state"
    return {
        "entity_id": one_or_list(draft, NUMBERS, f"{element}: entity_id"),
        **numeric_source(draft, element), **numeric_bounds(draft, element),
    }  # fmt: skip


def _template(draft: Draft) -> Yaml:
    return {"value_template": claim(draft)}


def _time(draft: Draft) -> Yaml:
    kind = draft.pick(("after", "before", "between", "across midnight", "weekday", "between on a weekday"))
    draft.use(f"condition: time: {kind}")
    first, last = sorted((draft.instant_near(), draft.instant_near()))
    days = draft.some(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 6)
    options: dict[str, Yaml] = {
        "after": {"after": first},
        "before": {"before": last},
        "between": {"after": first, "before": last},
        "across midnight": {"after": last, "before": first},
        "weekday": {"weekday": draft.pick((days, days[0]))},
        "between on a weekday": {"after": first, "before": last, "weekday": days},
    }
    return options[kind]


def _trigger(draft: Draft) -> Yaml:
    ids = [*draft.triggers, "one"]
    return {"id": draft.some(ids, 2) if draft.chance(0.4) else draft.pick(ids)}
