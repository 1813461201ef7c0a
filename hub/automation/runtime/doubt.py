"""What of a state counts for rules: a good value, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from hub.automation.runtime.world import RuleWorld
from hub.core.states import BAD, GOOD, State

AVAILABILITY = frozenset({"unavailable", "unknown"})
"""Texts that say something about the connection and nothing about the value."""


def number_of(value: object) -> Decimal | None:
    """A value as an exact number; None when it is none. A float is meant as it is printed."""
    kind = type(value)
    if kind is Decimal:
        return value  # type: ignore[return-value]
    if kind is int:
        return Decimal(value)  # type: ignore[arg-type]
    if kind is not float and kind is not str:
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return None if number.is_nan() else number


def doubt(state: State | None, entity_id: str, now_us: int) -> str:
    """Why a state's value is unknown to rules; empty when it counts."""
    if state is None:
        return f"{entity_id} does not exist or was never seen"
    if state.quality is not GOOD:
        since = "" if state.quality is BAD else f" ({state.text})"
        return f"{entity_id} is {state.quality.value} for {span_text(now_us - state.updated_us)}{since}"
    return f"{entity_id} has no value yet" if state.value is None else ""


def reported_text(world: RuleWorld, entity_id: str) -> str | None:
    """The text of an entity's state, or None when it has no state."""
    state = world.state(entity_id)
    return None if state is None else state.text


def asks_for_availability(values: Iterable[object] | None) -> bool:
    """Whether a rule names `unavailable` or `unknown` among its states: then it is about the connection."""
    return values is not None and any(isinstance(value, str) and value in AVAILABILITY for value in values)


def span_text(span_us: int) -> str:
    """A length of time in words, for reasons: `40 s`, `12 min`, `3.5 h`, `2 days`."""
    seconds = max(0, span_us) / 1e6
    for limit, unit, size in ((90, "s", 1), (5400, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            shown = seconds / size
            return f"{shown:.1f} {unit}" if unit == "h" else f"{shown:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
