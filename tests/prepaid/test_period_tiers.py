"""Energy of a period: tiers and bands together, surcharges by use, versions that change, short periods."""

from __future__ import annotations

import pytest
from rated import at, interval, month, tariff_of, timeline_of

from plugins.prepaid.pricing import (
    EnergyLine,
    Interval,
    Timeline,
    Version,
    bill,
    energy_lines,
)

BANDS = "times: [{bands: {peak: 08:00-20:00, valley: rest}}]\n"
HOUR_US = 3_600_000_000


def used(rows: list[tuple[str, int]]) -> list[Interval]:
    """Energy in the hours that begin at these local times."""
    return [interval(at(start), at(start) + HOUR_US, wh, number) for number, (start, wh) in enumerate(rows)]


PEAK_THEN_VALLEY = [("2026-04-01 09:00", 150_000), ("2026-04-01 21:00", 150_000)]
VALLEY_THEN_PEAK = [("2026-04-01 01:00", 150_000), ("2026-04-01 09:00", 150_000)]

LADDER = "[{up_to: %d, price: %d}, {price: %d}]"
TIERS = {
    "a price for each block and band: in order of time": (
        "blocks: [{up_to: 200, prices: {peak: 1, valley: 0.5}}, {prices: {peak: 3, valley: 2}}]",
        "graduated",
        (150 * 100 + 50 * 50 + 100 * 200, 150 * 50 + 50 * 100 + 100 * 300),
    ),
    "one price for each block: the order does not matter": (
        "blocks: [{up_to: 200, price: 1}, {price: 2}]",
        "graduated",
        (400_00, 400_00),
    ),
    "all energy at the price of the block reached": (
        "blocks: [{up_to: 200, prices: {peak: 1, valley: 0.5}}, {prices: {peak: 3, valley: 2}}]",
        "volume",
        (150 * 500, 150 * 500),
    ),
    "the block reached costs an amount": (
        "blocks: [{up_to: 200, amount: 10}, {up_to: 300, amount: 25}, {amount: 99}]",
        "flat_step",
        (25_00, 25_00),
    ),
    "each band fills blocks of its own": (
        f"fill: band\n    blocks: {{peak: {LADDER % (100, 1, 2)}, valley: {LADDER % (90, 0, 1)}}}",
        "graduated",
        (200_00 + 60_00, 200_00 + 60_00),
    ),
    "each band has steps of its own": (
        "fill: band\n    blocks: {peak: [{up_to: 100, amount: 1}, {amount: 2}], valley: [{amount: 5}]}",
        "flat_step",
        (7_00, 7_00),
    ),
}


@pytest.mark.parametrize("case", TIERS)
def test_tiers_and_bands_work_together(case: str) -> None:
    blocks, kind, expected = TIERS[case]
    tariff = tariff_of(f"{BANDS}energy:\n  tiers:\n    kind: {kind}\n    {blocks}\n")
    totals = [
        bill(used(rows), timeline_of(tariff))[0].minor["energy"] for rows in (PEAK_THEN_VALLEY, VALLEY_THEN_PEAK)
    ]
    assert tuple(totals) == expected


def test_a_block_can_add_to_the_price_of_each_band() -> None:
    tariff = tariff_of(
        f"{BANDS}energy:\n  prices: {{peak: 1, valley: 0.5}}\n  tiers:\n    kind: graduated\n"
        "    blocks: [{up_to: 200, adder: 0}, {adder: {peak: 0.1, valley: -0.2}}]\n"
    )
    [found] = bill(used(PEAK_THEN_VALLEY), timeline_of(tariff))
    assert found.minor == {"energy": 150_00 + 25_00 + 30_00}
    lines = [(one.band, one.block, one.wh, one.price_micro) for one in energy_lines(found.state)]
    assert lines == [
        ("peak", 0, 150_000, 1_000_000),
        ("valley", 0, 50_000, 500_000),
        ("valley", 1, 100_000, 300_000),
    ]


def test_steps_come_on_top_of_prices_and_show_as_lines_of_their_own() -> None:
    tariff = tariff_of(
        f"{BANDS}energy:\n  prices: {{peak: 1, valley: 0.5}}\n"
        "  tiers: {kind: flat_step, blocks: [{up_to: 200, amount: 3}, {amount: 7}]}\n"
    )
    [found] = bill(used(PEAK_THEN_VALLEY), timeline_of(tariff))
    assert found.minor == {"energy": 150_00 + 75_00 + 7_00}
    assert energy_lines(found.state)[-1] == EnergyLine(tariff.content_sha, "", "", 1, 0, 0, 7_000_000_000)  # type: ignore[arg-type]
    assert sum(one.amount_nano for one in energy_lines(found.state)) == found.exact["energy"]


