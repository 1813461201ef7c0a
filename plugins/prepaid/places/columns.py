"""The columns of a site's table: what each means, how its cells are read, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction
from zoneinfo import ZoneInfo

from hub.contracts.naming import check_slug
from hub.contracts.units import MinorUnits, major_units, minor_units
from hub.core.clock import from_us, to_us
from hub.core.config import did_you_mean
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR
from plugins.prepaid.places.records import WHOLE_PPM, Role

LANGUAGES = ("en", "zh")
NOTHING = "-"
"""A cell that says so takes away what an optional field holds; an empty cell leaves it as it is."""

INT64_MAX = 2**63 - 1


class Of(Enum):
    """Whose a column is."""

    AREA = "area"
    POINT = "point"
    METER = "meter"
    TENANT = "tenant"
    ACCOUNT = "account"
    CONTRACT = "contract"
    TERM = "hold"
    """One contract's hold on one point."""


@dataclass(frozen=True, slots=True)
class Local:
    """What cells of money and time are read by."""

    scale: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `read` raises ValueError with what is wrong."""

    name: str
    of: Of
    field: str
    """The field of the record."""
    read: Callable[[str, Local], object]
    write: Callable[[object, Local], str]
    is_clearable: bool = False


def slug(text: str, _: Local) -> str:
    """An id."""
    return check_slug(text, "the id")


def name(text: str, _: Local) -> str:
    """A name, in any script."""
    if len(text) > 200:
        raise ValueError("it is longer than 200 characters")
    return text


def flag(text: str, _: Local) -> bool:
    """Yes or no."""
    word = text.casefold()
    if word in {"yes", "y", "true", "1", "是"}:
        return True
    if word in {"no", "n", "false", "0", "否"}:
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def role(text: str, _: Local) -> Role:
    """What a point feeds."""
    try:
        return Role(text.casefold())
    except ValueError:
        words = [one.value for one in Role]
        raise ValueError(f"{text!r} is none of {', '.join(words)}.{did_you_mean(text, words)}") from None


def language(text: str, _: Local) -> str:
    """A language that messages are written in."""
    if text.casefold() not in LANGUAGES:
        raise ValueError(f"{text!r} is none of {', '.join(LANGUAGES)}")
    return text.casefold()


def phone(text: str, _: Local) -> str:
    """A telephone number as it is dialled."""
    if not re.fullmatch(r"\+?[0-9][0-9 ()/.-]{2,30}", text):
        raise ValueError(f"{text!r} is no telephone number")
    return text


def email(text: str, _: Local) -> str:
    """A mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError(f"{text!r} is no mail address")
    return text


