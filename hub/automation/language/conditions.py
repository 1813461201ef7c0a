"""Reads conditions: one function for each kind."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Literal, TypedDict, cast

from hub.automation.language.block import Block
from hub.automation.language.bounds import read_bounds
from hub.automation.language.model import (
    AndCondition,
    Condition,
    Flag,
    NotCondition,
    NumericCondition,
    OrCondition,
    Plain,
    StateCondition,
    SunCondition,
    TemplateCondition,
    TimeCondition,
    TriggerCondition,
)
from hub.automation.language.reading import Reading
from hub.automation.language.refusals import REFUSED_CONDITIONS, without_provider
from hub.automation.language.targets import read_targets
from hub.automation.language.times import offset_at, time_at, weekdays_at
from hub.core.config import ConfigDict, ConfigList, Mark, did_you_mean
from hub.core.config.show import show

_SUN = ("sunrise", "sunset")


class _Shared(TypedDict):
    path: str
    alias: str
    enabled: Flag
    mark: Mark | None


def read_conditions(nodes: ConfigList, path: str, reading: Reading) -> tuple[Condition, ...]:
    """Conditions of a list; those with errors are left out, with the errors recorded."""
    found = []
    for index, node in enumerate(nodes):
        place = f"{path}/{index}"
        if isinstance(node, ConfigDict):
            condition = read_condition(Block(node, place, reading), place)
            if condition is not None:
                found.append(condition)
        else:
            message = (
                'a condition is a mapping such as `condition: state`, or a template such as "{{ ... }}", '
                f"got {show(node)}"
            )
            reading.problems.add(message, nodes.value_mark(index), place)
    return tuple(found)


def read_condition(block: Block, path: str, others: tuple[str, ...] = ()) -> Condition | None:
    """One condition; `others` are keys of the step that it stands in."""
    if "condition" not in block:
        block.problem(f"the key `condition` is missing; it says the kind: {', '.join(_READERS)}")
        return None
    kind = block.text("condition")
    reader = _READERS.get(kind)
    if reader is not None:
        shared = _Shared(path=path, alias=block.text("alias"), enabled=block.enabled(), mark=block.mark)
        condition = reader(block, shared)
        block.finish(others)
        return condition
    if kind in REFUSED_CONDITIONS:
        block.problem(f"the condition `{kind}` {REFUSED_CONDITIONS[kind]}", "condition")
    elif kind:
        hint = did_you_mean(kind, _READERS) or f" There are {', '.join(_READERS)}."
        block.problem(f"unknown condition {show(kind)}.{hint}", "condition")
    return None


def _inner(block: Block, shared: _Shared) -> tuple[Condition, ...]:
    block.require("conditions")
    nodes = block.raw("conditions")
    return (
        read_conditions(nodes, f"{shared['path']}/conditions", block.reading)
        if isinstance(nodes, ConfigList)
        else ()
    )


def _and(block: Block, shared: _Shared) -> Condition | None:
    return AndCondition(**shared, conditions=_inner(block, shared))


def _or(block: Block, shared: _Shared) -> Condition | None:
    return OrCondition(**shared, conditions=_inner(block, shared))


def _not(block: Block, shared: _Shared) -> Condition | None:
    return NotCondition(**shared, conditions=_inner(block, shared))


def _state(block: Block, shared: _Shared) -> Condition | None:
    targets = read_targets(block)
    attribute = block.text("attribute") or None
    block.require("state")
    states = _states(block, is_attribute=attribute is not None)
    match = cast("Literal['all', 'any']", block.choice("match", ("all", "any"), "all"))
    length = block.length("for")
    if targets is None:
        return None
    return StateCondition(**shared, targets=targets, states=states, attribute=attribute, for_=length, match=match)


def _states(block: Block, *, is_attribute: bool) -> tuple[Plain, ...]:
    value = block.raw("state") if is_attribute else block.take("state")
    listed = list(value) if isinstance(value, ConfigList) else [value]
    for item in listed:
        if not is_attribute and item is not None and not isinstance(item, str):
            block.problem(f"`state`: a state is a text; put {show(item)} in quotes", "state")
    if not listed:
        block.problem("`state` is an empty list; name at least one", "state")
    return tuple(block.plain(item, block.mark_of("state")) for item in listed)


def _numeric(block: Block, shared: _Shared) -> Condition | None:
    targets, bounds = read_targets(block), read_bounds(block)
    attribute, value_template = block.text("attribute") or None, block.template("value_template")
    if targets is None:
        return None
    return NumericCondition(**shared, **bounds, targets=targets, attribute=attribute, value_template=value_template)


def _template(block: Block, shared: _Shared) -> Condition | None:
    block.require("value_template")
    template = block.template("value_template")
    return None if template is None else TemplateCondition(**shared, value_template=template)


def _time(block: Block, shared: _Shared) -> Condition | None:
    block.require("after", "before", "weekday")
    after, before = time_at(block, "after"), time_at(block, "before")
    return TimeCondition(**shared, after=after, before=before, weekdays=weekdays_at(block, "weekday"))


def _trigger(block: Block, shared: _Shared) -> Condition | None:
    block.require("id")
    return TriggerCondition(**shared, ids=block.texts("id"))


def _sun(block: Block, shared: _Shared) -> Condition | None:
    if "sun" not in block.reading.providers:
        block.problem(without_provider("sun", "condition", block.reading.providers), "condition")
    block.require("before", "after")
    before, after = block.choice("before", _SUN, ""), block.choice("after", _SUN, "")
    return SunCondition(
        **shared,
        before=cast("Literal['sunrise', 'sunset']", before) if before else None,
        before_offset=offset_at(block, "before_offset"),
        after=cast("Literal['sunrise', 'sunset']", after) if after else None,
        after_offset=offset_at(block, "after_offset"),
    )


_READERS: MappingProxyType[str, Callable[[Block, _Shared], Condition | None]] = MappingProxyType(
    {
        "state": _state,
        "numeric_state": _numeric,
        "template": _template,
        "time": _time,
        "trigger": _trigger,
        "sun": _sun,
        "and": _and,
        "or": _or,
        "not": _not,
    }
)
