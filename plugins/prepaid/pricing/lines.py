"""What a statement shows under a component: energy by band, block and price, and the tax inside an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hub.contracts.units import MinorUnits, NanoUnits, WattHours
from plugins.prepaid.pricing.charges import PPM, is_named, priced_at, steps_reached
from plugins.prepaid.pricing.differences import NANO_DECIMALS, rounded
from plugins.prepaid.pricing.model import Component, ExactNano, PricingError
from plugins.prepaid.pricing.period import PeriodPlan
from plugins.prepaid.pricing.state import PeriodState
from plugins.prepaid.tariffs.model import Rounding


@dataclass(frozen=True, slots=True)
class EnergyLine:
    """Energy at one price."""

    version: str
    band: str
    season: str
    block: int
    """From 0; what a ladder of volume or flat steps reached."""
    wh: WattHours
    price_micro: int
    amount_nano: NanoUnits


def energy_lines(state: PeriodState) -> list[EnergyLine]:
    """The component `energy` line by line, in order of version, band and block; the amounts add up to it exactly.

    A flat step is a line of its own, without energy: what was used stands in the other lines.
    """
    merged: dict[tuple[int, int, str, str, int], int] = {}
    for use, wh in state.wh.items():
        number, _, _, band, season = use
        block, price_micro = priced_at(state, use)
        key = number, block, band, season, price_micro
        merged[key] = merged.get(key, 0) + wh
    parts = state.plan.parts
    lines = [
        EnergyLine(parts[number].version.sha, band, season, block, WattHours(wh), price, NanoUnits(wh * price))
        for (number, block, band, season, price), wh in sorted(merged.items())
    ]
    for number, name, block, amount_nano in steps_reached(state):
        lines.append(EnergyLine(parts[number].version.sha, name, "", block, WattHours(0), 0, amount_nano))
    return lines


def shared_minor(total_minor: MinorUnits, exact: Sequence[ExactNano], scale: int) -> list[MinorUnits]:
    """A posted amount shared out over its exact lines by largest remainder, ties to the first."""
    unit = 10 ** (NANO_DECIMALS - scale)
    return _by_remainder(total_minor, [Fraction(amount) * Fraction(1, unit) for amount in exact])


def split_included(
    lines: Sequence[MinorUnits], rate_ppm: int, rounding: Rounding = Rounding.HALF_EVEN
) -> list[MinorUnits]:
    """The tax inside each line: the tax of the sum, rounded once, shared out by largest remainder."""
    exact = [Fraction(line * rate_ppm, PPM + rate_ppm) for line in lines]
    return _by_remainder(rounded(sum(exact, Fraction(0)), 1, rounding), exact)


def _by_remainder(total: int, exact: Sequence[Fraction]) -> list[MinorUnits]:
    floors = [amount.numerator // amount.denominator for amount in exact]
    left = total - sum(floors)
    if not 0 <= left <= len(floors):
        raise PricingError(f"{total} is not the rounded sum of its lines, {sum(exact, Fraction(0))}")
    by_remainder = sorted(range(len(floors)), key=lambda place: (floors[place] - exact[place], place))
    for place in by_remainder[:left]:
        floors[place] += 1
    return [MinorUnits(amount) for amount in floors]


def included_taxes(
    plan: PeriodPlan, minor: Mapping[Component, MinorUnits], rounding: Rounding = Rounding.HALF_EVEN
) -> dict[str, MinorUnits]:
    """The taxes that posted components hold inside, by the version in force when the period ends."""
    found = {}
    for tax in plan.parts[-1].version.tariff.taxes:
        if tax.is_included:
            lines = [amount for component, amount in minor.items() if is_named(component, tax.on)]
            found[tax.name] = MinorUnits(sum(split_included(lines, tax.rate_ppm, rounding)))
    return found
