"""What a period costs besides energy: fixed charges, the minimum, demand and taxes; and dry runs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from rated import at, interval, month, tariff_of, timeline_of

from plugins.prepaid.pricing import (
    Interval,
    PeriodState,
    Timeline,
    Version,
    bill,
    charges,
    cut,
    dry_run,
    energy_lines,
    included_taxes,
    rate,
)

BANDS = "times: [{bands: {peak: 08:00-20:00, valley: rest}}]\n"
HOUR_US = 3_600_000_000


def used(rows: list[tuple[str, int]]) -> list[Interval]:
    """Energy in the hours that begin at these local times."""
    return [interval(at(start), at(start) + HOUR_US, wh, number) for number, (start, wh) in enumerate(rows)]


FIXED = {
    "whole, at once": ("{amount: 90}", "2026-04-01", "2026-04-01 00:00", 90_00),
    "whole, before the contract": ("{amount: 90}", "2026-04-10", "2026-04-09 23:59", None),
    "whole, from the middle of the month": ("{amount: 90}", "2026-04-10", "2026-04-10 00:00", 90_00),
    "daily, the first day has begun": ("{amount: 90, accrue: daily}", "2026-04-01", "2026-04-01 00:00", 3_00),
    "daily, the second day has not": ("{amount: 90, accrue: daily}", "2026-04-01", "2026-04-01 23:59", 3_00),
    "daily, the second day has": ("{amount: 90, accrue: daily}", "2026-04-01", "2026-04-02 00:00", 6_00),
    "daily, the month is over": ("{amount: 90, accrue: daily}", "2026-04-01", "2026-06-01", 90_00),
    "daily, before the contract": ("{amount: 90, accrue: daily}", "2026-04-10", "2026-04-09", 0),
    "daily, from the 10th": ("{amount: 90, accrue: daily}", "2026-04-10", "2026-05-01", 63_00),
    "daily, a third of a fen": ("{amount: 1, accrue: daily}", "2026-04-01", "2026-04-01", 3),
    "by the day": ("{amount: 1.5, accrue: per_day}", "2026-04-01", "2026-04-10 12:00", 15_00),
    "an allowance": ("{amount: -20}", "2026-04-01", "2026-04-02", -20_00),
}


@pytest.mark.parametrize("case", FIXED)
def test_a_fixed_charge_falls_due(case: str) -> None:
    fixed, start, until, expected = FIXED[case]
    timeline = timeline_of(tariff_of(f"energy: {{price: 1}}\nfixed: {{x: {fixed}}}"), start)
    due = charges(PeriodState(timeline.plan("2026-04")), at(until), is_final=False)
    exact = due.get("fixed:x")
    assert (None if exact is None else round(Fraction(exact) / 10**7)) == expected


def test_the_day_of_a_change_of_tenants_is_charged_once() -> None:
    tariff = tariff_of("energy: {price: 1}\nfixed: {x: {amount: 30, accrue: daily}}")
    days = []
    for start, end in (("2026-04-01", "2026-04-10 15:00"), ("2026-04-10 15:00", None)):
        plan = Timeline([Version(tariff, 0)], at(start), None if end is None else at(end)).plan("2026-04")
        days.append(plan.parts[0].days_begun(at("2026-05-01")))
    assert days == [9, 21]


def test_a_fixed_charge_of_a_new_version_accrues_from_its_day_or_starts_next_month() -> None:
    daily = "fixed: {x: {amount: %d, accrue: daily}, y: {amount: %d}}"
    versions = [
        Version(tariff_of("energy: {price: 1}\n" + daily % (30, 5)), 0),
        Version(tariff_of("energy: {price: 1}\n" + daily % (60, 7)), at("2026-04-11")),
    ]
    timeline = Timeline(versions, at("2026-04-01"))
    exact = [
        charges(PeriodState(timeline.plan(period)), at("2026-07-01"), is_final=True)
        for period in ("2026-04", "2026-05")
    ]
    assert [one["fixed:x"] for one in exact] == [10 * 10**9 + 40 * 10**9, 60 * 10**9]
    assert [one["fixed:y"] for one in exact] == [5 * 10**9, 7 * 10**9]


MINIMUMS = {
    "energy alone counts": ("{amount: 40}", 30_000, {"energy": 30_00, "fixed:x": 5_00, "minimum": 10_00}),
    "the fixed charge counts too": (
        "{amount: 40, of: [energy, fixed]}", 30_000, {"energy": 30_00, "fixed:x": 5_00, "minimum": 5_00},
    ),
    "one fixed charge by its name": (
        "{amount: 40, of: ['fixed:x']}", 30_000, {"energy": 30_00, "fixed:x": 5_00, "minimum": 35_00},
    ),
    "reached": ("{amount: 40}", 40_000, {"energy": 40_00, "fixed:x": 5_00}),
    "by the days of the contract": (
        "{amount: 40, accrue: daily}", 0, {"fixed:x": 5_00, "minimum": 40_00},
    ),
    "so much a day": ("{amount: 2, accrue: per_day}", 0, {"fixed:x": 5_00, "minimum": 60_00}),
}  # fmt: skip


@pytest.mark.parametrize("case", MINIMUMS)
def test_the_minimum_adds_what_is_missing(case: str) -> None:
    minimum, wh, expected = MINIMUMS[case]
    tariff = tariff_of(f"energy: {{price: 1}}\nfixed: {{x: {{amount: 5}}}}\nminimum: {minimum}")
    assert month(tariff, wh).minor == expected


def test_the_minimum_waits_for_the_end_of_the_period() -> None:
    tariff = tariff_of("energy: {price: 1}\nminimum: {amount: 40}")
    assert "minimum" not in month(tariff, 1_000, is_over=False).minor
    half = month(
        tariff_of("energy: {price: 1}\nminimum: {amount: 30, accrue: daily}"), 0, "2026-04-16", "2026-05-01"
    )
    assert half.minor == {"minimum": 15_00}


def test_of_several_months_only_the_last_may_be_open() -> None:
    tariff = tariff_of("energy: {price: 1}\nminimum: {amount: 40}")
    bills = bill([interval(at("2026-03-31"), at("2026-04-02"), 2_000)], timeline_of(tariff), is_over=False)
    assert [one.minor for one in bills] == [{"energy": 1_00, "minimum": 39_00}, {"energy": 1_00}]


DEMAND = BANDS + "energy: {prices: {peak: 0, valley: 0}}\ndemand: {price: 45.10, bands: peak, round: none%s}"


def test_demand_counts_in_its_bands_only_and_keeps_the_highest() -> None:
    timeline = timeline_of(tariff_of(DEMAND % ""))
    state = PeriodState(timeline.plan("2026-04"))
    for hour, watts in (("09:00", 3_000), ("10:00", 5_123), ("11:00", 4_000), ("21:00", 9_000)):
        state.note_demand(at(f"2026-04-01 {hour}"), watts)
    assert charges(state, at("2026-04-02"), is_final=False)["demand"] == 5_123 * 45_100_000


def test_the_ratchet_waits_for_the_end_and_may_stand_alone() -> None:
    timeline = timeline_of(tariff_of(DEMAND % ", ratchet: {percent: 70}"))
    state = PeriodState(timeline.plan("2026-04"))
    past = [10_001]
    assert "demand" not in charges(state, at("2026-05-01"), is_final=False, past_demand_w=past)
    final = charges(state, at("2026-05-01"), is_final=True, past_demand_w=past)
    assert final["demand"] == Fraction(70_007 * 45_100_000, 10)
    assert isinstance(final["demand"], int)


def test_the_dearest_version_of_a_period_charges_its_demand() -> None:
    low, high = tariff_of(DEMAND % ""), tariff_of((DEMAND % "").replace("45.10", "50"))
    timeline = Timeline([Version(high, 0), Version(low, at("2026-04-16"))], 0)
    state = PeriodState(timeline.plan("2026-04"))
    state.note_demand(at("2026-04-02 09:00"), 1_000)
    state.note_demand(at("2026-04-20 09:00"), 1_050)
    assert charges(state, at("2026-05-01"), is_final=True)["demand"] == 50_000_000_000
    state.note_demand(at("2026-04-20 09:00"), 2_000)
    assert charges(state, at("2026-05-01"), is_final=True)["demand"] == 90_200_000_000


def test_a_tariff_without_a_demand_charge_ignores_demand() -> None:
    state = PeriodState(timeline_of(tariff_of("energy: {price: 1}")).plan("2026-04"))
    state.note_demand(at("2026-04-02 09:00"), 1_000)
    assert state.demand_w == {}
    assert charges(state, at("2026-05-01"), is_final=True, past_demand_w=[5]) == {}


TAXES = {
    "on everything": ("vat: {percent: 10, included: false}", {"tax:vat": 11_50}),
    "on energy only": ("vat: {percent: 10, included: false, on: energy}", {"tax:vat": 10_00}),
    "on one fixed charge": ("vat: {percent: 10, included: false, on: ['fixed:x']}", {"tax:vat": 50}),
    "two, side by side": (
        "a: {percent: 10, included: false, on: energy}\n  b: {percent: 5, included: false, on: [energy, adders]}",
        {"tax:a": 10_00, "tax:b": 5_50},
    ),
    "inside: nothing is posted": ("vat: {percent: 10, included: true}", {}),
    "above 60 kWh": ("sst: {percent: 8, included: false, above_kwh: 60}", {"tax:sst": 3_52}),
    "above 60 kWh, of energy alone": (
        "sst: {percent: 8, included: false, on: energy, above_kwh: 60}", {"tax:sst": 3_20},
    ),
    "above 60 kWh, of the surcharge alone": (
        "sst: {percent: 8, included: false, on: 'adder:s', above_kwh: 60}", {"tax:sst": 32},
    ),
    "above what was used": ("sst: {percent: 8, included: false, above_kwh: 100}", {"tax:sst": 0}),
    "above two uses": (
        ("a: {percent: 8, included: false, on: energy, above_kwh: 60}\n"
        "  b: {percent: 1, included: false, on: energy, above_kwh: 90}"), {"tax:a": 3_20, "tax:b": 10},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAXES)
def test_a_tax_is_on_what_it_names(case: str) -> None:
    text, expected = TAXES[case]
    tariff = tariff_of(
        f"energy: {{price: 1}}\nadders: {{s: {{price: 0.1}}}}\nfixed: {{x: {{amount: 5}}}}\ntaxes:\n  {text}\n"
    )
    found = month(tariff, 100_000)
    assert {name: amount for name, amount in found.minor.items() if name.startswith("tax:")} == expected


def test_a_tax_above_a_use_meets_blocks_and_bands() -> None:
    """250 kWh: 100 at 1, 150 at 2; above 80 kWh are 20 at 1 and 150 at 2."""
    tariff = tariff_of(
        "energy: {tiers: {kind: graduated, blocks: [{up_to: 100, price: 1}, {price: 2}]}}\n"
        "taxes: {sst: {percent: 10, included: false, above_kwh: 80}}"
    )
    assert month(tariff, 250_000).minor == {"energy": 400_00, "tax:sst": 32_00}
    volume = tariff_of(
        "energy: {tiers: {kind: volume, blocks: [{up_to: 100, price: 1}, {price: 2}]}}\n"
        "adders: {r: {kind: volume, blocks: [{up_to: 100, price: 0}, {price: -1}]}}\n"
        "taxes: {sst: {percent: 10, included: false, above_kwh: 80}}"
    )
    assert month(volume, 250_000).minor == {"energy": 500_00, "adder:r": -250_00, "tax:sst": 17_00}


def test_a_tax_inside_prices_is_shown_by_the_bill() -> None:
    tariff = tariff_of(
        "energy: {price: 1}\nfixed: {x: {amount: 13}}\n"
        "taxes: {vat: {percent: 13, included: true, on: energy}, gst: {percent: 1, included: false}}"
    )
    found = month(tariff, 100_000)
    assert included_taxes(found.state.plan, found.minor) == {"vat": 11_50}


def test_a_dry_run_says_who_would_pay_more() -> None:
    now = timeline_of(tariff_of("energy: {price: 1}"), "2026-04-01")
    other = tariff_of(BANDS + "energy: {prices: {peak: 2, valley: 0.5}}")
    night, day = used([("2026-04-02 01:00", 10_000)]), used([("2026-04-02 09:00", 10_000)])
    found = dry_run({"b": night, "a": day, "c": []}, {"a": now, "b": now, "c": now}, other)
    assert [(one.contract, one.now_minor, one.then_minor, one.difference_minor) for one in found] == [
        ("a", 10_00, 20_00, 10_00), ("c", 0, 0, 0), ("b", 10_00, 5_00, -5_00),
    ]  # fmt: skip


def test_rating_nothing_gives_nothing() -> None:
    timeline = timeline_of(tariff_of("energy: {price: 1}"))
    assert rate([], timeline) == {}
    assert bill([], timeline) == []
    state = PeriodState(timeline.plan("2026-04"))
    for segment in cut(interval(at("2026-04-01"), at("2026-04-02"), 0), timeline):
        state.fold(segment)
    assert charges(state, at("2026-05-01"), is_final=True) == {}
    assert energy_lines(state) == []


def test_demand_of_a_month_without_energy_is_left_out_of_a_bill() -> None:
    timeline = timeline_of(tariff_of(DEMAND % ""))
    [found] = bill(used([("2026-04-02 09:00", 1)]), timeline, demand_w={at("2026-05-02 09:00"): 1_000})
    assert "demand" not in found.minor
