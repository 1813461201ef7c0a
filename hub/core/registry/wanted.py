"""From what a plugin wants to what it gets: known entities stay as people made them, new ones get a free name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.core.registry import repository
from hub.core.registry.places import standing_labels
from hub.core.registry.records import Change, Entity, EntityWanted, RegistryRefused
from hub.core.states import ENTITY_ID
from hub.core.storage import Tx


def is_as_wanted(entity: Entity, wanted: EntityWanted) -> bool:
    """Whether an entity says of itself what its owner wants."""
    return (entity.name, entity.device_id, entity.unit, entity.period_us) == (
        wanted.name, wanted.device_id, wanted.unit, wanted.period_us,
    )  # fmt: skip


class Ensuring:
    """One call of `ensure_entities`; `decide` may run twice, so each run starts from nothing."""

    def __init__(self, owner: str, wanted: Sequence[EntityWanted], new_ids: Sequence[str], now_us: int) -> None:
        """Refuse what cannot be before the database is asked; `new_ids` has one for each that may be new."""
        self._owner = owner
        self._wanted = wanted
        self._new_ids = new_ids
        self._now_us = now_us
        seen: set[str] = set()
        for one in wanted:
            if not one.unique_id or one.unique_id in seen:
                fault = "twice in one call" if one.unique_id else "empty"
                raise RegistryRefused(
                    f"{owner}: the unique_id {one.unique_id!r} of {one.entity_id!r} is {fault}; "
                    "each entity needs a lasting one of its own"
                )
            if not ENTITY_ID.fullmatch(one.entity_id):
                raise RegistryRefused(
                    f"{owner}: {one.entity_id!r} is no entity id (unique_id {one.unique_id!r}); "
                    "write domain.name in lower case, digits and underscores"
                )
            seen.add(one.unique_id)

    def decide(self, tx: Tx, changes: list[Change]) -> list[Entity]:
        """Find, bring back or create each entity."""
        names = _FreeNames(tx)
        devices: set[str] = set()
        entities = []
        for one, new_id in zip(self._wanted, self._new_ids, strict=True):
            if one.device_id is not None and one.device_id not in devices:
                self._check_device(tx, one)
                devices.add(one.device_id)
            entities.append(self._ensure(tx, changes, names, one, new_id))
        return entities

    def _ensure(
        self, tx: Tx, changes: list[Change], names: _FreeNames, wanted: EntityWanted, new_id: str
    ) -> Entity:
        remembered = repository.remembered_entity(tx, self._owner, wanted.unique_id)
        if remembered is None:
            old = self._new(new_id, wanted, names.take(wanted.entity_id))
            return self._saved(tx, changes, None, old, is_new_name=True)
        old, is_deleted = remembered
        entity = replace(
            old, name=wanted.name, device_id=wanted.device_id, unit=wanted.unit, period_us=wanted.period_us
        )
        if is_deleted:
            entity_id = names.take(old.entity_id)
            entity = replace(entity, entity_id=entity_id, labels=standing_labels(tx, old.labels))
            return self._saved(tx, changes, None, entity, is_new_name=entity_id != old.entity_id)
        if entity == old:
            return old
        return self._saved(tx, changes, old, entity, is_new_name=False)

    def _saved(
        self, tx: Tx, changes: list[Change], old: Entity | None, entity: Entity, *, is_new_name: bool
    ) -> Entity:
        repository.save_entity(tx, entity)
        if is_new_name:
            repository.record_name(tx, entity, self._now_us)
        changes.append(Change(old, entity))
        return entity

    def _new(self, id: str, wanted: EntityWanted, entity_id: str) -> Entity:  # noqa: A002 - the field's own word
        return Entity(
            id=id, owner=self._owner, unique_id=wanted.unique_id, entity_id=entity_id, name=wanted.name,
            device_id=wanted.device_id, area_id=None, labels=(), unit=wanted.unit, period_us=wanted.period_us,
            disabled_by=None, disabled_reason=None, created_us=self._now_us,
        )  # fmt: skip

    def _check_device(self, tx: Tx, wanted: EntityWanted) -> None:
        assert wanted.device_id is not None
        if repository.device(tx, wanted.device_id) is None:
            raise RegistryRefused(
                f"{self._owner}: {wanted.entity_id!r} names the device {wanted.device_id!r}, which does not exist; "
                "ensure the device first"
            )


class _FreeNames:
    """Finds an entity id that is free: the one that is suggested, or it with _2, _3, ..."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._numbered: dict[str, tuple[set[str], int]] = {}

    def take(self, suggested: str) -> str:
        if not repository.is_taken(self._tx, suggested):
            return suggested
        taken, number = self._numbered.get(suggested) or (repository.numbered(self._tx, suggested), 2)
        while f"{suggested}_{number}" in taken or repository.is_taken(self._tx, f"{suggested}_{number}"):
            number += 1
        self._numbered[suggested] = (taken, number + 1)
        return f"{suggested}_{number}"
