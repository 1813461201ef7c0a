"""Make a case that fails smaller, as long as it goes on failing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import yaml
from ha_peer import Case

TRIES_MAX = 600
Path = tuple[Any, ...]
Edit = Callable[[Any], None]


def shrunk(case: Case, fails: Callable[[Case], bool], tries: int = TRIES_MAX) -> Case:
    """A smaller case that still fails: without lines, rules, options and steps that play no part."""
    left = tries

    def still(smaller: Case) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(smaller)

    before: Case | None = None
    while case != before and left > 0:
        before = case
        case = _with_fewer_parts(_with_fewer_lines(case, still), still)
    return case


def _with_fewer_lines(case: Case, still: Callable[[Case], bool]) -> Case:
    """Leave out stretches of the trace, half of it at first, one line at last."""
    size = max(1, len(case.trace) // 2)
    while True:
        place = 0
        while place < len(case.trace):
            smaller = replace(case, trace=case.trace[:place] + case.trace[place + size :])
            if still(smaller):
                case = smaller
            else:
                place += size
        if size == 1:
            return case
        size //= 2


def _with_fewer_parts(case: Case, still: Callable[[Case], bool]) -> Case:
    """Leave out parts of the rules, the outermost first, and put nested steps in the place of what holds them."""
    place = 0
    while True:
        rules = yaml.safe_load(case.rules)
        edits = list(_edits(rules))
        if place >= len(edits):
            return case
        edits[place](rules)
        smaller = replace(case, rules=str(yaml.safe_dump(rules, sort_keys=False, width=110)))
        if still(smaller):
            case = smaller
        else:
            place += 1


def _edits(rules: Any) -> Iterator[Edit]:
    """What may be done to make rules smaller; each acts on rules of the same shape."""
    level: list[Path] = [()]
    while level:
        deeper: list[Path] = []
        for path in level:
            node = _at(rules, path)
            for key in list(node) if isinstance(node, dict) else range(len(node)):
                if _may_go(node, key):
                    yield _dropping(path, key)
                if isinstance(node, list) and isinstance(node[key], dict):
                    yield from (_hoisting(path, key, inner) for inner in _sequences(node[key]))
                if isinstance(node[key], (dict, list)):
                    deeper.append((*path, key))
        level = deeper


def _may_go(node: Any, key: Any) -> bool:
    """A rule keeps its id, and no list is emptied: an engine may refuse either, and fail for another reason."""
    return len(node) > 1 if isinstance(node, list) else key != "id"


def _dropping(path: Path, key: Any) -> Edit:
    def drop(rules: Any) -> None:
        del _at(rules, path)[key]

    return drop


def _hoisting(path: Path, key: int, inner: Path) -> Edit:
    def hoist(rules: Any) -> None:
        steps = _at(rules, path)
        steps[key : key + 1] = copy.deepcopy(_at(steps[key], inner))

    return hoist


def _sequences(node: Any, path: Path = ()) -> Iterator[Path]:
    """Where lists of mappings stand in a step, not inside one another."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        if isinstance(node[key], list) and all(isinstance(one, dict) for one in node[key]) and key != "choose":
            yield (*path, key)
        elif isinstance(node[key], (dict, list)):
            yield from _sequences(node[key], (*path, key))


def _at(rules: Any, path: Path) -> Any:
    for key in path:
        rules = rules[key]
    return rules
