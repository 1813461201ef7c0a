"""Finds what can be loaded but not be meant: steps that are never reached, settings that change nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hub.automation.language.bounds import Bounds, is_never_met
from hub.automation.language.finding import Finding, finding
from hub.automation.language.model import (
    Branch,
    Choose,
    If,
    NumericCondition,
    NumericTrigger,
    Option,
    Repeat,
    Rule,
    Runnable,
    Script,
    Sequence,
    StateTrigger,
    Step,
    Stop,
    TriggerCondition,
    WaitForTrigger,
)
from hub.automation.language.walk import AnyPart
from hub.core.config import did_you_mean

_MANY = ("queued", "parallel")


def sense_of(runnable: Runnable) -> Iterator[Finding]:
    """What is odd about a rule or script as a whole."""
    if runnable.mode not in _MANY and "max" in runnable.settings:
        message = f"`max` changes nothing in mode {runnable.mode}; it is for queued and parallel"
        yield finding(runnable, "warning", message, runnable.mark)
    if isinstance(runnable, Script):
        yield from _unreached(runnable, runnable.sequence)
        return
    assert isinstance(runnable, Rule)
    yield from _unreached(runnable, runnable.actions)
    if not runnable.actions:
        yield finding(runnable, "warning", "`actions` is empty, so a run does nothing", runnable.mark)
    has_entities = any(isinstance(trigger, StateTrigger | NumericTrigger) for trigger in runnable.triggers)
    if runnable.run_per == "entity" and not has_entities:
        message = "`run_per: entity` changes nothing, since no trigger is about entities"
        yield finding(runnable, "warning", message, runnable.mark)


def sense_of_part(runnable: Runnable, part: AnyPart) -> Iterator[Finding]:
    """What is odd about one trigger, condition or step."""
    if isinstance(part, NumericTrigger | NumericCondition):
        bounds = Bounds(
            above=part.above, below=part.below, at_or_above=part.at_or_above, at_or_below=part.at_or_below
        )
        if is_never_met(bounds):
            message = "no number fits these bounds: they meet in one number, and it is left out"
            yield finding(runnable, "error", message, part.mark, part.path)
    elif isinstance(part, TriggerCondition):
        yield from _unknown_ids(runnable, part)
    elif isinstance(part, Choose):
        for option in part.options[:-1]:
            if not option.conditions:
                message = "this option has no conditions, so those after it are never reached"
                yield finding(runnable, "warning", message, option.mark, option.path)
    for steps in _sequences_of(part):
        yield from _unreached(runnable, steps)


def _unknown_ids(runnable: Runnable, part: TriggerCondition) -> Iterator[Finding]:
    ids = [trigger.id for trigger in runnable.triggers] if isinstance(runnable, Rule) else []
    for wanted in part.ids:
        if wanted not in ids:
            message = f"no trigger has the id {wanted!r}, so this never passes.{did_you_mean(wanted, ids)}"
            yield finding(runnable, "warning", message, part.mark, part.path)


def _sequences_of(part: AnyPart) -> tuple[tuple[Step, ...], ...]:
    if isinstance(part, Option | Branch | Sequence | Repeat):
        return (part.sequence,)
    if isinstance(part, If):
        return (part.then, part.else_)
    if isinstance(part, Choose):
        return (part.default,)
    return (part.after_arming,) if isinstance(part, WaitForTrigger) else ()


def _unreached(runnable: Runnable, steps: tuple[Step, ...]) -> Iterator[Finding]:
    for step, after in itertools.pairwise(steps):
        if isinstance(step, Stop) and step.enabled is True:
            message = f"this step is never reached: {step.path} stops the run"
            yield finding(runnable, "warning", message, after.mark, after.path)
            return
