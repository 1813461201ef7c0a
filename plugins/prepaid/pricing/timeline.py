"""Which tariff, band and period an instant of a contract has, and where the next edge is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from hub.core.clock import from_us
from plugins.prepaid.pricing.days import Day, DayTable
from plugins.prepaid.pricing.ladders import Rates
from plugins.prepaid.pricing.model import PricingError
from plugins.prepaid.pricing.period import PeriodPlan, make_plan
from plugins.prepaid.tariffs.model import Rounding, Tariff

FOREVER_US = 1 << 62
_PLANS_MAX = 64
_LOOK_AHEAD_DAYS = 400


class Version:
    """A tariff and the instant it takes effect; made once and shared by all contracts, since it remembers days."""

    __slots__ = ("_rates", "days", "from_us", "sha", "tariff")

    def __init__(self, tariff: Tariff, from_us: int) -> None:
        """Take effect at an instant."""
        self.tariff = tariff
        self.from_us = from_us
        self.sha = tariff.content_sha
        self.days = DayTable(tariff)
        self._rates: dict[tuple[int, int], Rates] = {}

    @property
    def has_one_band(self) -> bool:
        """Whether the price does not depend on the time of day or year."""
        return len(self.tariff.bands) == 1 and len(self.tariff.seasons) == 1

    def rates(self, days: int, base_days: int) -> Rates:
        """The ladders with blocks times days / base days."""
        key = (1, 1) if days == base_days else (days, base_days)
        found = self._rates.get(key)
        if found is None:
            found = self._rates[key] = Rates(self.tariff, *key)
        return found


class Piece(NamedTuple):
    """A stretch of time in which nothing about the price changes."""

    t0_us: int
    t1_us: int
    band: str
    season: str
    period: str
    version: Version


class Timeline:
    """The tariff versions of one contract from its start to its end."""

    def __init__(self, versions: Sequence[Version], start_us: int, end_us: int | None = None) -> None:
        """Take versions; raises `PricingError` when they cannot follow each other."""
        self.versions = tuple(sorted(versions, key=lambda version: version.from_us))
        self.start_us = start_us
        self.end_us = FOREVER_US if end_us is None else end_us
        _check(self.versions)
        tariff = self.versions[0].tariff
        self.time_zone, self.scale = tariff.time_zone, tariff.scale
        self.rounding: Rounding = self.versions[-1].tariff.rounding
        self._from_us = [version.from_us for version in self.versions]
        self._plans: dict[str, PeriodPlan] = {}
        self._band_edge: tuple[int, int, int | None] = (0, 0, None)
        """From when until when the next band edge is known, and where it is."""

    def version_at(self, at_us: int) -> Version:
        """The version in force; raises `PricingError` before the first."""
        place = bisect_right(self._from_us, at_us) - 1
        if place < 0:
            first = self.versions[0]
            raise PricingError(
                f"no tariff is in force at {from_us(at_us).isoformat()}: {first.tariff.code} begins at "
                f"{from_us(first.from_us).isoformat()}; publish one that covers it"
            )
        return self.versions[place]

    def band_at(self, at_us: int) -> str:
        """The band of an instant."""
        return self.day_at(at_us).band_at(at_us)

    def season_at(self, at_us: int) -> str:
        """The price season of an instant."""
        return self.day_at(at_us).season

    def period_at(self, at_us: int) -> str:
        """The tier period of an instant, such as `2026-11`."""
        return self.day_at(at_us).period

    def day_at(self, at_us: int) -> Day:
        """The local day of an instant, with its bands."""
        return self.version_at(at_us).days.day_at(at_us)

    def plan(self, period: str) -> PeriodPlan:
        """What is constant about a period: which version covers which part of it, with which blocks."""
        found = self._plans.get(period)
        if found is None:
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            found = self._plans[period] = make_plan(self, period)
        return found

    def pieces(self, t0_us: int, t1_us: int) -> list[Piece]:
        """The stretches between two instants in which nothing about the price changes."""
        found: list[Piece] = []
        at_us = t0_us
        while at_us < t1_us:
            version = self.version_at(at_us)
            day = version.days.day_at(at_us)
            place = bisect_right(day.starts_us, at_us)
            until_us = min(t1_us, day.end_us, self._next_version_us(at_us), self._next_contract_edge_us(at_us))
            if place < len(day.starts_us):
                until_us = min(until_us, day.starts_us[place])
            piece = Piece(at_us, until_us, day.bands[place - 1], day.season, day.period, version)
            if found and piece[2:] == found[-1][2:] and at_us not in (self.start_us, self.end_us):
                found[-1] = found[-1]._replace(t1_us=until_us)
            else:
                found.append(piece)
            at_us = until_us
        return found

    def edges(self, t0_us: int, t1_us: int) -> list[int]:
        """Every instant between two where an interval is cut."""
        return [piece.t0_us for piece in self.pieces(t0_us, t1_us)[1:]]

    def next_band_edge(self, after_us: int) -> int | None:
        """The next instant at which the band or the season changes; None if that is more than a year away."""
        since_us, until_us, edge_us = self._band_edge
        if not since_us <= after_us < until_us:
            edge_us = self._find_band_edge(after_us)
            self._band_edge = after_us, FOREVER_US if edge_us is None else edge_us, edge_us
        return edge_us

    def _find_band_edge(self, after_us: int) -> int | None:
        if len(self.versions) == 1 and self.versions[0].has_one_band:
            return None
        first = self.day_at(after_us)
        now = first.band_at(after_us), first.season
        at_us = after_us
        for _ in range(_LOOK_AHEAD_DAYS):
            version = self.version_at(at_us)
            day = version.days.day_at(at_us)
            until_us = min(day.end_us, self._next_version_us(at_us))
            for start_us, band in zip(day.starts_us, day.bands, strict=True):
                begins_us = max(start_us, at_us)
                if begins_us < until_us and day.band_at(begins_us) == band and (band, day.season) != now:
                    return begins_us
            at_us = until_us
        return None

    def next_day_edge(self, after_us: int) -> int:
        """The next local midnight."""
        return self.day_at(after_us).end_us

    def next_month_edge(self, after_us: int) -> int:
        """The end of the period that an instant lies in."""
        return self.bounds(self.period_at(after_us))[1]

    def next_edge(self, after_us: int) -> int:
        """The next instant at which a read is worth money: a band, month, version or contract edge."""
        month_us, contract_us = self.next_month_edge(after_us), self._next_contract_edge_us(after_us)
        edges = [month_us, contract_us, self._next_version_us(after_us)]
        band_edge = self.next_band_edge(after_us)
        return min(edges if band_edge is None else [*edges, band_edge])

    def bounds(self, period: str) -> tuple[int, int]:
        """The first instant of a period and of the one after it."""
        first = date.fromisoformat(f"{period}-01")
        after = (first + timedelta(days=31)).replace(day=1)
        days = self.versions[0].days
        return days.midnight_us(first), days.midnight_us(after)

    def periods(self, t0_us: int, t1_us: int) -> Iterator[str]:
        """The periods that a stretch of time touches."""
        at_us = t0_us
        while at_us < t1_us:
            period = self.versions[0].days.day_at(at_us).period
            yield period
            at_us = self.bounds(period)[1]

    def _next_version_us(self, at_us: int) -> int:
        place = bisect_right(self._from_us, at_us)
        return self._from_us[place] if place < len(self._from_us) else FOREVER_US

    def _next_contract_edge_us(self, at_us: int) -> int:
        if at_us < self.start_us:
            return self.start_us
        return self.end_us if at_us < self.end_us else FOREVER_US


def _check(versions: tuple[Version, ...]) -> None:
    if not versions:
        raise PricingError("a contract needs at least one tariff version")
    first = versions[0].tariff
    for version in versions[1:]:
        tariff = version.tariff
        for what in ("time_zone", "currency", "scale"):
            if getattr(tariff, what) != getattr(first, what):
                raise PricingError(
                    f"{tariff.code} has {what} {getattr(tariff, what)}, {first.code} has {getattr(first, what)}: "
                    f"versions that follow each other must agree; end the contract and start another"
                )
    starts = [version.from_us for version in versions]
    if len(set(starts)) < len(starts):
        raise PricingError("two tariff versions take effect at the same instant; keep one")
