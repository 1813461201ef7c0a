"""Dates and times for templates; the clock and the zone are the world's, never the machine's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from hub.automation.templates.budget import PRESENT
from hub.automation.templates.errors import TemplateTooCostly
from hub.automation.templates.methods import FORMAT_MAX
from hub.automation.templates.numbers import NO_DEFAULT, otherwise
from hub.automation.templates.time_texts import parse_datetime, parse_duration, parse_time, span_text
from hub.core.clock import from_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read_clock() -> datetime:
    reading = PRESENT.now()
    reading.uses_time = True
    return from_us(reading.world.now_us())


def utcnow() -> datetime:
    """Now, in UTC."""
    return _read_clock()


def now() -> datetime:
    """Now, in the site's time zone."""
    return _read_clock().astimezone(PRESENT.now().world.time_zone)


def today_at(time_text: str = "") -> datetime:
    """Today at a time of day, midnight if none is given."""
    zone = PRESENT.now().world.time_zone
    day = now().date()
    at = parse_time(str(time_text)) if time_text else time(0)
    if at is None:
        raise ValueError(f"today_at got {time_text!r}, which is no time of day; write it as '07:30'")
    return datetime.combine(day, at, zone)


def as_local(moment: datetime) -> datetime:
    """A moment in the site's time zone; a naive one is taken to be there already."""
    zone = PRESENT.now().world.time_zone
    if not isinstance(moment, datetime):
        raise TypeError(f"as_local takes a date and time, not {type(moment).__name__}; use as_datetime first")
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def as_timestamp(value: object, default: object = NO_DEFAULT) -> object:
    """Seconds since 1970 of a moment, or of the text of one."""
    try:
        moment = value if isinstance(value, datetime) else parse_datetime(str(value))
        if moment is None:
            raise ValueError("no date and time")
        return (as_local(moment) if moment.tzinfo is None else moment).timestamp()
    except (ValueError, TypeError):
        return otherwise("as_timestamp", value, default)


def _of_timestamp(seconds: object) -> datetime:
    """The moment so many seconds after 1970."""
    if not isinstance(seconds, int | float):
        raise TypeError(f"a timestamp is a number, not {type(seconds).__name__}")
    try:
        return _EPOCH + timedelta(microseconds=_microseconds(seconds))
    except OverflowError:
        raise ValueError(f"the timestamp {seconds} is too far away") from None


def _microseconds(seconds: float) -> int:
    whole = int(seconds // 1)
    return whole * 1_000_000 + round((seconds - whole) * 1_000_000)


def as_datetime(value: object, default: object = NO_DEFAULT) -> object:
    """The moment that a text or a timestamp names; None for a text that names none."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(0))
    try:
        return _of_timestamp(float(value))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        try:
            moment = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is not None:
            return moment
        return (
            None if default is NO_DEFAULT and isinstance(value, str) else otherwise("as_datetime", value, default)
        )


def as_timedelta(text: str) -> timedelta | None:
    """The duration that a text names, or None."""
    return parse_duration(text)


def timestamp_custom(
    value: object,
    date_format: str = "%Y-%m-%d %H:%M:%S",
    local: bool = True,
    default: object = NO_DEFAULT,
) -> object:
    """A timestamp as text in a format."""
    try:
        moment = _of_timestamp(value)
        return _formatted(as_local(moment) if local else moment, date_format)
    except (ValueError, TypeError):
        return otherwise("timestamp_custom", value, default)


def timestamp_local(value: object, default: object = NO_DEFAULT) -> object:
    """A timestamp as ISO text in the site's time zone."""
    try:
        return as_local(_of_timestamp(value)).isoformat()
    except (ValueError, TypeError):
        return otherwise("timestamp_local", value, default)


def timestamp_utc(value: object, default: object = NO_DEFAULT) -> object:
    """A timestamp as ISO text in UTC."""
    try:
        return _of_timestamp(value).isoformat()
    except (ValueError, TypeError):
        return otherwise("timestamp_utc", value, default)


def strptime(text: str, form: str, default: object = NO_DEFAULT) -> object:
    """The moment that a text names in a format."""
    try:
        _check_format(form)
        _check_format(text)
        return datetime.strptime(text, form)  # noqa: DTZ007 - naive unless the format has a zone
    except (ValueError, AttributeError, TypeError):
        return otherwise("strptime", text, default)


def _formatted(moment: datetime, form: str) -> str:
    _check_format(form)
    return moment.strftime(form)


def _check_format(form: str) -> None:
    if len(form) > FORMAT_MAX:
        raise TemplateTooCostly(f"a time format of {len(form)} characters is too long; {FORMAT_MAX} is the most")


def make_timedelta(*args: float, **named: float) -> timedelta:
    """A duration: `timedelta(hours=2)`."""
    return timedelta(*args, **named)


def _span(value: object, *, backwards: bool, precision: int) -> object:
    """How far a moment lies back or ahead, in words; whatever is no such moment comes back as it is."""
    here = now()
    if not isinstance(value, datetime):
        return value
    value = as_local(value) if value.tzinfo is None else value
    ahead_s = (value - here).total_seconds()
    distance_s = -ahead_s if backwards else ahead_s
    return value if distance_s < 0 else span_text(round(distance_s), precision)


def relative_time(value: object) -> object:
    """How long ago a moment was, in its largest unit."""
    return _span(value, backwards=True, precision=1)


def time_since(value: object, precision: int = 1) -> object:
    """How long ago a moment was."""
    return _span(value, backwards=True, precision=precision)


def time_until(value: object, precision: int = 1) -> object:
    """How far ahead a moment is."""
    return _span(value, backwards=False, precision=precision)


FILTERS: dict[str, Callable[..., object]] = {
    "as_datetime": as_datetime,
    "as_local": as_local,
    "as_timedelta": as_timedelta,
    "as_timestamp": as_timestamp,
}
"""Also offered as functions."""

ONLY_FILTERS: dict[str, Callable[..., object]] = {
    "timestamp_custom": timestamp_custom,
    "timestamp_local": timestamp_local,
    "timestamp_utc": timestamp_utc,
}

ONLY_FUNCTIONS: dict[str, Callable[..., object]] = {"strptime": strptime, "timedelta": make_timedelta}

OF_THE_CLOCK: dict[str, Callable[..., object]] = {
    "now": now,
    "relative_time": relative_time,
    "time_since": time_since,
    "time_until": time_until,
    "today_at": today_at,
    "utcnow": utcnow,
}
"""Not offered to limited templates; all but `now` and `utcnow` also as filters."""
