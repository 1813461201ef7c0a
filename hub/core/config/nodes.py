"""Configuration values that remember where they were written: `file:line:column` for every key and value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias, Union

# Plain Python values (a `Secret` is a str). Numbers with a fraction are Decimal; only .inf and .nan are float.
ConfigValue: TypeAlias = Union[str, int, float, Decimal, bool, "ConfigDict", "ConfigList", None]

COLUMN_BITS = 24  # a column is below 5 MB, the largest file that is read


class Mark(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """The place as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}"


# Hundreds of thousands of places are kept, so one in the container's own file is packed into an int;
# a value that came from an included file carries a whole mark.
Place: TypeAlias = int | Mark


def pack_place(line: int, column: int) -> int:
    """Line and column, both counted from 0, as one int."""
    return line << COLUMN_BITS | column


def unpack_place(file: str, place: Place) -> Mark:
    """The mark of a place in a file."""
    if isinstance(place, Mark):
        return place
    return Mark(file, (place >> COLUMN_BITS) + 1, (place & ((1 << COLUMN_BITS) - 1)) + 1)


class ConfigDict(dict[str, ConfigValue]):
    """A mapping from a configuration file; one made by hand knows no places."""

    __slots__ = ("file", "place", "places")

    def __init__(self, values: Mapping[str, ConfigValue] | Iterable[tuple[str, ConfigValue]] = ()) -> None:
        """Take the values; the loader fills in the places."""
        super().__init__(values)
        self.file = ""
        self.place: Place | None = None
        self.places: dict[str, tuple[Place, Place]] = {}  # of each key and its value

    @property
    def mark(self) -> Mark | None:
        """Where the mapping starts."""
        return None if self.place is None else unpack_place(self.file, self.place)

    def key_mark(self, key: str) -> Mark | None:
        """Where a key is written."""
        places = self.places.get(key)
        return None if places is None else unpack_place(self.file, places[0])

    def value_mark(self, key: str) -> Mark | None:
        """Where the value of a key is written."""
        places = self.places.get(key)
        return None if places is None else unpack_place(self.file, places[1])


class ConfigList(list[ConfigValue]):
    """A list from a configuration file; one made by hand knows no places."""

    __slots__ = ("file", "place", "places")

    def __init__(self, values: Iterable[ConfigValue] = ()) -> None:
        """Take the values; the loader fills in the places."""
        super().__init__(values)
        self.file = ""
        self.place: Place | None = None
        self.places: list[Place] = []

    @property
    def mark(self) -> Mark | None:
        """Where the list starts."""
        return None if self.place is None else unpack_place(self.file, self.place)

    def value_mark(self, index: int) -> Mark | None:
        """Where an item is written."""
        if not 0 <= index < len(self.places):
            return None
        return unpack_place(self.file, self.places[index])


def mark_of(value: object, path: Sequence[object] = (), *, of_key: bool = False) -> Mark | None:
    """Where the node at a path is written, or its nearest parent; `of_key` asks for the last key itself."""
    mark = value.mark if isinstance(value, ConfigDict | ConfigList) else None
    for depth, step in enumerate(path):
        found: Mark | None = None
        if isinstance(value, ConfigDict) and isinstance(step, str) and step in value:
            is_last = depth == len(path) - 1
            found = value.key_mark(step) if of_key and is_last else value.value_mark(step)
            value = value[step]
        elif isinstance(value, ConfigList) and isinstance(step, int) and 0 <= step < len(value):
            found = value.value_mark(step)
            value = value[step]
        if found is None:
            break
        mark = found
    return mark


def value_at(value: object, path: Sequence[object]) -> tuple[bool, object]:
    """Whether a node exists at a path, and its value."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
            continue
        if not (isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)):
            return False, None
        value = value[step]
    return True, value
