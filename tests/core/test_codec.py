"""What is recorded is read back as it was, or refused before it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.codec import decode, digest, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=st.just(UTC))
)
KEYS = TEXT.filter(lambda key: not key.startswith("$"))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)


@given(VALUES)
def test_what_was_encoded_is_decoded_to_the_same_value(value: object) -> None:
    back = decode(encode(value))
    assert back == value
    assert encode(back) == encode(value)


@settings(max_examples=30)
@given(st.dictionaries(KEYS, VALUES, min_size=2))
def test_the_order_of_keys_changes_neither_text_nor_digest(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert encode(turned) == encode(value)
    assert digest(turned) == digest(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}', id="sorted, without spaces"),
        pytest.param(Decimal("1.10"), '{"$decimal":"1.10"}', id="a decimal keeps its places"),
        pytest.param(Decimal("-0.00"), '{"$decimal":"-0.00"}', id="a negative zero"),
        pytest.param(Decimal("1E+3"), '{"$decimal":"1E+3"}', id="an exponent"),
        pytest.param(datetime(2026, 1, 1, tzinfo=UTC), '{"$datetime":"2026-01-01T00:00:00+00:00"}', id="a time"),
        pytest.param("余额", '"余额"', id="Chinese as it is"),
        pytest.param(MappingProxyType({"a": 1}), '{"a":1}', id="any mapping"),
        pytest.param({"b", "a"}, '["a","b"]', id="a set, sorted"),
        pytest.param((1, 2), "[1,2]", id="a tuple as a list"),
        pytest.param(2**70, str(2**70), id="an integer beyond 64 bits"),
        pytest.param('a"\n\x00', '"a\\"\\n\\u0000"', id="control characters"),
    ],
)
def test_the_text_of_a_value(value: object, text: str) -> None:
    assert encode(value) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, 1.0),
        (1, True),
        (Decimal(1), 1),
        (Decimal("1.0"), Decimal("1.00")),
        ("", None),
        ([], {}),
        ({"a": None}, {}),
        ("1.0", Decimal("1.0")),
        (["a,b"], ["a", "b"]),
    ],
    ids=repr,
)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_a_digest_is_the_same_on_every_machine() -> None:
    value = {"amount_minor": 10_000, "at": datetime(2026, 1, 1, tzinfo=UTC), "rate": Decimal("0.8512")}
    assert digest(value) == "d8df312c543732d2ebc4d44f00f2484c32904585d58cb563c4513a9e11f8493a"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        pytest.param(
            datetime(2026, 1, 1),  # noqa: DTZ001 - the mistake under test
            TypeError,
            "datetime.datetime(2026, 1, 1, 0, 0) has no time zone; records keep aware times only",
            id="a naive time",
        ),
        pytest.param(
            b"x",
            TypeError,
            "bytes cannot be recorded; use text, numbers, Decimal, datetime, lists and dicts",
            id="bytes",
        ),
        pytest.param(
            object,
            TypeError,
            "type cannot be recorded; use text, numbers, Decimal, datetime, lists and dicts",
            id="a class",
        ),
        pytest.param(
            Decimal("NaN"),
            TypeError,
            "Decimal('NaN') cannot be recorded; only finite numbers can",
            id="a decimal that is no number",
        ),
        pytest.param(
            Decimal("-Infinity"),
            TypeError,
            "Decimal('-Infinity') cannot be recorded; only finite numbers can",
            id="an infinite decimal",
        ),
        pytest.param(
            "\ud800",
            TypeError,
            "text with the half character '\\ud800' cannot be recorded: remove it",
            id="half a character",
        ),
        pytest.param(
            {"$decimal": "1"},
            TypeError,
            "a dict with '$decimal' as its only key cannot be recorded: rename the key",
            id="a dict that looks like a decimal",
        ),
    ],
)
def test_what_could_not_be_read_back_is_refused_with_the_reason(
    value: object, error: type[Exception], text: str
) -> None:
    for wrapped in (value, [value], {"deep": [1, {"er": value}]}, MappingProxyType({"a": (value,)})):
        with pytest.raises(error) as caught:
            encode(wrapped)
        assert str(caught.value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")], ids=str)
def test_a_float_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"a": value})


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="Circular"):
        encode(loop)


@pytest.mark.parametrize(
    "value",
    [{"$decimal": "1", "other": 2}, {"$unknown": 1}, {"note": "$decimal"}, {"a": '"$decimal":"1"'}, {}, {"$": 1}],
    ids=repr,
)
def test_what_only_resembles_a_tag_is_recorded_as_it_is(value: dict[str, object]) -> None:
    assert decode(encode(value)) == value


def test_a_dict_of_one_tag_between_other_keys_is_found_wherever_it_hides() -> None:
    value: Mapping[str, Any] = {"a": Decimal(1), "list": [{"x": [{"$datetime": "2026-01-01T00:00:00+00:00"}]}]}
    with pytest.raises(TypeError, match=r"'\$datetime' as its only key"):
        encode(value)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=0),
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(2026, 1, 1, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8))),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_time_keeps_its_instant_and_its_offset(moment: datetime) -> None:
    back = decode(encode(moment))
    assert back.utcoffset() == moment.utcoffset()
    assert back.astimezone(UTC) == moment.astimezone(UTC)


def test_no_float_appears_where_a_decimal_was_meant() -> None:
    back = decode(encode({"price": Decimal("0.1")}))["price"]
    assert isinstance(back, Decimal)
    assert back * 3 == Decimal("0.3")


def test_records_are_plain_json_for_any_other_program() -> None:
    assert json.loads(encode({"a": Decimal("1.5")})) == {"a": {"$decimal": "1.5"}}
