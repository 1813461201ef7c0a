"""What tenants draw: power over time, with an exact integral, the same for the same seed.

Power is in whole milliwatts and time in whole microseconds, so that energy is in whole nanojoules: no rounding, no
drift. Power that is drawn is positive; a load that feeds in, such as a solar roof, is negative.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol

from hub.core.ids import SeededIds

NJ_PER_WH = 3_600_000_000_000
_DAY_US = 86_400_000_000
_SLOT_US = 60_000_000
_SLOTS = _DAY_US // _SLOT_US


class Load(Protocol):
    """Power over true time; constant between its steps."""

    def power_mw(self, at_us: int) -> int:
        """What is drawn at an instant."""

    def drawn_nj(self, from_us: int, to_us: int) -> tuple[int, int]:
        """The energy drawn and the energy fed in between two instants, exactly."""


@dataclass(frozen=True, slots=True)
class ConstantLoad:
    """The same power always."""

    power_w: int

    def power_mw(self, at_us: int) -> int:
        """What is drawn at an instant."""
        return 1000 * self.power_w

    def drawn_nj(self, from_us: int, to_us: int) -> tuple[int, int]:
        """The energy drawn and the energy fed in between two instants, exactly."""
        net_nj = 1000 * self.power_w * (to_us - from_us)
        return (net_nj, 0) if net_nj >= 0 else (0, -net_nj)


class SteppedLoad:
    """Another power from each of some instants on; the first holds before it as well."""

    def __init__(self, steps: Sequence[tuple[int, int]]) -> None:
        """Take pairs of an instant in microseconds and the power in watts from then on, in order of time."""
        if not steps or any(later[0] <= earlier[0] for earlier, later in pairwise(steps)):
            raise ValueError("a stepped load needs at least one step, each later than the one before")
        self._steps = tuple(steps)

    def power_mw(self, at_us: int) -> int:
        """What is drawn at an instant."""
        power_w = self._steps[0][1]
        for since_us, next_w in self._steps:
            if since_us > at_us:
                break
            power_w = next_w
        return 1000 * power_w

    def drawn_nj(self, from_us: int, to_us: int) -> tuple[int, int]:
        """The energy drawn and the energy fed in between two instants, exactly."""
        edges = [from_us, *(at_us for at_us, _ in self._steps if from_us < at_us < to_us), to_us]
        parts = [self.power_mw(begin_us) * (end_us - begin_us) for begin_us, end_us in pairwise(edges)]
        return sum(part for part in parts if part > 0), -sum(part for part in parts if part < 0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The shape of a day: the share of the peak by hour, and how it flickers."""

    hours_permille: tuple[int, ...]
    noise_permille: int
    """Each minute is up to this much above or below its hour's share."""
    cycle_min: int = 0
    """Not 0: a compressor, full on for the hour's share of each such cycle and off for the rest of it."""
    feeds_in: bool = False


PATTERNS: Mapping[str, Pattern] = {
    "shop": Pattern((60,) * 8 + (250, 700) + (1000,) * 11 + (600, 150, 60), noise_permille=100),
    "food_stall": Pattern(
        (80,) * 6 + (300, 450, 350, 400, 700) + (1000,) * 3 + (450, 300, 500) + (950,) * 3 + (600, 250, 120, 80),
        noise_permille=250,
    ),
    "cold_storage": Pattern((450,) * 9 + (600,) * 4 + (700,) * 5 + (550,) * 6, noise_permille=20, cycle_min=18),
    "escalator": Pattern((0,) * 9 + (350, 500, 700, 800, 700, 650, 650, 700, 850, 900, 800, 600, 350, 0, 0), 150),
    "solar": Pattern((0,) * 6 + (60, 200, 450, 700, 880, 980, 1000, 960, 840, 640, 380, 150, 30) + (0,) * 5, 120,
                     feeds_in=True),
}  # fmt: skip
"""Days that are known by name."""


class DailyLoad:
    """A day's pattern with seeded noise, in steps of a minute; each day differs, and repeats with its seed."""

    def __init__(self, pattern: Pattern, peak_w: int, seed: int, utc_offset_s: int = 0) -> None:
        """Follow a pattern up to a peak power; the offset makes hours local."""
        assert len(pattern.hours_permille) == 24, "a pattern has one share for each hour"
        self._pattern = pattern
        self._peak_w = peak_w
        self._seed = seed
        self._offset_us = utc_offset_s * 1_000_000
        self._day = -1
        self._sums = array("q")

    def power_mw(self, at_us: int) -> int:
        """What is drawn at an instant."""
        day, within_us = divmod(at_us + self._offset_us, _DAY_US)
        sums = self._of_day(day)
        slot = within_us // _SLOT_US
        power_mw = self._peak_w * (sums[slot + 1] - sums[slot])
        return -power_mw if self._pattern.feeds_in else power_mw

    def drawn_nj(self, from_us: int, to_us: int) -> tuple[int, int]:
        """The energy drawn and the energy fed in between two instants, exactly."""
        energy_nj = 0
        at_us, end_us = from_us + self._offset_us, to_us + self._offset_us
        while at_us < end_us:
            day = at_us // _DAY_US
            until_us = min(end_us, (day + 1) * _DAY_US)
            energy_nj += self._since_midnight(day, until_us - day * _DAY_US)
            energy_nj -= self._since_midnight(day, at_us - day * _DAY_US)
            at_us = until_us
        return (0, energy_nj) if self._pattern.feeds_in else (energy_nj, 0)

    def _since_midnight(self, day: int, within_us: int) -> int:
        sums = self._of_day(day)
        slot, rest_us = divmod(within_us, _SLOT_US)
        shares = sums[slot] * _SLOT_US
        if rest_us:
            shares += (sums[slot + 1] - sums[slot]) * rest_us
        return self._peak_w * shares

    def _of_day(self, day: int) -> array[int]:
        if day != self._day:
            self._sums = _shares_of_day(self._pattern, self._seed, day)
            self._day = day
        return self._sums


@lru_cache(maxsize=1024)
def _shares_of_day(pattern: Pattern, seed: int, day: int) -> array[int]:
    """The share of the peak, in thousandths, summed over all minutes before each one of a day.

    An integral is then two look-ups, and loads that differ in their peak only share one table. A watt times a
    thousandth is a milliwatt, so nothing is rounded.
    """
    chance = SeededIds(seed * 1_000_003 + day).random.random
    shift = int(chance() * (pattern.cycle_min or 1))
    sums = array("q", [0])
    total = 0
    for slot in range(_SLOTS):
        share = pattern.hours_permille[slot // 60]
        if pattern.cycle_min:
            share = 1000 if (slot + shift) % pattern.cycle_min * 1000 < share * pattern.cycle_min else 0
        swing = 1000 + int((2 * chance() - 1) * pattern.noise_permille)
        total += share * swing // 1000
        sums.append(total)
    return sums
