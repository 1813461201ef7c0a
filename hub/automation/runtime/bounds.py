"""Numbers and their bounds, for thresholds and numeric conditions: exact, and honest about what is not known."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

from hub.automation.language.model import Bound, NumericCondition, NumericTrigger
from hub.automation.runtime.doubt import AVAILABILITY, doubt, number_of
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView, TemplateError
from hub.core.states import GOOD, State

Unclear: TypeAlias = tuple[Truth, str]
"""Why there is no number: it is unknown, or, where rules go by texts, simply not so."""

_TESTS: tuple[tuple[str, str, Callable[[Decimal, Decimal], bool]], ...] = (
    ("below", "below", operator.lt),
    ("above", "above", operator.gt),
    ("at_or_below", "at or below", operator.le),
    ("at_or_above", "at or above", operator.ge),
)


class Bounds:
    """The bounds of one trigger or condition, and how its number is found."""

    __slots__ = ("_attribute", "_part", "_sees_text", "_tests", "_world", "is_plain")

    def __init__(self, part: NumericTrigger | NumericCondition, world: RuleWorld, *, sees_text: bool) -> None:
        """Take what is written; `sees_text` goes by a state's text, as Home Assistant does."""
        self._part = part
        self._world = world
        self._sees_text = sees_text
        self._attribute = part.attribute
        self._tests = tuple(
            (words, holds, bound) for key, words, holds in _TESTS if (bound := getattr(part, key)) is not None
        )
        self.is_plain = part.attribute is None and part.value_template is None
        """The number is the state itself."""

    def number(self, state: State, variables: Callable[[], Mapping[str, object]]) -> Decimal | Unclear:
        """The number of a state, or why there is none; `variables` are those of a value template."""
        if not self._sees_text and state.quality is not GOOD:
            return UNKNOWN, doubt(state, state.entity_id, self._world.now_us())
        if self.is_plain and not self._sees_text:
            number = number_of(state.value)
            if number is None:
                why = doubt(state, state.entity_id, 0)
                return UNKNOWN, why or f"{state.entity_id} is {state.text!r}, no number"
            return number
        if self._attribute is not None and self._attribute not in state.attributes:
            truth = FALSE if self._sees_text else UNKNOWN
            return truth, f"{state.entity_id} has no attribute {self._attribute!r}"
        try:
            value = self._value(state, variables)
        except TemplateError as error:
            return UNKNOWN, str(error)
        if value is None or (isinstance(value, str) and value in AVAILABILITY):
            return FALSE if self._sees_text else UNKNOWN, f"{state.entity_id} is {value!r}, no number"
        number = number_of(int(value) if isinstance(value, bool) else value)
        return (UNKNOWN, f"{state.entity_id} is {value!r}, no number") if number is None else number

    def _value(self, state: State, variables: Callable[[], Mapping[str, object]]) -> object:
        template = self._part.value_template
        if template is not None:
            return template.value(self._world, {**variables(), "state": StateView(self._world, state)})
        return state.text if self._attribute is None else state.attributes[self._attribute]

    def judge(self, number: Decimal) -> Truth:
        """Whether a number holds all bounds."""
        found = TRUE
        for _, holds, bound in self._tests:
            limit = bound if type(bound) is Decimal else self._limit(bound)
            if isinstance(limit, Decimal):
                if not holds(number, limit):
                    return FALSE
            elif self._sees_text or limit is FALSE:
                return limit
            else:
                found = UNKNOWN
        return found

    def reason(self, entity_id: str, number: Decimal) -> str:
        """What a number is to the bounds, in words."""
        said = []
        for words, holds, bound in self._tests:
            limit = self._limit(bound)
            named = f"{bound} " if isinstance(bound, str) else ""
            if not isinstance(limit, Decimal):
                said.append(f"the bound {named}is not known: {self._doubt_of(str(bound))}")
            else:
                said.append(f"{'' if holds(number, limit) else 'not '}{words} {named}{limit:f}")
        return f"{entity_id} is {number:f}, {' and '.join(said)}"

    def limit(self, bound: Bound) -> Decimal | None:
        """The number of a bound as it is now; None when it is not known."""
        found = self._limit(bound)
        return found if isinstance(found, Decimal) else None

    def _limit(self, bound: Bound) -> Decimal | Truth:
        if isinstance(bound, Decimal):
            return bound
        state = self._world.state(bound)
        if self._sees_text:
            if state is None:
                return UNKNOWN
            if state.text in AVAILABILITY:
                return FALSE
            number = number_of(state.text)
        else:
            number = number_of(state.value) if state is not None and state.quality is GOOD else None
        return UNKNOWN if number is None else number

    def _doubt_of(self, entity_id: str) -> str:
        state = self._world.state(entity_id)
        return doubt(state, entity_id, self._world.now_us()) or f"{entity_id} is no number"
