"""Reads seasons, day types, holidays and the bands of a day: every date and every minute exactly once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from hub.core.config.show import show
from plugins.prepaid.tariffs.model import EVERY_DAY, EVERY_SEASON, ONLY_BAND, Calendar, MonthDay
from plugins.prepaid.tariffs.node import Node

REST = "rest"
"""Stands for whatever nothing else names; once in a list."""

MINUTES = 24 * 60
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORDS: dict[str, tuple[int, ...]] = {
    **{name: (number,) for number, name in enumerate(_WEEKDAYS)},
    "workday": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "holiday": (),
}
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_RANGE = re.compile(r"(\S+)\s+to\s+(\S+)")
_MINUTES_RANGE = re.compile(r"([0-9]{2}):([0-9]{2})\s*-\s*([0-9]{2}):([0-9]{2})")
_LEAP_YEAR = 2000
_HOLIDAY_DAYS_MAX = 60

Times = Mapping[tuple[str, str], tuple[tuple[int, str], ...]]


class CalendarReader:
    """Reads what says which band a minute belongs to; afterwards it knows the names of bands and seasons."""

    def __init__(self, root: Node) -> None:
        """Take the document."""
        self._root = root
        self.seasons: tuple[str, ...] = (EVERY_SEASON,)
        self.bands: tuple[str, ...] = (ONLY_BAND,)
        self._day_types: tuple[str, ...] = (EVERY_DAY,)

    def read(self) -> Calendar:
        """The calendar; faults are noted."""
        seasons = self._seasons()
        holiday_type, day_types = self._days()
        holidays = self._dates("holidays")
        workdays = self._dates("workdays")
        for day in sorted(holidays.keys() & workdays.keys()):
            where = holidays[day].faults.place(holidays[day].path)
            workdays[day].fault(f"{day} is a holiday as well, at {where}; decide which")
        if holidays and len(self._day_types) > 1 and holiday_type is None:
            self._root.child("day_types").fault("no day type has 'holiday': the holidays would count for nothing")
        return Calendar(
            seasons=MappingProxyType(seasons),
            day_types=MappingProxyType(day_types),
            holiday_type=holiday_type,
            holidays=frozenset(holidays),
            workdays=frozenset(workdays),
            times=MappingProxyType(self._times()),
        )

    def _seasons(self) -> dict[MonthDay, str]:
        """The season of each of the 366 days."""
        days = [(day.month, day.day) for day in _days_of_year()]
        if not self._root.has("seasons"):
            return dict.fromkeys(days, EVERY_SEASON)
        section = self._root.child("seasons")
        taken: dict[MonthDay, Node] = {}
        found: dict[MonthDay, str] = {}
        rests: list[str] = []
        names: list[str] = []
        is_whole = True
        for name, node in section.entries("seasons"):
            names.append(name)
            if node.value == REST:
                rests.append(name)
                continue
            for item in node.items("days such as 07-01 to 09-30"):
                span = list(_span_of_year(item))
                is_whole = is_whole and bool(span)
                twice = [day for day in span if day in taken]
                if twice:
                    where = item.faults.place(taken[twice[0]].path)
                    item.fault(f"{_month_day(twice[0])} is in season {found[twice[0]]!r} already, at {where}")
                taken |= dict.fromkeys(span, item)
                found |= dict.fromkeys(span, name)
        self.seasons = tuple(names) or self.seasons
        missing = [day for day in days if day not in found]
        if len(rests) > 1:
            section.fault(f"only one season can be 'rest', not {' and '.join(rests)}")
        elif missing and not rests and is_whole and names:
            section.fault(f"{_listed_days(missing, days)} {'is' if len(missing) == 1 else 'are'} in no season")
        elif rests and not missing:
            section.child(rests[0]).fault("nothing is left for this season: the others take the whole year")
        return found | dict.fromkeys(missing, rests[0] if rests else self.seasons[0])

    def _days(self) -> tuple[str | None, dict[int, str]]:
        """The day type of holidays, and of each weekday."""
        if not self._root.has("day_types"):
            return None, dict.fromkeys(range(7), EVERY_DAY)
        section = self._root.child("day_types")
        found: dict[int, str] = {}
        holiday: str | None = None
        names = []
        for name, node in section.entries("day types"):
            names.append(name)
            for item in node.items("days such as mon, workday, weekend or holiday"):
                word = item.one_of(_WORDS, "kind of day")
                if word == "holiday":
                    if holiday is not None:
                        item.fault(f"holidays are of day type {holiday!r} already")
                    holiday = name
                twice = [day for day in _WORDS.get(word or "", ()) if day in found]
                if twice:
                    item.fault(f"{_WEEKDAYS[twice[0]]} is of day type {found[twice[0]]!r} already")
                found |= dict.fromkeys(_WORDS.get(word or "", ()), name)
        self._day_types = tuple(names) or self._day_types
        missing = [name for number, name in enumerate(_WEEKDAYS) if number not in found]
        if missing and names:
            section.fault(f"{', '.join(missing)}: of no day type")
        return holiday, found | {day: self._day_types[0] for day in range(7) if day not in found}

    def _dates(self, key: str) -> dict[date, Node]:
        """The dates of a list, each with where it is written."""
        found: dict[date, Node] = {}
        if not self._root.has(key):
            return found
        for item in self._root.child(key).items("dates such as 2026-10-01"):
            span = list(_span_of_dates(item))
            twice = [day for day in span if day in found]
            if twice:
                where = item.faults.place(found[twice[0]].path)
                item.fault(f"{twice[0]} is in the list twice, first at {where}")
            found |= dict.fromkeys(span, item)
        return found

    def _times(self) -> dict[tuple[str, str], tuple[tuple[int, str], ...]]:
        """The bands of the day, for each season and day type."""
        kinds = [(season, day_type) for season in self.seasons for day_type in self._day_types]
        if not self._root.has("times"):
            return dict.fromkeys(kinds, ((0, ONLY_BAND),))
        section = self._root.child("times")
        bands: dict[str, None] = {}
        found: dict[tuple[str, str], tuple[tuple[int, str], ...]] = {}
        written: dict[tuple[str, str], Node] = {}
        for node in section.items("a list of entries, each with its bands"):
            if not node.section(["bands"], ["seasons", "days"]) or not node.has("bands"):
                continue
            starts = self._bands_of_day(node.child("bands"), bands)
            for kind in self._kinds(node):
                if kind in found:
                    where = node.faults.place(written[kind].path)
                    node.fault(f"{_kind(kind)} has its times already, at {where}")
                found[kind], written[kind] = starts, node
        self.bands = tuple(bands) or self.bands
        missing = [kind for kind in kinds if kind not in found]
        if missing and found:
            section.fault(f"no times for {'; '.join(map(_kind, missing))}", at_key=True)
        return found

    def _kinds(self, node: Node) -> Iterator[tuple[str, str]]:
        """The seasons and day types that an entry is for."""
        seasons = self._chosen(node, "seasons", self.seasons, "season")
        days = self._chosen(node, "days", self._day_types, "day type")
        for season in seasons:
            for day_type in days:
                yield season, day_type

    @staticmethod
    def _chosen(node: Node, key: str, known: tuple[str, ...], what: str) -> list[str]:
        if not node.has(key):
            return list(known)
        chosen = (item.one_of(known, what) for item in node.child(key).items(f"names of a {what}"))
        return list(dict.fromkeys(name for name in chosen if name is not None))

    @staticmethod
    def _bands_of_day(section: Node, bands: dict[str, None]) -> tuple[tuple[int, str], ...]:
        """The starting minutes of a day's bands."""
        by_minute: list[str | None] = [None] * MINUTES
        rests: list[str] = []
        is_whole = True
        for name, node in section.entries("bands, each with its times"):
            bands[name] = None
            if node.value == REST:
                rests.append(name)
                continue
            for item in node.items("times such as 08:00-11:00"):
                span = _span_of_day(item)
                is_whole = is_whole and span is not None
                twice = [minute for minute in span or () if by_minute[minute] is not None]
                if twice:
                    text = f"{_clock(twice[0])} is in band {by_minute[twice[0]]!r} already"
                    item.fault(f"{text}; {len(twice)} minutes overlap")
                for minute in span or ():
                    by_minute[minute] = name
        missing = [minute for minute, band in enumerate(by_minute) if band is None]
        if len(rests) > 1:
            section.fault(f"only one band can be 'rest', not {' and '.join(rests)}")
        elif missing and not rests and is_whole and bands:
            last = _run_end(missing)
            others = len(missing) - (last - missing[0] + 1)
            more = f", and {others} more minutes" if others else ""
            section.fault(f"{_clock(missing[0])}-{_clock(last + 1)} is in no band{more}")
        elif rests and not missing:
            section.child(rests[0]).fault("nothing is left for this band: the others take the whole day")
        whole = [band or (rests[0] if rests else ONLY_BAND) for band in by_minute]
        return tuple(
            (minute, band) for minute, band in enumerate(whole) if minute == 0 or whole[minute - 1] != band
        )


