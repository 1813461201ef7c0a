"""The arithmetic of templates: sums and products are sized before they are made, Decimal and float go together."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from decimal import Decimal
from typing import Any

from hub.automation.templates.budget import INT_BITS_MAX, PRESENT, TEXT_MAX, walked, weigh
from hub.automation.templates.errors import TemplateTooCostly

WIDTH_MAX = 1_000
"""The widest column, deepest indent and longest fraction that can be asked for."""

_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?[hlL]?(.)", re.DOTALL)
_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
OPERATORS = frozenset(_PYTHON)
_NUMBERS = frozenset({int, float, bool})


def operate(symbol: str, left: Any, right: Any) -> Any:
    """The result of a binary operator."""
    left_kind, right_kind = type(left), type(right)
    if left_kind in _NUMBERS and right_kind in _NUMBERS:
        if left_kind is float or right_kind is float or symbol in {"+", "-"}:
            return _PYTHON[symbol](left, right)
        _check_integers(symbol, left, right)
    elif left_kind is Decimal and right_kind is float:
        left = float(left)
    elif right_kind is Decimal and left_kind is float:
        right = float(right)
    else:
        weigh(left)
        weigh(right)
        if symbol == "*":
            _check_repeat(left, right)
        elif symbol == "%" and isinstance(left, str):
            check_percent(left, right)
    result = _PYTHON[symbol](left, right)
    weigh(result)
    return result


def _check_integers(symbol: str, left: int, right: int) -> None:
    bits = 0
    if symbol == "*":
        bits = left.bit_length() + right.bit_length()
    elif symbol == "**" and right > 0:
        bits = left.bit_length() * right
    if bits > INT_BITS_MAX:
        raise TemplateTooCostly(f"{symbol} would make a number of {bits} bits; {INT_BITS_MAX} is the most")


def _check_repeat(left: object, right: object) -> None:
    sized, times = (left, right) if isinstance(left, Sized) else (right, left)
    if isinstance(sized, Sized) and isinstance(times, int):
        size = len(sized) * max(times, 0)
        if size > TEXT_MAX:
            raise TemplateTooCostly(f"* would make {size} characters or items; {TEXT_MAX} is the most")
        if not isinstance(sized, str | bytes):
            PRESENT.spend(20 * size)


def check_percent(text: str, values: object) -> None:
    """Refuse widths that are not written out or too wide, and results that would be too long."""
    width_sum = 0
    conversions = 0
    for width, precision, _ in _PERCENT.findall(text):
        conversions += 1
        for figure in (width, precision):
            if figure == "*":
                raise TemplateTooCostly("* as a width in a format is not offered; write the width as a number")
            width_sum += check_width(int(figure)) if figure else 0
    # One value can be shown by every conversion: `%(name)s` twice is the same text twice.
    size = len(text) + width_sum + conversions * max_text(values)
    if size > TEXT_MAX:
        raise TemplateTooCostly(f"the format could make {size} characters; {TEXT_MAX} is the most")


def check_width(width: int) -> int:
    """The width, if it is not too wide."""
    if abs(width) > WIDTH_MAX:
        raise TemplateTooCostly(f"a width of {width} is too wide; {WIDTH_MAX} is the most")
    return width


def max_text(values: object) -> int:
    """About how long the longest of some values is as text."""
    if isinstance(values, Mapping):
        return max((max_text(value) for value in values.values()), default=0)
    if isinstance(values, tuple | list):
        return max((max_text(value) for value in values), default=0) * (
            1 if isinstance(values, tuple) else len(values)
        )
    return len(values) if isinstance(values, str | bytes) else 40


def joined(parts: Iterable[object], separator: str = "") -> str:
    """The texts of some parts one after another, sized before they are put together."""
    texts: list[str] = []
    size = 0
    for part in walked(parts):
        weigh(part)
        text = part if type(part) is str else str(part)
        size += len(text) + len(separator)
        if size > TEXT_MAX:
            raise TemplateTooCostly(f"the text gets longer than {TEXT_MAX} characters; join or print less")
        texts.append(text)
    PRESENT.spend(size >> 2)
    return separator.join(texts)


def added(total: object, item: object) -> object:
    """A sum of two values, for sums over sequences."""
    return operate("+", total, item)
