"""From a template's text to code that pays for what it does; everything that is wrong with it is said at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import jinja2
from jinja2 import meta, nodes
from jinja2.visitor import NodeTransformer

from hub.automation.templates.dependencies import Dependencies, dependencies_of
from hub.automation.templates.environment import (
    FULL,
    JOINED,
    LIMITED,
    WALKED,
    WEIGHED,
    BoundedCode,
    BoundedEnvironment,
)
from hub.automation.templates.refused import NAMES, STATEMENTS
from hub.core.config import did_you_mean

TEXT_LENGTH_MAX = 32_768
TOKENS_MAX = 3_000
DEPTH_MAX = 100
LOOPS_DEEP_MAX = 10
FILE = "<template>"

_SCALAR_NODES = (nodes.Const, nodes.Compare, nodes.Not, nodes.Test)
_SCALAR_FILTERS = frozenset(["abs", "count", "float", "int", "is_number", "length", "round"])


class Wrong(Exception):
    """What is wrong with a template: lines, counted from 1, and messages."""

    def __init__(self, *faults: tuple[int, str]) -> None:
        """Take at least one."""
        super().__init__(faults)
        self.faults = faults


class Compiled(NamedTuple):
    """A template ready to run."""

    root: Callable[[Any], Iterator[str]]
    line_of: Callable[[int], int]
    """From a line of the code to a line of the template."""
    names: frozenset[str]
    """Names that it takes from outside: variables, and the functions it calls."""
    globals: dict[str, Any]
    depends_on: Dependencies
    env: BoundedEnvironment


@lru_cache(maxsize=2048)
def compiled(text: str, *, is_limited: bool) -> Compiled:
    """The code of a template, made once for each text; raises `Wrong`."""
    if len(text) > TEXT_LENGTH_MAX:
        raise Wrong((1, f"it has {len(text)} characters; {TEXT_LENGTH_MAX} is the most"))
    try:
        with warnings.catch_warnings():
            # '\d' in a pattern: Python warns of the escape that it does not know, and keeps it, as is meant.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _compiled(LIMITED if is_limited else FULL, text)
    except jinja2.TemplateSyntaxError as error:
        raise Wrong((error.lineno, error.message or "it is no template")) from None
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise Wrong((1, _first_line(error))) from None


def _compiled(env: BoundedEnvironment, text: str) -> Compiled:
    if sum(1 for _ in islice(env.lex(text), TOKENS_MAX + 1)) > TOKENS_MAX:
        raise Wrong((1, f"it has more than {TOKENS_MAX} words and signs; move parts of it into `variables:`"))
    tree = env.parse(text)
    _check_depth(tree)
    _refuse(_faults(env, tree))
    depends_on = dependencies_of(tree)
    names = _names_of(env, tree)
    _refuse(_refused_names(env, tree, names))
    template = jinja2.Template.from_code(env, env.compile(_Paying().visit(tree), filename=FILE), env.globals)
    return Compiled(
        template.root_render_func, template.get_corresponding_lineno, names, env.globals, depends_on, env
    )


def _check_depth(tree: nodes.Template) -> None:
    """Refuse what the compiler would recurse into too deeply; what is nested ten times is no rule any more."""
    ahead: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while ahead:
        node, depth, loops = ahead.pop()
        loops += isinstance(node, nodes.For)
        if depth > DEPTH_MAX or loops > LOOPS_DEEP_MAX:
            raise Wrong((node.lineno, "it is nested too deeply; move parts of it into `variables:`"))
        ahead.extend((child, depth + 1, loops) for child in node.iter_child_nodes())


def _refuse(found: Iterable[tuple[int, str]]) -> None:
    faults = sorted(dict.fromkeys(found))
    if faults:
        raise Wrong(*faults)


def _first_line(error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply; move parts of it into `variables:`"
    return str(error).partition("\n")[0] or type(error).__name__


class _Naming(BoundedCode, meta.TrackingCodeGenerator):
    """Jinja's compiler, run only to see which names a template takes from outside."""

    def enter_frame(self, frame: Any) -> None:
        BoundedCode.enter_frame(self, frame)
        resolved = (name for action, name in frame.symbols.loads.values() if action == "resolve")
        self.undeclared_identifiers.update(resolved)