def decimal(text: str) -> Decimal:
    """An exact number, without separators of thousands."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"{text!r} is no number such as 1234.5")
    return number


def money(text: str, local: Local) -> MinorUnits:
    """An amount in major units."""
    minor = minor_units(decimal(text), local.scale)
    if abs(minor) > AMOUNT_MAX_MINOR:
        raise ValueError(f"{text} is no real amount")
    return minor


def limit(text: str, local: Local) -> MinorUnits:
    """An amount of zero or more."""
    minor = money(text, local)
    if minor < 0:
        raise ValueError(f"{text} is below zero; a credit limit says how far below zero the balance may go, as 50")
    return minor


def share(text: str, _: Local) -> int:
    """A part of a point's energy, in percent."""
    ppm = decimal(text.removesuffix("%").strip()) * (WHOLE_PPM // 100)
    if ppm != ppm.to_integral_value() or not 1 <= ppm <= WHOLE_PPM:
        raise ValueError(f"{text!r} is no share; write percent above 0 up to 100, with at most four decimals")
    return int(ppm)


def scaled(factor: int, unit: str, *, smallest: int = 1) -> Callable[[str, Local], int]:
    """A number in a unit that people write, as a whole number of `factor` times smaller ones."""

    def read(text: str, _: Local) -> int:
        exact = decimal(text) * factor
        if exact != exact.to_integral_value() or not smallest <= exact <= INT64_MAX:
            raise ValueError(f"{text!r} is no number of {unit}, exact to 1/{factor}")
        return int(exact)

    return read


def instant(text: str, local: Local) -> int:
    """An instant: a date is its first one; without a zone it is local."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-03-01 or 2026-03-01 08:30") from None
    if moment.tzinfo is not None:
        return to_us(moment)
    here = moment.replace(tzinfo=local.zone)
    if here.astimezone(UTC).astimezone(local.zone).replace(tzinfo=None) != moment:
        raise ValueError(f"{text!r} does not exist in {local.zone.key}: clocks go forward over it")
    return to_us(here)


def step(text: str, _: Local) -> int:
    """The energy of one count of a register in Wh, as the power of ten that it is."""
    number = decimal(text)
    exponent = number.normalize().as_tuple()
    if number <= 0 or exponent.digits != (1,) or not -6 <= int(exponent.exponent) <= 9:
        raise ValueError(f"{text!r} is no step of a register; it is 0.1, 1, 10, 100 or such, in Wh")
    return int(exponent.exponent)


def ratio(text: str, _: Local) -> tuple[int, int]:
    """A transformer ratio such as 200/5, in lowest terms."""
    parts = text.replace(":", "/").split("/")
    numbers = [decimal(part.strip()) for part in parts]
    if len(numbers) > 2 or any(number <= 0 for number in numbers):
        raise ValueError(f"{text!r} is no transformer ratio such as 200/5 or 40")
    under = numbers[1] if len(numbers) == 2 else Decimal(1)
    return Fraction(Fraction(numbers[0]), Fraction(under)).as_integer_ratio()


def count(text: str, _: Local) -> int:
    """A raw register value."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f"{text!r} is no whole number of counts")
    return int(text)


def kwh(text: str, _: Local) -> Decimal:
    """What a register shows, before any transformer ratio."""
    number = decimal(text)
    if number < 0:
        raise ValueError(f"{text!r} is below zero; a register counts up from 0")
    return number


def _text(value: object, _: Local) -> str:
    return str(value)


def _enum(value: object, _: Local) -> str:
    assert isinstance(value, Enum)
    return str(value.value)


def _flag(value: object, _: Local) -> str:
    return "yes" if value else "no"


def _money(value: object, local: Local) -> str:
    assert isinstance(value, int)
    return f"{major_units(MinorUnits(value), local.scale):f}"


def _shifted(digits: int) -> Callable[[object, Local], str]:
    def write(value: object, _: Local) -> str:
        assert isinstance(value, int)
        return plain(Decimal(value).scaleb(-digits))

    return write


def _step(value: object, _: Local) -> str:
    assert isinstance(value, int)
    return plain(Decimal(1).scaleb(value))


def _ratio(value: object, _: Local) -> str:
    assert isinstance(value, tuple)
    return str(value[0]) if value[1] == 1 else f"{value[0]}/{value[1]}"


def _kwh(value: object, _: Local) -> str:
    assert isinstance(value, Decimal)
    return plain(value)


def when(value: object, local: Local) -> str:
    """An instant as people read it, with its offset: the same text names the same instant everywhere."""
    assert isinstance(value, int)
    return from_us(value).astimezone(local.zone).isoformat(sep=" ")


def plain(number: Decimal) -> str:
    """A number without zeros that say nothing."""
    return f"{number.normalize():f}"


COLUMNS = (
    Column("area", Of.AREA, "ids", name, _text, is_clearable=True),
    Column("area_name", Of.AREA, "names", name, _text),
    Column("point", Of.POINT, "id", slug, _text),
    Column("point_name", Of.POINT, "name", name, _text),
    Column("parent", Of.POINT, "parent", slug, _text, is_clearable=True),
    Column("role", Of.POINT, "role", role, _enum),
    Column("load_class", Of.POINT, "load_class", slug, _text),
    Column("commodity", Of.POINT, "commodity", slug, _text),
    Column("point_policy", Of.POINT, "policy", slug, _text, is_clearable=True),
    Column("trip_tested", Of.POINT, "trip_tested", flag, _flag),
    Column("meter", Of.METER, "meter", slug, _text),
    Column("serial", Of.METER, "serial", name, _text),
    Column("register", Of.METER, "register", slug, _text),
    Column("count_wh", Of.METER, "scale", step, _step),
    Column("ratio", Of.METER, "ratio", ratio, _ratio),
    Column("modulus", Of.METER, "modulus_raw", count, _text),
    Column("opening_kwh", Of.METER, "open_kwh", kwh, _kwh),
    Column("opening_raw", Of.METER, "open_raw", count, _text),
    Column("opening_at", Of.METER, "start_us", instant, when),
    Column("tenant", Of.TENANT, "id", slug, _text),
    Column("tenant_name", Of.TENANT, "name", name, _text),
    Column("language", Of.TENANT, "language", language, _text),
    Column("phone", Of.TENANT, "phone", phone, _text, is_clearable=True),
    Column("email", Of.TENANT, "email", email, _text, is_clearable=True),
    Column("landlord", Of.TENANT, "is_landlord", flag, _flag),
    Column("account", Of.ACCOUNT, "id", slug, _text),
    Column("account_name", Of.ACCOUNT, "name", name, _text),
    Column("credit_limit", Of.ACCOUNT, "credit_limit_minor", limit, _money),
    Column("opening_balance", Of.ACCOUNT, "opening_minor", money, _money),
    Column("account_closed", Of.ACCOUNT, "is_closed", flag, _flag),
    Column("contract", Of.CONTRACT, "id", slug, _text),
    Column("tariff", Of.CONTRACT, "tariff", slug, _text),
    Column("policy", Of.CONTRACT, "policy", slug, _text, is_clearable=True),
    Column("start", Of.CONTRACT, "start_us", instant, when),
    Column("end", Of.CONTRACT, "end_us", instant, when),
    Column("area_m2", Of.CONTRACT, "area_cm2", scaled(10_000, "square metres"), _shifted(4)),
    Column("capacity_kw", Of.CONTRACT, "capacity_w", scaled(1000, "kW"), _shifted(3)),
    Column("held_from", Of.TERM, "start_us", instant, when),
    Column("held_until", Of.TERM, "end_us", instant, when),
    Column("share", Of.TERM, "share_ppm", share, _shifted(4)),
)
BY_NAME = {column.name: column for column in COLUMNS}
