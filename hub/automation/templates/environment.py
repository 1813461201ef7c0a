"""The Jinja environment: a sandbox that offers what is listed, and in which everything is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, Sized, ValuesView
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from functools import wraps
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2 import Environment, Undefined, nodes
from jinja2.compiler import CodeGenerator
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from hub.automation.templates import (
    numbers,
    place_functions,
    sequences,
    state_functions,
    texts,
    times,
)
from hub.automation.templates.budget import PRESENT, SCALARS, given, walked, weigh, weighed
from hub.automation.templates.errors import NotOffered
from hub.automation.templates.formats import bounded_format
from hub.automation.templates.methods import call_method
from hub.automation.templates.operators import OPERATORS, joined, operate
from hub.automation.templates.views import STATES, VIEWS, StateView

WALKED, WEIGHED, JOINED = "_walked", "_weighed", "_joined"
"""Filters that the compiler puts in; no template can name them."""

_CALL_UNITS = 100
_EACH_UNITS = 60
_LAZY = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
# What Jinja hands to a function before its own arguments.
_PASSED = (Context, Environment, EvalContext)
_JINJA_FILTERS = (
    "abs attr capitalize count d default dictsort filesizeformat first groupby items last length lower map max min "
    "reject rejectattr reverse select selectattr sort title truncate upper urlencode wordcount wordwrap"
).split()
_JINJA_TESTS = (
    "boolean defined divisibleby eq equalto even false filter float ge greaterthan gt in integer iterable le lessthan "
    "lower lt mapping ne none number odd sameas sequence string test true undefined upper == != > >= < <="
).split()
# Filters whose own work is far more than a walk: units for each letter or item of what they are given.
_DEAR = {
    "dictsort": 120, "escape": 10, "e": 10, "groupby": 700, "sort": 300, "title": 30, "urlencode": 15, "wordcount": 10,
    "wordwrap": 60,
}  # fmt: skip
# Values whose attributes mean what they say; everything else is opaque.
_OPEN = (
    str, bytes, int, float, Decimal, list, tuple, range, Mapping, Set, ValuesView,
    date, time, timedelta, tzinfo, type(None), Undefined, LoopContext, Namespace,
)  # fmt: skip


class Missing(Undefined):
    """A name that nobody gave a value: it counts as empty, and the render says that it was used."""

    __slots__ = ()

    def _note(self) -> None:
        if PRESENT.reading is not None and self._undefined_name is not None:
            PRESENT.reading.missed(str(self._undefined_name))

    def __str__(self) -> str:
        self._note()
        return ""

    def __iter__(self) -> Iterator[object]:
        self._note()
        return iter(())

    def __bool__(self) -> bool:
        self._note()
        return False


class BoundedCode(CodeGenerator):
    """Jinja's compiler without evaluating constants: at load nothing of a template runs."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:  # noqa: ANN401
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Where templates run; `is_limited` is without states, clock and places."""

    code_generator_class = BoundedCode
    intercepted_binops = OPERATORS
    concat = staticmethod(joined)  # type: ignore[assignment]

    def __init__(self, *, is_limited: bool) -> None:
        """Offer what is listed, wrapped so that it is paid for."""
        super().__init__(
            extensions=["jinja2.ext.loopcontrols"],
            optimized=False,
            autoescape=False,
            undefined=Missing,
            finalize=_shown,
            cache_size=0,
        )
        self.is_limited = is_limited
        self.filters, self.tests, self.globals = _offered(self, is_limited=is_limited)
        self._plain_filters = {
            name: each for name, each in self.filters.items() if getattr(each, "jinja_pass_arg", None) is None
        }
        self.filters |= {WALKED: _walk_in_a_loop, WEIGHED: weighed, JOINED: joined}

    def call_filter(  # Jinja's own looks up, for each item of `map`, what a filter takes first; most take nothing
        self,
        name: str,
        value: Any,  # noqa: ANN401
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        context: Context | None = None,
        eval_ctx: EvalContext | None = None,
    ) -> Any:  # noqa: ANN401
        """Call a filter by name, for `map`."""
        filter_ = self._plain_filters.get(name)
        if filter_ is None:
            return super().call_filter(name, value, args, kwargs, context, eval_ctx)
        return filter_(value, *(args or ()), **(kwargs or {}))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Compute, sized first."""
        return operate(operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401
        """`obj.attribute` as templates may have it."""
        if isinstance(obj, VIEWS):
            return self._read(obj, attribute)
        _check_open(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401
        """`obj[argument]` as templates may have it."""
        if isinstance(obj, VIEWS):
            return self._read(obj, str(argument))
        _check_open(obj, argument)
        weigh(argument)
        return super().getitem(obj, argument)

    def _read(self, view: Any, name: str) -> Any:  # noqa: ANN401
        try:
            return view.read(name)
        except KeyError:
            if name.startswith("_"):
                raise NotOffered(f"{name!r} is not offered to templates") from None
            return self.undefined(obj=view, name=name)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:  # noqa: ANN401
        """Refuse at once; Jinja would go on with an empty text."""
        raise NotOffered(f"{attribute!r} of a {type(obj).__name__} is not offered to templates")

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ANN401
        """`str.format` that is sized and stays in the sandbox."""
        if isinstance(value, BuiltinMethodType) and isinstance(value.__self__, str):
            if value.__name__ == "format":
                return bounded_format(self, value.__self__, takes_mapping=False)
            if value.__name__ == "format_map":
                return bounded_format(self, value.__self__, takes_mapping=True)
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401, N805
        """Call what templates may call: our functions, listed methods, macros and recursive loops."""
        kwargs.pop("_loop_vars", None)
        kwargs.pop("_block_vars", None)
        if getattr(__obj, "is_offered", False):
            return __obj(*args, **kwargs)
        if isinstance(__obj, BuiltinMethodType):
            return call_method(__obj.__self__, __obj.__name__, __obj, args, kwargs)
        PRESENT.spend(_CALL_UNITS)
        if isinstance(__obj, Macro):
            return __context.call(__obj, *args, **kwargs)
        if isinstance(__obj, LoopContext):
            return given(__obj(walked(args[0])))
        if isinstance(__obj, MethodType):
            owner, name = __obj.__self__, __obj.__name__
            if isinstance(owner, LoopContext) and name in {"cycle", "changed"}:
                return __obj(*args, **kwargs)
            return call_method(owner, name, __obj, args, kwargs)
        if isinstance(__obj, Undefined):
            return __obj(*args, **kwargs)  # says which name is missing
        raise NotOffered(f"a {type(__obj).__name__} cannot be called in a template")


def _check_open(obj: object, name: object) -> None:
    if not isinstance(obj, _OPEN):
        raise NotOffered(f"{name!r} of a {type(obj).__name__} is not offered to templates")


def _shown(value: object) -> object:
    """What is about to be printed, paid for."""
    if type(value) is not str:
        weigh(value)
    return value


def _walk_in_a_loop(items: Any, units: int) -> Iterable[object]:  # noqa: ANN401
    """What a `for` walks; each round costs by the length of its body."""
    if isinstance(items, StateView):
        raise TypeError("one state cannot be walked; use its attributes, or a list of entities")
    return walked(items, units)


def paid(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments and result are paid for."""
    is_lazy = name in _LAZY
    if name in _DEAR:
        function = _dear(function, _DEAR[name])

    @wraps(function)
    def offered(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        for value in args:
            if type(value) not in SCALARS and not isinstance(value, _PASSED):
                weigh(value)
        for value in named.values():
            weigh(value)
        result = function(*args, **named)
        return result if type(result) in SCALARS else walked(result, _EACH_UNITS) if is_lazy else given(result)

    offered.is_offered = True  # type: ignore[attr-defined]
    return offered


def _dear(function: Callable[..., Any], units: int) -> Callable[..., Any]:
    """A function that pays more for each letter or item of its value."""

    @wraps(function)
    def dear(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        at = 1 if isinstance(args[0], _PASSED) else 0
        value = args[at]
        if isinstance(value, Sized):
            PRESENT.spend(units * len(value))
        elif isinstance(value, Iterable):
            args = (*args[:at], walked(value, units), *args[at + 1 :])
        return function(*args, **named)

    return dear


def _offered(
    env: Environment, *, is_limited: bool
) -> tuple[dict[str, Callable[..., Any]], dict[str, Callable[..., Any]], dict[str, Any]]:
    jinja_filters = {name: env.filters[name] for name in _JINJA_FILTERS}
    # Jinja's own take what they need as a first argument, so only the filters can be called by them.
    both = {**numbers.FILTERS, **times.FILTERS, **texts.FILTERS, **sequences.FILTERS}
    filters = {
        **jinja_filters, **both,
        **numbers.ONLY_FILTERS, **times.ONLY_FILTERS, **texts.ONLY_FILTERS, **sequences.ONLY_FILTERS,
        "is_defined": _given_or_fail,
    }  # fmt: skip
    functions = {**both, **times.ONLY_FUNCTIONS, **sequences.ONLY_FUNCTIONS}
    functions |= {name: _extreme(env, name) for name in ("min", "max")}
    tests = {name: env.tests[name] for name in _JINJA_TESTS}
    tests |= {
        "contains": texts.contains,
        "datetime": lambda value: isinstance(value, date) and hasattr(value, "hour"),
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


def _extreme(env: Environment, name: str) -> Callable[..., object]:
    """`min` and `max` as functions: of a list, or of several arguments."""
    of_list = env.filters[name]

    def function(*args: Any, **named: Any) -> object:  # noqa: ANN401
        if not args:
            raise TypeError(f"{name} takes a list, or several values")
        if len(args) == 1 and not isinstance(args[0], Iterable):
            raise TypeError(f"{name} takes a list, or several values, not one {type(args[0]).__name__}")
        return of_list(env, walked(args[0] if len(args) == 1 else args), **named)

    return function


def _given_or_fail(value: object) -> object:
    """The value; an error that names it if nobody gave it one."""
    return value() if isinstance(value, Undefined) else value


FULL = BoundedEnvironment(is_limited=False)
LIMITED = BoundedEnvironment(is_limited=True)
