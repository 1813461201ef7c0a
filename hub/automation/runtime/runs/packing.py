"""Variables of a run as text and back: JSON with tagged Decimals, datetimes, lengths of time and states.

Unlike the codec of records it keeps the order of mappings, which templates see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hub.automation.templates import ContextView, StateView, World
from hub.core.context import Context
from hub.core.states import Quality, State, frozen

_MARK = "\u0000"
"""No key that people write begins with it."""

DEPTH_MAX = 50
"""How deep a value may be nested that cannot be written as it is."""


_STATE = _MARK + "state"
_NO_ATTRIBUTES: dict[str, object] = {}


def _tagged(value: object) -> object:
    if type(value) is StateView:
        return {_STATE: _flat(value._state)}  # noqa: SLF001 - the two halves of one record
    if isinstance(value, Decimal):
        return {_MARK + "decimal": str(value)}
    if isinstance(value, datetime):
        return {_MARK + "datetime": value.isoformat()}
    if isinstance(value, timedelta):
        return {_MARK + "span_us": value // timedelta(microseconds=1)}
    if isinstance(value, date | time):
        return {_MARK + type(value).__name__: value.isoformat()}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, ContextView):
        return {_MARK + "context": [value.read("id"), value.read("actor"), value.read("parent_id")]}
    return str(value)


def _flat(state: State) -> tuple[object, ...]:
    entity_id, value, unit, quality, source, changed, updated, reported, attributes, context = state
    return (
        entity_id, value, unit, quality._value_, source, changed, updated, reported,
        dict(attributes) if attributes else _NO_ATTRIBUTES, context.id, context.actor, context.parent_id,
    )  # fmt: skip


_to_text = json.JSONEncoder(default=_tagged, separators=(",", ":"), check_circular=False).encode


def pack(value: object) -> str:
    """One text for a value; what no record can hold is kept as its text."""
    try:
        return _to_text(value)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, or a value inside itself
        return _to_text(_plain(value, 0))


def _plain(value: object, depth: int) -> object:
    if depth > DEPTH_MAX:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, State):
        return [_plain(item, depth + 1) for item in value]
    return value


class Unpacking:
    """Reads back what `pack` wrote, with states that show themselves in a world."""

    def __init__(self, world: World) -> None:
        """Show states in a world."""
        self._world = world
        self._from_text = json.JSONDecoder(object_hook=self._untagged).decode

    def __call__(self, text: str) -> Any:
        """The value of a text."""
        return self._from_text(text)

    def _untagged(self, record: dict[str, Any]) -> object:
        if len(record) != 1:
            return record
        ((tag, value),) = record.items()
        if not tag.startswith(_MARK):
            return record
        match tag[1:]:
            case "state":
                return StateView(self._world, _state(value))
            case "context":
                return ContextView(Context(*value))
            case "decimal":
                return Decimal(value)
            case "datetime":
                return datetime.fromisoformat(value)
            case "span_us":
                return timedelta(microseconds=value)
            case "date":
                return date.fromisoformat(value)
            case "time":
                return time.fromisoformat(value)
        return record


def _state(flat: list[Any]) -> State:
    entity_id, value, unit, quality, source, changed, updated, reported, attributes, *context = flat
    return State(
        entity_id, value, unit, Quality(quality), source, changed, updated, reported, frozen(attributes),
        Context(*context),
    )  # fmt: skip
