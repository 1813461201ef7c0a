"""The state machine: what each entity is now, how sure that is, since when, and who said so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

from hub.core import context as contexts
from hub.core.bus import Bus, Event
from hub.core.clock import Clock, from_us
from hub.core.context import Context
from hub.core.errors import HubError

Value = int | float | Decimal | str | bool | None

VALUE_TYPES = frozenset({int, float, Decimal, str, bool, type(None)})
ENTITY_ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9][a-z0-9_]*")
NO_ATTRIBUTES: Mapping[str, object] = MappingProxyType({})


class Quality(Enum):
    """How far a value may be trusted; who acts on it accepts `good` only, or says what else."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    STALE = "stale"
    BAD = "bad"


GOOD, UNCERTAIN, STALE, BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.STALE, Quality.BAD


class State(NamedTuple):
    """One entity at one instant. A named tuple: immutable, and the cheapest object Python can build."""

    entity_id: str
    value: Value
    unit: str | None
    quality: Quality
    source_us: int
    """When it was measured, never when it was published."""
    changed_us: int
    """When value or unit last changed."""
    updated_us: int
    """When value, unit, quality or attributes last changed."""
    reported_us: int
    """When it was last written at all."""
    attributes: Mapping[str, object]
    context: Context

    @property
    def source_time(self) -> datetime:
        """When it was measured."""
        return from_us(self.source_us)

    @property
    def changed_at(self) -> datetime:
        """When value or unit last changed."""
        return from_us(self.changed_us)

    @property
    def updated_at(self) -> datetime:
        """When value, unit, quality or attributes last changed."""
        return from_us(self.updated_us)

    @property
    def reported_at(self) -> datetime:
        """When it was last written at all."""
        return from_us(self.reported_us)

    @property
    def text(self) -> str:
        """The view that Home Assistant's syntax expects: `unavailable` when bad, `unknown` when never seen."""
        if self.quality is BAD:
            return "unavailable"
        if self.value is None:
            return "unknown"
        if self.value is True:
            return "on"
        if self.value is False:
            return "off"
        return str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged(Event):
    """Value, unit, quality or attributes of an entity changed; `new` is None when it was removed."""

    entity_id: str
    old: State | None
    new: State | None

    @property
    def key(self) -> str:
        """The entity id."""
        return self.entity_id

    @property
    def is_value_edge(self) -> bool:
        """Whether the value itself changed, not only what surrounds it; 1, 1.0 and True are three values."""
        was = None if self.old is None else self.old.value
        now = None if self.new is None else self.new.value
        return type(was) is not type(now) or was != now


@dataclass(frozen=True, slots=True, kw_only=True)
class StateReported(Event):
    """An entity was written again with nothing changed: it is alive."""

    state: State

    @property
    def key(self) -> str:
        """The entity id."""
        return self.state.entity_id


class InvalidState(HubError, ValueError):
    """A state that cannot be: a bad entity id, a value of another type, or not a number."""


