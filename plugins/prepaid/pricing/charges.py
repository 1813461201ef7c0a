"""Exact charges of a period: a pure function of what was used, the instant, and whether the period is over."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hub.contracts.units import NanoUnits
from plugins.prepaid.pricing.differences import rounded
from plugins.prepaid.pricing.ladders import Steps
from plugins.prepaid.pricing.model import Component, ExactNano
from plugins.prepaid.pricing.period import Part, PeriodPlan
from plugins.prepaid.pricing.state import PeriodState, Use
from plugins.prepaid.tariffs.model import Accrual, ChargeKind, Demand, LadderKind, Tax
from plugins.prepaid.tariffs.prices import ANY

ENERGY = "energy"
DEMAND = "demand"
MINIMUM = "minimum"
PPM = 1_000_000
_W_PER_KW = 1000

Amounts = dict[Component, ExactNano]

_KIND_OF = {
    ENERGY: ChargeKind.ENERGY.value,
    DEMAND: ChargeKind.DEMAND.value,
    MINIMUM: ChargeKind.MINIMUM.value,
    "adder": ChargeKind.ADDER.value,
    "fixed": ChargeKind.FIXED.value,
}


def charges(
    state: PeriodState, at_us: int, *, is_final: bool, past_demand_w: Sequence[int] = ()
) -> dict[Component, ExactNano]:
    """What each component has come to at an instant, exactly; the minimum and the demand ratchet when it is final.

    `past_demand_w` are the highest demands of the months before, the latest last.
    """
    by_part = _by_part(state, at_us)
    plan = state.plan
    if state.demand_w or (is_final and past_demand_w):
        _add_demand(state, by_part, past_demand_w if is_final else ())
    if is_final:
        _add_minimum(plan, by_part)
    totals: Amounts = {}
    for number, (part, amounts) in enumerate(zip(plan.parts, by_part, strict=True)):
        for component, amount in amounts.items():
            totals[component] = totals[component] + amount if component in totals else amount
        for tax in part.version.tariff.taxes:
            if not tax.is_included:
                name = f"tax:{tax.name}"
                totals[name] = totals.get(name, 0) + share(_taxed(state, number, tax, amounts), tax.rate_ppm, PPM)
    return totals


def share(amount: ExactNano, over: int, under: int) -> ExactNano:
    """An amount times a ratio, exactly: a whole number wherever it is one."""
    numerator, denominator = amount.numerator * over, amount.denominator * under
    whole, rest = divmod(numerator, denominator)
    return Fraction(numerator, denominator) if rest else whole


def priced_at(state: PeriodState, use: Use) -> tuple[int, int]:
    """The block and the price per kWh of energy that was counted as `use`."""
    number, block, _, band, season = use
    part = state.plan.parts[number]
    steps = part.rates.energy[band]
    if not steps.is_graduated:
        block = steps.reached(state.used(part.count, band if part.rates.by_band else ""))
    return block, steps.prices[block][band, season]


def steps_reached(state: PeriodState) -> list[tuple[int, str, int, NanoUnits]]:
    """The flat steps of energy: part, band (or nothing), block, amount; once for each counter, by its last part."""
    parts = state.plan.parts
    used = {use[0] for use, wh in state.wh.items() if wh}
    found: list[tuple[int, str, int, NanoUnits]] = []
    for number in sorted(used):
        part = parts[number]
        if any(later > number and parts[later].count == part.count for later in used):
            continue
        ladders = part.rates.energy
        for name, steps in ladders.items() if part.rates.by_band else [("", next(iter(ladders.values())))]:
            use_wh = state.used(part.count, name)
            if steps.kind is LadderKind.FLAT_STEP and use_wh:
                block = steps.reached(use_wh)
                found.append((number, name, block, steps.amounts[block]))
    return found


def _by_part(state: PeriodState, at_us: int) -> list[Amounts]:
    """Energy, surcharges and fixed charges of each part of the period."""
    plan = state.plan
    by_part: list[Amounts] = [{} for _ in plan.parts]
    part_wh = [0] * len(by_part)
    for use, wh in state.wh.items():
        amounts = by_part[use[0]]
        amounts[ENERGY] = amounts.get(ENERGY, 0) + wh * priced_at(state, use)[1]
        part_wh[use[0]] += wh
    for number, _, _, amount_nano in steps_reached(state):
        by_part[number][ENERGY] = by_part[number].get(ENERGY, 0) + amount_nano
    before_wh: dict[int, int] = {}
    for number, part in enumerate(plan.parts):
        counted_wh = before_wh.get(part.count, 0)
        before_wh[part.count] = counted_wh + part_wh[number]
        if part.rates.adders and part_wh[number]:
            is_last = before_wh[part.count] == state.used(part.count)
            _add_adders(state, part, counted_wh, part_wh[number], by_part[number], is_last=is_last)
        _add_fixed(plan, number, at_us, by_part[number])
    return by_part


def _add_adders(
    state: PeriodState, part: Part, before_wh: int, own_wh: int, amounts: Amounts, *, is_last: bool
) -> None:
    for name, steps in part.rates.adders:
        amounts[name] = _adder(steps, before_wh, own_wh, state.used(part.count), is_last=is_last)


def _adder(steps: Steps, before_wh: int, own_wh: int, total_wh: int, *, is_last: bool) -> int:
    if steps.is_graduated:
        return steps.cost_between(before_wh, before_wh + own_wh)
    reached = steps.reached(total_wh)
    if steps.kind is LadderKind.VOLUME:
        return own_wh * steps.prices[reached][ANY]
    return steps.amounts[reached] if is_last else 0


def _add_fixed(plan: PeriodPlan, number: int, at_us: int, amounts: Amounts) -> None:
    part = plan.parts[number]
    for one in part.version.tariff.fixed:
        name = f"fixed:{one.name}"
        if one.accrual is not Accrual.WHOLE:
            amounts[name] = _accrued(plan, one.amount_nano, one.accrual, part.days_begun(at_us))
        elif number == 0 and at_us >= part.start_us:
            amounts[name] = one.amount_nano


def _accrued(plan: PeriodPlan, amount_nano: NanoUnits, accrual: Accrual, days: int) -> ExactNano:
    if accrual is Accrual.WHOLE:
        return amount_nano
    return amount_nano * days if accrual is Accrual.PER_DAY else share(amount_nano, days, plan.days_of_month)


def _add_demand(state: PeriodState, by_part: list[Amounts], past_demand_w: Sequence[int]) -> None:
    """The dearest part's demand; without any, what the ratchet of the last version keeps."""
    best: tuple[int, ExactNano] | None = None
    last = len(by_part) - 1
    for number, part in enumerate(state.plan.parts):
        demand = part.version.tariff.demand
        if demand is not None and (number in state.demand_w or number == last):
            amount = _demand_nano(demand, state.demand_w.get(number, 0), past_demand_w if number == last else ())
            if best is None or amount > best[1]:
                best = number, amount
    if best is not None:
        by_part[best[0]][DEMAND] = best[1]


