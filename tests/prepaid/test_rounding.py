"""Money is rounded once, from the exact sum; balances are sums of what was rounded."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rated import month, tariff_of

from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing import PricingError, differences, rounded_minor, shared_minor, split_included
from plugins.prepaid.tariffs import Rounding

MODES = {
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_DOWN: ROUND_HALF_DOWN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}
TRAPS: dict[str, tuple[int | Fraction, int]] = {
    "Lago 4642: 14.29 x 1.24 = 17.7196": (17_719_600_000, 17_72),
    "Lago 4641: 14.28444999": (14_284_449_990, 14_28),
    "Lago 4639: 17.96999": (17_969_990_000, 17_97),
    "a half goes to the even one below": (25_000_000, 2),
    "a half goes to the even one above": (35_000_000, 4),
    "a hair above the half": (Fraction(50_000_001, 2), 3),
    "a hair below the half": (Fraction(49_999_999, 2), 2),
    "below zero alike": (-25_000_000, -2),
    "no half after all": (-25_000_001, -3),
}


@pytest.mark.parametrize("case", TRAPS)
def test_a_trap_is_rounded_as_it_should(case: str) -> None:
    exact, minor = TRAPS[case]
    assert rounded_minor(exact, 2) == minor


def test_a_balance_is_what_was_paid_less_what_was_rounded() -> None:
    charged = rounded_minor(14_284_449_990, 2)
    assert 100_00 - charged == 85_72


def test_tax_on_top_comes_from_the_exact_amount_and_the_bill_still_adds_up() -> None:
    """14.29 with 24 % on top is 17.72, as one exact sum says too."""
    tariff = tariff_of("energy: {price: 14.29}\ntaxes: {vat: {percent: 24, included: false}}")
    found = month(tariff, 1_000)
    assert (found.minor, found.total_minor) == ({"energy": 14_29, "tax:vat": 3_43}, 17_72)


@given(
    numerator=st.integers(-(10**14), 10**14), denominator=st.sampled_from([1, 2, 7, 30]),
    mode=st.sampled_from(list(MODES)), scale=st.integers(0, 4),
)  # fmt: skip
def test_every_mode_rounds_as_decimal_does(numerator: int, denominator: int, mode: Rounding, scale: int) -> None:
    exact = Fraction(numerator, denominator)
    scaled = exact * Fraction(10**scale, 10**9)
    low = scaled.numerator // scaled.denominator
    # Decimal cannot hold a seventh: any stand-in strictly between the same quarters rounds alike
    quarters = Fraction(int((scaled - low) * 4), 4)
    inside = Decimal(1) / 8 if scaled - low != quarters else Decimal(0)
    stand_in = Decimal(low) + Decimal(quarters.numerator) / quarters.denominator + inside
    assert rounded_minor(exact, scale, mode) == int(stand_in.quantize(Decimal(1), rounding=MODES[mode]))


@given(amounts=st.lists(st.integers(0, 10**12), min_size=1, max_size=12))
def test_however_often_it_is_posted_the_sum_is_the_rounded_exact(amounts: list[int]) -> None:
    tariff = tariff_of("energy: {price: 1}")
    sums: dict[str, MinorUnits] = {}
    for amount in amounts:
        for component, minor in differences({"energy": amount}, sums, tariff).items():
            sums[component] = MinorUnits(sums.get(component, 0) + minor)
        assert sums.get("energy", 0) == rounded_minor(amount, 2)


def test_a_component_that_is_due_no_longer_is_taken_back() -> None:
    tariff = tariff_of("energy: {price: 1}")
    posted = {"fixed:rent": MinorUnits(500), "energy": MinorUnits(3), "demand": MinorUnits(0)}
    assert differences({"energy": 30_000_000}, posted, tariff) == {"fixed:rent": -500}


def test_included_tax_is_rounded_once_and_shared_by_largest_remainder() -> None:
    """Three lines of 0.33 hold 0.11 of 13 % tax together; each alone would say 0.04."""
    lines = [MinorUnits(33), MinorUnits(33), MinorUnits(33)]
    assert split_included(lines, 130_000) == [4, 4, 3]
    assert split_included([MinorUnits(0)], 130_000) == [0]
    assert split_included([], 130_000) == []


@given(
    lines=st.lists(st.integers(-(10**7), 10**7).map(MinorUnits), min_size=1, max_size=8),
    rate_ppm=st.integers(0, 500_000),
)
def test_the_shares_of_an_included_tax_add_up_to_the_tax_of_the_sum(lines: list[MinorUnits], rate_ppm: int) -> None:
    gross = sum(lines)
    whole = rounded_minor(Fraction(gross * rate_ppm * 10**9, 10**6 + rate_ppm), 0)
    assert sum(split_included(lines, rate_ppm)) == whole


def test_lines_share_a_posted_amount_to_the_last_unit() -> None:
    assert shared_minor(MinorUnits(100), [333_333_333, 333_333_333, 333_333_334], 2) == [33, 33, 34]


def test_an_amount_that_is_not_the_sum_of_its_lines_is_refused() -> None:
    with pytest.raises(PricingError, match="7 is not the rounded sum of its lines, 1"):
        shared_minor(MinorUnits(7), [10_000_000], 2)
