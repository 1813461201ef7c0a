"""What energy costs: a pure function of the register and the price. Rate the whole, post the difference."""

from __future__ import annotations

from hub.contracts.units import MinorUnits, NanoUnits, WattHours


def exact_nano(energy_wh: WattHours, price_micro_per_kwh: int) -> NanoUnits:
    """The exact price of energy: Wh times micro-units per kWh is nano-units."""
    return NanoUnits(energy_wh * price_micro_per_kwh)


def rounded_minor(amount_nano: NanoUnits, scale: int) -> MinorUnits:
    """Nano-units in minor units of a currency, half to even."""
    unit = 10 ** (9 - scale)
    whole, rest = divmod(amount_nano, unit)
    half = 2 * rest
    if half > unit or (half == unit and whole % 2):
        whole += 1
    return MinorUnits(whole)


def to_post_minor(
    energy_wh: WattHours, price_micro_per_kwh: int, scale: int, posted_minor: MinorUnits
) -> MinorUnits:
    """What is still to be posted so that the sum of all postings is the rounded exact price of all energy."""
    return MinorUnits(rounded_minor(exact_nano(energy_wh, price_micro_per_kwh), scale) - posted_minor)
