"""Intervals are cut at every edge, and not one Wh is lost or made."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rated import at, example, interval, tariff_of, timeline_of

from hub.contracts.units import WattHours
from plugins.prepaid.pricing import Interval, PricingError, Split, Timeline, Version, cut
from plugins.prepaid.pricing.cut import apportion

HOUR_US = 3_600_000_000
DAY_NIGHT = "energy: {prices: {day: 1, night: 0.5}}\ntimes: [{bands: {night: 22:00-06:00, day: rest}}]"


def measured(start: str, end: str, wh: int, bands: dict[str, int] | None, resolution_wh: int = 1) -> Interval:
    return Interval(at(start), at(end), WattHours(wh), 1, 2, bands, resolution_wh)


def shown(one: Interval, timeline: Timeline) -> list[tuple[str, int, str]]:
    return [(segment.band, segment.wh, segment.split.value) for segment in cut(one, timeline)]


SPLITS = {
    "inside one band": (measured("2026-03-03 10:00", "2026-03-03 11:00", 7, None), [("day", 7, "none")]),
    "over an edge, by time": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 7, None),
        [("day", 4, "time"), ("night", 3, "time")],
    ),
    "by the meter's own bands": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 7, {"day": 6, "night": 1}),
        [("day", 6, "register"), ("night", 1, "register")],
    ),
    "the meter's bands inside one band of ours": (
        measured("2026-03-03 10:00", "2026-03-03 11:00", 7, {"day": 7, "night": 0}),
        [("day", 7, "register")],
    ),
    "the meter's bands over two nights, each by time": (
        measured("2026-03-03 21:00", "2026-03-04 23:00", 26, {"day": 17, "night": 9}),
        [("day", 1, "register"), ("night", 8, "register"), ("day", 16, "register"), ("night", 1, "register")],
    ),
    "one digit short: it goes to the band that used most": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 100, {"day": 60, "night": 30}, resolution_wh=10),
        [("day", 70, "register"), ("night", 30, "register")],
    ),
    "one digit long": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 100, {"day": 30, "night": 80}, resolution_wh=10),
        [("day", 30, "register"), ("night", 70, "register")],
    ),
    "only the total has moved yet": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 1, {"day": 0, "night": 0}),
        [("day", 1, "register"), ("night", 0, "register")],
    ),
    "two digits short: the meter contradicts itself": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 100, {"day": 60, "night": 20}, resolution_wh=10),
        [("day", 50, "mismatch"), ("night", 50, "mismatch")],
    ),
    "a band that we do not know": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 100, {"day": 60, "sharp": 40}),
        [("day", 50, "mismatch"), ("night", 50, "mismatch")],
    ),
    "a band that is not now: the meter's clock is wrong": (
        measured("2026-03-03 10:00", "2026-03-03 11:00", 100, {"day": 60, "night": 40}),
        [("day", 100, "mismatch")],
    ),
    "a band register that fell": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 100, {"day": 101, "night": -1}),
        [("day", 50, "mismatch"), ("night", 50, "mismatch")],
    ),
    "more in a band than in all": (
        measured("2026-03-03 21:00", "2026-03-03 23:00", 0, {"day": 3, "night": 2}, resolution_wh=10),
        [("day", 0, "mismatch"), ("night", 0, "mismatch")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPLITS)
def test_energy_goes_to_the_bands(case: str) -> None:
    one, expected = SPLITS[case]
    assert shown(one, timeline_of(tariff_of(DAY_NIGHT))) == expected


def test_a_read_at_the_edge_leaves_nothing_to_split() -> None:
    timeline = timeline_of(tariff_of(DAY_NIGHT))
    one = interval(at("2026-03-03 21:00"), at("2026-03-03 22:00"), 7)._replace(at_boundary=True)
    assert shown(one, timeline) == [("day", 7, "boundary")]


def test_a_segment_knows_where_it_comes_from() -> None:
    tariff = example("mall_tou")
    [one] = cut(interval(at("2026-07-01 11:00"), at("2026-07-01 11:15"), 5, 41), timeline_of(tariff))
    assert (one.band, one.season, one.period, one.version) == ("sharp", "summer", "2026-07", tariff.content_sha)
    assert (one.read_a, one.read_b, one.split) == (41, 42, Split.NONE)
    assert one.order == (at("2026-07-01 11:15"), at("2026-07-01 11:00"), 42)


def test_it_is_cut_at_month_season_and_version_edges() -> None:
    first, then = tariff_of("energy: {price: 1}"), tariff_of("energy: {price: 2}")
    timeline = Timeline([Version(first, 0), Version(then, at("2026-05-11"))], 0)
    segments = cut(interval(at("2026-04-21"), at("2026-05-21"), 30_000), timeline)
    assert [(one.period, one.version, one.wh) for one in segments] == [
        ("2026-04", first.content_sha, 10_000),
        ("2026-05", first.content_sha, 10_000),
        ("2026-05", then.content_sha, 10_000),
    ]
    seasons = cut(interval(at("2026-06-30 22:59"), at("2026-07-01 02:00"), 181), timeline_of(example("mall_tou")))
    assert [(one.band, one.season, one.wh) for one in seasons] == [
        ("flat", "rest_of_year", 1), ("valley", "rest_of_year", 60), ("valley", "summer", 120),
    ]  # fmt: skip


def test_contracts_that_follow_each_other_share_an_interval_without_loss() -> None:
    """The closing read was missed: each contract takes its part of the running total."""
    tariff = tariff_of(DAY_NIGHT)
    whole = interval(at("2026-03-01 07:00"), at("2026-03-05 08:00"), 1_000_003)
    dates = ["2026-02-01", "2026-03-02", "2026-03-03", "2026-03-04", None]
    parts = [
        sum(one.wh for one in cut(whole, timeline_of(tariff, start or "", end)))
        for start, end in itertools.pairwise(dates)
    ]
    assert len(parts) == 4
    assert sum(parts) == 1_000_003
    assert all(parts)


def test_an_interval_outside_the_contract_gives_nothing() -> None:
    timeline = timeline_of(tariff_of(DAY_NIGHT), "2026-03-01", "2026-04-01")
    assert cut(interval(at("2026-04-01"), at("2026-04-02"), 5), timeline) == ()


@pytest.mark.parametrize(("hours", "wh"), [(0, 5), (-1, 5), (1, -5)])
def test_an_interval_that_goes_back_is_refused(hours: int, wh: int) -> None:
    t0_us = at("2026-03-03")
    with pytest.raises(PricingError, match="must go on and not fall"):
        cut(interval(t0_us, t0_us + hours * HOUR_US, wh), timeline_of(tariff_of(DAY_NIGHT)))


SHARES = {
    "exact": (10, [1, 4], [2, 8]),
    "the largest remainder first": (10, [2, 1], [7, 3]),
    "ties go to the earliest": (2, [1, 1, 1], [1, 1, 0]),
    "nothing to share": (0, [3, 3], [0, 0]),
    "no weight at all": (5, [0, 0], [5, 0]),
    "one": (5, [0], [5]),
}


@pytest.mark.parametrize("case", SHARES)
def test_shares_go_by_largest_remainder(case: str) -> None:
    total, weights, expected = SHARES[case]
    assert apportion(total, weights) == expected


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_shares_add_up_and_miss_their_part_by_less_than_one(total: int, weights: list[int]) -> None:
    shares = apportion(total, weights)
    whole = sum(weights)
    assert sum(shares) == total
    if whole:
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share * whole - total * weight) < whole or len(weights) == 1


@given(
    start_min=st.integers(0, 500_000), minutes=st.lists(st.integers(1, 5_000), min_size=1, max_size=6),
    wh=st.integers(0, 10**7),
)  # fmt: skip
def test_energy_is_conserved_whatever_the_interval(start_min: int, minutes: list[int], wh: int) -> None:
    timeline = timeline_of(example("mall_tou"))
    t0_us = at("2026-01-01") + start_min * 60_000_000
    for length in minutes:
        t1_us = t0_us + length * 60_000_000
        segments = cut(interval(t0_us, t1_us, wh), timeline)
        assert sum(one.wh for one in segments) == wh
        assert all(one.wh >= 0 for one in segments)
        assert [segments[0].t0_us, *(one.t1_us for one in segments)] == [*(one.t0_us for one in segments), t1_us]
        t0_us = t1_us
