"""When a local time or a pattern of times comes next, on nights when clocks change as well.

A local time that a night leaves out counts at the moment of the change, one that comes twice counts at the first;
as Home Assistant has it (`is_once` false), the one does not come and the other comes twice. A pattern that names no
hours goes by real time, whatever the clocks show.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from hub.core.clock import from_us, to_us

DAYS_AHEAD = 400
STEPS_MAX = 20_000
HOURS = 24
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class Recurrence(Protocol):
    """Something that comes again and again."""

    def next_us(self, after_us: int) -> int | None:
        """The first instant after another one at which it comes; None when it does not within a year."""


def is_real(local: datetime) -> bool:
    """Whether a local time exists: clocks that go forward leave some out."""
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)


def gap_end(missing: datetime) -> datetime:
    """The instant at which clocks went forward over a local time that does not exist, in UTC."""
    early, late = (missing.replace(fold=fold).astimezone(UTC) for fold in (1, 0))
    zone = missing.tzinfo
    before = early.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class DailyTime:
    """A local time of day."""

    at: time
    zone: tzinfo
    is_once: bool

    def next_us(self, after_us: int) -> int | None:
        """The first instant after another one at which the local time is reached."""
        after = from_us(after_us)
        day = after.astimezone(self.zone).date() - _DAY
        for _ in range(DAYS_AHEAD):
            for instant in self._on(day):
                if instant > after:
                    return to_us(instant)
            day += _DAY
        return None

    def _on(self, day: date) -> Iterator[datetime]:
        local = datetime.combine(day, self.at, self.zone)
        first = local.astimezone(UTC)
        if not is_real(local):
            if self.is_once:
                yield gap_end(local)
            return
        yield first
        second = local.replace(fold=1).astimezone(UTC)
        if second > first and not self.is_once:
            yield second


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hours, minutes and seconds that must all match the local time."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    zone: tzinfo
    is_once: bool

    def next_us(self, after_us: int) -> int | None:
        """The first whole second after an instant at which the local time matches."""
        names_hours = self.is_once and len(self.hours) < HOURS
        at = from_us(after_us).replace(microsecond=0)
        before = at.astimezone(self.zone)
        at += _SECOND
        for _ in range(STEPS_MAX):
            local = at.astimezone(self.zone)
            if names_hours:
                missed = self._in_gap(before, local)
                if missed is not None and missed > from_us(after_us):
                    return to_us(missed)
            step = self._step(local)
            if not step:
                if not (names_hours and _is_second_time(local)):
                    return to_us(at)
                step = 1
            before = local
            at += timedelta(seconds=step)
        return None

    def _step(self, local: datetime) -> int:
        """Seconds to the next moment worth a look; 0 when this one matches."""
        if local.hour not in self.hours:
            return 3600 - local.minute * 60 - local.second
        if local.minute not in self.minutes:
            return 60 - local.second
        index = bisect_left(self.seconds, local.second)
        return 60 - local.second if index == len(self.seconds) else self.seconds[index] - local.second

    def _in_gap(self, before: datetime, local: datetime) -> datetime | None:
        """The moment at which clocks went forward between two looks, if a matching time was left out."""
        was, now = before.utcoffset(), local.utcoffset()
        if was is None or now is None or now <= was:
            return None
        missing = (before.astimezone(UTC) + (now - was)).astimezone(UTC).replace(tzinfo=None) + was
        end = gap_end_between(before, local)
        first = end.astimezone(UTC).replace(tzinfo=None) + was
        for minute in range(int((now - was).total_seconds()) // 60):
            missing = first + timedelta(minutes=minute)
            if missing.hour in self.hours and missing.minute in self.minutes:
                return end
        return None


def gap_end_between(before: datetime, after: datetime) -> datetime:
    """The instant between two local ones at which the offset changed, in UTC."""
    early, late = before.astimezone(UTC), after.astimezone(UTC)
    was = before.utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(before.tzinfo).utcoffset() == was:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _is_second_time(local: datetime) -> bool:
    """Whether the same local time was there an hour before."""
    return local.fold == 1 and local.replace(fold=0).utcoffset() != local.utcoffset()


@dataclass(frozen=True, slots=True)
class OnceAt:
    """One instant."""

    at_us: int

    def next_us(self, after_us: int) -> int | None:
        """The instant, if it is after another one."""
        return self.at_us if self.at_us > after_us else None


def last_in(recurrence: Recurrence, after_us: int, until_us: int) -> int | None:
    """The last time that something came after an instant, up to and at another one."""
    found = None
    at_us = recurrence.next_us(after_us)
    while at_us is not None and at_us <= until_us:
        found = at_us
        at_us = recurrence.next_us(at_us)
    return found