def test_a_band_without_tiers_keeps_its_price_beside_one_with() -> None:
    tariff = tariff_of(
        f"{BANDS}energy:\n  prices: {{valley: 0.5}}\n  tiers:\n    kind: graduated\n    fill: band\n"
        "    blocks: {peak: [{up_to: 100, price: 1}, {price: 2}]}\n"
    )
    [found] = bill(used(PEAK_THEN_VALLEY), timeline_of(tariff))
    assert found.minor == {"energy": 200_00 + 75_00}


ADDERS = {
    "a plain surcharge": ("{price: 0.019}", 300_000, 5_70),
    "a rebate": ("{price: -0.01}", 300_000, -3_00),
    "graduated": (
        "{kind: graduated, blocks: [{up_to: 100, price: 0}, {up_to: 200, price: 0.1}, {price: 1}]}",
        300_000, 110_00,
    ),
    "by volume, in the block just filled": (
        "{kind: volume, blocks: [{up_to: 300, price: 0.1}, {price: 1}]}", 300_000, 30_00,
    ),
    "by volume, one Wh more": ("{kind: volume, blocks: [{up_to: 300, price: 0.1}, {price: 1}]}", 300_001, 300_00),
    "a step": ("{kind: flat_step, blocks: [{up_to: 100, amount: 1}, {amount: 4.5}]}", 300_000, 4_50),
}  # fmt: skip


@pytest.mark.parametrize("case", ADDERS)
def test_a_surcharge_is_on_all_energy(case: str) -> None:
    adder, wh, expected = ADDERS[case]
    found = month(tariff_of(f"energy: {{price: 1}}\nadders: {{x: {adder}}}"), wh)
    assert found.minor["adder:x"] == expected


def changed(on_change: str, adders: str = "", extra: str = "") -> list[Version]:
    """Two versions, the second from the 16th; blocks of 100 kWh at 1 then 2, and at 10 then 20."""
    tiers = "{kind: graduated, blocks: [{up_to: 100, price: %d}, {price: %d}]}"
    texts = [f"energy: {{tiers: {tiers % prices}}}\n{adders}\n{extra}" for prices in ((1, 2), (10, 20))]
    following = tariff_of(f"{texts[1]}\nperiod: {{on_version_change: {on_change}}}")
    return [Version(tariff_of(texts[0]), 0), Version(following, at("2026-04-16"))]


CHANGES = {
    # 90 kWh in the first half, 90 in the second; whole blocks of 100, halves of 50
    "carry": 90 * 1_00 + 10 * 10_00 + 80 * 20_00,
    "restart": 90 * 1_00 + 90 * 10_00,
    "prorate": 50 * 1_00 + 40 * 2_00 + 50 * 10_00 + 40 * 20_00,
}
HALVES = [("2026-04-03 09:00", 90_000), ("2026-04-20 09:00", 90_000)]


@pytest.mark.parametrize("on_change", CHANGES)
def test_blocks_do_what_the_new_version_says_when_it_takes_over(on_change: str) -> None:
    timeline = Timeline(changed(on_change), at("2026-01-01"))
    [found] = bill(used(HALVES), timeline)
    assert found.minor == {"energy": CHANGES[on_change]}


def test_an_interval_over_the_change_is_cut_there() -> None:
    timeline = Timeline(changed("carry"), at("2026-01-01"))
    [found] = bill([interval(at("2026-04-15"), at("2026-04-17"), 40_000)], timeline)
    assert found.minor == {"energy": 20 * 1_00 + 20 * 10_00}


def test_a_surcharge_follows_the_use_over_a_change() -> None:
    graduated = "adders: {x: {kind: graduated, blocks: [{up_to: 100, price: 0}, {price: 1}]}}"
    [carried] = bill(used(HALVES), Timeline(changed("carry", graduated), 0))
    assert carried.minor["adder:x"] == 80_00
    [restarted] = bill(used(HALVES), Timeline(changed("restart", graduated), 0))
    assert restarted.minor["adder:x"] == 0
    step = "adders: {x: {kind: flat_step, blocks: [{up_to: 100, amount: 1}, {amount: 4}]}}"
    [once] = bill(used(HALVES), Timeline(changed("carry", step), 0))
    assert once.minor["adder:x"] == 4_00
    [twice] = bill(used(HALVES), Timeline(changed("restart", step), 0))
    assert twice.minor["adder:x"] == 2_00


