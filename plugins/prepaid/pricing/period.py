"""What is constant about one period of a contract: its parts by tariff version, their days and blocks."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.prepaid.pricing.ladders import Rates
from plugins.prepaid.pricing.model import PricingError
from plugins.prepaid.tariffs.model import OnChange, Proration

if TYPE_CHECKING:
    from plugins.prepaid.pricing.timeline import Timeline, Version

_BASE_DAYS = 30
"""What a prorated version's days are divided by when its tariff names no other."""


@dataclass(frozen=True, slots=True)
class Part:
    """The stretch of a period under one tariff version."""

    version: Version
    start_us: int
    end_us: int
    first_day: int
    days: int
    """Local midnights passed: parts, and contracts that follow each other, share no day."""
    count: int
    """Parts with the same number count use together."""
    rates: Rates

    def days_begun(self, at_us: int) -> int:
        """How many of the part's days have begun at an instant."""
        if at_us < self.start_us:
            return 0
        if at_us >= self.end_us:
            return self.days
        return min(self.days, self.version.days.day_at(at_us).ordinal - self.first_day + 1)


@dataclass(frozen=True, slots=True)
class PeriodPlan:
    """One period of one contract."""

    period: str
    start_us: int
    end_us: int
    days: int
    """Of the period that the contract covers."""
    days_of_month: int
    parts: tuple[Part, ...]
    starts_us: tuple[int, ...]
    is_order_free: bool
    """Segments may be folded in any order: no price depends on what was used before in which band."""
    fingerprint: str
    """Changes with whatever would change how segments are folded."""

    def part_at(self, at_us: int) -> int:
        """The number of the part that an instant lies in."""
        return bisect_right(self.starts_us, at_us) - 1


def make_plan(timeline: Timeline, period: str) -> PeriodPlan:
    """The plan of a period; raises `PricingError` when the contract does not touch it."""
    month_start_us, month_end_us = timeline.bounds(period)
    start_us, end_us = max(month_start_us, timeline.start_us), min(month_end_us, timeline.end_us)
    if start_us >= end_us:
        raise PricingError(f"the contract does not touch {period}")
    stretches = _stretches(timeline, start_us, end_us)
    ordinals = [_ordinal(timeline, at_us) for at_us in (month_start_us, start_us, end_us, month_end_us)]
    days = max(1, ordinals[2] - ordinals[1])
    parts = _parts(timeline, stretches, days)
    return PeriodPlan(
        period=period,
        start_us=start_us,
        end_us=end_us,
        days=days,
        days_of_month=ordinals[3] - ordinals[0],
        parts=parts,
        starts_us=tuple(part.start_us for part in parts),
        is_order_free=_is_order_free(parts),
        fingerprint=_fingerprint(parts),
    )


def _is_order_free(parts: tuple[Part, ...]) -> bool:
    if len(parts) == 1 and parts[0].rates.is_uniform:
        return True
    return all(part.rates.is_simple for part in parts)


def _stretches(timeline: Timeline, start_us: int, end_us: int) -> list[tuple[Version, int, int]]:
    found = []
    at_us = start_us
    while at_us < end_us:
        version = timeline.version_at(at_us)
        until_us = min([end_us, *(one.from_us for one in timeline.versions if one.from_us > at_us)])
        found.append((version, at_us, until_us))
        at_us = until_us
    return found


def _parts(timeline: Timeline, stretches: list[tuple[Version, int, int]], days_covered: int) -> tuple[Part, ...]:
    """The parts, with their counters: a version that carries on counts together with the one before."""
    changes = [stretch[0].tariff.on_change for stretch in stretches]
    parts: list[Part] = []
    count = 0
    for number, (version, start_us, end_us) in enumerate(stretches):
        if number and changes[number] is not OnChange.CARRY:
            count += 1
        first_day = _ordinal(timeline, start_us)
        days = _ordinal(timeline, end_us) - first_day
        is_prorated = OnChange.PRORATE in (changes[number] if number else None, *changes[number + 1 : number + 2])
        scale = _scale(version.tariff.proration, days, days_covered, is_prorated=is_prorated)
        parts.append(Part(version, start_us, end_us, first_day, days, count, version.rates(*scale)))
    return tuple(parts)


def _scale(proration: Proration | None, days: int, days_covered: int, *, is_prorated: bool) -> tuple[int, int]:
    """What blocks are multiplied by: part of the period's days, or all days that the contract covers."""
    base_days = proration.base_days if proration is not None else _BASE_DAYS
    if is_prorated:
        return max(1, days), base_days
    if proration is None or proration.days_min <= days_covered <= proration.days_max:
        return 1, 1
    return days_covered, base_days


def _ordinal(timeline: Timeline, at_us: int) -> int:
    return timeline.versions[0].days.day_at(at_us).ordinal


def _fingerprint(parts: tuple[Part, ...]) -> str:
    text = ";".join(f"{part.version.sha},{part.start_us},{part.end_us},{part.count}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
