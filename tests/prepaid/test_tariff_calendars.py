"""Which band an instant has: seasons, day types, holidays, and days of 23 and 25 hours."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rated import at, example, interval, month, tariff_of, timeline_of

from hub.core.clock import from_us
from hub.core.config import ConfigErrors, Mark
from plugins.prepaid.pricing import PricingError, Timeline, Version, cut
from plugins.prepaid.tariffs import canonical, content_sha, tariff_from_canonical, tariff_from_text
from plugins.prepaid.tariffs.canonical import _NoTags

HOUR_US = 3_600_000_000
NIGHT = """
energy: {prices: {day: 1, night: 0.5}}
times: [{bands: {night: 22:00-06:00, day: rest}}]
"""

INSTANTS = {
    "a workday's morning peak": ("2026-03-03 08:00", "peak"),
    "the minute before": ("2026-03-03 07:59", "flat"),
    "a summer workday's sharp hour": ("2026-07-01 11:30", "sharp"),
    "the same hour the day before summer": ("2026-06-30 11:30", "peak"),
    "a Saturday": ("2026-03-07 09:00", "flat"),
    "a holiday in the week": ("2026-10-01 09:00", "flat"),
    "a Saturday that is worked": ("2026-02-14 09:00", "peak"),
    "over midnight": ("2026-03-03 00:00", "valley"),
    "the last minute of the day": ("2026-03-03 23:59", "valley"),
    "the leap day": ("2028-02-29 09:00", "peak"),
}


@pytest.mark.parametrize("case", INSTANTS)
def test_an_instant_has_the_band_of_its_season_and_day(case: str) -> None:
    text, band = INSTANTS[case]
    assert timeline_of(example("mall_tou")).band_at(at(text)) == band


DAYS = {
    "23 hours": ("Europe/Berlin", "2026-03-29", 23, {"day": 16, "night": 7}),
    "25 hours": ("Europe/Berlin", "2026-10-25", 25, {"day": 16, "night": 9}),
    "24 hours": ("Europe/Berlin", "2026-10-26", 24, {"day": 16, "night": 8}),
    "a day that begins at 01:00": ("Africa/Cairo", "2026-04-24", 23, {"day": 16, "night": 7}),
    "midnight twice": ("America/Havana", "2026-11-01", 25, {"day": 16, "night": 9}),
    "half an hour": ("Australia/Lord_Howe", "2026-04-05", None, {"day": 16, "night": 8}),
}


@pytest.mark.parametrize("case", DAYS)
def test_each_minute_of_a_day_is_in_one_band_once(case: str) -> None:
    zone, day, hours, expected = DAYS[case]
    tariff = tariff_of(NIGHT, zone=zone)
    timeline = timeline_of(tariff)
    start_us = at(day, zone)
    end_us = timeline.next_day_edge(start_us)
    minutes = range(start_us, end_us, 60_000_000)
    found = Counter(timeline.band_at(minute_us) for minute_us in minutes)
    if hours is not None:
        assert len(minutes) == hours * 60
    assert {band: count // 60 for band, count in found.items()} == expected
    pieces = timeline.pieces(start_us, end_us)
    assert sum(piece.t1_us - piece.t0_us for piece in pieces) == end_us - start_us


CLOCKS = [
    ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"), ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-29"), ("America/Havana", "2026-03-08"), ("America/Havana", "2026-11-01"),
    ("America/Santiago", "2026-09-05"), ("America/Santiago", "2026-04-04"), ("Atlantic/Azores", "2026-03-28"),
    ("Atlantic/Azores", "2026-10-24"), ("Australia/Lord_Howe", "2026-04-04"), ("Australia/Lord_Howe", "2026-10-03"),
    ("Asia/Beirut", "2026-03-28"), ("Antarctica/Troll", "2026-03-28"), ("America/St_Johns", "2010-03-13"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "day"), CLOCKS)
def test_each_minute_has_the_band_of_its_local_time(zone: str, day: str) -> None:
    """Two days around a change of clocks, minute by minute, beside the plain reading of the wall clock."""
    bands = "{a: 00:00-00:30, b: 00:30-01:00, c: 01:00-01:45, d: 01:45-02:30, e: 02:30-23:30, f: 23:30-24:00}"
    tariff = tariff_of(f"energy: {{price: 1}}\ntimes: [{{bands: {bands}}}]", zone=zone)
    timeline = timeline_of(tariff, "2005-01-01")
    start_us = at(day, zone)
    starts = {"a": 0, "b": 30, "c": 60, "d": 105, "e": 150, "f": 1410}
    for at_us in range(start_us, start_us + 50 * HOUR_US, 60_000_000):
        local = from_us(at_us).astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        assert timeline.band_at(at_us) == max(band for band, first in starts.items() if first <= minute), local
        assert timeline.period_at(at_us) == f"{local:%Y-%m}"


def test_an_evening_that_comes_twice_belongs_to_the_day_after() -> None:
    """At 00:01 clocks went back to 23:01: no band begins a second time, and no minute is lost."""
    timeline = timeline_of(tariff_of(NIGHT, zone="America/St_Johns"), "2005-01-01")
    days = timeline.versions[0].days
    again_us = at("2010-11-07 00:00", "America/St_Johns") + 30 * 60_000_000
    assert from_us(again_us).astimezone(ZoneInfo("America/St_Johns")).strftime("%d %H:%M") == "06 23:30"
    assert days.day_at(again_us).ordinal == date(2010, 11, 7).toordinal()
    assert timeline.band_at(again_us) == "night"


@pytest.mark.parametrize(("day", "night_wh"), [("2026-03-29", 7_000), ("2026-10-25", 9_000)])
def test_the_hour_that_is_missing_or_repeated_is_charged_once_each(day: str, night_wh: int) -> None:
    tariff = tariff_of(NIGHT, zone="Europe/Berlin")
    timeline = timeline_of(tariff)
    start_us = at(day, "Europe/Berlin")
    end_us = timeline.next_day_edge(start_us)
    hours = (end_us - start_us) // HOUR_US
    segments = cut(interval(start_us, end_us, hours * 1_000), timeline)
    assert sum(one.wh for one in segments if one.band == "night") == night_wh
    assert sum(one.wh for one in segments) == hours * 1_000


def test_a_month_with_a_change_of_clocks_has_its_exact_length() -> None:
    timeline = timeline_of(tariff_of(NIGHT, zone="Europe/Berlin"))
    start_us, end_us = timeline.bounds("2026-03")
    assert (end_us - start_us) // HOUR_US == 31 * 24 - 1
    assert timeline.period_at(end_us - 1) == "2026-03"
    assert timeline.period_at(end_us) == "2026-04"
    assert timeline.next_month_edge(start_us) == end_us


@pytest.mark.parametrize(("period", "days"), [("2028-02", 29), ("2026-02", 28), ("2026-12", 31)])
def test_a_month_has_its_days(period: str, days: int) -> None:
    timeline = timeline_of(tariff_of(NIGHT))
    assert timeline.plan(period).days_of_month == days


def test_edges_lie_only_where_something_changes() -> None:
    """Valley runs over midnight in one piece; the holiday begins at midnight and changes nothing then."""
    timeline = timeline_of(example("mall_tou"))
    edges = timeline.edges(at("2026-09-30 12:30"), at("2026-10-01 12:00"))
    assert [from_us(edge + 8 * HOUR_US).strftime("%d %H:%M") for edge in edges] == [
        "30 18:00", "30 22:00", "30 23:00", "01 00:00", "01 07:00",
    ]  # fmt: skip
    assert timeline.season_at(at("2026-10-01")) == "rest_of_year"


NEXT = {
    "the next band": ("2026-03-03 08:00", "2026-03-03 12:00"),
    "in the middle of one": ("2026-03-03 09:17", "2026-03-03 12:00"),
    "over midnight": ("2026-03-03 23:00", "2026-03-04 07:00"),
    "a season that begins at midnight": ("2026-06-30 23:30", "2026-07-01 00:00"),
}


@pytest.mark.parametrize("case", NEXT)
def test_the_next_band_edge_is_where_the_band_or_season_changes(case: str) -> None:
    after, edge = NEXT[case]
    assert timeline_of(example("mall_tou")).next_band_edge(at(after)) == at(edge)


def test_a_tariff_without_bands_has_no_band_edge() -> None:
    timeline = timeline_of(tariff_of("energy: {price: 1}"), "2026-01-01", "2026-03-15")
    after_us = at("2026-02-10")
    assert timeline.next_band_edge(after_us) is None
    assert timeline.next_edge(after_us) == at("2026-03-01")
    assert timeline.next_edge(at("2026-03-02")) == at("2026-03-15")


def test_the_next_edge_is_the_first_of_all() -> None:
    tariff = example("mall_tou")
    versions = [Version(tariff, 0), Version(tariff_of("energy: {price: 1}"), at("2026-03-03 09:00"))]
    timeline = Timeline(versions, at("2026-03-03 06:30"))
    found = [timeline.next_edge(at(text)) for text in ("2026-03-01 00:00", "2026-03-03 06:30", "2026-03-03 08:00")]
    assert found == [at("2026-03-01 07:00"), at("2026-03-03 07:00"), at("2026-03-03 09:00")]
    assert timeline.next_edge(at("2026-03-03 05:00")) == at("2026-03-03 06:30")


def test_a_new_version_with_other_bands_is_a_band_edge() -> None:
    versions = [Version(tariff_of(NIGHT), 0), Version(tariff_of("energy: {price: 1}"), at("2026-03-03 09:30"))]
    timeline = Timeline(versions, 0)
    assert timeline.next_band_edge(at("2026-03-03 09:00")) == at("2026-03-03 09:30")
    assert timeline.version_at(at("2026-03-03 09:30")).sha == versions[1].sha


def test_a_long_look_at_days_forgets_them_again_and_gives_the_same() -> None:
    timeline = timeline_of(example("mall_tou"))
    first = date(2024, 1, 1).toordinal()
    bands = [timeline.versions[0].days.day(first + number).bands for number in range(1_000)]
    assert bands == [timeline.versions[0].days.day(first + number).bands for number in range(1_000)]
    assert len({timeline.plan(f"{2020 + n // 12}-{n % 12 + 1:02}").period for n in range(80)}) == 80


def test_periods_of_a_stretch() -> None:
    timeline = timeline_of(tariff_of(NIGHT))
    assert list(timeline.periods(at("2026-01-31 23:59"), at("2026-03-01"))) == ["2026-01", "2026-02"]


REFUSED = {
    "no version": ([], "a contract needs at least one tariff version"),
    "two at one instant": ([("t", "Asia/Shanghai", 0), ("u", "Asia/Shanghai", 0)], "at the same instant; keep one"),
    "another time zone": (
        [("t", "Asia/Shanghai", 0), ("u", "Asia/Tokyo", 9)],
        "u has time_zone Asia/Tokyo, t has Asia/Shanghai: versions that follow each other must agree",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_versions_that_cannot_follow_each_other_are_refused(case: str) -> None:
    rows, text = REFUSED[case]
    versions = [
        Version(
            tariff_from_text(f"tariff: {code}\nname: N\ncurrency: CNY\ntime_zone: {zone}\nenergy: {{price: 1}}\n"),
            from_us,
        )
        for code, zone, from_us in rows
    ]
    with pytest.raises(PricingError, match=text):
        Timeline(versions, 0)


def test_an_instant_before_the_first_version_has_no_price() -> None:
    timeline = Timeline([Version(tariff_of(NIGHT), at("2026-02-01"))], at("2026-01-01"))
    with pytest.raises(PricingError, match=r"no tariff is in force at 2026-01-01.*t begins at 2026-01-31T16:00"):
        timeline.band_at(at("2026-01-01 12:00"))


def test_a_contract_that_does_not_touch_a_period_has_no_plan_of_it() -> None:
    with pytest.raises(PricingError, match="the contract does not touch 2025-12"):
        timeline_of(tariff_of(NIGHT), "2026-01-01").plan("2025-12")


@pytest.mark.parametrize("name", ["mall_tou", "tnb_b", "pretoria", "clp", "tnb_c2"])
def test_an_example_comes_back_from_its_canonical_bytes(name: str) -> None:
    tariff = example(name)
    again = tariff_from_canonical(canonical(tariff))
    assert again == tariff
    assert content_sha(again) == content_sha(tariff)
    assert month(again, 4_321_000).minor == month(tariff, 4_321_000).minor


def test_the_content_does_not_depend_on_how_a_tariff_is_written() -> None:
    text = "tariff: t\nname: N\ncurrency: CNY\ntime_zone: UTC\nenergy: {price: 0.50}\nfixed: {a: {amount: 100}}\n"
    other = (
        "fixed:\n  a:  # monthly\n    amount: 1e2\nenergy: {price: .5}\n"
        "time_zone: UTC\ncurrency: CNY\nname: N\ntariff: t\n"
    )
    assert canonical(tariff_from_text(text)) == canonical(tariff_from_text(other))
    changed = tariff_from_text(text.replace("0.50", "0.51"))
    assert content_sha(changed) != content_sha(tariff_from_text(text))


def test_long_numbers_keep_every_digit() -> None:
    tariff = tariff_of("energy: {price: -0.0}\nfixed: {a: {amount: 123456.123456789000000000000000000000000}}\n")
    assert tariff.fixed[0].amount_nano == 123_456_123_456_789
    assert b'"amount":"123456.123456789"' in canonical(tariff)
    assert b'"price":"0"' in canonical(tariff)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"{", "no canonical tariff"), (b'{"tariff":1}', "1 is written as a number; exact numbers are text")],
)
def test_bytes_that_are_no_canonical_tariff_are_refused(data: bytes, text: str) -> None:
    with pytest.raises(ConfigErrors, match=text):
        tariff_from_canonical(data)


@given(
    start=st.datetimes(
        min_value=from_us(0).replace(tzinfo=None).replace(year=2020),
        max_value=from_us(0).replace(tzinfo=None).replace(year=2032),
    ),
    hours=st.integers(1, 400),
)
def test_pieces_follow_each_other_and_know_their_band(start: object, hours: int) -> None:
    timeline = timeline_of(tariff_of(NIGHT, zone="Europe/Berlin"), "2015-01-01")
    t0_us = at(str(start)[:19], "UTC")
    pieces = timeline.pieces(t0_us, t0_us + hours * HOUR_US)
    assert pieces[0].t0_us == t0_us
    assert pieces[-1].t1_us == t0_us + hours * HOUR_US
    for before, after in itertools.pairwise(pieces):
        assert before.t1_us == after.t0_us
        assert before[2:] != after[2:]
    for piece in pieces:
        local = from_us(piece.t0_us)
        assert timeline.band_at(piece.t0_us) == timeline.band_at(piece.t1_us - 1) == piece.band, local
    assert timeline.edges(t0_us, t0_us + hours * HOUR_US) == [piece.t0_us for piece in pieces[1:]]


def test_a_text_that_stands_alone_includes_nothing() -> None:
    with pytest.raises(AssertionError, match="!include x at depth 1"):
        _NoTags().read("!include", "x", Mark("t.yaml", 1, 1), 1)


def test_a_day_is_found_at_both_ends() -> None:
    days = timeline_of(tariff_of(NIGHT)).versions[0].days
    day = days.day_at(at("2026-05-05 12:00"))
    assert days.day_at(day.start_us) == days.day_at(day.end_us - 1) == day
    assert days.day_at(day.end_us).ordinal == day.ordinal + 1
    assert date.fromordinal(day.ordinal) + timedelta(days=1) == date(2026, 5, 6)