def _span_of_year(item: Node) -> Iterator[MonthDay]:
    """The days of `07-01 to 09-30`, over the end of the year too."""
    text = item.value if isinstance(item.value, str) else ""
    match = _RANGE.fullmatch(text.strip())
    ends = [_day_of_leap_year(word) for word in (match.groups() if match else (text, text))]
    first, last = ends
    if first is None or last is None:
        item.fault(f"expected days such as 07-01 to 09-30, got {show(item.value)}")
        return
    day = first
    while True:
        yield day.month, day.day
        if day == last:
            return
        day += timedelta(days=1)
        day = day.replace(year=_LEAP_YEAR)


def _span_of_dates(item: Node) -> Iterator[date]:
    """The dates of `2026-02-15 to 2026-02-23`."""
    text = item.value if isinstance(item.value, str) else ""
    match = _RANGE.fullmatch(text.strip())
    try:
        first, last = (date.fromisoformat(word) for word in (match.groups() if match else (text, text)))
    except ValueError:
        item.fault(f"expected a date such as 2026-10-01 or 2026-10-01 to 2026-10-07, got {show(item.value)}")
        return
    days = (last - first).days + 1
    if not 0 < days <= _HOLIDAY_DAYS_MAX:
        item.fault(f"expected 1 to {_HOLIDAY_DAYS_MAX} days in a row, got {days}")
        return
    for number in range(days):
        yield first + timedelta(days=number)