def test_steps_of_energy_are_charged_once_for_each_count() -> None:
    def versions(on_change: str) -> list[Version]:
        text = "energy: {tiers: {kind: flat_step, blocks: [{up_to: 100, amount: 1}, {amount: 4}]}}\n"
        later = tariff_of(f"{text}period: {{on_version_change: {on_change}}}")
        return [Version(tariff_of(text), 0), Version(later, at("2026-04-16"))]

    assert bill(used(HALVES), Timeline(versions("carry"), 0))[0].minor == {"energy": 4_00}
    assert bill(used(HALVES), Timeline(versions("restart"), 0))[0].minor == {"energy": 2_00}


def test_three_versions_prorate_only_around_the_change_that_says_so() -> None:
    """The first and second are prorated since the second says so; the third restarts with whole blocks."""
    base = (
        "energy: {tiers: {kind: graduated, blocks: [{up_to: 30, price: 1}, {price: 2}]}}\n"
        "period: {on_version_change: %s}"
    )
    versions = [
        Version(tariff_of(base % change), 0 if day is None else at(f"2026-04-{day}"))
        for change, day in (("carry", None), ("prorate", "11"), ("restart", "21"))
    ]
    plan = Timeline(versions, 0).plan("2026-04")
    assert [(part.count, part.days, part.rates.energy["all_day"].ends) for part in plan.parts] == [
        (0, 10, (10_000,)), (1, 10, (10_000,)), (2, 10, (30_000,)),
    ]  # fmt: skip


DAYS = {
    # blocks of 300 kWh, unless 25 to 35 days, times N / 30
    "a whole month": ("2026-04-01", "2026-05-01", 300_000),
    "25 days are whole": ("2026-04-01", "2026-04-26", 300_000),
    "24 days": ("2026-04-01", "2026-04-25", 240_000),
    "one day": ("2026-04-01", "2026-04-02", 10_000),
    "less than a day counts as one": ("2026-04-01", "2026-04-01 12:00", 10_000),
}


@pytest.mark.parametrize("case", DAYS)
def test_blocks_shrink_with_the_days_of_a_short_period(case: str) -> None:
    start, end, ends_wh = DAYS[case]
    tariff = tariff_of(
        "period: {blocks_by_days: {from_days: 25, to_days: 35, base_days: 30}}\n"
        "energy: {tiers: {kind: graduated, blocks: [{up_to: 300, price: 1}, {price: 2}]}}"
    )
    plan = Timeline([Version(tariff, 0)], at(start), at(end)).plan("2026-04")
    assert plan.parts[0].rates.energy["all_day"].ends == (ends_wh,)


def test_a_gap_of_two_months_gives_each_month_its_own_blocks() -> None:
    tariff = tariff_of("energy: {tiers: {kind: graduated, blocks: [{up_to: 100, price: 1}, {price: 2}]}}")
    bills = bill([interval(at("2026-04-01"), at("2026-06-01"), 61_000 * 3)], timeline_of(tariff))
    assert [(one.period, one.minor["energy"]) for one in bills] == [("2026-04", 90_00), ("2026-05", 93_00)]


def test_energy_lines_name_the_block_that_a_volume_reached() -> None:
    tariff = tariff_of("energy: {tiers: {kind: volume, blocks: [{up_to: 100, price: 1}, {price: 2}]}}")
    [line] = energy_lines(month(tariff, 250_000).state)
    assert (line.block, line.wh, line.price_micro) == (1, 250_000, 2_000_000)


def test_a_tax_above_a_use_goes_on_over_a_change_of_version() -> None:
    tax = "taxes: {sst: {percent: 10, included: false, above_kwh: 100}}"
    adder = "adders: {x: {price: 1}}"
    [found] = bill(used(HALVES), Timeline(changed("carry", adder, tax), 0))
    assert found.minor["tax:sst"] == 8 * (20_00 + 1_00)


def test_a_change_of_the_tax_rate_is_one_of_version() -> None:
    versions = [
        Version(
            tariff_of(f"energy: {{price: 1}}\ntaxes: {{vat: {{percent: {percent}, included: false}}}}"), from_us
        )
        for percent, from_us in ((13, 0), (9, at("2026-04-16")))
    ]
    [found] = bill(used(HALVES), Timeline(versions, 0))
    assert found.minor == {"energy": 180_00, "tax:vat": 11_70 + 8_10}
