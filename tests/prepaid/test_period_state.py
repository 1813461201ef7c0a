"""The use of a period: folded one by one or rated at once, written down and read again."""

from __future__ import annotations

import json

import pytest
from rated import at, example, interval, tariff_of, timeline_of

from plugins.prepaid.pricing import (
    Interval,
    OutOfOrder,
    PeriodState,
    PlanChanged,
    PricingError,
    Segment,
    Timeline,
    Version,
    charges,
    cut,
    rate,
)

HOUR_US = 3_600_000_000
BANDS = "times: [{bands: {peak: 08:00-20:00, valley: rest}}]\n"
TIERED = tariff_of(
    BANDS + "energy: {tiers: {kind: graduated, blocks: [{up_to: 1, prices: {peak: 1, valley: 2}}, {price: 3}]}}"
)


def hours(timeline: Timeline, count: int = 30, wh: int = 700) -> list[Segment]:
    start_us = at("2026-04-01")
    rows: list[Interval] = [
        interval(start_us + n * HOUR_US, start_us + (n + 1) * HOUR_US, wh, n) for n in range(count)
    ]
    return [segment for row in rows for segment in cut(row, timeline)]


def folded(segments: list[Segment], timeline: Timeline) -> PeriodState:
    state = PeriodState(timeline.plan("2026-04"))
    for segment in segments:
        state.fold(segment)
    return state


def test_folding_one_by_one_is_rating_at_once() -> None:
    timeline = timeline_of(TIERED)
    segments = hours(timeline)
    state = folded(segments, timeline)
    assert state.total_wh == 30 * 700
    assert rate(segments[::-1], timeline)["2026-04"].to_json() == state.to_json()


def test_a_late_segment_is_refused_where_order_is_money() -> None:
    timeline = timeline_of(TIERED)
    segments = hours(timeline)
    state = folded(segments[1:], timeline)
    before = state.to_json()
    with pytest.raises(OutOfOrder, match="comes after one of"):
        state.fold(segments[0])
    assert state.to_json() == before


TWO_PRICES = "blocks: [{up_to: 1, prices: {peak: 1, valley: 2}}, {price: 3}]"
ORDER_FREE = {
    "bands without tiers": (BANDS + "energy: {prices: {peak: 1, valley: 2}}", True),
    "volume tiers by band": (
        f"{BANDS}energy: {{tiers: {{kind: volume, {TWO_PRICES}}}}}", True,
    ),
    "graduated, the same price in all bands": (
        BANDS + "energy: {tiers: {kind: graduated, blocks: [{up_to: 1, price: 1}, {price: 3}]}}", True,
    ),
    "graduated, with a tax above a use": (
        ("energy: {tiers: {kind: graduated, blocks: [{up_to: 1, price: 1}, {price: 3}]}}\n"
        "taxes: {t: {percent: 5, included: false, above_kwh: 2}}"), True,
    ),
    "graduated, other prices in other bands": (
        f"{BANDS}energy: {{tiers: {{kind: graduated, {TWO_PRICES}}}}}", False,
    ),
    "each band its own tiers": (
        BANDS + "energy: {tiers: {kind: graduated, fill: band, "
        "blocks: {peak: [{up_to: 1, price: 1}, {price: 3}], valley: [{price: 1}]}}}", False,
    ),
    "bands with a tax above a use": (
        BANDS
        + "energy: {prices: {peak: 1, valley: 2}}\ntaxes: {t: {percent: 5, included: false, above_kwh: 2}}", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ORDER_FREE)
def test_a_late_segment_is_folded_where_order_is_no_money(case: str) -> None:
    text, is_free = ORDER_FREE[case]
    timeline = timeline_of(tariff_of(text))
    assert timeline.plan("2026-04").is_order_free is is_free
    if is_free:
        segments = hours(timeline)
        due = [
            charges(folded(some, timeline), at("2026-05-01"), is_final=True) for some in (segments, segments[::-1])
        ]
        assert due[0] == due[1]


def test_a_change_of_version_inside_the_period_makes_order_money_again() -> None:
    text = "energy: {tiers: {kind: graduated, blocks: [{up_to: 1, price: 1}, {price: 3}]}}"
    later = tariff_of(f"{text}\nperiod: {{on_version_change: carry}}")
    timeline = Timeline([Version(tariff_of(text), 0), Version(later, at("2026-04-16"))], 0)
    assert not timeline.plan("2026-04").is_order_free
    assert timeline.plan("2026-05").is_order_free


def test_a_copy_goes_its_own_way() -> None:
    timeline = timeline_of(TIERED)
    segments = hours(timeline)
    state = folded(segments[:20], timeline)
    state.note_demand(at("2026-04-01"), 5)
    copy = state.copy()
    assert copy.to_json() == state.to_json()
    before = state.to_json()
    copy.fold(segments[20])
    assert copy.total_wh == state.total_wh + 700
    assert state.to_json() == before


def test_a_state_goes_on_where_it_was_written_down() -> None:
    tariff = example("tnb_c2")
    timeline = timeline_of(tariff)
    segments = hours(timeline)
    state = folded(segments[:20], timeline)
    state.note_demand(at("2026-04-01 09:00"), 4_321)
    data = state.to_json()
    assert all(isinstance(value, int) for value in json.loads(data)["wh"].values())
    again = PeriodState.from_json(timeline_of(tariff).plan("2026-04"), data)
    for segment in segments[20:]:
        state.fold(segment)
        again.fold(segment)
    assert again.to_json() == state.to_json()
    assert charges(again, at("2026-05-01"), is_final=True) == charges(state, at("2026-05-01"), is_final=True)


CHANGES = {
    "another end of the contract": lambda: timeline_of(TIERED, end="2026-04-20").plan("2026-04"),
    "another version": lambda: timeline_of(tariff_of("energy: {price: 1}")).plan("2026-04"),
    "another month": lambda: timeline_of(TIERED).plan("2026-05"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_state_of_another_plan_is_refused(case: str) -> None:
    data = PeriodState(timeline_of(TIERED).plan("2026-04")).to_json()
    with pytest.raises(PlanChanged, match="2026-04 was counted under other tariff versions or contract dates"):
        PeriodState.from_json(CHANGES[case](), data)


def test_a_segment_of_another_plan_is_refused() -> None:
    timeline = timeline_of(TIERED)
    [segment, *_] = hours(timeline)
    with pytest.raises(PricingError, match="a segment of 2026-04 does not belong to 2026-05"):
        PeriodState(timeline.plan("2026-05")).fold(segment)
    with pytest.raises(PlanChanged, match="2026-04 has no tariff 4"):
        folded([segment], timeline_of(tariff_of("energy: {price: 1}")))
