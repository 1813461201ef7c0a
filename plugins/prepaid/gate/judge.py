"""Judges one look at a register beside the last accepted one: pure, so that every decision can be replayed.

The field layer has looked before, at the wire; the gate looks again, because money follows from it. A value that
cannot honestly have flowed is never billed by itself, a fall is never called use, and a rollover is believed only
near the modulus.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hub.contracts.units import WattHours

ROLLED_FROM_PERCENT = 90
ROLLED_TO_PERCENT = 10
"""A register rolled over only if it stood above the one share of its modulus and stands below the other now."""

SLACK_PERCENT = 110
"""Honest meters and clocks differ by less than this."""

AGREEMENTS = 3
"""So many looks that agree make a fall a reset: a transient zero never lasts that long."""

FUTURE_MAX_US = 5_000_000
"""A look that claims to be newer than this from now has a wrong time."""

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Nature:
    """What is known of a register's epoch: how raw counts become energy, and how much can flow."""

    open_raw: int
    scale: int
    """Energy in Wh is raw times ten to this times the ratio."""
    ratio: tuple[int, int]
    modulus_raw: int | None
    power_max_w: int

    def total_wh(self, raw: int, wraps: int) -> WattHours:
        """Energy since the epoch's start, floored to a Wh: differences of totals add up exactly."""
        counted = (raw - self.open_raw + wraps * (self.modulus_raw or 0)) * self.ratio[0]
        return WattHours(counted * _ten_to(self.scale) // (self.ratio[1] * _ten_to(-self.scale)))

    def most_wh(self, elapsed_us: int) -> int:
        """The most that can have flowed in a time, and one step of the register on top."""
        step_wh = self.ratio[0] * _ten_to(self.scale) // self.ratio[1]
        return self.power_max_w * max(0, elapsed_us) * SLACK_PERCENT // (HOUR_US * 100) + step_wh + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a register."""

    at_us: int
    raw: int
    meter_us: int | None = None
    """The meter's own clock, where it tells it: the same one again is a repeated snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a register's epoch stands: the newest accepted look, and a doubtful one that waits."""

    at_us: int
    raw: int
    wraps: int = 0
    meter_us: int | None = None
    doubted: Look | None = None
    agreed: int = 0


class Decision(Enum):
    """What becomes of a look."""

    ACCEPT = "accept"
    REPEATED = "repeated"
    """Nothing new: the same instant, or the same snapshot."""
    LATE = "late"
    """Older than the newest accepted look: it may still refine the past."""
    HOLD = "hold"
    """In doubt: looked at again, not billed."""
    NEW_EPOCH = "new_epoch"
    """The register was reset: a new epoch begins with this look, and people are told."""
    REFUSE = "refuse"
    """It cannot be: its time is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is decided, and where the register stands from now on."""

    decision: Decision
    standing: Standing
    reason: str = ""

    @property
    def is_implausible(self) -> bool:
        """Whether it waits because more than can have flowed was counted; only a person settles that."""
        return self.decision is Decision.HOLD and self.standing.doubted is not None and not self._fell

    @property
    def _fell(self) -> bool:
        doubted = self.standing.doubted
        return doubted is not None and doubted.raw < self.standing.raw


def judge(look: Look, standing: Standing, nature: Nature, *, now_us: int) -> Verdict:
    """Decide on a look; nothing but its arguments counts."""
    if look.at_us > now_us + FUTURE_MAX_US:
        ahead_s = (look.at_us - now_us) // 1_000_000
        return Verdict(decision=Decision.REFUSE, standing=standing, reason=f"its time is {ahead_s} s in the future")
    if look.at_us == standing.at_us or (look.meter_us is not None and look.meter_us == standing.meter_us):
        return Verdict(decision=Decision.REPEATED, standing=standing, reason="the same snapshot again")
    if look.at_us < standing.at_us:
        return Verdict(decision=Decision.LATE, standing=standing, reason="older than the newest accepted")
    most_wh = nature.most_wh(look.at_us - standing.at_us)
    wraps = standing.wraps
    if look.raw < standing.raw:
        if not _has_rolled_over(look.raw, standing, nature, most_wh):
            return _fallen(look, standing)
        wraps += 1
    used_wh = nature.total_wh(look.raw, wraps) - nature.total_wh(standing.raw, standing.wraps)
    if used_wh > most_wh or _goes_on_from_a_jump(look, standing):
        held = replace(standing, doubted=look, agreed=1)
        reason = f"{used_wh} Wh since the last read, where {most_wh} Wh can have flowed"
        return Verdict(decision=Decision.HOLD, standing=held, reason=reason)
    accepted = Standing(at_us=look.at_us, raw=look.raw, wraps=wraps, meter_us=look.meter_us)
    return Verdict(
        decision=Decision.ACCEPT, standing=accepted, reason="rolled over" if wraps > standing.wraps else ""
    )


def _fallen(look: Look, standing: Standing) -> Verdict:
    doubted = standing.doubted
    agrees = doubted is not None and doubted.raw <= look.raw
    agreed = standing.agreed + 1 if agrees else 1
    reason = f"the register fell from {standing.raw} to {look.raw}"
    if agreed >= AGREEMENTS:
        fresh = Standing(at_us=look.at_us, raw=look.raw, meter_us=look.meter_us)
        return Verdict(decision=Decision.NEW_EPOCH, standing=fresh, reason=f"{reason}, {agreed} looks agree")
    return Verdict(decision=Decision.HOLD, standing=replace(standing, doubted=look, agreed=agreed), reason=reason)


def _goes_on_from_a_jump(look: Look, standing: Standing) -> bool:
    """Whether the look stands on a jump that waits for a person: time alone must not make it plausible."""
    doubted = standing.doubted
    return doubted is not None and standing.raw < doubted.raw <= look.raw


def _has_rolled_over(raw: int, standing: Standing, nature: Nature, most_wh: int) -> bool:
    modulus = nature.modulus_raw
    if modulus is None:
        return False
    if standing.raw * 100 <= modulus * ROLLED_FROM_PERCENT or raw * 100 >= modulus * ROLLED_TO_PERCENT:
        return False
    used_wh = nature.total_wh(raw, standing.wraps + 1) - nature.total_wh(standing.raw, standing.wraps)
    return used_wh <= most_wh


def fits_between(look_wh: int, before_wh: int, after_wh: int | None) -> bool:
    """Whether a late look's total lies between its neighbours', so that the past may be refined by it."""
    return before_wh <= look_wh and (after_wh is None or look_wh <= after_wh)


def _ten_to(exponent: int) -> int:
    """Ten to a power, or 1 when the power is negative."""
    power: int = 10 ** max(0, exponent)
    return power
