"""What a template will read, as far as its text says so: for checks and previews, before anything is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import nodes

_BY_ENTITY_ID = frozenset({"states", "is_state", "state_attr", "is_state_attr", "has_value"})
_CLOCK = frozenset({"now", "utcnow", "today_at", "relative_time", "time_since", "time_until"})
_PLACES = frozenset(
    {"area_entities", "label_entities", "device_entities", "expand", "area_devices", "label_devices", "device_id"}
)


class Reference(NamedTuple):
    """An entity that a template names, and the line of the template."""

    entity_id: str
    line: int


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a template reads by the look of it; a render says what it read in fact."""

    references: tuple[Reference, ...] = ()
    domains: frozenset[str] = frozenset()
    all_states: bool = False
    uses_time: bool = False
    is_complete: bool = True
    """Whether nothing else can be read: no entity id is computed, no area is asked for its entities."""

    @property
    def entities(self) -> frozenset[str]:
        """The entity ids that are written in the template."""
        return frozenset(reference.entity_id for reference in self.references)


def dependencies_of(tree: nodes.Template) -> Dependencies:
    """What a parsed template reads, in the order in which it is written."""
    references: list[Reference] = []
    domains: set[str] = set()
    all_states = uses_time = False
    is_complete = True
    for found, line in _found(tree):
        match found:
            case "time":
                uses_time = True
            case "all":
                all_states = True
            case "unknown":
                is_complete = False
            case _ if "." in found:
                references.append(Reference(found, line))
            case _:
                domains.add(found)
    return Dependencies(
        tuple(dict.fromkeys(references)), frozenset(domains), all_states, uses_time, is_complete and not all_states
    )


def _found(node: nodes.Node) -> Iterator[tuple[str, int]]:
    """Entity ids, domains, and the words `time`, `all` and `unknown`, with their lines."""
    path = _path(node)
    if path is not None:
        yield from _of_path(path, node.lineno)
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        yield from _of_call(node.node.name, node.args, node.lineno)
        if node.node.name == "states":
            for part in (*node.args, *node.kwargs):
                yield from _found(part)
            return
    elif isinstance(node, nodes.Filter | nodes.Test):
        first = [] if node.node is None else [node.node]
        yield from _of_call(node.name, [*first, *node.args], node.lineno)
    for child in node.iter_child_nodes():
        yield from _found(child)


def _of_call(name: str, args: list[nodes.Expr], line: int) -> Iterator[tuple[str, int]]:
    if name in _CLOCK:
        yield "time", line
    if name == "expand":
        for arg in args:
            yield from _of_entity_argument(arg, line)
    elif name in _BY_ENTITY_ID and args:
        yield from _of_entity_argument(args[0], line)
    elif name in _PLACES:
        yield "unknown", line


def _of_entity_argument(arg: nodes.Expr, line: int) -> Iterator[tuple[str, int]]:
    if isinstance(arg, nodes.Const) and isinstance(arg.value, str):
        if "." in arg.value:
            yield arg.value, line
    elif isinstance(arg, nodes.List | nodes.Tuple):
        for item in arg.items:
            yield from _of_entity_argument(item, line)
    elif _path(arg) is None:
        yield "unknown", line


def _path(node: nodes.Node) -> list[str | None] | None:
    """`['sensor', 'power', 'state']` for `states.sensor.power.state`; None for what does not start at `states`."""
    if isinstance(node, nodes.Name):
        return [] if node.name == "states" and node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return None if inner is None else [*inner, node.attr]
    if isinstance(node, nodes.Getitem):
        inner = _path(node.node)
        is_known = isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
        return None if inner is None else [*inner, node.arg.value if is_known else None]  # type: ignore[attr-defined]
    return None


def _of_path(path: list[str | None], line: int) -> Iterator[tuple[str, int]]:
    if not path:
        yield "all", line
    elif path[0] is None or (len(path) > 1 and path[1] is None and "." not in path[0]):
        yield "unknown", line
    elif "." in path[0] or len(path) == 1:
        yield path[0], line
    else:
        yield f"{path[0]}.{path[1]}", line
