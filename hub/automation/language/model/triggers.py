"""What starts a rule, or ends a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal, TypeAlias

from hub.automation.language.model.part import Part
from hub.automation.language.model.values import Bound, Length, Plain, Targets, Value
from hub.automation.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPart(Part):
    """What every trigger has."""

    id: str
    """`trigger.id`: as given, else its index as text."""
    key: str
    """Names it inside its rule for ever, for latches and timers: the id if no other trigger has it."""
    index: int
    variables: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTrigger(TriggerPart):
    """A state or attribute changed. `None` for from and to is anything; several values are alternatives."""

    targets: Targets
    attribute: str | None = None
    from_: tuple[Plain, ...] | None = None
    not_from: tuple[Plain, ...] | None = None
    to: tuple[Plain, ...] | None = None
    not_to: tuple[Plain, ...] | None = None
    takes_any_change: bool = True
    """No from and to was written at all, not even `to: null`: a change of attributes alone counts too."""
    leaves_any: bool = False
    """`from: null` was written, and no `to`: a `for` lasts until the value is again what it was before."""
    for_: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericTrigger(TriggerPart):
    """A number passed a bound; latched. All bounds that are given must hold at once."""

    targets: Targets
    above: Bound | None = None
    below: Bound | None = None
    at_or_above: Bound | None = None
    at_or_below: Bound | None = None
    reset_above: Bound | None = None
    """Only strictly above this does the latch come off; without it, as soon as the bounds no longer hold."""
    reset_below: Bound | None = None
    attribute: str | None = None
    value_template: Template | None = None
    """Gives the number instead of the state; it sees the entity's state as `state`."""
    for_: Length | None = None
    initial: Literal["adopt", "fire"] = "adopt"

    @property
    def fingerprint(self) -> str:
        """Changes when what is compared does; then current values are adopted anew."""
        bounds = {
            "above": self.above,
            "below": self.below,
            "at_or_above": self.at_or_above,
            "at_or_below": self.at_or_below,
            "reset_above": self.reset_above,
            "reset_below": self.reset_below,
        }
        shown = [f"{name} {_plainly(bound)}" for name, bound in bounds.items() if bound is not None]
        if self.attribute is not None:
            shown.append(f"of {self.attribute}")
        if self.value_template is not None:
            shown.append(f"of {self.value_template.text}")
        return ", ".join(shown)


def _plainly(bound: Bound) -> str:
    return bound if isinstance(bound, str) else f"{bound.normalize():f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTrigger(TriggerPart):
    """A template became true."""

    value_template: Template
    for_: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger(TriggerPart):
    """An event of one of the types, whose data and context hold at least what is given."""

    event_types: tuple[str | Template, ...]
    event_data: Mapping[str, Value] = field(default_factory=dict)
    context: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityTime:
    """The instant or time of day that an entity's value is, shifted."""

    entity_id: str
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTrigger(TriggerPart):
    """The local time of day is reached; a template is a limited one, rendered when the rule is attached."""

    at: tuple[time | EntityTime | Template, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePatternTrigger(TriggerPart):
    """The local time matches in all three; each holds the matching numbers, sorted."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTrigger(TriggerPart):
    """The hub has started, or is about to stop."""

    event: Literal["start", "shutdown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTrigger(TriggerPart):
    """Something outside, which another plugin watches: webhook, mqtt, calendar, sun."""

    provider: str
    config: Mapping[str, Value]


Trigger: TypeAlias = (
    StateTrigger
    | NumericTrigger
    | TemplateTrigger
    | EventTrigger
    | TimeTrigger
    | TimePatternTrigger
    | HubTrigger
    | ProviderTrigger
)
