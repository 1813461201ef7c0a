"""Reads triggers: one function for each kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType
from typing import Literal, TypedDict, cast

from hub.automation.language.block import Block
from hub.automation.language.bounds import read_bounds, read_reset
from hub.automation.language.model import (
    EntityTime,
    EventTrigger,
    Flag,
    HubTrigger,
    NumericTrigger,
    Plain,
    ProviderTrigger,
    StateTrigger,
    TemplateTrigger,
    TimePatternTrigger,
    TimeTrigger,
    Trigger,
    Value,
)
from hub.automation.language.providers import read_provider_config
from hub.automation.language.reading import Reading, is_template_text
from hub.automation.language.refusals import PROVIDED_TRIGGERS, REFUSED_TRIGGERS, without_provider
from hub.automation.language.targets import entity_at, read_targets
from hub.automation.language.times import offset_at, time_of_day
from hub.automation.templates import Template
from hub.core.config import ConfigDict, ConfigList, Mark, did_you_mean
from hub.core.config.show import show

_PART = re.compile(r"/?[0-9]{1,4}")


class _Shared(TypedDict):
    path: str
    alias: str
    enabled: Flag
    mark: Mark | None
    id: str
    key: str
    index: int
    variables: dict[str, Value]


@dataclass(frozen=True, slots=True)
class _Named:
    """What names a trigger among those of its rule."""

    id: str
    key: str
    index: int


def read_triggers(nodes: ConfigList, path: str, reading: Reading) -> tuple[Trigger, ...]:
    """Triggers of a list; those with errors are left out, with the errors recorded."""
    found = []
    for named, (index, node) in zip(_names(nodes), enumerate(nodes), strict=True):
        place = f"{path}/{index}"
        if isinstance(node, ConfigDict):
            trigger = _read_trigger(Block(node, place, reading), named)
            if trigger is not None:
                found.append(trigger)
        else:
            message = f"a trigger is a mapping such as `trigger: state`, got {show(node)}"
            reading.problems.add(message, nodes.value_mark(index), place)
    return tuple(found)


def _names(nodes: ConfigList) -> list[_Named]:
    given = [node.get("id") if isinstance(node, ConfigDict) else None for node in nodes]
    ids = [None if each is None else str(each) for each in given]
    often = Counter(ids)
    named = []
    for index, each in enumerate(ids):
        if each is None:
            key = f"#{index}" if often[str(index)] else str(index)
        else:
            key = each if often[each] == 1 else f"{each}/{index}"
        named.append(_Named(str(index) if each is None else each, key, index))
    return named


def _read_trigger(block: Block, named: _Named) -> Trigger | None:
    if "trigger" not in block:
        block.problem(f"the key `trigger` is missing; it says the kind: {', '.join(_READERS)}")
        return None
    kind = block.text("trigger")
    reader = _READERS.get(kind)
    if reader is not None:
        block.text("id")
        shared = _Shared(
            path=block.path,
            alias=block.text("alias"),
            enabled=block.enabled(),
            mark=block.mark,
            id=named.id,
            key=named.key,
            index=named.index,
            variables=block.values("variables"),
        )
        trigger = reader(block, shared)
        block.finish()
        return trigger
    if kind in REFUSED_TRIGGERS:
        block.problem(f"the trigger `{kind}` {REFUSED_TRIGGERS[kind]}", "trigger")
    elif kind:
        known = sorted((*_READERS, *block.reading.providers))
        hint = did_you_mean(kind, known) or f" There are {', '.join(known)}."
        block.problem(f"unknown trigger {show(kind)}.{hint}", "trigger")
    return None


def _state(block: Block, shared: _Shared) -> Trigger | None:
    targets = read_targets(block)
    attribute = block.text("attribute") or None
    made = {key: _states(block, key, is_attribute=attribute is not None) for key in _STATE_KEYS}
    for key, opposite in (("from", "not_from"), ("to", "not_to")):
        if key in block and opposite in block:
            block.problem(f"`{key}` and `{opposite}` say the same twice; write one of them", opposite)
    length = block.length("for")
    if targets is None:
        return None
    return StateTrigger(
        **shared,
        targets=targets,
        attribute=attribute,
        from_=made["from"],
        not_from=made["not_from"],
        to=made["to"],
        not_to=made["not_to"],
        takes_any_change=not any(key in block for key in _STATE_KEYS),
        leaves_any="from" in block and made["from"] is None and "to" not in block,
        for_=length,
    )


_STATE_KEYS = ("from", "not_from", "to", "not_to")


def _states(block: Block, key: str, *, is_attribute: bool) -> tuple[Plain, ...] | None:
    """States to compare with: nothing and `*` are any; only an attribute can be other than a text."""
    value = block.raw(key)
    if value is None or value == "*":
        return None
    listed = list(value) if isinstance(value, ConfigList) else [value]
    for item in listed:
        if not is_attribute and not isinstance(item, str):
            block.problem(f"`{key}`: a state is a text; put {show(item)} in quotes", key)
    return tuple(block.plain(item, block.mark_of(key)) for item in listed)


def _numeric(block: Block, shared: _Shared) -> Trigger | None:
    targets = read_targets(block)
    bounds = read_bounds(block)
    reset_above = read_reset(block, "reset_above", bounds)
    reset_below = read_reset(block, "reset_below", bounds)
    attribute, value_template = block.text("attribute") or None, block.template("value_template")
    length = block.length("for")
    initial = cast("Literal['adopt', 'fire']", block.choice("initial", ("adopt", "fire"), "adopt"))
    if targets is None:
        return None
    return NumericTrigger(
        **shared,
        **bounds,
        targets=targets,
        reset_above=reset_above,
        reset_below=reset_below,
        attribute=attribute,
        value_template=value_template,
        for_=length,
        initial=initial,
    )


def _template(block: Block, shared: _Shared) -> Trigger | None:
    block.require("value_template")
    template, length = block.template("value_template"), block.length("for")
    return None if template is None else TemplateTrigger(**shared, value_template=template, for_=length)


def _event(block: Block, shared: _Shared) -> Trigger | None:
    block.require("event_type")
    types: list[str | Template] = []
    for text in block.texts("event_type"):
        if is_template_text(text):
            made = block.reading.template(text, block.mark_of("event_type"), block.path, limited=True)
            types += [] if made is None else [made]
        else:
            types.append(text)
    event_data = block.values("event_data", limited=True)
    context = block.values("context", limited=True)
    return EventTrigger(**shared, event_types=tuple(types), event_data=event_data, context=context)


def _time(block: Block, shared: _Shared) -> Trigger | None:
    block.require("at")
    at = [_at(block, item) for item in block.items("at")]
    found = tuple(each for each in at if each is not None)
    return TimeTrigger(**shared, at=found) if found else None


def _at(block: Block, item: object) -> time | EntityTime | Template | None:
    if isinstance(item, ConfigDict):
        inner = Block(item, block.path, block.reading)
        inner.require("entity_id")
        entity, offset = entity_at(inner, "entity_id"), offset_at(inner, "offset")
        inner.finish()
        return None if entity is None else EntityTime(entity_id=entity, offset=offset)
    if isinstance(item, str) and is_template_text(item):
        return block.reading.template(item, block.mark_of("at"), block.path, limited=True)
    found = time_of_day(item)
    if isinstance(found, str):
        return EntityTime(entity_id=found)
    if found is None:
        block.problem(
            f'`at` must be a time such as "07:30" or "07:30:00", or an entity that holds one, got {show(item)}',
            "at",
        )
    return found


def _time_pattern(block: Block, shared: _Shared) -> Trigger | None:
    block.require("hours", "minutes", "seconds")
    hours = _pattern(block, "hours", 24)
    # As in Home Assistant: what is smaller than the largest unit that is given is 0 unless it is given too.
    minutes = _pattern(block, "minutes", 60, is_zero="hours" in block)
    seconds = _pattern(block, "seconds", 60, is_zero="hours" in block or "minutes" in block)
    return TimePatternTrigger(**shared, hours=hours, minutes=minutes, seconds=seconds)


def _pattern(block: Block, key: str, count: int, *, is_zero: bool = False) -> tuple[int, ...]:
    value = block.take(key)
    if value is None:
        return (0,) if is_zero else tuple(range(count))
    text = str(value).strip()
    if text == "*":
        return tuple(range(count))
    if isinstance(value, str | int) and not isinstance(value, bool) and _PART.fullmatch(text):
        number = int(text.removeprefix("/"))
        if text.startswith("/") and 1 <= number < count:
            return tuple(range(0, count, number))
        if not text.startswith("/") and number < count:
            return (number,)
    block.problem(f'`{key}` must be 0 to {count - 1}, "*", or a step such as "/5", got {show(value)}', key)
    return (0,)


def _hub(block: Block, shared: _Shared) -> Trigger | None:
    block.require("event")
    event = cast("Literal['start', 'shutdown']", block.choice("event", ("start", "shutdown"), "start"))
    return HubTrigger(**shared, event=event)


def _provided(block: Block, shared: _Shared) -> Trigger | None:
    provider = block.text("trigger")
    if provider not in block.reading.providers:
        block.problem(without_provider(provider, "trigger", block.reading.providers), "trigger")
    config = read_provider_config(block, provider)
    return ProviderTrigger(**shared, provider=provider, config=config)


_READERS: MappingProxyType[str, Callable[[Block, _Shared], Trigger | None]] = MappingProxyType(
    {
        "state": _state,
        "numeric_state": _numeric,
        "template": _template,
        "event": _event,
        "time": _time,
        "time_pattern": _time_pattern,
        "hub": _hub,
        "homeassistant": _hub,
        **dict.fromkeys(PROVIDED_TRIGGERS, _provided),
    }
)
