"""The ready validators take what people write and refuse the rest with an example."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import voluptuous as vol
from hypothesis import given
from hypothesis import strategies as st

from hub.core.config import Secret, parse_duration
from hub.core.config.fields import decimal, duration, entity_id, offset, revealed, secret, slug, time_zone


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30 s", timedelta(seconds=30)),
        ("30s", timedelta(seconds=30)),
        ("5 min", timedelta(minutes=5)),
        ("5 minutes", timedelta(minutes=5)),
        ("1 minute", timedelta(minutes=1)),
        ("1.5 h", timedelta(minutes=90)),
        ("1 h 30 min", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("30 days", timedelta(days=30)),
        ("1 Day 2 Hours", timedelta(hours=26)),
        ("2 weeks", timedelta(weeks=2)),
        ("250 ms", timedelta(milliseconds=250)),
        ("1 us", timedelta(microseconds=1)),
        ("1:30", timedelta(hours=1, minutes=30)),
        ("00:00:30", timedelta(seconds=30)),
        ("00:00:00.5", timedelta(milliseconds=500)),
        ("48:00", timedelta(days=2)),
        ("90", timedelta(seconds=90)),
        ("0.5", timedelta(milliseconds=500)),
        ("  5 min  ", timedelta(minutes=5)),
        (90, timedelta(seconds=90)),
        (0, timedelta(0)),
        (Decimal("0.1"), timedelta(milliseconds=100)),
        ({"minutes": 5}, timedelta(minutes=5)),
        ({"hours": 1, "seconds": Decimal("1.5")}, timedelta(hours=1, seconds=1.5)),
        ({"minutes": "5"}, timedelta(minutes=5)),
        (timedelta(minutes=5), timedelta(minutes=5)),
    ],
    ids=str,
)
def test_a_duration(value: object, expected: timedelta) -> None:
    assert duration(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "'' is no duration; write it as '30 s', '5 min'"),
        ("soon", "'soon' is no duration; write it as"),
        ("5 mins ago", "'5 mins ago' is no duration"),
        ("5 minuts", "'5 minuts' is no duration: unknown unit 'minuts'. Did you mean 'minutes'?"),
        ("5 parsec", "unknown unit 'parsec'."),
        ("5 min 3", "'5 min 3' is no duration: give each number a unit of its own"),
        ("5 3", "give each number a unit of its own"),
        ("5 min 3 min", "give each number a unit of its own"),
        ("1:60", "'1:60' is no duration"),
        ("1:30:00:00", "is no duration"),
        ("1e3 s", "is no duration"),
        ("٣ s", "is no duration"),
        ("0.0000001 s", "a duration is whole microseconds; round it"),
        ("36526 days", "a duration may be 36,525 days at most"),
        ("999999999999999 weeks", "a duration may be 36,525 days at most"),
        ("9" * 200, "is no duration"),
        ("-5 min", "a duration cannot be negative"),
        (-1, "a duration cannot be negative"),
        (True, "expected a duration, got true; write it as"),
        (None, "expected a duration, got nothing"),
        (1.5, "expected a duration, got 1.5"),
        ([5], "expected a duration, got a list"),
        ({}, "the duration is empty"),
        (
            {"minute": 5},
            "unknown unit 'minute'; there are microseconds, milliseconds, seconds, minutes, hours, days, weeks.",
        ),
        ({"minute": 5}, "Did you mean 'minutes'?"),
        ({"minutes": "x"}, "minutes must be a number, got 'x'"),
        ({"minutes": "NaN"}, "minutes must be a number, got 'NaN'"),
        ({"minutes": "sNaN"}, "minutes must be a number"),
        ({"minutes": "1e999999"}, "a duration may be 36,525 days at most"),
        ({"minutes": True}, "minutes must be a number, got true"),
        ({"minutes": [5]}, "minutes must be a number, got a list"),
        (Secret("5 min"), "*** is no duration"),
    ],
    ids=str,
)
def test_no_duration(value: object, message: str) -> None:
    with pytest.raises(vol.Invalid) as caught:
        duration(value)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-00:30:00", timedelta(minutes=-30)),
        ("+5 min", timedelta(minutes=5)),
        ("- 1 h 1 s", -timedelta(seconds=3601)),
        (-3, timedelta(seconds=-3)),
    ],
)
def test_an_offset_may_be_negative(value: object, expected: timedelta) -> None:
    assert offset(value) == expected


@given(st.integers(0, 10**15))
def test_a_duration_in_microseconds_is_exact(amount_us: int) -> None:
    assert parse_duration(f"{amount_us} us") == timedelta(microseconds=amount_us)
    assert parse_duration(f"{amount_us // 1_000_000}.{amount_us % 1_000_000:06} s") == timedelta(
        microseconds=amount_us
    )


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_refused_by_a_value_error(text: str) -> None:
    try:
        length = parse_duration(text)
    except ValueError:
        return
    assert isinstance(length, timedelta)


ACCEPTED: list[tuple[Callable[[object], object], object, object]] = [
    (slug, "north_wing_2", "north_wing_2"),
    (entity_id, "sensor.north_wing_2", "sensor.north_wing_2"),
    (time_zone, "Asia/Shanghai", ZoneInfo("Asia/Shanghai")),
    (decimal, 3, Decimal(3)),
    (decimal, Decimal("0.10"), Decimal("0.10")),
    (decimal, " 0.10 ", Decimal("0.10")),
    (secret, Secret("x"), Secret("x")),
    (revealed(int), Secret("502"), 502),
    (revealed(int), 502, 502),
    (revealed(str), Secret("localhost"), "localhost"),
    (revealed(bool), Secret("true"), True),
]
REFUSED: list[tuple[Callable[[object], object], object, str]] = [
    (
        slug,
        "North Wing",
        "expected a name of a-z, 0-9 and _, such as north_wing_2, got 'North Wing'. Did you mean 'north_wing'?",
    ),
    (slug, "a__b", "Did you mean 'a_b'?"),
    (slug, "_a", "Did you mean 'a'?"),
    (slug, "北", "expected a name of a-z, 0-9 and _, such as north_wing_2, got '北'"),
    (slug, "", "expected a name"),
    (slug, "a" * 256, "expected a name"),
    (slug, "a\n", "expected a name"),
    (slug, 5, "expected a name of a-z, 0-9 and _, such as north_wing_2, got 5"),
    (entity_id, "sensor", "expected an entity id such as sensor.north_wing, got 'sensor'"),
    (entity_id, "Sensor.North Wing", "Did you mean 'sensor.north_wing'?"),
    (entity_id, "sensor.a.b", "expected an entity id"),
    (entity_id, "sensor.", "expected an entity id"),
    (entity_id, None, "got nothing"),
    (time_zone, "Asia/Shangai", "unknown time zone 'Asia/Shangai'. Did you mean 'Asia/Shanghai'?"),
    (time_zone, "../../etc/passwd", "unknown time zone '../../etc/passwd'."),
    (time_zone, "Asia", "unknown time zone 'Asia'."),
    (time_zone, "", "unknown time zone ''."),
    (time_zone, 8, "expected a time zone such as Asia/Shanghai, got 8"),
    (decimal, 0.1, "expected a number, got 0.1"),
    (decimal, True, "expected a number, got true"),
    (decimal, "0,10", "expected a number, got '0,10'"),
    (decimal, Decimal("NaN"), "expected a number, got NaN"),
    (decimal, ".inf", "expected a number, got '.inf'"),
    (decimal, "1e999999999", "number 1e999999999 is out of range"),
    (decimal, Secret("1"), "expected a number, got ***"),
    (decimal, None, "expected a number, got nothing"),
    (secret, 1234, "expected a text; write !secret NAME, or put the text in quotes"),
    (revealed(int), Secret("localhost"), "expected int"),
    (revealed(int), "502", "expected int"),
    (revealed(int), Secret("1e999"), "out of range"),
]


@pytest.mark.parametrize(("field", "value", "expected"), ACCEPTED)
def test_a_field_takes(field: Callable[[object], object], value: object, expected: object) -> None:
    result = field(value)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(("field", "value", "message"), REFUSED)
def test_a_field_refuses(field: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(vol.Invalid) as caught:
        field(value)

    assert message in str(caught.value)
