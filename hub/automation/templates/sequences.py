"""Lists, mappings and sets for templates; the order of results is that of what came in, in every process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.filters import make_attrgetter, sync_do_slice
from jinja2.utils import Namespace

from hub.automation.templates.budget import ITEMS_MAX, PRESENT, hashed, walked
from hub.automation.templates.errors import TemplateTooCostly
from hub.automation.templates.numbers import add_all
from hub.automation.templates.operators import joined
from hub.automation.templates.unique import UniqueItems

_FLAT_DEPTH_MAX = 50


class Names(Namespace):
    """`namespace()`: what a loop may write to; it prints short, whatever it holds."""

    def __repr__(self) -> str:
        """Its type only: it may hold itself."""
        return "<namespace>"


def make_namespace(*args: Any, **named: object) -> Names:
    """A place that loops may write to: `namespace(total=0)`."""
    return Names(*args, **named)


def make_dict(*args: Any, **named: object) -> dict[Any, object]:
    """A mapping: `dict(a=1)`, or of a list of pairs."""
    if args and not isinstance(args[0], Mapping):
        pairs = [_pair(item) for item in walked(args[0])]
        args = (zip(hashed(key for key, _ in pairs), (value for _, value in pairs), strict=True), *args[1:])
    return dict(*args, **named)


def _pair(item: object) -> tuple[object, object]:
    if not isinstance(item, Iterable):
        raise TypeError(f"dict takes pairs, not {type(item).__name__}")
    key, value = item
    return key, value


def make_list(items: Iterable[object]) -> list[object]:
    """All items as a list."""
    return list(walked(items, 2))


def make_tuple(items: Iterable[object]) -> tuple[object, ...]:
    """All items as a tuple."""
    return tuple(walked(items, 2))


def make_range(*args: int) -> range:
    """Numbers from one to before another."""
    numbers = range(*args)
    if len(numbers) > ITEMS_MAX:
        raise TemplateTooCostly(f"a range of {len(numbers)} numbers is too long; {ITEMS_MAX} is the most")
    return numbers


def zipped(*lists: Iterable[object]) -> Iterator[tuple[object, ...]]:
    """The first items of some lists, then the second ones, and so on."""
    return zip(*(walked(each) for each in lists), strict=False)


def flatten(items: Iterable[object], levels: int | None = None) -> list[object]:
    """The items of lists inside a list, in one list."""
    return list(_flat(_listed(items, "flatten"), _FLAT_DEPTH_MAX if levels is None else levels))


def _flat(items: Iterable[object], levels: int) -> Iterator[object]:
    for item in walked(items):
        if levels > 0 and isinstance(item, Iterable) and not isinstance(item, str):
            yield from _flat(item, levels - 1)
        else:
            yield item


def _listed(value: object, name: str) -> Iterable[object]:
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TypeError(f"{name} takes a list, not {type(value).__name__}")
    return value


def union(items: Iterable[object], others: Iterable[object]) -> list[object]:
    """The items of both lists, each once."""
    return list(UniqueItems(_listed(items, "union")).union(_listed(others, "union")))


def intersect(items: Iterable[object], others: Iterable[object]) -> list[object]:
    """The items that are in both lists, each once."""
    return list(UniqueItems(_listed(items, "intersect")).intersection(_listed(others, "intersect")))


def difference(items: Iterable[object], others: Iterable[object]) -> list[object]:
    """The items that are only in the first list, each once."""
    return list(UniqueItems(_listed(items, "difference")).difference(_listed(others, "difference")))


def symmetric_difference(items: Iterable[object], others: Iterable[object]) -> list[object]:
    """The items that are in one of two lists only, each once."""
    name = "symmetric_difference"
    return list(UniqueItems(_listed(items, name)).symmetric_difference(_listed(others, name)))


def combine(*mappings: Mapping[Any, Any], recursive: object = False) -> dict[Any, Any]:
    """One mapping of several; later ones win, with `recursive` inside their mappings too."""
    if not mappings:
        raise TypeError("combine takes at least one mapping")
    result: dict[Any, Any] = {}
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise TypeError(f"combine takes mappings, not {type(mapping).__name__}")
        for key, value in mapping.items():
            mine = result.get(key)
            if recursive and isinstance(mine, Mapping) and isinstance(value, Mapping):
                value = combine(mine, value, recursive=True)
            result[key] = value
    return result


def merge_response(response: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """The answers of several entities as one list; each entry says whose it is under `entity_id`."""
    if not isinstance(response, Mapping) or not all(isinstance(each, Mapping) for each in response.values()):
        raise TypeError("merge_response takes the response of an action: a mapping of entity ids to mappings")
    merged: list[Any] = []
    for entity_id, answer in response.items():
        if len(answer) == 1:
            key, entries = next(iter(answer.items()))
            if isinstance(entries, list):
                merged += [_marked(entry, entity_id=entity_id, value_key=key) for entry in entries]
                continue
        merged.append(_marked(answer, entity_id=entity_id))
    return merged


def _marked(entry: object, **marks: str) -> object:
    if not isinstance(entry, Mapping):
        return entry
    if "entity_id" in entry:
        raise ValueError("an entry of the response has an 'entity_id' of its own")
    return {**deepcopy(dict(entry)), **marks}


@pass_environment
def join(env: Environment, items: Iterable[object], separator: object = "", attribute: str | None = None) -> str:
    """The items, or an attribute of each, as one text."""
    if attribute is not None:
        items = map(make_attrgetter(env, attribute), items)
    return joined(items, str(separator))


@pass_environment
def sum_of(env: Environment, items: Iterable[object], attribute: str | None = None, start: object = 0) -> object:
    """The sum of the items, or of an attribute of each."""
    return add_all(items, None if attribute is None else make_attrgetter(env, attribute), start)


@pass_environment
def unique(
    env: Environment,
    items: Iterable[object],
    case_sensitive: object = False,
    attribute: str | None = None,
) -> Iterator[object]:
    """The items without those that came before."""
    of = make_attrgetter(env, attribute, postprocess=None if case_sensitive else _folded)
    seen: set[object] = set()
    listed = list(walked(items))
    for item, mark in zip(listed, hashed(of(each) for each in listed), strict=True):
        if mark not in seen:
            seen.add(mark)
            yield item


def _folded(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def batch(items: Iterable[object], size: int, fill: object = None) -> Iterator[list[object]]:
    """The items in lists of a size; the last one filled up, if a filler is given."""
    if size < 1 or size > ITEMS_MAX:
        raise TemplateTooCostly(f"batches of {size} are not offered; 1 to {ITEMS_MAX} are")
    part: list[object] = []
    for item in walked(items):
        if len(part) == size:
            yield part
            part = []
        part.append(item)
    if part:
        if fill is not None:
            PRESENT.spend(5 * size)
            part += [fill] * (size - len(part))
        yield part


def sliced(items: Iterable[object], slices: int, fill: object = None) -> Iterator[list[object]]:
    """The items in so many lists of about the same length."""
    if slices < 1 or slices > ITEMS_MAX:
        raise TemplateTooCostly(f"{slices} slices are not offered; 1 to {ITEMS_MAX} are")
    for part in sync_do_slice(list(walked(items)), slices, fill):
        PRESENT.spend(50)
        yield part


def is_set(value: object) -> bool:
    """Whether it is a set."""
    return isinstance(value, set | UniqueItems)


FILTERS: dict[str, Callable[..., object]] = {
    "combine": combine,
    "difference": difference,
    "flatten": flatten,
    "intersect": intersect,
    "symmetric_difference": symmetric_difference,
    "union": union,
}
"""Also offered as functions."""

ONLY_FILTERS: dict[str, Callable[..., object]] = {
    "batch": batch,
    "join": join,
    "list": make_list,
    "slice": sliced,
    "sum": sum_of,
    "unique": unique,
}

ONLY_FUNCTIONS: dict[str, Callable[..., object]] = {
    "dict": make_dict,
    "merge_response": merge_response,
    "namespace": make_namespace,
    "range": make_range,
    "set": UniqueItems,
    "tuple": make_tuple,
    "zip": zipped,
}
