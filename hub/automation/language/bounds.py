"""Reads the bounds of numeric triggers and conditions, and refuses those that no number can pass."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

import voluptuous as vol

from hub.automation.language.block import Block
from hub.automation.language.model import Bound
from hub.core.config.fields import decimal, entity_id
from hub.core.config.show import show


class Bounds(TypedDict):
    """The bounds that triggers and conditions share."""

    above: Bound | None
    below: Bound | None
    at_or_above: Bound | None
    at_or_below: Bound | None


def read_bounds(block: Block) -> Bounds:
    """The bounds; at least one is there and they do not contradict each other, else it is recorded."""
    bounds = Bounds(
        above=bound_at(block, "above"),
        below=bound_at(block, "below"),
        at_or_above=bound_at(block, "at_or_above"),
        at_or_below=bound_at(block, "at_or_below"),
    )
    block.require("above", "below", "at_or_above", "at_or_below")
    for strict, loose in (("above", "at_or_above"), ("below", "at_or_below")):
        if strict in block and loose in block:
            block.problem(f"`{strict}` and `{loose}` are two bounds on the same side; write one of them", loose)
    lower, upper = lower_bound(bounds), upper_bound(bounds)
    if isinstance(lower, Decimal) and isinstance(upper, Decimal) and lower > upper:
        key = "below" if "below" in block else "at_or_below"
        block.problem(
            f"no number is above {lower} and below {upper} at once; write two triggers or conditions instead", key
        )
    return bounds


def read_reset(block: Block, key: str, bounds: Bounds) -> Bound | None:
    """`reset_above` or `reset_below`, which must lie on the far side of the bound it belongs to."""
    reset = bound_at(block, key)
    if reset is None:
        return None
    is_above = key == "reset_above"
    bound = upper_bound(bounds) if is_above else lower_bound(bounds)
    pair = "below or at_or_below" if is_above else "above or at_or_above"
    if bound is None:
        block.problem(f"`{key}` goes with {pair}, which is not there", key)
    elif (
        isinstance(bound, Decimal) and isinstance(reset, Decimal) and (reset < bound if is_above else reset > bound)
    ):
        side, enough = ("below", "more") if is_above else ("above", "less")
        message = f"`{key}: {reset}` lies {side} the bound {bound}, so it resets nothing; write {bound} or {enough}"
        block.problem(message, key)
    return reset


def lower_bound(bounds: Bounds) -> Bound | None:
    """The bound that numbers must be above."""
    return bounds["above"] if bounds["above"] is not None else bounds["at_or_above"]


def upper_bound(bounds: Bounds) -> Bound | None:
    """The bound that numbers must be below."""
    return bounds["below"] if bounds["below"] is not None else bounds["at_or_below"]


def bound_at(block: Block, key: str) -> Bound | None:
    """A number, or the id of the entity that holds it."""
    value = block.take(key)
    if value is None:
        return None
    try:
        return decimal(value)
    except vol.Invalid:
        pass
    try:
        return entity_id(value.strip().lower() if isinstance(value, str) else value)
    except vol.Invalid:
        block.problem(f"`{key}` must be a number or the id of an entity that holds one, got {show(value)}", key)
        return None


def is_never_met(bounds: Bounds) -> bool:
    """Whether the bounds meet in one number that one of them leaves out; Home Assistant lets this pass."""
    lower, upper = lower_bound(bounds), upper_bound(bounds)
    if not isinstance(lower, Decimal) or not isinstance(upper, Decimal) or lower != upper:
        return False
    return bounds["above"] is not None or bounds["below"] is not None
