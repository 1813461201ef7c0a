"""Durations as people write them: `30 s`, `1 h 30 min`, `00:05:00`, `{minutes: 5}` or plain seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from hub.core.config.show import show
from hub.core.config.suggest import did_you_mean

_UNITS_US = {
    "microseconds": 1,
    "milliseconds": 1_000,
    "seconds": 1_000_000,
    "minutes": 60_000_000,
    "hours": 3_600_000_000,
    "days": 86_400_000_000,
    "weeks": 604_800_000_000,
}
_SHORT_UNITS = {
    "us": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "sec": "seconds",
    "m": "minutes",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
_UNIT_NAMES = {**_SHORT_UNITS, **{unit.removesuffix("s"): unit for unit in _UNITS_US}, **{u: u for u in _UNITS_US}}

_TEXT_LENGTH_MAX = 100
# A century: adding it to any sane date stays a date.
_LONGEST = timedelta(days=36_525)
_TOO_LONG = f"a duration may be {_LONGEST.days:,} days at most"
_DIGITS_MAX = 20

_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]{1,6})?))?")
_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,15})?)\s*([A-Za-z]*)\s*")
_EXAMPLES = "write it as '30 s', '5 min', '1 h 30 min', '00:05:00' (hours:minutes:seconds) or in seconds"


def parse_duration(text: str) -> timedelta:
    """The duration a text means, exact to the microsecond; `1:30` is hours and minutes. Raises ValueError."""
    stripped = text.strip()
    if not stripped or len(stripped) > _TEXT_LENGTH_MAX:
        raise ValueError(f"{show(text)} is no duration; {_EXAMPLES}")
    sign = -1 if stripped[0] == "-" else 1
    unsigned = stripped[1:].lstrip() if stripped[0] in "+-" else stripped
    clock = _CLOCK.fullmatch(unsigned)
    if clock is not None:
        hours, minutes, seconds = clock[1], clock[2], clock[3] or "0"
        parts = {"hours": Decimal(hours), "minutes": Decimal(minutes), "seconds": Decimal(seconds)}
    else:
        parts = _parse_parts(unsigned, text)
    return sign * _sum(parts)


def duration_from(value: object) -> timedelta:
    """The duration of a configuration value: a text, a mapping of units, or seconds. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | Mapping):
        raise ValueError(f"expected a duration, got {show(value)}; {_EXAMPLES}")
    if isinstance(value, str):
        return parse_duration(value)
    if not isinstance(value, Mapping):
        return _sum({"seconds": Decimal(value)})
    parts: dict[str, Decimal] = {}
    for unit, amount in value.items():
        if unit not in _UNITS_US:
            raise ValueError(
                f"unknown unit {unit!r}; there are {', '.join(_UNITS_US)}.{did_you_mean(str(unit), _UNITS_US)}"
            )
        parts[unit] = _amount(unit, amount)
    if not parts:
        raise ValueError(f"the duration is empty; {_EXAMPLES}")
    return _sum(parts)


def _amount(unit: str, amount: object) -> Decimal:
    if not isinstance(amount, bool) and isinstance(amount, int | Decimal | str):
        try:
            number = Decimal(amount)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise ValueError(f"{unit} must be a number, got {show(amount)}")


def _parse_parts(unsigned: str, text: str) -> dict[str, Decimal]:
    parts: dict[str, Decimal] = {}
    position = 0
    while position < len(unsigned):
        part = _PART.match(unsigned, position)
        if part is None:
            raise ValueError(f"{show(text)} is no duration; {_EXAMPLES}")
        unit = _UNIT_NAMES.get(part[2].lower() or "s")
        if unit is None:
            hint = did_you_mean(part[2], _UNIT_NAMES)
            raise ValueError(f"{show(text)} is no duration: unknown unit {part[2]!r}.{hint or ' ' + _EXAMPLES}")
        if unit in parts or (not part[2] and (parts or part.end() < len(unsigned))):
            raise ValueError(f"{show(text)} is no duration: give each number a unit of its own")
        parts[unit] = Decimal(part[1])
        position = part.end()
    return parts


def _sum(parts: Mapping[str, Decimal]) -> timedelta:
    if any(amount.adjusted() > _DIGITS_MAX for amount in parts.values()):
        raise ValueError(_TOO_LONG)
    total_us = sum((amount * _UNITS_US[unit] for unit, amount in parts.items()), Decimal(0))
    if abs(total_us) > Decimal(_LONGEST // timedelta(microseconds=1)):
        raise ValueError(_TOO_LONG)
    if total_us != int(total_us):
        raise ValueError("a duration is whole microseconds; round it")
    return timedelta(microseconds=int(total_us))
