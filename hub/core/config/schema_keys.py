"""What a voluptuous schema allows at a path, for error texts: the keys of its mappings and its fixed values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import voluptuous as vol


def keys_at(schema: object, path: Sequence[object]) -> list[str]:
    """The key names a schema knows in the mapping at a path; none where only code could tell."""
    nodes = _nodes_at(schema, path)
    names = (_name(key) for node in nodes if isinstance(node, dict) for key in node)
    return sorted({name for name in names if name is not None})


def choices_at(schema: object, path: Sequence[object]) -> list[str]:
    """The fixed texts a schema allows at a path."""
    found: set[str] = set()
    for node in _nodes_at(schema, path):
        choices = node.container if isinstance(node, vol.In) else [node]
        if isinstance(choices, list | tuple | set | frozenset | dict):
            found.update(choice for choice in choices if isinstance(choice, str))
    return sorted(found)


def _nodes_at(schema: object, path: Sequence[object]) -> list[object]:
    nodes = list(_alternatives(schema))
    for step in path:
        nodes = [inner for node in nodes for child in _children(node, step) for inner in _alternatives(child)]
    return nodes


def _alternatives(node: object) -> Iterator[object]:
    """A node without its wrappers: each branch of Any, All and Schema."""
    if isinstance(node, vol.Schema | vol.Msg):
        yield from _alternatives(node.schema)
    elif isinstance(node, vol.Any | vol.All | vol.Union | vol.SomeOf):
        for branch in node.validators:
            yield from _alternatives(branch)
    else:
        yield node


def _children(node: object, step: object) -> Iterator[object]:
    if isinstance(node, dict):
        named = [value for key, value in node.items() if _name(key) == step]
        yield from named or [value for key, value in node.items() if _name(key) is None]
    elif isinstance(node, list | tuple) and isinstance(step, int):
        yield from node


def _name(key: object) -> str | None:
    """The fixed name a schema's key stands for, None for a pattern or type."""
    literal = key.schema if isinstance(key, vol.Marker) else key
    return literal if isinstance(literal, str) else None
