"""One history format: what was, line by line, as JSON. Recorder, simulation, replay and back-test all speak it.

A line says when with `us` (microseconds since 1970, what the hub writes) or with `t` (seconds from the start, what
people write into a trace). Every trace of `hub rules replay` is a history, and its output is one too.
`history_lines` has the JSON of each line, `history_files` the files.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from hub.contracts.custom_events import CustomEvent
from hub.contracts.naming import event_name
from hub.core.bus import Event
from hub.core.context import Context
from hub.core.errors import HubError
from hub.core.services import ServiceKey
from hub.core.states import GOOD, Quality, StateChanged, Value

VERSION = 1


class HistoryInvalid(HubError):
    """A line that is none of the format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a file the hub wrote; a trace may lack it."""

    version: int = VERSION
    start_us: int
    """What `t` counts from."""
    site: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLine(_At):
    """An entity's state from this instant on."""

    entity_id: str
    value: Value
    unit: str | None = None
    quality: Quality = GOOD
    source_us: int
    """When it was measured."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    context: Context | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedLine(_At):
    """An entity is gone."""

    entity_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine(_At):
    """Something happened; `event` is the name that rules use."""

    event: str
    data: Mapping[str, object] = field(default_factory=dict)
    context: Context | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine(_At):
    """An action was called."""

    action: str
    data: Mapping[str, object] = field(default_factory=dict)
    rule: str | None = None
    """The rule that called it; None when a person or a plugin did."""
    key: str | None = None
    context: Context | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine(_At):
    """What an action answered; in a replay, what it shall answer from now on."""

    action: str
    response: object


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartLine(_At):
    """The hub stopped here and was down for a while."""

    down_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadLine(_At):
    """Rules were loaded anew from this file."""

    file: str


Line: TypeAlias = "StateLine | RemovedLine | EventLine | ActionLine | ResultLine | RestartLine | ReloadLine"


class HistorySource(Protocol):
    """What was, for back-tests, reports and charts; the recorder provides one, a file is one."""

    async def states_at(self, instant_us: int, entity_ids: Collection[str] | None = None) -> list[StateLine]:
        """The state of each entity (or of those named) as it stood just before an instant."""

    def lines(self, start_us: int, end_us: int, entity_ids: Collection[str] | None = None) -> AsyncIterator[Line]:
        """All lines from `start_us` up to, not including, `end_us`, in order; states of the named entities only.

        Lines of one instant keep the order in which they happened. Raises `HistoryInvalid`.
        """


HISTORY: ServiceKey[HistorySource] = ServiceKey("history.source")


def state_line(change: StateChanged, at_us: int) -> StateLine | RemovedLine:
    """The line for a change of state that happened at an instant."""
    new = change.new
    if new is None:
        return RemovedLine(at_us=at_us, entity_id=change.entity_id)
    return StateLine(
        at_us=at_us, entity_id=new.entity_id, value=new.value, unit=new.unit, quality=new.quality,
        source_us=new.source_us, attributes=new.attributes, context=new.context,
    )  # fmt: skip


def event_line(event: Event, at_us: int) -> EventLine:
    """The line for an event of the bus, with its fields as data; one without a class has its own type and data."""
    if isinstance(event, CustomEvent):
        data = {name: _plain(value) for name, value in event.data.items()}
        return EventLine(at_us=at_us, event=event.event_type, data=data, context=event.context)
    data = {name: value for name, value in _plain_fields(event).items() if name != "context"}
    return EventLine(at_us=at_us, event=event_name(type(event)), data=data, context=event.context)


def _plain_fields(item: object) -> dict[str, object]:
    assert is_dataclass(item)
    return {one.name: _plain(getattr(item, one.name)) for one in fields(item)}


def _plain(value: object) -> object:
    """A value as JSON can hold it: enums by value, dataclasses as dicts, sets in order."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(one) for one in value), key=str)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Exception) else value
