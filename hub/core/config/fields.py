"""Ready validators for schemas: durations, names, time zones, exact numbers, secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

import voluptuous as vol

from hub.core.config.duration import duration_from
from hub.core.config.scalars import NumberOutOfRange, resolve_scalar
from hub.core.config.secrets import REDACTOR, Secret
from hub.core.config.show import show
from hub.core.config.suggest import did_you_mean

_SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_NAME_LENGTH_MAX = 255


def duration(value: object) -> timedelta:
    """A length of time, not negative: `30 s`, `00:05:00`, `{minutes: 5}` or plain seconds."""
    length = offset(value)
    if length < timedelta(0):
        raise vol.Invalid("a duration cannot be negative")
    return length


def offset(value: object) -> timedelta:
    """A shift in time, written as a duration with or without a sign: `-00:30:00`."""
    try:
        return duration_from(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from error


def slug(value: object) -> str:
    """A name of small letters, digits and single underscores: `north_wing_2`."""
    if not isinstance(value, str) or not _SLUG.fullmatch(value) or len(value) > _NAME_LENGTH_MAX:
        raise vol.Invalid(
            f"expected a name of a-z, 0-9 and _, such as north_wing_2, got {show(value)}{_cleaned(value)}"
        )
    return value


def entity_id(value: object) -> str:
    """The id of an entity: two slugs with a dot, such as `sensor.north_wing`."""
    parts = value.split(".") if isinstance(value, str) else []
    if len(parts) != 2 or not all(map(_SLUG.fullmatch, parts)) or len(str(value)) > _NAME_LENGTH_MAX:
        raise vol.Invalid(f"expected an entity id such as sensor.north_wing, got {show(value)}{_cleaned(value)}")
    return str(value)


def time_zone(value: object) -> ZoneInfo:
    """A time zone by its IANA name: `Asia/Shanghai`."""
    if not isinstance(value, str):
        raise vol.Invalid(f"expected a time zone such as Asia/Shanghai, got {show(value)}")
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # unknown; leaves the database's folder; is a folder
        hint = did_you_mean(value, sorted(available_timezones()))
        raise vol.Invalid(f"unknown time zone {value!r}.{hint}") from error


def decimal(value: object) -> Decimal:
    """An exact number, from a number in YAML or a text in quotes; never from a float."""
    number = value
    if isinstance(value, str) and not isinstance(value, Secret):
        try:
            number = resolve_scalar(value.strip())
        except NumberOutOfRange as error:
            raise vol.Invalid(str(error)) from error
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or not Decimal(number).is_finite():
        raise vol.Invalid(f"expected a number, got {show(value)}")
    return Decimal(number)


def secret(value: object) -> Secret:
    """A text that must not be shown, from `!secret`, `!env` or in place; in place too it is kept out of logs."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise vol.Invalid("expected a text; write !secret NAME, or put the text in quotes")
    REDACTOR.add(value)
    return Secret(value)


def revealed(schema: object) -> Callable[[object], object]:
    """Let a field that is no secret take `!env` and `!secret` too: `revealed(int)` accepts `!env PORT 502`."""
    inner = vol.Schema(schema)

    def validate(value: object) -> object:
        if isinstance(value, Secret):
            try:
                value = resolve_scalar(value.reveal())
            except NumberOutOfRange as error:
                raise vol.Invalid(str(error)) from error
        return inner(value)

    return validate


def _cleaned(value: object) -> str:
    """What the name would be with the usual slips put right."""
    if not isinstance(value, str) or isinstance(value, Secret) or len(value) > _NAME_LENGTH_MAX:
        return ""
    cleaned = ".".join(re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_") for part in value.split("."))
    is_name = all(map(_SLUG.fullmatch, cleaned.split(".")))
    return f". Did you mean {cleaned!r}?" if is_name and cleaned != value else ""
