"""The only place where money is rounded: what is still to be posted so that all postings are the rounded exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing.model import Component, ExactNano
from plugins.prepaid.tariffs.model import Rounding

NANO_DECIMALS = 9


class Money(Protocol):
    """What says how money is rounded: a tariff, or a timeline of them."""

    @property
    def scale(self) -> int:
        """Decimals of the currency's minor unit."""

    @property
    def rounding(self) -> Rounding:
        """How exact amounts become minor units."""


def differences(
    due: Mapping[Component, ExactNano], posted: Mapping[Component, MinorUnits], money: Money
) -> dict[Component, MinorUnits]:
    """What to post for each component, possibly below zero; components without a difference are left out."""
    found: dict[Component, MinorUnits] = {}
    scale, rounding = money.scale, money.rounding
    for component, amount in due.items():
        difference = rounded_minor(amount, scale, rounding) - posted.get(component, 0)
        if difference:
            found[component] = MinorUnits(difference)
    for component, amount_minor in posted.items():
        if component not in due and amount_minor:
            found[component] = MinorUnits(-amount_minor)
    return found


def rounded_minor(amount: ExactNano, scale: int, rounding: Rounding = Rounding.HALF_EVEN) -> MinorUnits:
    """An exact amount in minor units."""
    return MinorUnits(rounded(amount, 10 ** (NANO_DECIMALS - scale), rounding))


def rounded(amount: ExactNano, unit: int, rounding: Rounding) -> int:
    """How many units an amount is, as a whole number; modes treat both signs alike."""
    denominator = amount.denominator * unit
    whole, rest = divmod(abs(amount.numerator), denominator)
    if rest and _goes_up(2 * rest - denominator, whole, rounding):
        whole += 1
    return whole if amount >= 0 else -whole


def _goes_up(over_half: int, whole: int, rounding: Rounding) -> bool:
    if rounding is Rounding.HALF_EVEN:
        return over_half > 0 or (over_half == 0 and whole % 2 == 1)
    if rounding is Rounding.HALF_UP:
        return over_half >= 0
    if rounding is Rounding.HALF_DOWN:
        return over_half > 0
    return rounding is Rounding.UP
