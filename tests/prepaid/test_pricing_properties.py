"""What holds for every tariff and every series of reads."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from rated import at, example, interval, tariff_of, timeline_of

from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing import (
    Component,
    Interval,
    PeriodState,
    Segment,
    Timeline,
    Version,
    bill,
    charges,
    cut,
    differences,
    energy_lines,
    rate,
    rounded_minor,
    shared_minor,
)
from plugins.prepaid.tariffs import Tariff

MINUTE_US = 60_000_000
KINDS = {
    "flat": tariff_of("energy: {price: 0.6523}"),
    "mall": example("mall_tou"),
    "clp": example("clp"),
    "c2": example("tnb_c2"),
    "steps": tariff_of(
        "energy: {price: 0.1, tiers: {kind: flat_step, blocks: [{up_to: 5, amount: 3}, {amount: 7}]}}"
    ),
    "all at once": tariff_of(
        """
times: [{bands: {peak: 08:00-20:00, valley: rest}}]
energy:
  prices: {valley: 0.31}
  tiers: {kind: graduated, fill: band, blocks: {peak: [{up_to: 7.5, price: 1.1}, {price: 2.37}]}}
adders: {up: {kind: graduated, blocks: [{up_to: 4, price: 0.01}, {price: 0.033333}]}}
fixed: {day: {amount: 1.111, accrue: per_day}, month: {amount: 10, accrue: daily}}
minimum: {amount: 25, of: [energy, fixed]}
taxes: {vat: {percent: 13, included: false}, lux: {percent: 1.5, included: false, above_kwh: 9}}
"""
    ),
}
tariffs = st.sampled_from(list(KINDS.values()))
lengths = st.lists(st.tuples(st.integers(1, 6_000), st.integers(0, 9_000)), min_size=1, max_size=10)


def series(rows: list[tuple[int, int]], start: str = "2026-06-20") -> list[Interval]:
    """Consecutive intervals of so many minutes and Wh."""
    t0_us = at(start)
    found = []
    for number, (minutes, wh) in enumerate(rows):
        found.append(interval(t0_us, t0_us + minutes * MINUTE_US, wh, number))
        t0_us += minutes * MINUTE_US
    return found


def final(segments: list[Segment], timeline: Timeline) -> dict[str, dict[Component, object]]:
    states = rate(segments, timeline)
    return {period: dict(charges(state, state.plan.end_us, is_final=True)) for period, state in states.items()}


@given(tariff=tariffs, rows=lengths, shuffle=st.randoms(use_true_random=False))
def test_any_order_of_the_same_segments_gives_the_same_charges(
    tariff: Tariff, rows: list[tuple[int, int]], shuffle: object
) -> None:
    timeline = timeline_of(tariff)
    segments = [segment for one in series(rows) for segment in cut(one, timeline)]
    mixed = segments.copy()
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert final(mixed, timeline) == final(segments, timeline)


@given(tariff=tariffs, rows=lengths)
def test_at_every_instant_the_postings_sum_to_the_rounded_exact(
    tariff: Tariff, rows: list[tuple[int, int]]
) -> None:
    timeline = timeline_of(tariff)
    states: dict[str, PeriodState] = {}
    posted: dict[str, dict[Component, MinorUnits]] = {}

    def post(period: str, at_us: int, *, is_final: bool) -> None:
        due = charges(states[period], at_us, is_final=is_final)
        sums = posted.setdefault(period, {})
        for component, minor in differences(due, sums, timeline).items():
            sums[component] = MinorUnits(sums.get(component, 0) + minor)
        nonzero = {name: amount for name, amount in sums.items() if amount}
        rounded = {name: rounded_minor(amount, timeline.scale, timeline.rounding) for name, amount in due.items()}
        assert nonzero == {name: amount for name, amount in rounded.items() if amount}
        assert differences(due, sums, timeline) == {}

    for one in series(rows):
        for segment in cut(one, timeline):
            states.setdefault(segment.period, PeriodState(timeline.plan(segment.period))).fold(segment)
            post(segment.period, segment.t1_us, is_final=False)
    for period, state in states.items():
        post(period, state.plan.end_us, is_final=True)
    again = bill(series(rows), timeline)
    assert {one.period: {k: v for k, v in one.minor.items() if v} for one in again} == {
        period: {k: v for k, v in sums.items() if v} for period, sums in posted.items()
    }


@given(tariff=tariffs, watts=st.integers(1, 200), minutes=st.integers(2, 9_000), data=st.data())
def test_splitting_an_interval_anywhere_changes_nothing(
    tariff: Tariff, watts: int, minutes: int, data: st.DataObject
) -> None:
    """Energy that is proportional to time in whole Wh: 60 Wh a minute times the power."""
    timeline = timeline_of(tariff)
    start_us = at("2026-06-25")
    places = data.draw(st.lists(st.integers(1, minutes - 1), unique=True, max_size=5).map(sorted))
    ends = [*places, minutes]
    whole = interval(start_us, start_us + minutes * MINUTE_US, minutes * watts)
    pieces = [
        interval(start_us + a * MINUTE_US, start_us + b * MINUTE_US, (b - a) * watts, number)
        for number, (a, b) in enumerate(zip([0, *places], ends, strict=True))
    ]
    one, several = bill([whole], timeline), bill(pieces, timeline)
    assert [(each.period, each.exact) for each in several] == [(each.period, each.exact) for each in one]


@given(tariff=tariffs, rows=lengths, digits=st.integers(1, 50))
def test_energy_is_conserved_from_the_register_to_the_lines(
    tariff: Tariff, rows: list[tuple[int, int]], digits: int
) -> None:
    used = series([(minutes, wh * digits) for minutes, wh in rows])
    bills = bill(used, timeline_of(tariff))
    assert sum(one.state.total_wh for one in bills) == sum(one.wh for one in used)
    for one in bills:
        lines = energy_lines(one.state)
        assert sum(line.wh for line in lines) == one.state.total_wh
        assert sum(line.amount_nano for line in lines) == one.exact.get("energy", 0)
        if lines:
            shares = shared_minor(one.minor["energy"], [line.amount_nano for line in lines], tariff.scale)
            assert sum(shares) == one.minor["energy"]


@given(rows=lengths, day=st.integers(1, 29), on_change=st.sampled_from(["carry", "restart", "prorate"]))
def test_a_new_version_with_the_same_words_changes_only_what_it_says(
    rows: list[tuple[int, int]], day: int, on_change: str
) -> None:
    """Carrying on under the same prices costs the same; restarting never costs more."""
    text = "energy: {tiers: {kind: graduated, blocks: [{up_to: 6, price: 1}, {price: 2}]}}\n"
    change_us = at("2026-06-20") + day * 1440 * MINUTE_US
    later = Version(tariff_of(f"{text}period: {{on_version_change: {on_change}}}"), change_us)
    one, two = Timeline([Version(tariff_of(text), 0)], 0), Timeline([Version(tariff_of(text), 0), later], 0)
    # edges cut energy to whole Wh, so both are cut alike
    used = [interval(s.t0_us, s.t1_us, s.wh) for whole in series(rows) for s in cut(whole, two)]
    plain = {each.period: Fraction(each.exact.get("energy", 0)) for each in bill(used, one)}
    changed = {each.period: Fraction(each.exact.get("energy", 0)) for each in bill(used, two)}
    if on_change == "carry":
        assert changed == plain
    elif on_change == "restart":
        assert all(changed[period] <= amount for period, amount in plain.items())
    assert plain.keys() == changed.keys()


@given(watts=st.integers(1, 5_000), start=st.dates(date(2026, 1, 1), date(2030, 1, 1)), days=st.integers(1, 28))
@settings(max_examples=60)
def test_prorated_blocks_charge_so_many_days_alike(watts: int, start: date, days: int) -> None:
    """Steady use over N days of a month costs N / 30 of what 30 days cost, to the rounding of the blocks' ends."""
    start = start.replace(day=1)
    tariff = tariff_of(
        "period: {blocks_by_days: {from_days: 30, to_days: 30, base_days: 30}}\n"
        "energy: {tiers: {kind: graduated, blocks: [{up_to: 300, price: 1}, {up_to: 900, price: 2}, {price: 4}]}}"
    )
    end = start + timedelta(days=days)
    daily_wh = watts * 24

    def cost(energy_wh: int, blocks: tuple[int, int]) -> int:
        first, second = min(energy_wh, blocks[0]), min(max(0, energy_wh - blocks[0]), blocks[1] - blocks[0])
        return first + 2 * second + 4 * max(0, energy_wh - blocks[1])

    timeline = Timeline([Version(tariff, 0)], at(start.isoformat()), at(end.isoformat()))
    [found] = bill([interval(timeline.start_us, timeline.end_us, daily_wh * days)], timeline)
    assert found.exact["energy"] == cost(daily_wh * days, (300_000 * days // 30, 900_000 * days // 30)) * 10**6
