"""Money and energy are whole numbers: nothing in the prepaid plugin can make a float of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "prepaid"
SOURCES = sorted(PLUGIN.rglob("*.py"))
PATHS = {"Path", "folder", "path", "file", "parent"}
"""Names of what is joined to a path by a division."""
EXACT = {"Fraction", "Decimal"}
"""What divides without rounding to a float."""


def floats(source: str) -> Iterator[str]:
    """Every place where a float could come from: a literal, `float`, true division of whole numbers."""
    tree = ast.parse(source)
    annotations = _annotations(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            yield f"line {node.lineno}: the literal {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float" and node not in annotations:
            yield f"line {node.lineno}: float"
        elif (
            isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div) and not _is_harmless(node)
        ):
            yield f"line {node.lineno}: true division of `{ast.unparse(node)}`"


def _annotations(tree: ast.AST) -> set[ast.AST]:
    """What only says of which type something is, such as a delay in seconds."""
    roots = [
        one
        for node in ast.walk(tree)
        for one in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if isinstance(one, ast.AST)
    ]
    return {node for root in roots for node in ast.walk(root)}


def _is_harmless(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether a division puts a path together, or divides fractions."""
    words = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    words |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    return bool(words & (PATHS | EXACT))


def test_the_plugin_has_sources() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_no_float_can_come_about(path: Path) -> None:
    assert list(floats(path.read_text(encoding="utf-8"))) == []


FOUND = {
    "a literal": ("PRICE = 0.8333", ["line 1: the literal 0.8333"]),
    "a literal in thousands": ("LIMIT = 1e3", ["line 1: the literal 1000.0"]),
    "a conversion": ("x = float(text)", ["line 1: float"]),
    "a conversion handed on": ("list(map(float, row))", ["line 1: float"]),
    "a division": ("due = wh * price / 1000", ["line 1: true division of `wh * price / 1000`"]),
    "a division in place": ("due /= 2", ["line 1: true division of `due /= 2`"]),
    "a name that only sounds like a folder": ("x = folders_wh / n", ["line 1: true division of `folders_wh / n`"]),
    "a floor": ("due = wh * price // 1000", []),
    "a fraction": ("due = Fraction(raw) / ratio", []),
    "a path": ("file = site.folder / name", []),
    "an annotation of seconds": ("def wait(delay_s: float) -> None: ...", []),
}


@pytest.mark.parametrize(("source", "expected"), FOUND.values(), ids=FOUND)
def test_what_counts_as_a_float(source: str, expected: list[str]) -> None:
    assert list(floats(source)) == expected
