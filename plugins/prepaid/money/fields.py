"""What the fields of money's actions take."""

from __future__ import annotations

from decimal import Decimal

import voluptuous as vol

from hub.contracts.units import minor_units
from hub.core.config.fields import decimal
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR

REASON_LENGTH_MAX = 500
NUMBER_LENGTH_MAX = 100


def amount(scale: int) -> vol.All:
    """Money in major units that fits the currency; its sign is judged by the action, which keeps the attempt."""

    def fits(value: Decimal) -> Decimal:
        try:
            if abs(minor_units(value, scale)) > AMOUNT_MAX_MINOR:
                raise vol.Invalid(f"{value} is no real amount")
        except ValueError as error:
            raise vol.Invalid(str(error)) from None
        return value

    return vol.All(decimal, fits)


def text(length_max: int) -> vol.All:
    """A text that says something, without control characters, that any file can hold."""
    return vol.All(str, vol.Length(1, length_max), _plain)


def _plain(value: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise vol.Invalid("expected a text, got only spaces")
    for letter in stripped:
        if not letter.isprintable():  # half characters are not either
            raise vol.Invalid(f"the character {letter!a} cannot be kept; remove it")
    return stripped


REASON = text(REASON_LENGTH_MAX)
NUMBER = text(NUMBER_LENGTH_MAX)
PAID_BY = vol.In(["cash", "bank"])
EACH_ID = vol.All(int, vol.Range(min=1, max=10**15))
