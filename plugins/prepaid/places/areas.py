"""Areas as a table writes them: a path of ids, of names, or of both; the records are the core registry's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.contracts.naming import slugify
from hub.core.registry import Area, Registry

ID_SEPARATOR = "/"
NAME_SEPARATOR = " > "
_ID = re.compile(r"[a-z0-9][a-z0-9_]*")
_SPLIT = re.compile(r"(?<!\\)>")


@dataclass(frozen=True, slots=True)
class AreaTree:
    """The areas that there are, and those that a table brings."""

    areas: dict[str, Area]
    """By id; those inside others come after them."""
    made: dict[str, Area]
    """What is to be made, in this order."""

    def resolve(self, ids: str | None, names: str | None) -> str:
        """The id of the area that a row names, noting what has to be made for it; raises ValueError."""
        id_path = None if ids is None else [part.strip() for part in ids.split(ID_SEPARATOR)]
        name_path = None if names is None else split_names(names)
        if id_path is not None:
            return self._by_ids(id_path, name_path)
        assert name_path is not None
        parent: str | None = None
        for name in name_path:
            known = next((one for one in self.areas.values() if (one.name, one.parent_id) == (name, parent)), None)
            parent = self._make(self._free_id(name, parent), name, parent) if known is None else known.id
        assert parent is not None
        return parent

    def _by_ids(self, ids: list[str], names: list[str] | None) -> str:
        wrong = next((one for one in ids if not _ID.fullmatch(one)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} is no area id: write lower-case letters, digits and underscores")
        if names is not None and len(names) != len(ids):
            raise ValueError(f"area has {len(ids)} parts and area_name {len(names)}; each id has its name")
        if len(ids) == 1 and ids[0] in self.areas:
            known = self.areas[ids[0]]
            if names is not None and names != [known.name]:
                raise ValueError(f"area {known.id} is called {known.name!r} already, not {names[0]!r}")
            return known.id
        parent: str | None = None
        for place, one in enumerate(ids):
            name = names[place] if names is not None else one.replace("_", " ")
            parent = self._known_or_made(one, name if names is not None else None, name, parent)
        assert parent is not None
        return parent

    def _known_or_made(self, id: str, said: str | None, name: str, parent: str | None) -> str:  # noqa: A002
        known = self.areas.get(id)
        if known is None:
            clash = next((one for one in self.areas.values() if (one.name, one.parent_id) == (name, parent)), None)
            if clash is not None:
                raise ValueError(f"there is an area {name!r} in the same place already; its id is {clash.id}")
            return self._make(id, name, parent)
        if known.parent_id != parent:
            raise ValueError(f"area {id} lies in {known.parent_id or 'no other'}, not in {parent or 'no other'}")
        if said is not None and known.name != said:
            raise ValueError(f"area {id} is called {known.name!r} already, not {said!r}")
        return id

    def _make(self, id: str, name: str, parent: str | None) -> str:  # noqa: A002 - the field's own word
        self.areas[id] = self.made[id] = Area(id, name, parent)
        return id

    def _free_id(self, name: str, parent: str | None) -> str:
        plain = slugify(name)
        if plain not in self.areas:
            return plain
        inside = slugify(f"{parent} {name}") if parent is not None else plain
        number, free = 2, inside
        while free in self.areas:
            free, number = f"{inside}_{number}", number + 1
        return free


def tree_of(areas: Iterable[Area]) -> AreaTree:
    """The areas that there are, before a table is read."""
    return AreaTree({area.id: area for area in areas}, {})


async def make_areas(registry: Registry, tree: AreaTree) -> None:
    """Make the areas that a table brings, those that others lie in first."""
    for area in tree.made.values():
        await registry.places.create_area(area.name, parent_id=area.parent_id, area_id=area.id)


def split_names(text: str) -> list[str]:
    """The names of a path; a `>` within a name is written as `\\>`."""
    parts = [" ".join(part.replace("\\>", ">").split()) for part in _SPLIT.split(text)]
    if not all(parts):
        raise ValueError(f"{text!r} has an empty name; write Mall > Floor 1 > Food court")
    return parts


def written(areas: Mapping[str, Area], id: str) -> tuple[str, str]:  # noqa: A002 - the field's own word
    """An area as a table writes it: the path of its ids, and the path of their names."""
    path: list[Area] = []
    above: str | None = id
    while above is not None and above in areas:
        path.insert(0, areas[above])
        above = areas[above].parent_id
    ids = ID_SEPARATOR.join(area.id for area in path) or id
    return ids, NAME_SEPARATOR.join(area.name.replace(">", "\\>") for area in path)
