"""Shares of a point: nothing is lost, nothing is charged twice, and splitting changes nothing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.ids import ContractId, PointId
from hub.contracts.units import WattHours
from plugins.prepaid.charging.sharing import Part, parts_of
from plugins.prepaid.places.records import Term

POINT = PointId("p")


def term(contract: str, start_us: int = 0, end_us: int | None = None, share_ppm: int = 1_000_000) -> Term:
    return Term(contract=ContractId(contract), point=POINT, start_us=start_us, end_us=end_us, share_ppm=share_ppm)


def parts(start_us: int, end_us: int, from_wh: int, until_wh: int, terms: list[Term]) -> list[Part]:
    return list(parts_of(start_us, end_us, WattHours(from_wh), WattHours(until_wh), terms))


def by_contract(found: list[Part]) -> dict[str | None, int]:
    used: dict[str | None, int] = {}
    for part in found:
        used[part.contract] = used.get(part.contract, 0) + part.wh
    return used


def test_one_holder_gets_all() -> None:
    assert by_contract(parts(0, 10, 100, 207, [term("a")])) == {"a": 107}


def test_a_change_of_tenant_cuts_by_time() -> None:
    found = parts(0, 10, 0, 100, [term("a", 0, 3), term("b", 3)])
    assert [(part.contract, part.start_us, part.end_us, part.wh) for part in found] == [
        ("a", 0, 3, 30), ("b", 3, 10, 70),
    ]  # fmt: skip


def test_what_nobody_holds_is_shown_as_nobodys() -> None:
    assert by_contract(parts(0, 10, 0, 100, [term("a", 5)])) == {None: 50, "a": 50}


def test_thirds_add_up_to_the_whole() -> None:
    thirds = [term("a", share_ppm=333_333), term("b", share_ppm=333_333), term("c", share_ppm=333_334)]
    used = by_contract(parts(0, 10, 0, 100, thirds))
    assert (sum(used.values()), sorted(map(str, used))) == (100, ["a", "b", "c"])


@st.composite
def _shared(draw: st.DrawFn) -> list[Term]:
    cuts = sorted(draw(st.sets(st.integers(1, 999_999), max_size=3)))
    edges = [0, *cuts, 1_000_000]
    return [term(f"c{number}", share_ppm=right - left) for number, (left, right) in enumerate(pairwise(edges))]


@given(_shared(), st.lists(st.integers(0, 5_000), min_size=1, max_size=8), st.integers(0, 10**9))
def test_reading_more_often_changes_nobodys_share(terms: list[Term], steps: list[int], start_wh: int) -> None:
    totals = [start_wh]
    for step in steps:
        totals.append(totals[-1] + step)
    often: dict[str | None, int] = {}
    for number, (left, right) in enumerate(pairwise(totals)):
        for contract, wh in by_contract(parts(number, number + 1, left, right, terms)).items():
            often[contract] = often.get(contract, 0) + wh
    once = by_contract(parts(0, len(steps), totals[0], totals[-1], terms))
    assert often == once
    assert sum(once.values()) == totals[-1] - totals[0]


@given(_shared(), st.integers(0, 10**9), st.integers(0, 3))
def test_nobodys_share_of_a_rising_register_falls(terms: list[Term], from_wh: int, step_wh: int) -> None:
    assert all(part.wh >= 0 for part in parts(0, 1, from_wh, from_wh + step_wh, terms))


def test_a_middle_share_does_not_fall_where_plain_floors_would() -> None:
    """10 % and 25 %: floor(3.5) - floor(1.0) is less than floor(3.15) - floor(0.9)."""
    terms = [term("a", share_ppm=100_000), term("b", share_ppm=250_000), term("c", share_ppm=650_000)]
    assert [part.wh for part in parts(0, 1, 9, 10, terms)] == [1, 0, 0]
