"""What must hold for a run to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Literal, TypeAlias

from hub.automation.language.model.part import Part
from hub.automation.language.model.values import Bound, Length, Plain, Targets
from hub.automation.templates import Template

TimeOrEntity: TypeAlias = time | str
"""A time of day, or the id of an entity whose value is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AndCondition(Part):
    """All of them pass."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrCondition(Part):
    """At least one passes."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCondition(Part):
    """None of them passes."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCondition(Part):
    """The targets are in one of the states; as in Home Assistant, a state may name an `input_*` entity."""

    targets: Targets
    states: tuple[Plain, ...]
    attribute: str | None = None
    for_: Length | None = None
    match: Literal["all", "any"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericCondition(Part):
    """Every target's number holds all the bounds that are given."""

    targets: Targets
    above: Bound | None = None
    below: Bound | None = None
    at_or_above: Bound | None = None
    at_or_below: Bound | None = None
    attribute: str | None = None
    value_template: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCondition(Part):
    """A template is true."""

    value_template: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCondition(Part):
    """The local time lies at or after the one and before the other, across midnight if need be."""

    after: TimeOrEntity | None = None
    before: TimeOrEntity | None = None
    weekdays: frozenset[int] | None = None
    """Monday is 0; None is every day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCondition(Part):
    """The run was started by a trigger with one of the ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SunCondition(Part):
    """It is before or after sunrise or sunset; a provider knows when they are."""

    before: Literal["sunrise", "sunset"] | None = None
    before_offset: timedelta = timedelta(0)
    after: Literal["sunrise", "sunset"] | None = None
    after_offset: timedelta = timedelta(0)


Condition: TypeAlias = (
    AndCondition
    | OrCondition
    | NotCondition
    | StateCondition
    | NumericCondition
    | TemplateCondition
    | TimeCondition
    | TriggerCondition
    | SunCondition
)
