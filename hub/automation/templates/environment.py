"""The Jinja environment: a sandbox that offers what is listed, and in which everything is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from types import BuiltinMethodType, MethodType
from typing import Any, cast

from jinja2 import Undefined, nodes
from jinja2.compiler import CodeGenerator
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from hub.automation.templates.budget import PRESENT, given, walked, weigh, weighed
from hub.automation.templates.errors import NotOffered
from hub.automation.templates.formats import bounded_format
from hub.automation.templates.methods import call_method
from hub.automation.templates.offered import offered
from hub.automation.templates.operators import OPERATORS, joined, operate
from hub.automation.templates.views import VIEWS, StateView, as_view

WALKED, WEIGHED, JOINED = "_walked", "_weighed", "_joined"
"""Filters that the compiler puts in; no template can name them."""

_CALL_UNITS = 100
# Values whose attributes mean what they say; everything else is opaque.
_OPEN = (
    str, bytes, int, float, Decimal, list, tuple, range, Mapping, AbstractSet, ValuesView,
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

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Where templates run; `is_limited` is without states, clock and places."""

    code_generator_class = BoundedCode
    intercepted_binops = OPERATORS
    concat = staticmethod(joined)

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
        filters, tests, self.globals = offered(self, is_limited=is_limited)
        self.filters, self.tests = cast(Any, filters), cast(Any, tests)  # Jinja calls them `function`
        self._plain_filters = {
            name: each for name, each in self.filters.items() if getattr(each, "jinja_pass_arg", None) is None
        }
        self.filters |= {WALKED: _walk_in_a_loop, WEIGHED: weighed, JOINED: joined}

    def call_filter(
        self,
        name: str,
        value: Any,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        context: Context | None = None,
        eval_ctx: EvalContext | None = None,
    ) -> Any:
        """Call a filter by name, for `map`; Jinja's own way looks up for every item what the filter takes first."""
        filter_ = self._plain_filters.get(name)
        if filter_ is None:
            return super().call_filter(name, value, args, kwargs, context, eval_ctx)
        return filter_(value, *(args or ()), **(kwargs or {}))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute, sized first."""
        return operate(operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` as templates may have it."""
        obj = as_view(obj)
        if isinstance(obj, VIEWS):
            return self._read(obj, attribute)
        _check_open(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]` as templates may have it."""
        obj = as_view(obj)
        if isinstance(obj, VIEWS):
            return self._read(obj, str(argument))
        _check_open(obj, argument)
        weigh(argument)
        return super().getitem(obj, argument)

    def _read(self, view: Any, name: str) -> Any:
        try:
            return view.read(name)
        except KeyError:
            if name.startswith("_"):
                raise NotOffered(f"{name!r} is not offered to templates") from None
            return self.undefined(obj=view, name=name)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Refuse at once; Jinja would go on with an empty text."""
        raise NotOffered(f"{attribute!r} of a {type(obj).__name__} is not offered to templates")

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """`str.format` that is sized and stays in the sandbox."""
        if isinstance(value, BuiltinMethodType) and isinstance(value.__self__, str):
            if value.__name__ == "format":
                return bounded_format(self, value.__self__, takes_mapping=False)
            if value.__name__ == "format_map":
                return bounded_format(self, value.__self__, takes_mapping=True)
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 - Jinja's
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
        raise NotOffered(f"{type(__obj).__name__} is nothing that a template can call")


def _check_open(obj: object, name: object) -> None:
    if not isinstance(obj, _OPEN):
        raise NotOffered(f"{name!r} of a {type(obj).__name__} is not offered to templates")


def _shown(value: object) -> object:
    """What is about to be printed, paid for."""
    if type(value) is str:
        return value
    shown = as_view(value)
    weigh(shown)
    return shown


def _walk_in_a_loop(items: Any, units: int) -> Iterable[object]:
    """What a `for` walks; each round costs by the length of its body."""
    if isinstance(items, StateView):
        raise TypeError("one state cannot be walked; use its attributes, or a list of entities")
    return walked(items, units)


FULL = BoundedEnvironment(is_limited=False)
LIMITED = BoundedEnvironment(is_limited=True)