class StateMachine:
    """The current state of every entity, in memory."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        """States are told on the bus and stamped by the clock."""
        self._now_us: Callable[[], int] = clock.now_us
        self._changed = bus.channel(StateChanged)
        self._reported = bus.channel(StateReported)
        self._states: dict[str, State] = {}
        self.get = self._states.get
        self.on_appear: tuple[Callable[[str], object], ...] = ()
        """Called with the id of an entity that has a state for the first time, before that is told on the bus."""
        self.on_vanish: tuple[Callable[[str], object], ...] = ()
        """Called with the id of an entity whose state is gone, after that was told on the bus."""

    def set(
        self,
        entity_id: str,
        value: Value,
        *,
        unit: str | None = None,
        quality: Quality = GOOD,
        source_us: int | None = None,
        attributes: Mapping[str, object] | None = None,
        context: Context | None = None,
    ) -> State:
        """Write an entity's state; it is visible to `get` on return, and told if anything changed.

        Unit and attributes that are not given stay as they were; `source_us` is now unless given.
        """
        now_us = self._now_us()
        if source_us is None:
            source_us = now_us
        if context is None:
            context = contexts.current()
        old = self._states.get(entity_id)
        if old is None:
            return self._first(entity_id, value, unit, quality, source_us, attributes, context, now_us)
        _, was, old_unit, old_quality, _, changed_us, updated_us, _, old_attributes, _ = old
        kind = type(value)
        if attributes is None or attributes is old_attributes or attributes == old_attributes:
            attributes = old_attributes
        else:
            attributes = frozen(attributes)
        if unit is None:
            unit = old_unit
        if was == value and unit == old_unit and type(was) is kind:
            if quality is old_quality and attributes is old_attributes:
                state = tuple.__new__(
                    State,
                    (entity_id, was, unit, quality, source_us, changed_us, updated_us, now_us, attributes, context),
                )
                self._states[entity_id] = state
                if self._reported.everyone or entity_id in self._reported.by_key:
                    self._reported.publish(StateReported(context=context, state=state), entity_id)
                return state
        else:
            if kind is not int and not _is_value(value):
                raise InvalidState(_wrong_value(entity_id, value))
            changed_us = now_us
        state = tuple.__new__(
            State, (entity_id, value, unit, quality, source_us, changed_us, now_us, now_us, attributes, context)
        )
        self._states[entity_id] = state
        channel = self._changed
        if channel.everyone or entity_id in channel.by_key:
            channel.publish(StateChanged(context=context, entity_id=entity_id, old=old, new=state), entity_id)
        return state

    def _first(
        self,
        entity_id: str,
        value: Value,
        unit: str | None,
        quality: Quality,
        source_us: int,
        attributes: Mapping[str, object] | None,
        context: Context,
        now_us: int,
    ) -> State:
        if not ENTITY_ID.fullmatch(entity_id):
            raise InvalidState(_wrong_id(entity_id))
        if not _is_value(value):
            raise InvalidState(_wrong_value(entity_id, value))
        kept = frozen(attributes) if attributes else NO_ATTRIBUTES
        state = State(entity_id, value, unit, quality, source_us, now_us, now_us, now_us, kept, context)
        self._states[entity_id] = state
        for appear in self.on_appear:
            appear(entity_id)
        if self._changed.wants(entity_id):
            self._changed.publish(
                StateChanged(context=context, entity_id=entity_id, old=None, new=state), entity_id
            )
        return state

    def mark(self, entity_id: str, quality: Quality, *, context: Context | None = None) -> State | None:
        """Change only an entity's quality: a stale value keeps its number and the time it was measured."""
        old = self._states.get(entity_id)
        if old is None or old.quality is quality:
            return old
        cause = context or contexts.current()
        state = old._replace(quality=quality, updated_us=self._now_us(), context=cause)
        self._states[entity_id] = state
        if self._changed.wants(entity_id):
            self._changed.publish(StateChanged(context=cause, entity_id=entity_id, old=old, new=state), entity_id)
        return state

    def remove(self, entity_id: str, *, context: Context | None = None) -> None:
        """Forget an entity's state; its listeners are told that it is gone."""
        old = self._states.pop(entity_id, None)
        if old is None:
            return
        if self._changed.wants(entity_id):
            cause = context or contexts.current()
            self._changed.publish(StateChanged(context=cause, entity_id=entity_id, old=old, new=None), entity_id)
        for vanish in self.on_vanish:
            vanish(entity_id)

    def rename(self, old_id: str, new_id: str, *, context: Context | None = None) -> None:
        """Move a state to another entity id, with its times: the entity is the same.

        Listeners of the old id hear that it is gone; those of the new id hear a change from the state under its
        old id, so that no value edge is seen.
        """
        state = self._states.get(old_id)
        if state is None or old_id == new_id:
            return
        if not ENTITY_ID.fullmatch(new_id):
            raise InvalidState(_wrong_id(new_id))
        cause = context or contexts.current()
        self.remove(old_id, context=cause)
        self._put(state, state._replace(entity_id=new_id), cause)

    def restore(self, state: State) -> None:
        """Put back a state as it was, with its own times; told as a change."""
        if not ENTITY_ID.fullmatch(state.entity_id):
            raise InvalidState(_wrong_id(state.entity_id))
        self._put(self._states.get(state.entity_id), state, state.context)

    def _put(self, old: State | None, new: State, cause: Context) -> None:
        entity_id = new.entity_id
        is_first = entity_id not in self._states
        self._states[entity_id] = new
        if is_first:
            for appear in self.on_appear:
                appear(entity_id)
        if self._changed.wants(entity_id):
            self._changed.publish(StateChanged(context=cause, entity_id=entity_id, old=old, new=new), entity_id)

    def __iter__(self) -> Iterator[State]:
        """All states as they are now, in the order in which they first appeared."""
        return iter(list(self._states.values()))

    def __len__(self) -> int:
        """How many entities have a state."""
        return len(self._states)


def _is_value(value: Value) -> bool:
    """Whether a value is of a known type, and neither NaN nor infinite: no record or arithmetic bears those."""
    kind = type(value)
    if kind is float:
        return isfinite(value)  # type: ignore[arg-type]
    if kind is Decimal:
        return value.is_finite()  # type: ignore[union-attr]
    return kind in VALUE_TYPES


def frozen(attributes: Mapping[str, object]) -> Mapping[str, object]:
    """A read-only copy, lists and mappings inside copied too: their owner goes on changing his own."""
    return MappingProxyType({name: _copied(value) for name, value in attributes.items()})


def _copied(value: object) -> object:
    if type(value) is list:
        return [_copied(part) for part in value]
    if type(value) is dict:
        return {name: _copied(part) for name, part in value.items()}
    return value


def _wrong_id(entity_id: str) -> str:
    return f"{entity_id!r} is no entity id; write domain.name in lower case, digits and underscores"


def _wrong_value(entity_id: str, value: object) -> str:
    if isinstance(value, (float, Decimal)):
        return f"{entity_id}: {value} is not a number; keep the last value and write quality=BAD instead"
    kind = type(value).__name__
    return f"{entity_id}: a state's value is int, float, Decimal, str, bool or None, not {kind}"
