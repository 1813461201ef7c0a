"""Areas and labels: where things are and how people mark them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from hub.core.errors import NotFound
from hub.core.registry import repository
from hub.core.registry.changes import Changeable
from hub.core.registry.records import Area, Change, Label, RegistryRefused
from hub.core.storage import Reader, Tx

_NAMED_MAX = 5
_PLACE_ID = re.compile(r"[a-z0-9][a-z0-9_]*")


class Places:
    """Creates, renames, moves and removes areas and labels."""

    def __init__(self, registry: Changeable) -> None:
        """Work on one registry."""
        self._registry = registry

    async def create_area(self, name: str, *, parent_id: str | None = None, area_id: str | None = None) -> Area:
        """Create an area; its id is made from its name unless given, and never changes afterwards."""
        name = _checked_name("area", name)

        def decide(tx: Tx, changes: list[Change]) -> Area:
            known = {area.id: area for area in repository.areas(tx)}
            area = Area(_new_id("area", area_id, name, known), name, parent_id)
            _check_area(area, known)
            repository.save_area(tx, area)
            changes.append(Change(None, area))
            return area

        return await self._registry.change(decide)

    async def rename_area(self, area_id: str, name: str) -> Area:
        """Give an area another name; its id stays, so rules that name it go on working."""
        name = _checked_name("area", name)
        return await self._change_area(area_id, lambda area: replace(area, name=name))

    async def move_area(self, area_id: str, parent_id: str | None) -> Area:
        """Put an area, with all it holds, into another one, or (None) at the top."""
        return await self._change_area(area_id, lambda area: replace(area, parent_id=parent_id))

    async def remove_area(self, area_id: str) -> None:
        """Remove an area; refused, with names, while anything lies in it."""

        def decide(tx: Tx, changes: list[Change]) -> None:
            area = _area(tx, area_id)
            _refuse_in_use("area", area_id, repository.area_uses(tx, area_id), "move them elsewhere first")
            repository.drop_area(tx, area_id)
            changes.append(Change(area, None))

        await self._registry.change(decide)

    async def create_label(self, name: str, *, label_id: str | None = None) -> Label:
        """Create a label; its id is made from its name unless given, and never changes afterwards."""
        name = _checked_name("label", name)

        def decide(tx: Tx, changes: list[Change]) -> Label:
            known = {label.id: label for label in repository.labels(tx)}
            label = Label(_new_id("label", label_id, name, known), name)
            _check_label(label, known)
            repository.save_label(tx, label)
            changes.append(Change(None, label))
            return label

        return await self._registry.change(decide)

    async def rename_label(self, label_id: str, name: str) -> Label:
        """Give a label another name; its id stays, so rules that name it go on working."""
        name = _checked_name("label", name)

        def decide(tx: Tx, changes: list[Change]) -> Label:
            known = {label.id: label for label in repository.labels(tx)}
            if label_id not in known:
                raise _no("label", label_id, known)
            label = replace(known[label_id], name=name)
            _check_label(label, known)
            repository.save_label(tx, label)
            changes.append(Change(known[label_id], label))
            return label

        return await self._registry.change(decide)

    async def remove_label(self, label_id: str) -> None:
        """Remove a label; refused, with names, while anything carries it."""

        def decide(tx: Tx, changes: list[Change]) -> None:
            label = repository.label(tx, label_id)
            if label is None:
                raise _no("label", label_id, (label.id for label in repository.labels(tx)))
            _refuse_in_use("label", label_id, repository.label_uses(tx, label_id), "take it off them first")
            repository.drop_label(tx, label_id)
            changes.append(Change(label, None))

        await self._registry.change(decide)

    async def _change_area(self, area_id: str, changed: Callable[[Area], Area]) -> Area:
        def decide(tx: Tx, changes: list[Change]) -> Area:
            known = {area.id: area for area in repository.areas(tx)}
            if area_id not in known:
                raise _no("area", area_id, known)
            area = changed(known[area_id])
            _check_area(area, known)
            repository.save_area(tx, area)
            changes.append(Change(known[area_id], area))
            return area

        return await self._registry.change(decide)


def checked_place(reader: Reader, area_id: str | None, labels: Iterable[str]) -> tuple[str, ...]:
    """The labels, each once and in order; refuses an area or a label that does not exist."""
    if area_id is not None:
        _area(reader, area_id)
    marks = tuple(sorted(set(labels)))
    for mark in marks:
        if repository.label(reader, mark) is None:
            raise _no("label", mark, (label.id for label in repository.labels(reader)))
    return marks


def standing_labels(reader: Reader, labels: Iterable[str]) -> tuple[str, ...]:
    """Those of the labels that still exist, for a record that comes back after a while."""
    return tuple(mark for mark in labels if repository.label(reader, mark) is not None)


def _area(reader: Reader, area_id: str) -> Area:
    area = repository.area(reader, area_id)
    if area is None:
        raise _no("area", area_id, (area.id for area in repository.areas(reader)))
    return area


def _check_area(area: Area, known: dict[str, Area]) -> None:
    if area.parent_id is not None and area.parent_id not in known:
        raise _no("area", area.parent_id, known)
    for other in known.values():
        if other.id != area.id and (other.name, other.parent_id) == (area.name, area.parent_id):
            where = "at the top" if area.parent_id is None else f"in area {area.parent_id!r}"
            raise RegistryRefused(f"{where} there is an area {area.name!r} already ({other.id}); use another name")
    above = area.parent_id
    while above is not None:
        if above == area.id:
            raise RegistryRefused(
                f"area {area.id!r} cannot lie in {area.parent_id!r}, which lies in {area.id!r} itself; "
                "move that one out first"
            )
        above = known[above].parent_id


def _check_label(label: Label, known: dict[str, Label]) -> None:
    for other in known.values():
        if other.id != label.id and other.name == label.name:
            raise RegistryRefused(f"there is a label {label.name!r} already ({other.id}); use another name")


def _checked_name(kind: str, name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise RegistryRefused(f"the {kind} needs a name; this one is empty")
    return name


def _new_id(kind: str, given: str | None, name: str, known: Iterable[str]) -> str:
    taken = set(known)
    if given is not None:
        if not _PLACE_ID.fullmatch(given):
            raise RegistryRefused(f"{given!r} is no {kind} id; write lower case letters, digits and underscores")
        if given in taken:
            raise RegistryRefused(f"{kind} {given!r} exists already; use it, or choose another id")
        return given
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = new_id = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or kind
    number = 1
    while new_id in taken:
        number += 1
        new_id = f"{base}_{number}"
    return new_id


def _refuse_in_use(kind: str, id: str, uses: list[str], advice: str) -> None:  # noqa: A002 - the field's own word
    if not uses:
        return
    named = ", ".join(uses[:_NAMED_MAX])
    if len(uses) > _NAMED_MAX:
        named += f" and {len(uses) - _NAMED_MAX} more"
    raise RegistryRefused(f"{kind} {id!r} is in use by {named}; {advice}")


def _no(kind: str, id: str, known: Iterable[str]) -> NotFound:  # noqa: A002 - the field's own word
    there_are = ", ".join(sorted(known)) or "none"
    return NotFound(f"there is no {kind} {id!r} (there are: {there_are}); create it first, or check its spelling")
