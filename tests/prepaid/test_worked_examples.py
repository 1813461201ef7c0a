"""Published bills to the minor unit, and what can be computed by hand from published prices."""

from __future__ import annotations

import pytest
from rated import at, example, interval, month, tariff_of, timeline_of

from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing import PeriodState, charges, cut, differences
from plugins.prepaid.tariffs import Tariff

RESIDENTIAL = tariff_of(
    """
energy:
  tiers:
    kind: graduated
    blocks: [{up_to: 200, price: 0.218}, {up_to: 300, price: 0.334}, {up_to: 600, price: 0.516}, {price: 0.546}]
"""
)
POLOKWANE = tariff_of(
    """
energy:
  tiers: {kind: graduated, blocks: [{up_to: 50, price: 0.50}, {price: 3.00}]}
fixed: {network: {amount: 113.92}}
taxes: {vat: {percent: 15, included: false}}
"""
)
ESKOM_POSTPAID = tariff_of(
    "energy: {tiers: {kind: graduated, blocks: [{up_to: 50, price: 0.6936}, {price: 0.8160}]}}"
)
ESKOM_PREPAID = tariff_of(
    """
energy: {price: 0.70855}
fixed: {service: {amount: 200}}
taxes: {vat: {percent: 15, included: false}}
"""
)

BILLS = {
    "E1 TNB B, 350 kWh": (example("tnb_b"), 350_000, {"energy": 163_35}),
    "E1 TNB B, nothing used: the minimum": (example("tnb_b"), 0, {"minimum": 7_20}),
    "E1 TNB B, little used: what is missing to the minimum": (
        example("tnb_b"), 10_000, {"energy": 4_35, "minimum": 2_85},
    ),
    "E1 TNB B, a block just filled": (example("tnb_b"), 200_000, {"energy": 87_00}),
    "E1b TNB residential, 350 kWh": (RESIDENTIAL, 350_000, {"energy": 102_80}),
    "E5 Pretoria, 412 kWh": (example("pretoria"), 412_000, {"energy": 978_02, "tax:vat": 146_70}),
    "E5b Polokwane, 198 kWh": (
        POLOKWANE, 198_000, {"energy": 469_00, "fixed:network": 113_92, "tax:vat": 87_44},
    ),
    "E7 postpaid, 286 kWh": (ESKOM_POSTPAID, 286_000, {"energy": 227_26}),
    "E7 prepaid, what 720 rand buy": (
        ESKOM_PREPAID, 601_350, {"energy": 426_09, "fixed:service": 200_00, "tax:vat": 93_91},
    ),
    "E8 CLP, 150 units": (example("clp"), 150_000, {"energy": 161_10, "adder:rebate": -25_80}),
    "E8 CLP, 250 units": (example("clp"), 250_000, {"energy": 268_50, "adder:rebate": -40_50}),
    "E8 CLP, 350 units": (example("clp"), 350_000, {"energy": 375_90, "adder:rebate": -53_20}),
    "E8 CLP, 400 units are the last with a rebate": (
        example("clp"), 400_000, {"energy": 429_60, "adder:rebate": -60_80},
    ),
    "E8 CLP, 401 units: over the cliff": (example("clp"), 401_000, {"energy": 430_67, "adder:rebate": 0}),
    "E8 CLP, 500 units": (example("clp"), 500_000, {"energy": 537_00, "adder:rebate": 0}),
    "E8 CLP, 30 units: the minimum of 40 dollars": (
        example("clp"), 30_000, {"energy": 32_22, "adder:rebate": -5_16, "minimum": 12_94},
    ),
}  # fmt: skip
TOTALS = {
    "E1 TNB B, 350 kWh": 163_35,
    "E1b TNB residential, 350 kWh": 102_80,
    "E5 Pretoria, 412 kWh": 1124_72,
    "E5b Polokwane, 198 kWh": 670_36,
    "E7 prepaid, what 720 rand buy": 720_00,
    "E8 CLP, 150 units": 135_30,
    "E8 CLP, 250 units": 228_00,
    "E8 CLP, 350 units": 322_70,
    "E8 CLP, 500 units": 537_00,
    "E8 CLP, 30 units: the minimum of 40 dollars": 40_00,
}


@pytest.mark.parametrize("case", BILLS)
def test_a_worked_example_comes_out_to_the_minor_unit(case: str) -> None:
    tariff, wh, components = BILLS[case]
    found = month(tariff, wh)
    assert found.minor == components
    assert found.total_minor == TOTALS.get(case, sum(components.values()))


DEMANDS = {
    "E9: 100 kW in the peak": (100_000, (), 4510_00),
    "a half kW is dropped": (100_500, (), 4510_00),
    "more than a half is a whole": (100_501, (), 101 * 45_10),
    "70 % of the highest of the months before": (50_000, (120_000, 90_000), 84 * 45_10),
    "the year before last does not count": (50_000, (200_000, *[60_000] * 12), 50 * 45_10),
    "the ratchet is rounded by the same rule": (10_000, (75_000,), 52 * 45_10),
}


@pytest.mark.parametrize("case", DEMANDS)
def test_demand_is_charged_as_the_utility_rounds_it(case: str) -> None:
    demand_w, past, expected = DEMANDS[case]
    found = month(example("tnb_c2"), 2_000_000, demand_w=demand_w, past_demand_w=past)
    assert found.minor["demand"] == expected


def test_the_minimum_of_c2_counts_demand_and_energy() -> None:
    found = month(example("tnb_c2"), 100_000, demand_w=4_000)
    assert found.minor["demand"] == 180_40
    assert found.total_minor == 600_00


def test_a_half_month_of_clp_has_half_the_blocks() -> None:
    """15 days: blocks of 100, 150 and 200 units; 120 units stand in the second."""
    found = month(example("clp"), 120_000, "2026-04-01", "2026-04-16")
    assert found.minor["adder:rebate"] == -(120 * 16_2 // 10)
    whole = month(example("clp"), 120_000, "2026-04-01", "2026-04-27")
    assert whole.minor["adder:rebate"] == -(120 * 17_2) // 10


GRADUATED = tariff_of("energy: {tiers: {kind: graduated, blocks: [{up_to: 0.005, price: 10000}, {price: 10000}]}}")
VOLUME = tariff_of("energy: {tiers: {kind: volume, blocks: [{up_to: 15, price: 10}, {price: 5}]}}")


def posted(tariff: Tariff, energies_wh: list[int]) -> list[int]:
    """What each further piece of energy posts."""
    timeline = timeline_of(tariff, "2026-04-01")
    state = PeriodState(timeline.plan("2026-04"))
    sums: dict[str, MinorUnits] = {}
    found = []
    for number, wh in enumerate(energies_wh):
        t0_us = at("2026-04-01") + number * 3_600_000_000
        for segment in cut(interval(t0_us, t0_us + 3_600_000_000, wh), timeline):
            state.fold(segment)
        due = charges(state, t0_us + 3_600_000_000, is_final=False)
        found.append(sum(int(minor) for minor in differences(due, sums, timeline).values()))
        for component, amount in differences(due, sums, timeline).items():
            sums[component] = MinorUnits(sums.get(component, 0) + amount)
    return found


def test_e10_a_cumulative_eight_posts_the_difference() -> None:
    assert posted(GRADUATED, [5, 3]) == [50_00, 30_00]


def test_e10_crossing_a_volume_block_takes_back_and_posts_anew() -> None:
    """150 taken back and 80 posted, as one difference of the one component."""
    assert posted(VOLUME, [15_000, 1_000]) == [150_00, 80_00 - 150_00]
