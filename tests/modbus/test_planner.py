"""The planner: every point covered, no bar crossed, and never dearer than the best that brute force finds."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_meters import point, profile, span

from hub.contracts.links import Function, WireTiming
from hub.contracts.profiles import Point, Profile
from plugins.kpm_modbus.planner import Limits, NoPlan, Plan, PlannedRead, plan, read_time_s

AT_9600 = Limits(timing=WireTiming.of(9600), turn_s=0.020)


def spans(made: Plan) -> list[tuple[int, int]]:
    return [(read.address, read.count) for read in made.reads]


def test_the_time_of_a_read_is_the_physical_limit() -> None:
    [read] = plan([point("p", 0, 60)], profile([point("p", 0, 60)]), AT_9600).reads
    c = 11 / 9600
    assert read_time_s(read, AT_9600) == pytest.approx(8 * c + 0.020 + 125 * c + 3.5 * c)


@pytest.mark.parametrize(
    ("case", "made_up", "expected"),
    [
        ("neighbours are one read", profile([point("a", 0), point("b", 2), point("c", 4)]), [(0, 6)]),
        ("an unlisted gap is not crossed", profile([point("a", 0), point("b", 6)]), [(0, 2), (6, 2)]),
        (
            "a proven gap is crossed when that is cheaper",
            profile([point("a", 0), point("b", 6)], gaps_proven=[span(2, 5)]),
            [(0, 8)],
        ),
        (
            "a proven gap that costs more than a second read is not",
            profile([point("a", 0), point("b", 42)], gaps_proven=[span(2, 41)]),
            [(0, 2), (42, 2)],
        ),
        (
            "a forbidden address is never touched",
            profile([point("a", 0), point("b", 6)], gaps_proven=[span(2, 5)], forbidden=[span(3, 3)]),
            [(0, 2), (6, 2)],
        ),
        (
            "a forbidden address of another table does not matter",
            profile(
                [point("a", 0), point("b", 6)],
                gaps_proven=[span(2, 5)],
                forbidden=[span(3, 3, Function.READ_INPUT_REGISTERS)],
            ),
            [(0, 8)],
        ),
        (
            "the meter's largest read is kept, and no value is split",
            profile([point("a", 0), point("b", 2), point("c", 4)], registers_max=5),
            [(0, 2), (2, 4)],
        ),
        (
            "overlapping points are read once",
            profile([point("a", 0, 4), point("b", 2, 2), point("c", 2, 4)]),
            [(0, 6)],
        ),
        (
            "tables are planned apart",
            profile([point("a", 0), point("b", 2, 2, Function.READ_INPUT_REGISTERS)]),
            [(0, 2), (2, 2)],
        ),
    ],
)
def test_a_plan(case: str, made_up: Profile, expected: list[tuple[int, int]]) -> None:
    made = plan(made_up.points, made_up, AT_9600)
    assert sum(count for _, count in spans(made)) == sum(count for _, count in expected), case
    assert len(made.reads) == len(expected), case
    if "largest" not in case:
        assert spans(made) == expected, case


def test_a_read_of_many_values_is_cut_so_that_a_command_need_not_wait_long() -> None:
    points = [point(f"p{place}", 2 * place) for place in range(60)]
    made = plan(points, profile(points), Limits(timing=WireTiming.of(9600), turn_s=0.020, read_time_max_s=0.180))
    assert max(read_time_s(read, AT_9600) for read in made.reads) <= 0.180
    assert sum(read.count for read in made.reads) == 120


def test_a_value_longer_than_the_largest_read_is_refused_with_its_name() -> None:
    made_up = profile([point("wide", 0, 8)], registers_max=4)
    with pytest.raises(NoPlan, match=r"'wide'.*longer"):
        plan(made_up.points, made_up, AT_9600)


def test_a_reply_is_shared_out_to_its_points() -> None:
    a, b = point("a", 10), point("b", 13, 1)
    read = PlannedRead(function=a.function, address=10, count=4, points=(a, b))
    assert read.words_of(a, (1, 2, 3, 4)) == (1, 2)
    assert read.words_of(b, (1, 2, 3, 4)) == (4,)


def cheapest_by_brute_force(points: list[Point], made_up: Profile, limits: Limits) -> float:
    """Try every way to cut the sorted points into reads."""
    ordered = sorted(points, key=lambda one: (one.address, one.last))
    best = float("inf")
    for cuts in range(len(ordered)):
        for places in combinations(range(1, len(ordered)), cuts):
            edges = [0, *places, len(ordered)]
            groups = [ordered[first:last] for first, last in pairwise(edges)]
            total = 0.0
            for group in groups:
                first, last = group[0].address, max(one.last for one in group)
                allowed = {address for one in made_up.points for address in range(one.address, one.last + 1)}
                for gap in made_up.gaps_proven:
                    allowed |= set(range(gap.first, gap.last + 1))
                banned = {a for bar in made_up.forbidden for a in range(bar.first, bar.last + 1)}
                wanted = set(range(first, last + 1))
                if not wanted <= allowed or wanted & banned or len(wanted) > made_up.capabilities.registers_max:
                    total = float("inf")
                    break
                read = PlannedRead(function=group[0].function, address=first, count=len(wanted), points=())
                total += read_time_s(read, limits)
            best = min(best, total)
    return best


@settings(max_examples=150, deadline=None)
@given(
    starts=st.lists(st.integers(0, 60), min_size=1, max_size=9, unique=True),
    counts=st.lists(st.integers(1, 4), min_size=9, max_size=9),
    proven=st.lists(st.tuples(st.integers(0, 64), st.integers(0, 12)), max_size=4),
    bars=st.lists(st.integers(0, 64), max_size=2),
    registers_max=st.integers(4, 30),
    turn_ms=st.sampled_from([5, 20, 50]),
)
def test_no_cut_is_cheaper_than_the_plan(
    starts: list[int],
    counts: list[int],
    proven: list[tuple[int, int]],
    bars: list[int],
    registers_max: int,
    turn_ms: int,
) -> None:
    points = [point(f"p{n}", start, count) for n, (start, count) in enumerate(zip(starts, counts, strict=False))]
    banned = [bar for bar in bars if not any(one.address <= bar <= one.last for one in points)]
    made_up = profile(
        points,
        registers_max=registers_max,
        gaps_proven=[span(first, first + length) for first, length in proven],
        forbidden=[span(bar, bar) for bar in banned],
    )
    limits = Limits(timing=WireTiming.of(9600), turn_s=turn_ms / 1000)
    made = plan(points, made_up, limits)
    assert made.time_s == pytest.approx(cheapest_by_brute_force(points, made_up, limits))
    assert sorted(one.name for read in made.reads for one in read.points) == sorted(one.name for one in points)
    for read in made.reads:
        assert all(read.address <= one.address and one.last < read.address + read.count for one in read.points)
