"""The registry of a hub: entities that plugins ensure and people rename, place, disable and remove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from hub.core.bus import Bus
from hub.core.clock import Clock
from hub.core.errors import NotFound
from hub.core.ids import Ids
from hub.core.registry import repository
from hub.core.registry.changes import Changeable
from hub.core.registry.devices import Devices
from hub.core.registry.places import Places, checked_place
from hub.core.registry.records import Change, Entity, EntityName, EntityWanted, RegistryRefused
from hub.core.registry.wanted import Ensuring, is_as_wanted
from hub.core.states import ENTITY_ID, StateMachine
from hub.core.storage import Database, Reader, Tx


class Registry(Changeable):
    """All areas, labels, devices and entities; look-ups are immediate, changes are transactions."""

    def __init__(self, db: Database, states: StateMachine, bus: Bus, clock: Clock, ids: Ids) -> None:
        """Start empty; `load` reads what the database remembers."""
        super().__init__(db, states, bus)
        self._clock = clock
        self._ids = ids
        self.places = Places(self)
        self.hardware = Devices(self, clock, ids)

    async def ensure_entity(self, wanted: EntityWanted, *, owner: str) -> Entity:
        """The entity that the owner calls so: known, come back or new; what people said of it stays."""
        return (await self.ensure_entities([wanted], owner=owner))[0]

    async def ensure_entities(self, wanted: Sequence[EntityWanted], *, owner: str) -> list[Entity]:
        """The entities that the owner calls so, in one transaction; free for those that are as they should be."""
        listed = list(wanted)
        known = [self.by_unique_id(owner, one.unique_id) for one in listed]
        found = [old for old, one in zip(known, listed, strict=True) if old is not None and is_as_wanted(old, one)]
        if len(found) == len(listed):
            return found
        ensuring = Ensuring(owner, listed, [self._ids.new() for _ in listed], self._clock.now_us())
        return await self.change(ensuring.decide)

    async def rename(self, id: str, entity_id: str) -> Entity:  # noqa: A002
        """Give an entity another entity id; its state moves along, and its history stays with its stable id."""
        if not ENTITY_ID.fullmatch(entity_id):
            raise RegistryRefused(
                f"{entity_id!r} is no entity id; write domain.name in lower case, digits and underscores"
            )
        if entity_id not in self and self._states.get(entity_id) is not None:
            raise RegistryRefused(
                f"{entity_id!r} is taken by a state that belongs to no registered entity; choose another, "
                "or stop whatever writes it"
            )
        now_us = self._clock.now_us()

        def changed(tx: Tx, old: Entity) -> Entity:
            if old.entity_id == entity_id:
                return old
            other = repository.holder(tx, entity_id)
            if other is not None:
                raise RegistryRefused(
                    f"{old.entity_id} cannot be renamed to {entity_id!r}: that is {other.name!r} of {other.owner}; "
                    "choose another, or rename that one first"
                )
            new = replace(old, entity_id=entity_id)
            repository.record_name(tx, new, now_us)
            repository.move_last_state(tx, old.entity_id, entity_id)
            return new

        return await self._update(id, changed)

    async def disable(self, id: str, by: str, reason: str) -> Entity:  # noqa: A002
        """Disable an entity: it loses its state, and writes to it are ignored, until it is enabled."""

        def changed(tx: Tx, old: Entity) -> Entity:
            repository.forget_last_state(tx, old.entity_id)
            return replace(old, disabled_by=by, disabled_reason=reason)

        return await self._update(id, changed)

    async def enable(self, id: str) -> Entity:  # noqa: A002
        """Enable an entity; it has a state again once its owner writes one."""
        return await self._update(id, lambda _, old: replace(old, disabled_by=None, disabled_reason=None))

    async def set_place(self, id: str, area_id: str | None, labels: Iterable[str] = ()) -> Entity:  # noqa: A002
        """Say where an entity is (None: where its device is) and how it is marked."""
        marks = tuple(labels)
        return await self._update(
            id, lambda tx, old: replace(old, area_id=area_id, labels=checked_place(tx, area_id, marks))
        )

    async def remove(self, id: str) -> None:  # noqa: A002
        """Remove an entity; it is remembered and gets its id, name and place back if its owner names it again."""
        now_us = self._clock.now_us()

        def decide(tx: Tx, changes: list[Change]) -> None:
            entity = _entity(tx, id)
            repository.delete_entity(tx, entity, now_us)
            changes.append(Change(entity, None))

        await self.change(decide)

    async def names(self, id: str) -> list[EntityName]:  # noqa: A002
        """All entity ids that an entity has had, oldest first; also for a removed one."""
        return await self._db.read(lambda reader: repository.names(reader, id))

    async def _update(self, id: str, changed: Callable[[Tx, Entity], Entity]) -> Entity:  # noqa: A002
        def decide(tx: Tx, changes: list[Change]) -> Entity:
            old = _entity(tx, id)
            entity = changed(tx, old)
            if entity != old:
                repository.save_entity(tx, entity)
                changes.append(Change(old, entity))
            return entity

        return await self.change(decide)


def _entity(reader: Reader, id: str) -> Entity:  # noqa: A002 - the field's own word
    entity = repository.entity(reader, id)
    if entity is None:
        hint = "this takes the stable id, not the entity id" if "." in id else "check whether it was removed"
        raise NotFound(f"there is no entity with id {id!r}; {hint}")
    return entity
