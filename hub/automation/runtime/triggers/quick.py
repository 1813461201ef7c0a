"""Says in a moment that a value is not beyond: what most updates of most meters are."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from hub.automation.language.model import NumericTrigger

Quick: TypeAlias = Callable[[object], bool | None]
"""Whether a value holds the bounds; None when it takes a closer look to say."""


def quick_test(trigger: NumericTrigger) -> Quick | None:
    """A test for a trigger that compares the state with one fixed number; None for another."""
    bounds = (trigger.below, trigger.above, trigger.at_or_below, trigger.at_or_above)
    given = [bound for bound in bounds if bound is not None]
    is_plain = trigger.attribute is None and trigger.value_template is None
    if len(given) != 1 or not isinstance(given[0], Decimal) or not is_plain:
        return None
    limit = given[0]
    is_lower = trigger.below is not None or trigger.at_or_below is not None
    holds_at = trigger.at_or_below is not None or trigger.at_or_above is not None
    as_float = float(limit)

    def test(value: object) -> bool | None:
        kind = type(value)
        if kind is float:
            # Two floats on different sides of the bound's float are on different sides of the bound.
            return None if value == as_float else (value < as_float) is is_lower  # type: ignore[operator]
        if kind is Decimal or kind is int:
            return holds_at if value == limit else (value < limit) is is_lower  # type: ignore[operator]
        return None

    return test
