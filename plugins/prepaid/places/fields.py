"""What the fields of the actions on people and places take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import voluptuous as vol

from hub.contracts.naming import check_slug
from hub.core.clock import to_us
from hub.core.config.fields import decimal
from plugins.prepaid.places import columns
from plugins.prepaid.places.columns import Local


def slug(value: object) -> str:
    """An id."""
    try:
        return check_slug(str(value), "id")
    except ValueError as error:
        raise vol.Invalid(str(error)) from None


def cell(read: Callable[[str, Local], object], local: Local) -> Callable[[object], object]:
    """A field that is read as a table's cell of the same name is."""

    def validate(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise vol.Invalid("expected a text or a number")
        text = " ".join(str(value).split())
        if not text or not text.isprintable():
            raise vol.Invalid("expected a text that can be shown")
        try:
            return read(text, local)
        except ValueError as error:
            raise vol.Invalid(str(error)) from None

    return validate


def optional(field: Callable[[object], object]) -> Callable[[object], object]:
    """A field that may also be null, which takes away what was there."""

    def validate(value: object) -> object:
        return None if value is None else field(value)

    return validate


def text(value: object) -> str:
    """A text as it is."""
    if not isinstance(value, str):
        raise vol.Invalid("expected a text")
    return value


def instant(local: Local) -> Callable[[object], int]:
    """A time: ISO text, local where it names no zone, or a datetime with one; as microseconds."""

    def validate(value: object) -> int:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return to_us(value)
        if not isinstance(value, str):
            raise vol.Invalid("expected a time such as 2026-03-01 08:30")
        try:
            return columns.instant(value, local)
        except ValueError as error:
            raise vol.Invalid(str(error)) from None

    return validate


def shown_kwh(value: object) -> Decimal:
    """What a register's display shows."""
    number = decimal(value)
    if number < 0:
        raise vol.Invalid("expected kWh of 0 or more, as the display shows it")
    return number


KWH_BY_POINT = vol.Schema({slug: shown_kwh})
"""What people read off displays, by point."""
