"""Numbers for templates: conversions with a default, rounding, trigonometry, averages."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from hub.automation.templates.budget import walked
from hub.automation.templates.errors import TemplateError, TemplateTooCostly
from hub.automation.templates.operators import operate
from hub.automation.templates.results import as_boolean

NO_DEFAULT: Final = object()
_DIGITS_MAX = 1_000

Number = Any
"""What a template hands over: a number, or anything that is to be made one."""


def otherwise(function: str, value: object, default: object) -> object:
    """The default that was given, or the error that none was."""
    if default is NO_DEFAULT:
        shown = str(value)[:100]
        raise TemplateError(f"{function} cannot use {shown!r}; give it a default, as in {function}(..., 0)")
    return default


def _sized(value: Number) -> Number:
    """The value, unless it stands for a number with more digits than anybody means."""
    if isinstance(value, str) and len(value) > _DIGITS_MAX:
        raise TemplateTooCostly(f"a number of {len(value)} characters is too long; {_DIGITS_MAX} is the most")
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > _DIGITS_MAX:
        raise TemplateTooCostly(f"{value} is too large a number")
    return value


def to_float(value: Number, default: object = NO_DEFAULT) -> object:
    """The value as a float, or the default."""
    try:
        return float(_sized(value))
    except (ValueError, TypeError):
        return otherwise("float", value, default)


def to_int(value: Number, default: object = NO_DEFAULT, base: int = 10) -> object:
    """The value as an integer, cut off at the point, or the default; a text is read in the base."""
    try:
        return int(_sized(value), base) if isinstance(value, str) else int(_sized(value))
    except (ValueError, TypeError):
        try:
            return int(float(value))
        except (ValueError, TypeError, OverflowError):
            return otherwise("int", value, default)


def to_bool(value: object, default: object = NO_DEFAULT) -> object:
    """True or false as rules spell it, or the default."""
    found = as_boolean(value)
    return otherwise("bool", value, default) if found is None else found


def is_number(value: Number) -> bool:
    """Whether it is, or spells, a finite number."""
    try:
        return math.isfinite(float(_sized(value)))
    except (ValueError, TypeError):
        return False


def rounded(value: Number, precision: int = 0, method: str = "common", default: object = NO_DEFAULT) -> object:
    """The value rounded to some places: `common`, `ceil`, `floor`, or `half` for steps of a half."""
    if abs(precision) > 300:
        raise TemplateTooCostly(f"{precision} places are too many to round to; 300 is the most")
    try:
        number = float(_sized(value))
        scale = float(10**precision)
        result: float
        if method == "ceil":
            result = math.ceil(number * scale) / scale
        elif method == "floor":
            result = math.floor(number * scale) / scale
        elif method == "half":
            result = round(number * 2) / 2
        else:
            result = round(number, precision)
        return int(result) if precision == 0 else result
    except (ValueError, TypeError):
        return otherwise("round", value, default)


def multiply(value: Number, amount: Number, default: object = NO_DEFAULT) -> object:
    """The value as a float, times an amount."""
    try:
        return operate("*", float(_sized(value)), amount)
    except (ValueError, TypeError):
        return otherwise("multiply", value, default)


def add(value: Number, amount: Number, default: object = NO_DEFAULT) -> object:
    """The value as a float, plus an amount."""
    try:
        return operate("+", float(_sized(value)), amount)
    except (ValueError, TypeError):
        return otherwise("add", value, default)


def logarithm(value: Number, base: Number = math.e, default: object = NO_DEFAULT) -> object:
    """The logarithm of the value, natural unless a base is given."""
    try:
        base_number = float(_sized(base))
    except (ValueError, TypeError):
        return otherwise("log", base, default)
    try:
        return math.log(float(_sized(value)), base_number)
    except (ValueError, TypeError):
        return otherwise("log", value, default)


def _of_one(name: str, compute: Callable[[float], float]) -> Callable[..., object]:
    def function(value: Number, default: object = NO_DEFAULT) -> object:
        try:
            return compute(float(_sized(value)))
        except (ValueError, TypeError):
            return otherwise(name, value, default)

    return function


def arc_tangent2(*args: Number, default: object = NO_DEFAULT) -> object:
    """The angle of y and x in all four quadrants; both as arguments or in one list."""
    try:
        if len(args) <= 2 and args and isinstance(args[0], list | tuple):
            if len(args) == 2 and default is NO_DEFAULT:
                default = args[1]
            args = tuple(args[0])
        elif len(args) == 3 and default is NO_DEFAULT:
            default = args[2]
        return math.atan2(float(_sized(args[0])), float(_sized(args[1])))
    except (ValueError, TypeError):
        return otherwise("atan2", args, default)


def _of_many(name: str, compute: Callable[[Iterable[Any]], object]) -> Callable[..., object]:
    def function(*args: Number, default: object = NO_DEFAULT) -> object:
        items, default = _items_of(name, args, default)
        try:
            return compute(walked(items, 50))
        except (TypeError, statistics.StatisticsError):
            return otherwise(name, items, default)

    return function


def _items_of(name: str, args: tuple[Number, ...], default: object) -> tuple[Iterable[Any], object]:
    """What to walk: one list, with the default as a second argument, or all arguments."""
    if not args:
        raise TypeError(f"{name} takes a list, or several numbers")
    # A text is a list of its letters, as Home Assistant has it; only the mode takes it for a value among others.
    is_list = isinstance(args[0], Iterable)
    if is_list and name == "statistical_mode" and len(args) > 1:
        is_list = isinstance(args[0], list | tuple)
    if is_list:
        return args[0], args[1] if len(args) > 1 and default is NO_DEFAULT else default
    if len(args) == 1:
        raise TypeError(f"{name} takes a list, or several numbers, not one {type(args[0]).__name__}")
    return args, default


def ordinal(value: object) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    text = str(value)
    teens = 11 <= int(text[-2:]) % 100 <= 13
    return text + ("th" if teens else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th"))


def add_all(items: Iterable[object], attribute_of: Callable[[object], object] | None, start: object) -> object:
    """The sum of some items, or of an attribute of each."""
    total = start
    for item in walked(items):
        total = operate("+", total, item if attribute_of is None else attribute_of(item))
    return total


FILTERS: dict[str, Callable[..., object]] = {
    "acos": _of_one("acos", math.acos),
    "asin": _of_one("asin", math.asin),
    "atan": _of_one("atan", math.atan),
    "atan2": arc_tangent2,
    "average": _of_many("average", statistics.fmean),
    "bool": to_bool,
    "cos": _of_one("cos", math.cos),
    "float": to_float,
    "int": to_int,
    "is_number": is_number,
    "log": logarithm,
    "median": _of_many("median", statistics.median),
    "sin": _of_one("sin", math.sin),
    "sqrt": _of_one("sqrt", math.sqrt),
    "statistical_mode": _of_many("statistical_mode", statistics.mode),
    "tan": _of_one("tan", math.tan),
}
"""Also offered as functions."""

ONLY_FILTERS: dict[str, Callable[..., object]] = {
    "add": add,
    "bitwise_and": lambda first, second: first & second,
    "bitwise_or": lambda first, second: first | second,
    "bitwise_xor": lambda first, second: first ^ second,
    "multiply": multiply,
    "ordinal": ordinal,
    "round": rounded,
}

CONSTANTS = {"e": math.e, "pi": math.pi, "tau": math.tau}
