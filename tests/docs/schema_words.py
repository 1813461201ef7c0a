"""Schemas in words: every key with its path, whether it must be there, its default, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import voluptuous as vol

NONE = "none"
REQUIRED = "required"

_KINDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    dict: "mapping",
    object: "anything",
    None: "nothing",
}
# A validator is a function whose name says what it takes: `time_zone`, `duration`. These names are for programmers.
_NAMES = {"decimal": "exact number", "slug": "id", "check_slug": "id"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a schema."""

    path: str
    """`buses[].meters[].unit`; `*` stands for a key of any name."""
    need: str
    """`required`, `none` for an optional key without a default, or the default as it is written in YAML."""
    kind: str


def keys(schema: object, path: str = "") -> Iterator[Key]:
    """Every key of a schema, also those of mappings in it."""
    for node in _alternatives(schema):
        if isinstance(node, Mapping):
            for name, inner in node.items():
                written = name.schema if isinstance(name, vol.Marker) else name
                if written is vol.Extra or not isinstance(written, str | type):
                    continue
                place = f"{path}.{written}" if path else str(written)
                if isinstance(written, type):
                    place = f"{path}.*" if path else "*"
                else:
                    yield Key(place, _need(name), words(inner))
                yield from keys(inner, place)
        elif isinstance(node, list):
            for item in node:
                yield from keys(item, f"{path}[]")


def words(node: object) -> str:
    """What a validator takes, in words; a validator nobody has found words for yet is an error."""
    if isinstance(node, vol.Schema):
        return words(node.schema)
    if isinstance(node, vol.All):
        return _all_of(list(node.validators))
    if isinstance(node, vol.Any):
        return " or ".join(words(one) for one in node.validators)
    if isinstance(node, vol.In):
        choices = node.container
        assert isinstance(choices, list | tuple | dict), f"{choices!r} has no order to write it in"
        return " or ".join(f"`{choice}`" for choice in choices)
    if isinstance(node, Mapping):
        return "mapping"
    if isinstance(node, list):
        return f"list of {', '.join(sorted({_plural(words(one)) for one in node}))}"
    if isinstance(node, str):
        return f"`{node}`"
    if node in _KINDS:
        return _KINDS[node]
    name = getattr(node, "__name__", "")
    assert name, f"nobody has found words for the validator {node!r}; add it to {__file__}"
    return _NAMES.get(name, name.replace("_", " "))


def _all_of(validators: list[object]) -> str:
    kind = words(validators[0])
    for limit in validators[1:]:
        if isinstance(limit, vol.Length):
            unit = " characters" if kind == "text" else ""
            kind += f", {_between(limit.min, limit.max)}{unit}"
        elif isinstance(limit, vol.Range):
            kind += f", {_between(limit.min, limit.max)}"
    return kind


def _between(low: object, high: object) -> str:
    if low == high:
        return str(low)
    if high is None:
        return f"{low} or more"
    return f"{high} at most" if low is None else f"{low} to {high}"


def _plural(kind: str) -> str:
    return kind if kind.startswith("`") else f"{kind.split(',')[0]}s"


def _need(key: object) -> str:
    if isinstance(key, vol.Required) and isinstance(key.default, vol.Undefined):
        return REQUIRED
    default: Callable[[], object] | vol.Undefined = getattr(key, "default", vol.UNDEFINED)
    if isinstance(default, vol.Undefined):
        return NONE
    return _written(default())


def _written(value: object) -> str:
    if value in ("", [], {}):
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)


def _alternatives(node: object) -> Iterator[object]:
    if isinstance(node, vol.Schema):
        yield from _alternatives(node.schema)
    elif isinstance(node, vol.All | vol.Any):
        for branch in node.validators:
            yield from _alternatives(branch)
    else:
        yield node
