"""Conditions about entities: their state, and their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from hub.automation.language.model import NumericCondition, StateCondition, length_of
from hub.automation.runtime.bounds import Bounds
from hub.automation.runtime.doubt import AVAILABILITY, doubt, span_text
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import TemplateError
from hub.core.states import State

Found: TypeAlias = tuple[Truth, str]
Variables: TypeAlias = Mapping[str, object]

_NAMES_AN_ENTITY = re.compile(r"input_(?:select|text|number|boolean|datetime)\.[a-z0-9_]+")
_NOTHING: Found = UNKNOWN, "unknown: no entity is selected"


class EntityJudge:
    """Judges conditions about entities."""

    def __init__(self, world: RuleWorld, *, sees_text: bool) -> None:
        """Judge by good values, or with `sees_text` by the texts of states."""
        self._world = world
        self._sees_text = sees_text

    def numeric(self, condition: NumericCondition, variables: Variables) -> Found:
        """Whether every target's number holds all bounds."""
        bounds = Bounds(condition, self._world, sees_text=self._sees_text)

        def one(entity_id: str) -> Found:
            state = self._world.state(entity_id)
            if state is None:
                return UNKNOWN, f"unknown: {doubt(None, entity_id, 0)}"
            number = bounds.number(state, lambda: variables)
            if isinstance(number, tuple):
                return number[0], f"{'unknown: ' if number[0] is UNKNOWN else ''}{number[1]}"
            truth = bounds.judge(number)
            return truth, f"{'unknown: ' if truth is UNKNOWN else ''}{bounds.reason(entity_id, number)}"

        return self._every(condition, one)

    def state(self, condition: StateCondition, variables: Variables) -> Found:
        """Whether the targets, all or any of them, are in one of the states."""

        def one(entity_id: str) -> Found:
            return self._state_of(condition, entity_id, variables)

        return self._any(condition, one) if condition.match == "any" else self._every(condition, one)

    def _every(self, condition: NumericCondition | StateCondition, one: Callable[[str], Found]) -> Found:
        """False if it is false of one, unknown if it is unknown of one; of nothing at all nothing can be said."""
        answer: Found | None = None
        for entity_id in self._world.members(condition.targets):
            found = one(entity_id)
            if found[0] is FALSE:
                return found
            if answer is None or (found[0] is UNKNOWN and answer[0] is TRUE):
                answer = found
        return answer or _NOTHING

    def _any(self, condition: StateCondition, one: Callable[[str], Found]) -> Found:
        """True if it is true of one, unknown if it may be; in Home Assistant what is not known spoils the whole."""
        first, then = (UNKNOWN, TRUE) if self._sees_text else (TRUE, UNKNOWN)
        answer: Found | None = None
        for entity_id in self._world.members(condition.targets):
            found = one(entity_id)
            if found[0] is first:
                return found
            if answer is None or (found[0] is then and answer[0] is FALSE):
                answer = found
        return answer or _NOTHING

    def _state_of(self, condition: StateCondition, entity_id: str, variables: Variables) -> Found:
        state = self._world.state(entity_id)
        if state is None:
            return UNKNOWN, f"unknown: {doubt(None, entity_id, 0)}"
        attribute = condition.attribute
        wanted, unclear = self._wanted(condition)
        why = "" if self._sees_text else doubt(state, entity_id, self._world.now_us())
        # Who asks for `unavailable` asks about the connection, which is known.
        is_about_it = attribute is None and (
            (state.text in AVAILABILITY and state.text in wanted) or AVAILABILITY.issuperset(map(str, wanted))
        )
        if why and not is_about_it:
            return UNKNOWN, f"unknown: {why}"
        if attribute is not None and attribute not in state.attributes:
            return FALSE if self._sees_text else UNKNOWN, f"{entity_id} has no attribute {attribute!r}"
        found = state.text if attribute is None else state.attributes[attribute]
        if found not in wanted:
            if unclear:
                return UNKNOWN, f"unknown: {unclear}"
            return FALSE, f"{entity_id} is {found!r}, not {' or '.join(map(repr, wanted))}"
        if condition.for_ is not None:
            return self._long_enough(condition, state, variables)
        return TRUE, f"{entity_id} is {found!r}"

    def _wanted(self, condition: StateCondition) -> tuple[list[object], str]:
        """The states that are asked for, with those of named entities looked up; and why one is not known."""
        wanted: list[object] = []
        for value in condition.states:
            if not (isinstance(value, str) and _NAMES_AN_ENTITY.fullmatch(value)):
                wanted.append(value)
                continue
            state = self._world.state(value)
            if state is None or (not self._sees_text and doubt(state, value, 0)):
                return wanted, doubt(state, value, self._world.now_us())
            wanted.append(state.text)
        return wanted, ""

    def _long_enough(self, condition: StateCondition, state: State, variables: Variables) -> Found:
        assert condition.for_ is not None
        try:
            length = length_of(condition.for_, lambda template: template.value(self._world, variables))
        except (ValueError, TemplateError) as error:
            return UNKNOWN, f"unknown: `for`: {error}"
        length_us = int(length.total_seconds() * 1e6)
        since_us = self._world.now_us() - state.changed_us
        said = f"{state.entity_id} is {state.text!r} for {span_text(since_us)}"
        if since_us > length_us:
            return TRUE, said
        return FALSE, f"{said}, not for more than {span_text(length_us)}"
