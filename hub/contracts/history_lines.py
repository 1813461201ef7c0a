"""The JSON of history lines: one text per line, exact both ways, and errors that name the place.

What each line holds is told in `docs/contracts.md`. A whole state line has `quality`, and its value is meant as it
stands; without it the short form of traces holds, where `"unavailable"` and `null` have their meaning there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from hub.contracts.history import (
    VERSION,
    ActionLine,
    EventLine,
    Header,
    HistoryInvalid,
    Line,
    ReloadLine,
    RemovedLine,
    RestartLine,
    ResultLine,
    StateLine,
)
from hub.core.codec import decode, encode
from hub.core.config.suggest import did_you_mean
from hub.core.context import Context
from hub.core.states import BAD, ENTITY_ID, GOOD, VALUE_TYPES, Quality

_WHEN = frozenset({"us", "t"})


def encode_header(header: Header) -> str:
    """The header as one line of JSON."""
    return encode(
        {"history": header.version, "start_us": header.start_us, "site": header.site, "tz": header.time_zone}
    )


def encode_line(line: Line, *, start_us: int | None = None) -> str:
    """A line as one line of JSON, with `us`; with `t` from the given start, as replay prints it."""
    record = _ENCODERS[type(line)](line)
    if start_us is None:
        record["us"] = line.at_us
    else:
        record["t"] = _seconds(line.at_us - start_us)
    return encode(record)


def decode_header(text: str, where: str) -> Header | None:
    """The header that a file's first line holds; None when it is an ordinary line."""
    record = _record(text, where)
    if "history" not in record:
        return None
    if record["history"] != VERSION:
        raise HistoryInvalid(
            f"{where}: history version {record['history']!r}; this hub reads version {VERSION}: update the hub"
        )
    _check_keys(record, {"history", "start_us", "site", "tz"}, where)
    start_us = _want(record, "start_us", int, where)
    return Header(start_us=start_us, site=record.get("site", ""), time_zone=record.get("tz", "UTC"))


def decode_line(text: str, where: str, *, start_us: int = 0) -> Line:
    """The line that a text holds; raises `HistoryInvalid` that names the place and what is wrong."""
    record = _record(text, where)
    at_us = _instant(record, where, start_us)
    for mark, (known, build) in _DECODERS.items():
        if mark in record:
            _check_keys(record, known, where)
            return build(record, at_us, where)
    raise HistoryInvalid(
        f"{where}: the line is none of state, event, action, result, restart, reload; it holds"
        f" {', '.join(sorted(record)) or 'nothing'}.{_closest(record, _DECODERS)}"
    )


def _encode_state(line: StateLine) -> dict[str, object]:
    return _without_empty(
        {
            "entity_id": line.entity_id, "unit": line.unit, "attributes": dict(line.attributes),
            "context": _context_record(line.context),
        }
    ) | {"state": line.value, "quality": line.quality.value, "source_us": line.source_us}  # fmt: skip


def _decode_state(record: dict[str, Any], at_us: int, where: str) -> StateLine | RemovedLine:
    entity_id = _want(record, "entity_id", str, where)
    if not ENTITY_ID.fullmatch(entity_id):
        raise HistoryInvalid(f"{where}: {entity_id!r} is no entity id; write domain.name")
    if "state" not in record:
        raise HistoryInvalid(f"{where}: {entity_id} has no 'state'; write null if it was removed")
    value, quality = record["state"], GOOD
    if "quality" in record:  # the whole form: the value is meant as it stands
        try:
            quality = Quality(record["quality"])
        except ValueError:
            known = ", ".join(one.value for one in Quality)
            raise HistoryInvalid(f"{where}: quality {record['quality']!r} is none of {known}") from None
    elif value is None:
        return RemovedLine(at_us=at_us, entity_id=entity_id)
    elif value in ("unavailable", "unknown"):
        value, quality = None, BAD if value == "unavailable" else GOOD
    if type(value) not in VALUE_TYPES:
        raise HistoryInvalid(f"{where}: the state of {entity_id} is a number, text, true, false or null")
    return StateLine(
        at_us=at_us, entity_id=entity_id, value=value, unit=record.get("unit"), quality=quality,
        source_us=_want({"source_us": at_us} | record, "source_us", int, where),
        attributes=_mapping(record, "attributes", where), context=_context_of(record, where),
    )  # fmt: skip


def _encode_removed(line: RemovedLine) -> dict[str, object]:
    return {"entity_id": line.entity_id, "state": None}


def _encode_event(line: EventLine) -> dict[str, object]:
    return {"event": line.event, "data": dict(line.data)} | _without_empty(
        {"context": _context_record(line.context)}
    )


def _decode_event(record: dict[str, Any], at_us: int, where: str) -> EventLine:
    return EventLine(
        at_us=at_us, event=_want(record, "event", str, where), data=_mapping(record, "data", where),
        context=_context_of(record, where),
    )  # fmt: skip


def _encode_action(line: ActionLine) -> dict[str, object]:
    return {"action": line.action, "data": dict(line.data)} | _without_empty(
        {"rule": line.rule, "key": line.key, "context": _context_record(line.context)}
    )


