"""Whole numbers for energy and money; a watt-hour cannot be added to a fen, and no float touches either."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

WattHours = NewType("WattHours", int)
"""Energy; import is positive."""

MinorUnits = NewType("MinorUnits", int)
"""Posted money: fen, sen or cents, as the currency's scale says."""

ZERO = MinorUnits(0)

NanoUnits = NewType("NanoUnits", int)
"""Exact money before rounding: a billionth of the major unit. Wh times a price in micro-units per kWh gives it."""


def major_units(amount_minor: MinorUnits, scale: int) -> Decimal:
    """Posted money as people read it: 1234 at scale 2 is Decimal('12.34')."""
    return Decimal(amount_minor).scaleb(-scale)


def minor_units(amount: Decimal, scale: int) -> MinorUnits:
    """Money as people write it, in minor units; one that does not fit the currency is refused, not rounded."""
    scaled = amount.scaleb(scale)
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} is no amount of a currency with {scale} decimals; write it exactly")
    return MinorUnits(int(scaled))
