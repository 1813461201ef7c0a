"""Reads times of day, weekdays and shifts of time."""

from __future__ import annotations

import re
from datetime import time, timedelta

import voluptuous as vol

from hub.automation.language.block import Block
from hub.core.config import did_you_mean
from hub.core.config.fields import entity_id, offset
from hub.core.config.show import show

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2}))?")


def time_of_day(value: object) -> time | str | None:
    """A time of day, or the id of an entity that holds one; None when it is neither."""
    if not isinstance(value, str):
        return None
    found = _TIME.fullmatch(value.strip())
    if found is not None:
        try:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
        except ValueError:
            return None
    try:
        return entity_id(value.strip().lower())
    except vol.Invalid:
        return None


def time_at(block: Block, key: str) -> time | str | None:
    """The time of day under a key, or the entity that holds it."""
    value = block.take(key)
    if value is None:
        return None
    found = time_of_day(value)
    if found is None:
        block.problem(
            f'`{key}` must be a time such as "07:30" or "07:30:00", or an entity that holds one, got {show(value)}',
            key,
        )
    return found


def weekdays_at(block: Block, key: str) -> frozenset[int] | None:
    """Weekdays by their first three letters; Monday is 0, None is every day."""
    if key not in block:
        return None
    days = set()
    for name in block.texts(key):
        if name.lower() in WEEKDAYS:
            days.add(WEEKDAYS.index(name.lower()))
        else:
            hint = did_you_mean(name[:3], WEEKDAYS)
            block.problem(f"`{key}` takes {', '.join(WEEKDAYS)}, got {show(name)}.{hint}".rstrip("."), key)
    return frozenset(days)


def offset_at(block: Block, key: str) -> timedelta:
    """A shift in time, with or without a sign."""
    value = block.take(key)
    if value is None:
        return timedelta(0)
    try:
        return offset(value)
    except vol.Invalid as error:
        block.problem(f"`{key}`: {error.msg}", key)
        return timedelta(0)
