"""A set that keeps the order in which its items came, so that a template gives the same text in every process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from hub.automation.templates.budget import hashed


class UniqueItems(AbstractSet[object]):
    """What `set()` gives in templates."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[object] = ()) -> None:
        """Take the items, each once."""
        self._items = dict.fromkeys(hashed(items))

    def __contains__(self, item: object) -> bool:
        """Whether an item is in it."""
        return item in self._items

    def __iter__(self) -> Iterator[object]:
        """The items in the order in which they came."""
        return iter(self._items)

    def __len__(self) -> int:
        """How many items it has."""
        return len(self._items)

    def __hash__(self) -> int:
        """As a frozen set of the same items."""
        return self._hash()

    def __repr__(self) -> str:
        """As Python shows a set."""
        return f"{{{', '.join(map(repr, self._items))}}}" if self._items else "set()"

    def union(self, other: Iterable[object]) -> UniqueItems:
        """The items of both."""
        return UniqueItems([*self._items, *other])

    def intersection(self, other: Iterable[object]) -> UniqueItems:
        """The items that are in both."""
        theirs = UniqueItems(other)
        return UniqueItems(item for item in self._items if item in theirs)

    def difference(self, other: Iterable[object]) -> UniqueItems:
        """The items that are in this one only."""
        theirs = UniqueItems(other)
        return UniqueItems(item for item in self._items if item not in theirs)

    def symmetric_difference(self, other: Iterable[object]) -> UniqueItems:
        """The items that are in one of both only."""
        theirs = UniqueItems(other)
        return UniqueItems([*self.difference(theirs), *theirs.difference(self)])

    def issubset(self, other: Iterable[object]) -> bool:
        """Whether all items are in the other."""
        return len(self.intersection(other)) == len(self)

    def issuperset(self, other: Iterable[object]) -> bool:
        """Whether it has all items of the other."""
        return UniqueItems(other).issubset(self)
