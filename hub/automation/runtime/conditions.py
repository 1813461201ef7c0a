"""Judges conditions by three-valued logic, with the reason and the path of each, for traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hub.automation.language.model import (
    AndCondition,
    Condition,
    Flag,
    NotCondition,
    NumericCondition,
    OrCondition,
    StateCondition,
    SunCondition,
    TemplateCondition,
    TimeCondition,
    TriggerCondition,
)
from hub.automation.runtime.clock_conditions import judge_sun, judge_time
from hub.automation.runtime.entity_conditions import EntityJudge
from hub.automation.runtime.template_doubt import doubt_in, minds_doubt
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Judgement, Truth, truth_of
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import Template, TemplateError

Variables: TypeAlias = Mapping[str, object]

__all__ = ["Judge", "Judgement", "Truth"]


class Judge:
    """Judges conditions in one world."""

    def __init__(self, world: RuleWorld, *, sees_text: bool = False) -> None:
        """Judge by good values, or with `sees_text` by the texts of states, as Home Assistant does."""
        self._world = world
        self._sees_text = sees_text
        self._entities = EntityJudge(world, sees_text=sees_text)

    def all_of(self, conditions: Sequence[Condition], variables: Variables, path: str = "conditions") -> Judgement:
        """Whether all of a rule's conditions hold; it looks no further than the first that is false."""
        return self._and(path, conditions, variables)

    def judge(self, condition: Condition, variables: Variables) -> Judgement:
        """What can be said of a condition now; one that is switched off counts as true. Never raises."""
        found = self._judge(condition, variables)
        return Judgement(condition.path, TRUE, "switched off") if found is None else found

    def _judge(self, condition: Condition, variables: Variables) -> Judgement | None:
        """What can be said of a condition; None when it is switched off, and counts as if it were not there."""
        path = condition.path
        try:
            if condition.enabled is not True and not self._is_enabled(condition.enabled):
                return None
            match condition:
                case AndCondition(conditions=inner):
                    return self._and(path, inner, variables)
                case OrCondition(conditions=inner):
                    return self._or(path, inner, variables)
                case NotCondition(conditions=inner):
                    return self._not(path, inner, variables)
                case NumericCondition():
                    return Judgement(path, *self._entities.numeric(condition, variables))
                case StateCondition():
                    return Judgement(path, *self._entities.state(condition, variables))
                case TemplateCondition(value_template=template):
                    return Judgement(path, *self._template(template, variables))
                case TriggerCondition():
                    return Judgement(path, *_by_trigger(condition, variables))
                case TimeCondition():
                    return Judgement(path, *judge_time(condition, self._world, sees_text=self._sees_text))
                case SunCondition():
                    return Judgement(path, *judge_sun(condition, self._world))
        except TemplateError as error:
            return Judgement(path, UNKNOWN, f"unknown: {error}")
        raise AssertionError(f"unreachable: {condition!r} is no condition")

    def _template(self, template: Template, variables: Variables) -> tuple[Truth, str]:
        seen = template.look(self._world, variables)
        if seen.error is not None:
            return UNKNOWN, f"unknown: {seen.error}"
        if not self._sees_text and minds_doubt(template) and (why := doubt_in(seen, self._world)):
            return UNKNOWN, f"unknown: {why}"
        if seen.text.lower() == "true":
            return TRUE, "the template is true"
        return FALSE, f"the template gives {seen.text[:100]!r}, not true"

    def _is_enabled(self, flag: Flag) -> bool:
        return bool(flag.value(self._world)) if isinstance(flag, Template) else flag

    def _and(self, path: str, conditions: Sequence[Condition], variables: Variables) -> Judgement:
        parts: list[Judgement] = []
        truth = TRUE
        for condition in conditions:
            found = self._judge(condition, variables)
            if found is None:
                continue
            parts.append(found)
            if found.truth is FALSE:
                return Judgement(path, FALSE, "not all hold", tuple(parts))
            if found.truth is UNKNOWN:
                truth = UNKNOWN
        return Judgement(path, truth, "all hold" if truth is TRUE else "unknown: not all are known", tuple(parts))

    def _or(self, path: str, conditions: Sequence[Condition], variables: Variables) -> Judgement:
        parts: list[Judgement] = []
        truth = FALSE
        for condition in conditions:
            found = self._judge(condition, variables)
            if found is None:
                continue
            parts.append(found)
            if found.truth is TRUE:
                return Judgement(path, TRUE, "one holds", tuple(parts))
            if found.truth is UNKNOWN:
                truth = UNKNOWN
        said = "none holds" if truth is FALSE else "unknown: none holds, and not all are known"
        return Judgement(path, truth, said, tuple(parts))

    def _not(self, path: str, conditions: Sequence[Condition], variables: Variables) -> Judgement:
        inner = self._or(path, conditions, variables)
        if inner.truth is UNKNOWN:
            return Judgement(path, UNKNOWN, inner.reason, inner.parts)
        return Judgement(path, truth_of(inner.truth is FALSE), inner.reason, inner.parts)


def _by_trigger(condition: TriggerCondition, variables: Variables) -> tuple[Truth, str]:
    trigger = variables.get("trigger")
    found = trigger.get("id") if isinstance(trigger, Mapping) else None
    if found is None:
        return FALSE, "no trigger started this run"
    return truth_of(found in condition.ids), f"the trigger was {found!r}"
