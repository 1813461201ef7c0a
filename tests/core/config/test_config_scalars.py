"""Plain scalars resolve by the YAML 1.2 core schema, and numbers with a fraction are exact."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path

import pytest

from hub.core.config import ConfigDict, ConfigErrors, load

TEXTS = """
12:30 on off yes no y n On YES 0123 -0123 +0123 00.5 2026-01-01 2026-01-01T10:00:00Z 1_000 1,000 1.2.3 0x 0o8 0b1
0xG --1 +-1 1e 1e+ e5 .e5 . +. -. + .in .infinity nan NaN inf tRUE nuLL None ٣ １２ 1:30:00 +12:30 0X1F 0O17
10.0.0.1 1.2e3.4 12e3x 089 007
"""


@pytest.mark.parametrize("text", TEXTS.split())
def test_it_is_text(text: str, tmp_path: Path) -> None:
    assert _value(tmp_path, text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-19", -19),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0x1f", 31),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        (".INF", math.inf),
        ("+.Inf", math.inf),
        ("-.inf", -math.inf),
        ("0.5", Decimal("0.5")),
        (".5", Decimal("0.5")),
        ("-1.50", Decimal("-1.50")),
        ("1.", Decimal(1)),
        ("0.", Decimal(0)),
        ("1e3", Decimal(1000)),
        ("12.5E-2", Decimal("0.125")),
        ("0.1000000000000000000000000000001", Decimal("0.1000000000000000000000000000001")),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12),
        ("!!bool true", True),
        ("!!null ~", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("'on'", "on"),
    ],
)
def test_it_has_the_value_and_type(text: str, expected: object, tmp_path: Path) -> None:
    value = _value(tmp_path, text)

    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number_is_a_float(tmp_path: Path) -> None:
    value = _value(tmp_path, ".nan")

    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_fraction_keeps_its_digits(tmp_path: Path) -> None:
    assert str(_value(tmp_path, "0.10")) == "0.10"


@pytest.mark.parametrize("text", ["1e400", "1e999999999", "-1e-400", "1e99999999999999999999999", "0e400"])
def test_a_number_out_of_range_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=f"a.yaml:1:4: number {text} is out of range; put it in quotes"):
        _value(tmp_path, text)


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 200, "0." + "1" * 200])
def test_an_endless_number_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"a.yaml:1:4: number of \d+ characters is too long; put it in quotes"):
        _value(tmp_path, text)


@pytest.mark.parametrize("text", ["!!int 1.5", "!!bool on", "!!null x", "!!float x", "!!int true"])
def test_a_tag_that_does_not_fit_its_text_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"a.yaml:1:4: this text is no \w+ as its tag says"):
        _value(tmp_path, text)


@pytest.mark.parametrize("key", ["1", "on", "true", "1.5", "0x1F", "2026-01-01", "12:30", "'~'"])
def test_a_key_is_the_text_as_written(key: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{key}: x\n", encoding="utf-8")

    assert load(tmp_path / "a.yaml").value == {key.strip("'"): "x"}


def _value(folder: Path, text: str) -> object:
    (folder / "a.yaml").write_text(f"a: {text}\n", encoding="utf-8")
    config = load(folder / "a.yaml").value
    assert isinstance(config, ConfigDict)
    return config["a"]
