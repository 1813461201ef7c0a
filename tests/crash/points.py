"""The fault points that exist, found by reading the sources."""

from __future__ import annotations

import ast
from pathlib import Path


def discover(*roots: Path) -> dict[str, str]:
    """Every point in the sources below the roots, with the place where it stands."""
    found: dict[str, str] = {}
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            if path.name == "faultpoints.py":
                continue
            for name, line in _points(ast.parse(path.read_text())):
                place = f"{path.relative_to(root.parent)}:{line}"
                if name in found:
                    raise ValueError(f"point {name!r} stands twice: {found[name]} and {place}; names are unique")
                found[name] = place
    return found


def _points(tree: ast.Module) -> list[tuple[str, int]]:
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "hub.core.faultpoints"
        for alias in node.names
        if alias.name == "point"
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in aliases:
            (name,) = node.args
            if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
                raise ValueError(f"line {node.lineno}: the name of a point is a literal, so that it can be found")
            found.append((name.value, node.lineno))
    return found
