"""Times and durations as people write them: ISO 8601 in all its spellings, and Home Assistant's own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone

_LENGTH_MAX = 200

_ZONE = r"(?P<zone>Z|z|[+-]\d{2}(?::?\d{2})?)?"
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?:(?P<dash>-)?(?P<month>\d{2})(?:(?(dash)-)(?P<day>\d{2}))?)?"
    r"(?:[T t](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,18}))?)?)?"
    + _ZONE
    + r")?\Z",
    re.ASCII,
)
_LOOSE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})[T ](?P<hour>\d{1,2}):(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,6})\d{0,6})?)?" + _ZONE + r"$"
)

_CLOCK_DURATION = re.compile(
    r"(?:(?P<days>-?\d+) (?:days?, )?)?(?P<sign>-?)((?:(?P<hours>\d+):)(?=\d+:\d+))?(?:(?P<minutes>\d+):)?"
    r"(?P<seconds>\d+)(?:[.,](?P<fraction>\d{1,6})\d{0,6})?$"
)
_ISO_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<days>\d+([.,]\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+([.,]\d+)?)H)?(?:(?P<minutes>\d+([.,]\d+)?)M)?(?:(?P<seconds>\d+([.,]\d+)?)S)?)?$"
)
_WORDS_DURATION = re.compile(
    r"(?:(?P<days>-?\d+) (days? ?))?"
    r"(?:(?P<sign>[-+])?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?$"
)


def parse_datetime(text: str) -> datetime | None:
    """The moment that a text names, aware if it has a zone; None if it names none."""
    if len(text) > _LENGTH_MAX:
        return None
    match = _COMPACT.match(text)
    if match is not None and (match["month"] or match["hour"] is None):
        try:
            return _moment(match)
        except ValueError:
            pass
    match = _LOOSE.match(text)
    return None if match is None else _moment(match)


def _moment(match: re.Match[str]) -> datetime:
    hour = int(match["hour"] or 0)
    is_midnight_after = hour == 24 and not int(match["minute"] or 0) and not int(match["second"] or 0)
    moment = datetime(
        int(match["year"]),
        int(match["month"] or 1),
        int(match["day"] or 1),
        0 if is_midnight_after else hour,
        int(match["minute"] or 0),
        int(match["second"] or 0),
        int((match["fraction"] or "0")[:6].ljust(6, "0")),
        _zone(match["zone"]),
    )
    return moment + timedelta(days=1) if is_midnight_after else moment


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text in {"Z", "z"}:
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)


def parse_duration(text: str) -> timedelta | None:
    """The duration that a text names: `01:30:00`, `3 days, 00:00:10`, `PT10M`; None if it names none."""
    if len(text) > _LENGTH_MAX:
        return None
    for pattern in (_CLOCK_DURATION, _ISO_DURATION, _WORDS_DURATION):
        match = pattern.match(text)
        if match is None:
            continue
        parts = match.groupdict()
        sign = -1 if parts["sign"] == "-" else 1
        days = timedelta(days=_figure(parts["days"]))
        rest = timedelta(
            hours=_figure(parts["hours"]),
            minutes=_figure(parts["minutes"]),
            seconds=_figure(parts["seconds"]),
            microseconds=float((parts.get("fraction") or "0").ljust(6, "0")),
        )
        return (sign * days if pattern is _ISO_DURATION else days) + sign * rest
    return None


def _figure(text: str | None) -> float:
    return float(text.replace(",", ".")) if text else 0.0


def parse_time(text: str) -> time | None:
    """The time of day that a text names, as `7:30` or `07:30:15`; None if it names none."""
    parts = text.split(":")
    if len(parts) < 2:
        return None
    try:
        return time(int(parts[0]), int(parts[1]), int(parts[2]) if len(parts) > 2 else 0)
    except ValueError:
        return None


_SPANS = {"year": 31_536_000, "month": 2_592_000, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def span_text(seconds: int, precision: int = 1) -> str:
    """A span in words, as `2 hours 5 minutes`; the last of `precision` units is rounded."""
    words: list[str] = []
    rest = seconds
    for unit, size in _SPANS.items():
        if rest < size:
            continue
        is_last = len(words) + 1 == precision
        count = round(rest / size) if is_last else rest // size
        words.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
        if is_last:
            break
        rest -= count * size
    return " ".join(words) if seconds else "0 seconds"
