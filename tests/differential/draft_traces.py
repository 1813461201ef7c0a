"""Random traces: values that cross, repeat, vanish and come back, events, restarts and reloads."""

from __future__ import annotations

from typing import Any

from draft import Draft
from draft_words import EVENTS, LEVELS, LIMIT, NUMBERS, READ_ACTION, SWITCH_STATES, SWITCHES

Line = dict[str, Any]
_LINES_MAX = 45
# Each line of a trace is at a 64th of a second of its own, so that no two things begin at one instant.
_PARTS = 64
_SKIPPED = 32  # where the seconds of the wall clock lie


def trace(draft: Draft, reloads: int) -> list[Line]:
    """The lines of a case; with this many reloads, of files named `reload_0` and so on."""
    lines = _at_start(draft)
    parts = [part for part in range(1, _PARTS) if part != _SKIPPED]
    at_s, level = 0, {entity: draft.pick(LEVELS) for entity in NUMBERS}
    down_until = 0.0
    for number in range(draft.random.randint(6, _LINES_MAX)):
        at_s += draft.random.randint(1, 16)
        line = _line(draft, level)
        if draft.chance(0.01) and at_s > down_until:
            draft.use("trace: restart")
            line = {"restart": draft.random.randint(1, 20) + 0.007}
            down_until = at_s + 22
        lines.append({"t": at_s + parts[number] / _PARTS, **line})
    for number in range(reloads):
        draft.use("trace: reload")
        place = draft.random.randint(len(lines) // 2, len(lines) - 1)
        lines.insert(place, {"t": max(0.0, lines[place]["t"] - 0.25 / _PARTS), "reload": f"reload_{number}"})
    return lines


def _at_start(draft: Draft) -> list[Line]:
    day = draft.instant_near()
    hour, minute, second = map(int, day.split(":"))
    return [
        *({"t": 0, "entity_id": entity, **_numeric(draft, draft.pick(LEVELS))} for entity in NUMBERS),
        *({"t": 0, "entity_id": entity, "state": draft.pick(SWITCH_STATES)} for entity in SWITCHES),
        {"t": 0, "entity_id": LIMIT, "state": draft.pick((10, 20))},
        {
            "t": 0, "entity_id": "input_datetime.day", "state": day,
            "attributes": {"has_date": False, "has_time": True, "hour": hour, "minute": minute, "second": second},
        },
        {
            "t": 0, "entity_id": "sensor.instant", "state": draft.instant_soon(),
            "attributes": {"device_class": "timestamp"},
        },
        {"t": 0, "action_result": {"action": READ_ACTION, "response": {"value": 5}}},
    ]  # fmt: skip


def _numeric(draft: Draft, value: float) -> Line:
    line: Line = {"state": value}
    if draft.chance(0.6):
        line["attributes"] = {"level": draft.pick(LEVELS)}
    return line


def _line(draft: Draft, level: dict[str, int]) -> Line:
    kind = draft.pick(_KINDS)
    draft.use(f"trace: {kind}")
    entity = draft.pick(NUMBERS)
    if kind == "number":
        level[entity] = draft.pick(LEVELS)
        return {"entity_id": entity, **_numeric(draft, level[entity] + draft.pick((0, 0, 0, 0.5)))}
    if kind == "repeat":
        return {"entity_id": entity, "state": level[entity]}
    if kind == "attributes only":
        return {"entity_id": entity, "state": level[entity], "attributes": {"level": draft.pick(LEVELS)}}
    if kind == "not a number":
        return {"entity_id": entity, "state": "n/a"}
    if kind == "switch":
        line: Line = {"entity_id": draft.pick(SWITCHES), "state": draft.pick(SWITCH_STATES)}
        return line | ({"attributes": {"power": draft.pick((1, 2))}} if draft.chance(0.3) else {})
    if kind in ("unavailable", "unknown", "removed"):
        entity = draft.pick((*NUMBERS, *SWITCHES, LIMIT) if kind != "removed" else (*NUMBERS, *SWITCHES))
        return {"entity_id": entity, "state": None if kind == "removed" else kind}
    if kind == "limit":
        return {"entity_id": LIMIT, "state": draft.pick((10, 20, 12.5))}
    if kind == "answer":
        return {"action_result": {"action": READ_ACTION, "response": draft.pick(({"value": 6}, {}, "broken"))}}
    data = draft.pick(
        ({}, {"n": 1}, {"n": 2, "who": "me"}, {"n": 1, "who": "me", "where": {"room": "hall", "x": 1}})
    )
    return {"event": draft.pick(EVENTS), "data": data}


_KINDS = (
    *["number"] * 12, *["switch"] * 8, *["event"] * 7, "repeat", "repeat", "attributes only", "attributes only",
    "not a number", "unavailable", "unavailable", "unknown", "removed", "limit", "answer",
)  # fmt: skip