def _decode_action(record: dict[str, Any], at_us: int, where: str) -> ActionLine:
    return ActionLine(
        at_us=at_us, action=_want(record, "action", str, where), data=_mapping(record, "data", where),
        rule=record.get("rule"), key=record.get("key"), context=_context_of(record, where),
    )  # fmt: skip


def _encode_result(line: ResultLine) -> dict[str, object]:
    return {"action_result": {"action": line.action, "response": line.response}}


def _decode_result(record: dict[str, Any], at_us: int, where: str) -> ResultLine:
    result = _mapping(record, "action_result", where)
    _check_keys(result, {"action", "response"}, where)
    return ResultLine(at_us=at_us, action=_want(result, "action", str, where), response=result.get("response"))


def _encode_restart(line: RestartLine) -> dict[str, object]:
    return {"restart": _seconds(line.down_us)}


def _decode_restart(record: dict[str, Any], at_us: int, where: str) -> RestartLine:
    return RestartLine(at_us=at_us, down_us=_microseconds(record["restart"], "restart", where))


def _encode_reload(line: ReloadLine) -> dict[str, object]:
    return {"reload": line.file}


def _decode_reload(record: dict[str, Any], at_us: int, where: str) -> ReloadLine:
    return ReloadLine(at_us=at_us, file=_want(record, "reload", str, where))


_Encoder: TypeAlias = "Callable[[Any], dict[str, object]]"
_Decoder: TypeAlias = "Callable[[dict[str, Any], int, str], Line]"

_ENCODERS: Mapping[type, _Encoder] = {
    StateLine: _encode_state,
    RemovedLine: _encode_removed,
    EventLine: _encode_event,
    ActionLine: _encode_action,
    ResultLine: _encode_result,
    RestartLine: _encode_restart,
    ReloadLine: _encode_reload,
}

_DECODERS: Mapping[str, tuple[frozenset[str], _Decoder]] = {
    "entity_id": (
        frozenset({"entity_id", "state", "unit", "quality", "source_us", "attributes", "context"}),
        _decode_state,
    ),
    "event": (frozenset({"event", "data", "context"}), _decode_event),
    "action": (frozenset({"action", "data", "rule", "key", "context"}), _decode_action),
    "action_result": (frozenset({"action_result"}), _decode_result),
    "restart": (frozenset({"restart"}), _decode_restart),
    "reload": (frozenset({"reload"}), _decode_reload),
}


def _record(text: str, where: str) -> dict[str, Any]:
    try:
        record = decode(text)
    except (json.JSONDecodeError, ArithmeticError, ValueError, RecursionError) as error:
        raise HistoryInvalid(f"{where}: not a line of JSON: {error}") from None
    if not isinstance(record, dict):
        raise HistoryInvalid(f"{where}: a line is one JSON object, not {type(record).__name__}")
    return record


def _instant(record: dict[str, Any], where: str, start_us: int) -> int:
    if ("us" in record) is ("t" in record):
        raise HistoryInvalid(f"{where}: write when with either 't' (seconds from the start) or 'us', not both")
    if "us" in record:
        return int(_want(record, "us", int, where))
    return start_us + _microseconds(record["t"], "t", where)


def _microseconds(seconds: object, name: str, where: str) -> int:
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e10:  # type: ignore[operator]
        raise HistoryInvalid(f"{where}: {name!r} is a number of seconds, 0 or more, not {seconds!r}")
    return round(seconds * 1_000_000)  # type: ignore[operator]


def _seconds(span_us: int) -> int | float:
    """Seconds as people write them; a float holds every microsecond of three centuries, so nothing is lost."""
    whole, rest_us = divmod(span_us, 1_000_000)
    return span_us / 1_000_000 if rest_us else whole


def _want(record: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = record.get(name)
    if type(value) is not kind:
        wanted = {int: "a whole number", str: "text"}[kind]
        raise HistoryInvalid(f"{where}: {name!r} must be {wanted}, not {value!r}")
    return value


def _mapping(record: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = record.get(name, {})
    if not isinstance(value, dict):
        raise HistoryInvalid(f"{where}: {name!r} must be an object, not {value!r}")
    return value


def _check_keys(record: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    allowed = {*known, *_WHEN}
    for name in record:
        if name not in allowed:
            hint = did_you_mean(name, allowed) or f" Known here: {', '.join(sorted(allowed))}."
            raise HistoryInvalid(f"{where}: unknown field {name!r}.{hint}")


def _closest(record: Mapping[str, Any], marks: Iterable[str]) -> str:
    return next((hint for name in record if (hint := did_you_mean(name, marks))), "")


def _context_record(context: Context | None) -> dict[str, str] | None:
    if context is None:
        return None
    record = {"id": context.id, "actor": context.actor}
    return record if context.parent_id is None else record | {"parent": context.parent_id}


def _context_of(record: Mapping[str, Any], where: str) -> Context | None:
    if "context" not in record:
        return None
    context = _mapping(record, "context", where)
    _check_keys(context, {"id", "actor", "parent"}, where)
    return Context(_want(context, "id", str, where), _want(context, "actor", str, where), context.get("parent"))


def _without_empty(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value not in (None, {})}
