"""How the registry changes: one transaction decides on what is on disk, and memory follows once it is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hub.core import context as contexts
from hub.core.bus import Bus
from hub.core.context import Context
from hub.core.registry import repository
from hub.core.registry.lookups import Lookups
from hub.core.registry.records import Area, Change, Device, Entity, Label, Record, RegistryChanged
from hub.core.states import StateMachine
from hub.core.storage import Database, Reader, Tx

T = TypeVar("T")
Decide = Callable[[Tx, list[Change]], T]
"""Writes one change of the registry through the transaction, and lists the records that it changed."""

_KINDS: dict[type[Record], str] = {Area: "area", Label: "label", Device: "device", Entity: "entity"}


class Changeable(Lookups):
    """Records that change on disk first, then in memory, then in the states, and then are told."""

    def __init__(self, db: Database, states: StateMachine, bus: Bus) -> None:
        """Start empty; `load` reads what the database remembers."""
        super().__init__()
        self._db = db
        self._states = states
        self._changed = bus.channel(RegistryChanged)

    async def load(self) -> None:
        """Read all records; call it once, after the core's migrations and before anybody asks for an entity."""
        for record in await self._db.read(_everything):
            self._remember(record)

    async def change(self, decide: Decide[T]) -> T:
        """Run one change as one transaction; on return it is on disk, in memory, and told."""
        context = contexts.current()

        def write(tx: Tx) -> T:
            changes: list[Change] = []
            result = decide(tx, changes)
            if changes:
                tx.on_commit(lambda: self._apply(changes, context))
            return result

        return await self._db.write(write)

    def _apply(self, changes: list[Change], context: Context) -> None:
        for old, new in changes:
            if old is not None:
                self._forget(old)
            if new is not None:
                self._remember(new)
        with contexts.use(context):
            for old, new in changes:
                self._move_states(old, new)
                record = new if old is None else old
                assert record is not None
                key = record.entity_id if isinstance(record, Entity) else None
                if self._changed.wants(key):
                    kind = _KINDS[type(record)]
                    self._changed.publish(RegistryChanged(context=context, kind=kind, old=old, new=new), key)

    def _move_states(self, old: Record | None, new: Record | None) -> None:
        """Let the states follow: a removed or disabled entity has none, a renamed one keeps its own."""
        if isinstance(old, Entity):
            if new is None:
                self._states.remove(old.entity_id)
            elif isinstance(new, Entity) and new.entity_id != old.entity_id:
                self._states.rename(old.entity_id, new.entity_id)
        if isinstance(new, Entity) and self.is_disabled(new.entity_id):
            self._states.remove(new.entity_id)
        if isinstance(new, Device) and new.disabled_by is not None:
            for entity_id in sorted(self.ids_on_device(new.id)):
                self._states.remove(entity_id)


def _everything(reader: Reader) -> list[Record]:
    """All records; devices come before the entities that are on them."""
    return [
        *repository.areas(reader),
        *repository.labels(reader),
        *repository.devices(reader),
        *repository.entities(reader),
    ]
