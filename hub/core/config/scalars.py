"""Plain scalars by the YAML 1.2 core schema, as the hub reads it.

`on`, `yes`, `12:30`, `2026-01-01` and `1_000` are text. Two differences from the standard, both on purpose: a
number with a leading zero (`0123`, `00.5`) is text, since it is a phone or serial number; and a number with a
fraction or an exponent is a `Decimal`, so that an exact amount is never a float. Only `.inf` and `.nan` are floats.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | Decimal | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")},
}
_NUMBER_STARTS = frozenset("+-.0123456789")
# ASCII digits only: \d would take ٣ and its like.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

# Longer numbers, and exponents beyond a double's, are no quantities: turning one into an int would take for ever.
_NUMBER_LENGTH_MAX = 100
_EXPONENT_MAX = 308


class NumberOutOfRange(ValueError):
    """The text is a number, and too large or too long to be one that anybody meant."""


def resolve_scalar(text: str) -> Scalar:
    """The value of a plain scalar; raises NumberOutOfRange."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    is_integer, is_based = _INTEGER.fullmatch(text), _BASED.fullmatch(text)
    if not (is_integer or is_based or _FRACTION.fullmatch(text)):
        return text
    if len(text) > _NUMBER_LENGTH_MAX:
        raise NumberOutOfRange(f"number of {len(text)} characters is too long; put it in quotes if it is text")
    if is_integer:
        return int(text)
    if is_based:
        return int(text, 0)
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what decimal can hold
        number = None
    if number is None or abs(number.adjusted()) > _EXPONENT_MAX:
        raise NumberOutOfRange(f"number {text} is out of range; put it in quotes if it is text")
    return number