def _demand_nano(demand: Demand, measured_w: int, past_demand_w: Sequence[int]) -> ExactNano:
    billed: ExactNano = measured_w
    if demand.ratchet_months:
        highest_w = max(past_demand_w[-demand.ratchet_months :], default=0)
        billed = max(billed, share(highest_w, demand.ratchet_ppm, PPM))
    if demand.rounding is None:
        return share(billed, demand.price_micro_per_kw, 1)
    return rounded(billed, _W_PER_KW, demand.rounding) * _W_PER_KW * demand.price_micro_per_kw


def _add_minimum(plan: PeriodPlan, by_part: list[Amounts]) -> None:
    """What is missing to the minimum of the version in force when the period ends."""
    minimum = plan.parts[-1].version.tariff.minimum
    if minimum is None:
        return
    counted = sum(
        (amount for amounts in by_part for component, amount in amounts.items() if is_named(component, minimum.of)),
        0,
    )
    missing = _accrued(plan, minimum.amount_nano, minimum.accrual, plan.days) - counted
    if missing > 0:
        by_part[-1][MINIMUM] = missing


def _taxed(state: PeriodState, number: int, tax: Tax, amounts: Amounts) -> ExactNano:
    """What a tax is a part of."""
    if tax.above_wh is None:
        return sum((amount for component, amount in amounts.items() if is_named(component, tax.on)), 0)
    part = state.plan.parts[number]
    thresholds = list(part.rates.thresholds)
    passed = thresholds.index(tax.above_wh)
    taxed: ExactNano = 0
    above_wh = 0
    for use, wh in state.wh.items():
        if use[0] == number and use[2] > passed:
            above_wh += wh
            if is_named(ENERGY, tax.on):
                taxed += wh * priced_at(state, use)[1]
    if above_wh:
        total_wh = _total_up_to(state, number)
        for name, steps in part.rates.adders:
            if is_named(name, tax.on):
                taxed += _adder(steps, total_wh - above_wh, above_wh, state.used(part.count), is_last=False)
    return taxed


def _total_up_to(state: PeriodState, number: int) -> int:
    """The use that the part's counter had seen when the part ended."""
    count = state.plan.parts[number].count
    return sum(wh for use, wh in state.wh.items() if use[0] <= number and state.plan.parts[use[0]].count == count)


def is_named(component: Component, named: frozenset[str]) -> bool:
    """Whether a tax or a minimum names a component, or its kind; no tax is on a tax."""
    return component in named or _KIND_OF.get(component.partition(":")[0]) in named
