"""The bands of local days as instants, remembered by day; days of 23 and 25 hours have each minute once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hub.core.clock import from_us, to_us
from plugins.prepaid.tariffs.model import Tariff

DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_MICROSECOND = timedelta(microseconds=1)
_DAYS_MAX = 800
_FIRST = date(1970, 1, 1).toordinal()


class Day(NamedTuple):
    """One local day."""

    ordinal: int
    start_us: int
    end_us: int
    season: str
    period: str
    starts_us: tuple[int, ...]
    """Where its bands begin, in rising order; the first is the day's start."""
    bands: tuple[str, ...]

    def band_at(self, at_us: int) -> str:
        """The band of an instant of this day."""
        return self.bands[bisect_right(self.starts_us, at_us) - 1]


class DayTable:
    """The days of one tariff."""

    def __init__(self, tariff: Tariff) -> None:
        """Start with no day remembered."""
        self._calendar = tariff.calendar
        self._zone = ZoneInfo(tariff.time_zone)
        self._days: dict[int, Day] = {}
        self._last = self.day(_FIRST)

    def day_at(self, at_us: int) -> Day:
        """The day that an instant lies in."""
        day = self._last
        if not day.start_us <= at_us < day.end_us:
            day = self.day(from_us(at_us).astimezone(self._zone).toordinal())
            if at_us >= day.end_us:  # clocks went back over midnight: the evening's second time is the next day's
                day = self.day(day.ordinal + 1)
            self._last = day
        return day

    def day(self, ordinal: int) -> Day:
        """A day by its number, counted as `date.toordinal` does."""
        found = self._days.get(ordinal)
        if found is None:
            if len(self._days) >= _DAYS_MAX:
                self._days.clear()
            found = self._days[ordinal] = self._make(ordinal)
        return found

    def midnight_us(self, day: date) -> int:
        """The first instant of a local date."""
        return to_us(datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC))

    def _make(self, ordinal: int) -> Day:
        day = date.fromordinal(ordinal)
        start_us, end_us = self.midnight_us(day), self.midnight_us(day + timedelta(days=1))
        season = self._calendar.season_of(day)
        times = self._calendar.times[season, self._calendar.day_type_of(day)]
        midnight_us = (ordinal - _FIRST) * DAY_US  # as if the zone were UTC
        starts: list[int] = []
        bands: list[str] = []
        for piece_us, offset_us in self._offsets(start_us, end_us):
            local_us = piece_us + offset_us - midnight_us
            for (minute, band), (next_minute, _) in pairwise([*times, (24 * 60, "")]):
                if next_minute * _MINUTE_US <= local_us:
                    continue
                begins_us = (
                    piece_us if minute * _MINUTE_US <= local_us else minute * _MINUTE_US + midnight_us - offset_us
                )
                _put(starts, bands, begins_us, band)
        return Day(ordinal, start_us, end_us, season, f"{day:%Y-%m}", tuple(starts), tuple(bands))

    def _offsets(self, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
        """Where in a day which offset from UTC begins: one, or two when the clocks change."""
        first_us, last_us = self._offset_us(start_us), self._offset_us(end_us - 1)
        yield start_us, first_us
        if first_us != last_us:
            before_us, after_us = start_us, end_us - 1
            while after_us - before_us > 1:
                middle_us = (before_us + after_us) // 2
                if self._offset_us(middle_us) == first_us:
                    before_us = middle_us
                else:
                    after_us = middle_us
            yield after_us, last_us

    def _offset_us(self, at_us: int) -> int:
        offset = from_us(at_us).astimezone(self._zone).utcoffset()
        return (offset or timedelta(0)) // _MICROSECOND


def _put(starts: list[int], bands: list[str], begins_us: int, band: str) -> None:
    """Begin a band; what was to begin later under an earlier offset never does."""
    while starts and starts[-1] >= begins_us:
        del starts[-1], bands[-1]
    if not bands or bands[-1] != band:
        starts.append(begins_us)
        bands.append(band)
