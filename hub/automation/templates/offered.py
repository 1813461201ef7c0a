"""What templates are offered: filters, tests and functions by name, each wrapped so that its use is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import datetime
from functools import wraps
from typing import Any

from jinja2 import Environment, Undefined
from jinja2.nodes import EvalContext
from jinja2.runtime import Context

from hub.automation.templates import numbers, place_functions, sequences, state_functions, texts, times
from hub.automation.templates.budget import PRESENT, SCALARS, given, walked, weigh
from hub.automation.templates.views import STATES

_OF_JINJA = """
    abs attr capitalize count d default dictsort filesizeformat first groupby items last length lower map max min
    reject rejectattr reverse select selectattr sort title truncate upper urlencode wordcount wordwrap
"""
_TESTS_OF_JINJA = """
    boolean defined divisibleby eq equalto even false filter float ge greaterthan gt in integer iterable le lessthan
    lower lt mapping ne none number odd sameas sequence string test true undefined upper == != > >= < <=
"""
_EACH_UNITS = 60
_LAZY = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
# What Jinja hands to a function before its own arguments.
_PASSED = (Context, Environment, EvalContext)
# Filters whose own work is far more than a walk: units for each letter or item of what they are given.
_DEAR = {
    "dictsort": 120,
    "e": 10,
    "escape": 10,
    "groupby": 700,
    "sort": 300,
    "title": 30,
    "urlencode": 15,
    "wordcount": 10,
    "wordwrap": 60,
}


def paid(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments and result are paid for."""
    is_lazy = name in _LAZY
    if name in _DEAR:
        function = _dear(function, _DEAR[name])

    @wraps(function)
    def paying(*args: Any, **named: Any) -> Any:
        for value in args:
            if type(value) not in SCALARS and not isinstance(value, _PASSED):
                weigh(value)
        for value in named.values():
            weigh(value)
        result = function(*args, **named)
        return result if type(result) in SCALARS else walked(result, _EACH_UNITS) if is_lazy else given(result)

    paying.is_offered = True  # type: ignore[attr-defined]
    return paying


def _dear(function: Callable[..., Any], units: int) -> Callable[..., Any]:
    """A function that pays more for each letter or item of its value."""

    @wraps(function)
    def dear(*args: Any, **named: Any) -> Any:
        at = 1 if isinstance(args[0], _PASSED) else 0
        value = args[at]
        if isinstance(value, Sized):
            PRESENT.spend(units * len(value))
        elif isinstance(value, Iterable):
            args = (*args[:at], walked(value, units), *args[at + 1 :])
        return function(*args, **named)

    return dear


def offered(
    env: Environment, *, is_limited: bool
) -> tuple[dict[str, Callable[..., Any]], dict[str, Callable[..., Any]], dict[str, Any]]:
    """The filters, tests and functions of an environment that still has Jinja's own."""
    both = {**numbers.FILTERS, **times.FILTERS, **texts.FILTERS, **sequences.FILTERS}
    filters: dict[str, Callable[..., Any]] = {
        **_named(env.filters, _OF_JINJA), **both,
        **numbers.ONLY_FILTERS, **times.ONLY_FILTERS, **texts.ONLY_FILTERS, **sequences.ONLY_FILTERS,
        "is_defined": _given_or_fail,
    }  # fmt: skip
    functions: dict[str, Callable[..., Any]] = {**both, **times.ONLY_FUNCTIONS, **sequences.ONLY_FUNCTIONS}
    functions |= {name: _extreme(env, name) for name in ("min", "max")}
    tests: dict[str, Callable[..., Any]] = _named(env.tests, _TESTS_OF_JINJA)
    tests |= {
        "contains": texts.contains,
        "datetime": lambda value: isinstance(value, datetime),
        "is_number": numbers.is_number,
        "list": lambda value: isinstance(value, list),
        "match": texts.regex_match,
        "search": texts.regex_search,
        "set": sequences.is_set,
        "string_like": lambda value: isinstance(value, str | bytes),
        "tuple": lambda value: isinstance(value, tuple),
    }
    if not is_limited:
        functions |= times.OF_THE_CLOCK | state_functions.FUNCTIONS | place_functions.FUNCTIONS
        filters |= {name: times.OF_THE_CLOCK[name] for name in times.OF_THE_CLOCK if name not in {"now", "utcnow"}}
        filters |= {name: state_functions.FUNCTIONS[name] for name in state_functions.AS_FILTERS}
        filters |= {name: place_functions.FUNCTIONS[name] for name in place_functions.FUNCTIONS if name != "areas"}
        tests |= {name: state_functions.FUNCTIONS[name] for name in state_functions.AS_TESTS}
        tests["is_device_attr"] = place_functions.is_device_attr
    offered_functions = {name: each if each is STATES else paid(name, each) for name, each in functions.items()}
    return (
        {name: each if each is STATES else paid(name, each) for name, each in filters.items()},
        {name: paid(name, each) for name, each in tests.items()},
        {**offered_functions, **numbers.CONSTANTS},
    )


def _named(functions: Mapping[str, Any], names: str) -> dict[str, Callable[..., Any]]:
    return {name: functions[name] for name in names.split()}


def _extreme(env: Environment, name: str) -> Callable[..., object]:
    """`min` and `max` as functions: of a list, or of several arguments."""
    of_list = env.filters[name]

    def function(*args: Any, **named: Any) -> object:
        if not args:
            raise TypeError(f"{name} takes a list, or several values")
        if len(args) == 1 and not isinstance(args[0], Iterable):
            raise TypeError(f"{name} takes a list, or several values, not one {type(args[0]).__name__}")
        return of_list(env, walked(args[0] if len(args) == 1 else args), **named)

    return function


def _given_or_fail(value: object) -> object:
    """The value; an error that names it if nobody gave it one."""
    return value() if isinstance(value, Undefined) else value
