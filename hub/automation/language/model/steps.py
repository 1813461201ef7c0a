"""What a run does, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hub.automation.language.model.conditions import Condition
from hub.automation.language.model.part import Part
from hub.automation.language.model.triggers import Trigger
from hub.automation.language.model.values import Flag, Length, Value
from hub.automation.templates import Template
from hub.core.config import Mark

OnUnknown: TypeAlias = Literal["ask", "repeat", "skip", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPart(Part):
    """What every step has."""

    continue_on_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(StepPart):
    """Call an action."""

    action: str | Template
    data: dict[str, Value] | Template = field(default_factory=dict)
    target: dict[str, Value] | Template = field(default_factory=dict)
    """`entity_id`, `area_id`, `label_id`, `device_id`: merged over the data when the call is made."""
    response_variable: str | None = None
    on_unknown: OnUnknown = "ask"
    """What if the hub died in the middle of an `unsafe` action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(StepPart):
    """Wait so long."""

    length: Length


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTemplate(StepPart):
    """Wait until a template is true."""

    wait_template: Template
    timeout: Length | None = None
    continue_on_timeout: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForTrigger(StepPart):
    """Wait until one of the triggers fires."""

    triggers: tuple[Trigger, ...]
    after_arming: tuple[Step, ...] = ()
    """Run once the triggers are armed, so that what they cause is not missed; the timeout counts from their end."""
    timeout: Length | None = None
    continue_on_timeout: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FireEvent(StepPart):
    """Put an event on the bus."""

    event: str
    event_data: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionStep(StepPart):
    """Go on only if the condition passes."""

    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way of a choose step."""

    path: str
    conditions: tuple[Condition, ...]
    sequence: tuple[Step, ...]
    alias: str = ""
    mark: Mark | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose(StepPart):
    """Run the first option whose conditions all pass, else the default."""

    options: tuple[Option, ...]
    default: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class If(StepPart):
    """Run the one or the other."""

    conditions: tuple[Condition, ...]
    then: tuple[Step, ...]
    else_: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(StepPart):
    """Run the sequence again and again; exactly one of the four says how often."""

    sequence: tuple[Step, ...]
    count: int | Template | None = None
    for_each: list[Value] | Template | None = None
    while_: tuple[Condition, ...] | None = None
    until: tuple[Condition, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of the sequences that run side by side."""

    path: str
    sequence: tuple[Step, ...]
    alias: str = ""
    enabled: Flag = True
    continue_on_error: bool = False
    mark: Mark | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(StepPart):
    """Run all branches at once, and go on when all have ended."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(StepPart):
    """Run the steps one after the other, as one step."""

    sequence: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVariables(StepPart):
    """Set variables; they are rendered in this order, and each sees those before it."""

    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(StepPart):
    """End the run; `response_variable` names the variable whose value goes to the caller."""

    reason: str = ""
    is_error: bool = False
    response_variable: str | None = None


Step: TypeAlias = (
    Call
    | Delay
    | WaitTemplate
    | WaitForTrigger
    | FireEvent
    | ConditionStep
    | Choose
    | If
    | Repeat
    | Parallel
    | Sequence
    | SetVariables
    | Stop
)
