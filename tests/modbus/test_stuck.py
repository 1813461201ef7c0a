"""A register that stands still is stuck only when what flowed must have moved it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from made_up_meters import point

from hub.contracts.profiles import Counter, Point, WordType
from plugins.kpm_modbus.stuck import Still, counts_at, step_of_wh, watch

ENERGY = replace(
    point("energy", 0),
    type=WordType.U32,
    unit="kWh",
    counter=Counter(modulus_raw=None, scale=-2, rate_max_per_h=Decimal(69)),
)
FLOAT = replace(ENERGY, type=WordType.F32, counter=Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal(69)))
STEP_S = 10


def looked_at(looks: int, power_w: int, *, raw: int = 100_000) -> Still:
    """A register read every ten seconds with the same power and the same value."""
    still: Still | None = None
    for look in range(looks + 1):
        at_us = look * STEP_S * 1_000_000
        still = watch(still, raw, Decimal(power_w), at_us, at_us)
    assert still is not None
    return still


@pytest.mark.parametrize(
    ("case", "energy", "looks", "power_w", "raw", "is_stuck"),
    [
        ("three steps of 10 Wh have flowed, and more", ENERGY, 60, 2000, 100_000, True),
        ("at so little power it rightly stands still", ENERGY, 60, 100, 100_000, False),
        ("too few looks, whatever flowed", ENERGY, 4, 50_000, 100_000, False),
        ("nothing flows", ENERGY, 10_000, 0, 100_000, False),
        ("it exports: the import register rightly stands still", ENERGY, 10_000, -5000, 100_000, False),
        ("a float near zero moves by single watt-hours", FLOAT, 7, 2000, 1_000, True),
        ("the same float above 131,072 kWh moves by 15.6 Wh", FLOAT, 7, 2000, 140_000_000, False),
    ],
)
def test_a_register_is_stuck(case: str, energy: Point, looks: int, power_w: int, raw: int, is_stuck: bool) -> None:
    assert looked_at(looks, power_w, raw=raw).is_stuck(energy) is is_stuck, case


def test_a_step_begins_the_watch_anew() -> None:
    still = looked_at(60, 2000)
    moved = watch(still, still.raw + 1, Decimal(2000), 700_000_000, 700_000_000)
    assert (moved.looks, int(moved.flowed_wh), moved.since_us) == (0, 0, 700_000_000)
    assert not moved.is_stuck(ENERGY)


def test_the_lower_of_two_powers_counts() -> None:
    """A kettle that was switched on just before the second look has used hardly anything."""
    first = watch(None, 5, Decimal(0), 0, 0)
    second = watch(first, 5, Decimal(9000), 3_600_000_000, 3_600_000_000)
    assert second.flowed_wh == 0


def test_below_its_starting_current_a_meter_rightly_counts_nothing() -> None:
    assert not counts_at(ENERGY, Decimal(60))
    assert counts_at(ENERGY, Decimal(70))


def test_what_counts_no_energy_is_never_stuck() -> None:
    assert step_of_wh(replace(ENERGY, unit="kvarh"), 5) is None
    assert not looked_at(600, 5000).is_stuck(replace(ENERGY, unit="kvarh"))