def _span_of_day(item: Node) -> list[int] | None:
    """The minutes of `22:00-06:00`, over midnight too; None after a fault."""
    match = _MINUTES_RANGE.fullmatch(item.value.strip()) if isinstance(item.value, str) else None
    if match is None:
        item.fault(f"expected times such as 08:00-11:00, got {show(item.value)}")
        return None
    hours_from, minutes_from, hours_to, minutes_to = map(int, match.groups())
    first, end = hours_from * 60 + minutes_from, hours_to * 60 + minutes_to
    if first >= MINUTES or end > MINUTES or minutes_from > 59 or minutes_to > 59 or first == end:
        item.fault(f"{show(item.value)} is no span of a day; write 00:00-24:00 for all of it")
        return None
    return list(range(first, end)) if first < end else [*range(first, MINUTES), *range(end)]


def _day_of_leap_year(text: str) -> date | None:
    match = _MONTH_DAY.fullmatch(text)
    try:
        return date(_LEAP_YEAR, int(match[1]), int(match[2])) if match else None
    except ValueError:
        return None


def _days_of_year() -> Iterator[date]:
    for number in range(366):
        yield date(_LEAP_YEAR, 1, 1) + timedelta(days=number)


def _listed_days(missing: list[MonthDay], days: list[MonthDay]) -> str:
    place = days.index(missing[0])
    run = 1
    while run < len(missing) and missing[run] == days[place + run]:
        run += 1
    first = _month_day(missing[0])
    text = first if run == 1 else f"{first} to {_month_day(missing[run - 1])}"
    return text if run == len(missing) else f"{text} and {len(missing) - run} more days"


def _run_end(missing: list[int]) -> int:
    last = missing[0]
    for minute in missing[1:]:
        if minute != last + 1:
            break
        last = minute
    return last


def _kind(kind: tuple[str, str]) -> str:
    return " on ".join(name for name in reversed(kind) if name not in (EVERY_SEASON, EVERY_DAY)) or "every day"


def _month_day(day: MonthDay) -> str:
    return f"{day[0]:02}-{day[1]:02}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