def _names_of(env: BoundedEnvironment, tree: nodes.Template) -> frozenset[str]:
    naming = _Naming(env)
    naming.visit(tree)
    return frozenset(naming.undeclared_identifiers)


def _refused_names(
    env: BoundedEnvironment, tree: nodes.Template, names: frozenset[str]
) -> Iterator[tuple[int, str]]:
    """Functions that are called and not offered; a variable may bear any of their names."""
    called = [node.node for node in tree.find_all(nodes.Call)]
    named = [node for node in (*called, *tree.find_all(nodes.Name)) if isinstance(node, nodes.Name)]
    for node in named:
        is_used = node.name == "states" or any(node is each for each in called)
        refused = _refused(env, node.name) if is_used and node.name in names else None
        if refused:
            yield node.lineno, f"{node.name} is not offered: {refused}"


def _faults(env: BoundedEnvironment, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for node in tree.find_all(nodes.Node):
        kind = type(node).__name__
        if kind in STATEMENTS:
            word = {"FromImport": "from"}.get(kind, kind.lower())
            yield node.lineno, f"{{% {word} %}} is not offered: {STATEMENTS[kind]}"
        elif (isinstance(node, nodes.Filter) and node.name not in env.filters) or _is_ours(node):
            yield node.lineno, _unknown(env, "filter", node.name, env.filters)  # type: ignore[attr-defined]
        elif isinstance(node, nodes.Test) and node.name not in env.tests:
            yield node.lineno, _unknown(env, "test", node.name, env.tests)


def _is_ours(node: nodes.Node) -> bool:
    """Whether a template names a filter that only the compiler may put in."""
    return isinstance(node, nodes.Filter) and node.name in {WALKED, WEIGHED, JOINED}


def _refused(env: BoundedEnvironment, name: str) -> str | None:
    if env.is_limited and name in FULL.globals and name not in env.globals:
        return "here a template cannot read states, places or the clock, only variables"
    return NAMES.get(name)


def _unknown(env: BoundedEnvironment, kind: str, name: str, known: dict[str, Any]) -> str:
    wanted = FULL.filters if kind == "filter" else FULL.tests
    if env.is_limited and name in wanted and name not in known:
        return f"the {kind} {name} is not offered: here a template cannot read states, places or the clock"
    if name in NAMES:
        return f"the {kind} {name} is not offered: {NAMES[name]}"
    return f"there is no {kind} {name!r}.{did_you_mean(name, [each for each in known if each[0] != '_'])}"


class _Paying(NodeTransformer):
    """Puts payment where Jinja's code would walk, compare or build for free."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        size = sum(1 for part in node.body for _ in (part, *part.find_all(nodes.Node)))
        self.generic_visit(node)
        node.iter = _filtered(WALKED, node.iter, nodes.Const(20 + 8 * size))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        node.expr = _weighed(node.expr)
        for operand in node.ops:
            operand.expr = _weighed(operand.expr)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filtered(JOINED, nodes.Tuple(node.nodes, "load", lineno=node.lineno))

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _weighed(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _weighed(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return node if node.ctx == "store" else _weighed(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _weighed(node) if isinstance(node.arg, nodes.Slice) else node


def _weighed(node: nodes.Expr) -> nodes.Expr:
    if isinstance(node, _SCALAR_NODES) or (isinstance(node, nodes.Filter) and node.name in _SCALAR_FILTERS):
        return node
    if isinstance(node, nodes.List | nodes.Tuple) and all(isinstance(item, nodes.Const) for item in node.items):
        return node
    return _filtered(WEIGHED, node)


def _filtered(name: str, node: Any, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
