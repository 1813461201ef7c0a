"""Loads: an integral is the sum of its parts to the nanojoule, and the same seed gives the same days."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.sim.field.loads import NJ_PER_WH, PATTERNS, ConstantLoad, DailyLoad, Load, SteppedLoad

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MIDNIGHT_US = 20_514 * DAY_US

LOADS: dict[str, Load] = {
    "constant": ConstantLoad(1234),
    "constant, feeding in": ConstantLoad(-500),
    "steps, both ways": SteppedLoad(
        [(MIDNIGHT_US, 100), (MIDNIGHT_US + 7 * HOUR_US, -200), (MIDNIGHT_US + DAY_US, 3)]
    ),
    **{name: DailyLoad(pattern, 5000, seed=7, utc_offset_s=8 * 3600) for name, pattern in PATTERNS.items()},
}
instants = st.integers(MIDNIGHT_US - DAY_US, MIDNIGHT_US + 3 * DAY_US)


@pytest.mark.parametrize("name", LOADS)
@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(instants, min_size=3, max_size=6, unique=True).map(sorted))
def test_energy_over_a_span_is_the_sum_over_its_parts(name: str, cuts: list[int]) -> None:
    load = LOADS[name]
    parts = [load.drawn_nj(begin, end) for begin, end in pairwise(cuts)]
    assert load.drawn_nj(cuts[0], cuts[-1]) == (sum(part[0] for part in parts), sum(part[1] for part in parts))


@pytest.mark.parametrize("name", LOADS)
@settings(max_examples=40, deadline=None)
@given(at_us=instants)
def test_power_is_the_energy_of_the_next_microsecond(name: str, at_us: int) -> None:
    load = LOADS[name]
    drawn, fed_in = load.drawn_nj(at_us, at_us + 1)
    assert drawn - fed_in == load.power_mw(at_us)


def test_a_kilowatt_for_an_hour_is_a_kilowatt_hour_exactly() -> None:
    assert ConstantLoad(1000).drawn_nj(5, 5 + HOUR_US) == (1000 * NJ_PER_WH, 0)


def test_the_same_seed_draws_the_same_days_and_another_seed_others() -> None:
    def week(seed: int) -> list[int]:
        load = DailyLoad(PATTERNS["food_stall"], 9000, seed)
        return [load.power_mw(MIDNIGHT_US + minute * 60_000_000) for minute in range(7 * 1440)]

    first = week(3)
    assert first == week(3)
    assert first != week(4)
    assert first[:1440] != first[1440:2880]


@pytest.mark.parametrize(
    ("pattern", "busy_hour", "idle_hour", "ratio"),
    [
        ("a shop sells by day", 15, 3, 8),
        ("a food stall lives from lunch", 12, 3, 8),
        ("an escalator stands at night", 18, 3, 1000),
        ("a solar roof feeds in at noon", 12, 1, 1000),
    ],
)
def test_a_day_has_its_shape_in_local_time(pattern: str, busy_hour: int, idle_hour: int, ratio: int) -> None:
    names = {"shop": "shop", "stall": "food_stall", "escalator": "escalator", "roof": "solar"}
    name = next(value for word, value in names.items() if word in pattern)
    load = DailyLoad(PATTERNS[name], 10_000, seed=1, utc_offset_s=8 * 3600)

    def of_hour(hour: int) -> int:
        begin_us = MIDNIGHT_US + (hour - 8) * HOUR_US
        return sum(load.drawn_nj(begin_us, begin_us + HOUR_US))

    assert of_hour(busy_hour) > ratio * max(1, of_hour(idle_hour))
    assert of_hour(busy_hour) <= 13 * 1000 * NJ_PER_WH


def test_a_cold_store_is_full_on_or_off_and_runs_for_its_share_of_the_hour() -> None:
    load = DailyLoad(PATTERNS["cold_storage"], 10_000, seed=1)
    minutes = [load.power_mw(MIDNIGHT_US + minute * 60_000_000) for minute in range(13 * 60, 18 * 60)]
    running = [power_mw for power_mw in minutes if power_mw]
    assert all(9_700_000 < power_mw < 10_300_000 for power_mw in running)
    assert 0.6 < len(running) / len(minutes) < 0.8


def test_steps_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="each later than the one before"):
        SteppedLoad([(10, 1), (10, 2)])
