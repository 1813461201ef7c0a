"""Random triggers of each kind."""

from __future__ import annotations

from typing import Any

from draft import Draft, Yaml, jinja
from draft_words import (
    EVENTS,
    LEVELS,
    NUMBERS,
    SWITCH_STATES,
    SWITCHES,
    claim,
    numeric_bounds,
    numeric_source,
    one_or_list,
    time_claim,
)

_OFF = ("unavailable", "unknown")


def triggers(draft: Draft, *, key: str) -> list[Yaml]:
    """The triggers of a rule, with the options that all kinds share."""
    draft.triggers = []
    made = []
    for number in range(draft.pick((1, 1, 2, 3))):
        kind = draft.pick(_KINDS)
        trigger = {key: kind.__name__.strip("_"), **kind(draft)}
        draft.use(f"trigger: {trigger[key]}")
        name = str(number)
        if draft.chance(0.3):
            draft.use("trigger: id")
            trigger["id"] = name = draft.pick(("one", "two"))
        draft.triggers.append(name)
        if draft.chance(0.07):
            draft.use("trigger: alias")
            trigger["alias"] = "named"
        if draft.chance(0.08):
            draft.use("trigger: enabled")
            trigger["enabled"] = draft.pick((False, True, "{{ 1 == 2 }}", "{{ 1 == 1 }}"))
        if draft.chance(0.08):
            draft.use("trigger: variables")
            trigger["variables"] = {"from_trigger": "{{ trigger.platform }} {{ states('sensor.a') }}"}
        made.append(trigger)
    return made


def waited_for(draft: Draft) -> list[Yaml]:
    """Triggers that a step may wait for."""
    kinds = draft.some((_state, _numeric_state, _event, _template), 2)
    made = []
    for kind in kinds:
        draft.use(f"wait_for_trigger: {kind.__name__.strip('_')}")
        trigger = {"trigger": kind.__name__.strip("_"), **kind(draft)}
        if draft.chance(0.3):
            trigger["id"] = "came"
        made.append(trigger)
    return made


def _held(draft: Draft, element: str) -> Yaml:
    if not draft.chance(0.35):
        return {}
    draft.use(f"{element}: for")
    value: Any = draft.duration("for", 12)
    if draft.chance(0.15):
        draft.use("for: template that reads states")
        value = {"seconds": jinja(f"{draft.seconds(5)} + states('input_number.limit') | int(0) / 10")}
    return {"for": value}


def _state(draft: Draft) -> Yaml:
    if draft.chance(0.2):
        draft.use("trigger: state: attribute")
        made: Yaml = {"entity_id": draft.pick(NUMBERS), "attribute": "level"}
        options: tuple[Any, ...] = LEVELS
    elif draft.chance(0.4):
        made = {"entity_id": one_or_list(draft, NUMBERS, "trigger: state: entity_id")}
        options = (*map(str, LEVELS), "unavailable")
    else:
        made = {"entity_id": one_or_list(draft, SWITCHES, "trigger: state: entity_id")}
        options = (*SWITCH_STATES, "unavailable")
    for keys in (("from", "not_from"), ("to", "not_to")):
        if not draft.chance(0.45):
            continue
        name = draft.pick((keys[0], keys[0], keys[1]))
        draft.use(f"trigger: state: {name}")
        if name.startswith("not_"):
            made[name] = draft.pick((_OFF[0], list(_OFF)))
        elif draft.chance(0.15):
            draft.use(f"trigger: state: {name} null")
            made[name] = None
        else:
            made[name] = draft.some(options, 3) if draft.chance(0.3) else draft.pick(options)
    return made | _held(draft, "trigger: state")


def _numeric_state(draft: Draft) -> Yaml:
    element = "trigger: numeric_state"
    return {
        "entity_id": one_or_list(draft, NUMBERS, f"{element}: entity_id"),
        **numeric_source(draft, element), **numeric_bounds(draft, element), **_held(draft, element),
    }  # fmt: skip


def _template(draft: Draft) -> Yaml:
    template = time_claim(draft) if draft.chance(0.15) else claim(draft)
    return {"value_template": template, **_held(draft, "trigger: template")}


def _event(draft: Draft) -> Yaml:
    if draft.heard and draft.chance(0.4):
        draft.use("trigger: event of another rule")
        return {"event_type": draft.pick(draft.heard)}
    made: Yaml = {"event_type": one_or_list(draft, EVENTS, "trigger: event: event_type")}
    if draft.chance(0.5):
        draft.use("trigger: event: event_data")
        made["event_data"] = draft.pick(
            ({"n": 1}, {"who": "me"}, {"n": 2, "who": "me"}, {"where": {"room": "hall"}})
        )
    return made


def _time(draft: Draft) -> Yaml:
    kind = draft.pick(("hour", "list", "entity", "entity with an offset"))
    draft.use(f"trigger: time: {kind}")
    at: Any = {
        "hour": draft.instant_near(),
        "list": [draft.instant_near(), draft.instant_near()],
        "entity": "input_datetime.day",
        "entity with an offset": {"entity_id": "sensor.instant", "offset": "-00:00:20"},
    }[kind]
    return {"at": at}


def _time_pattern(draft: Draft) -> Yaml:
    kind = draft.pick(("seconds", "minutes", "minutes and seconds", "hours"))
    draft.use(f"trigger: time_pattern: {kind}")
    options: dict[str, Yaml] = {
        "seconds": {"seconds": draft.pick(("/20", "/30", 15, "45"))},
        "minutes": {"minutes": draft.pick(("/2", "*", "/1"))},
        "minutes and seconds": {"minutes": "/2", "seconds": draft.pick(("10", "/25"))},
        "hours": {"hours": draft.pick(("*", "/1")), "minutes": "*", "seconds": 5},
    }
    return options[kind]


def _homeassistant(draft: Draft) -> Yaml:
    event = draft.pick(("start", "start", "shutdown"))
    draft.use(f"trigger: homeassistant: {event}")
    return {"event": event}


_KINDS = (
    _state, _state, _state, _numeric_state, _numeric_state, _numeric_state, _template, _template, _event, _event,
    _time, _time_pattern, _homeassistant,
)  # fmt: skip
