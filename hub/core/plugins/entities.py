"""The states as one plugin sees them: it reads all, and writes its own entities under their present names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.core.context import Context
from hub.core.errors import HubError, NotFound
from hub.core.kernel import Kernel
from hub.core.plugins.bus import FloodGate
from hub.core.plugins.ownership import Ownership
from hub.core.registry import Entity, Registry, RegistryChanged
from hub.core.states import BAD, STALE, Quality, State, Value


class EntityOwners:
    """Which start of which plugin writes each entity now; follows renames."""

    def __init__(self, kernel: Kernel) -> None:
        """Nobody writes anything yet."""
        self._registry = kernel.registry
        self._writers: dict[str, PluginStates] = {}
        kernel.bus.subscribe(RegistryChanged, self._changed, owner="core")

    def claim(self, entity_id: str, states: PluginStates) -> None:
        """Give an entity to a plugin; raises when it belongs to another, by the registry or by being written."""
        entity = self._registry.get(entity_id)
        holder = entity.owner if entity is not None else self._writers.setdefault(entity_id, states).owner
        if holder != states.owner:
            raise HubError(
                f"plugin {states.owner!r} may not write {entity_id}: it belongs to {holder!r}; "
                "register an entity of your own, or call an action of its owner"
            )
        self._writers[entity_id] = states

    def release(self, entity_id: str, states: PluginStates) -> None:
        """Let go of an entity, if it is still this start of the plugin that holds it."""
        if self._writers.get(entity_id) is states:
            del self._writers[entity_id]

    def _changed(self, event: RegistryChanged) -> None:
        old_id = event.old.entity_id if isinstance(event.old, Entity) else None
        new_id = event.new.entity_id if isinstance(event.new, Entity) else None
        if old_id == new_id:
            return
        other = self._writers.pop(new_id, None) if new_id is not None else None
        if other is not None:  # it wrote under this name while nobody was registered for it
            other.entity_moved(new_id, None)
        writer = self._writers.pop(old_id, None) if old_id is not None else None
        if writer is not None:
            writer.entity_moved(old_id, new_id)


class PluginStates:
    """The state machine for one plugin."""

    def __init__(self, kernel: Kernel, own: Ownership, gate: FloodGate, owners: EntityOwners) -> None:
        """Bind the states to an owner."""
        self._states = kernel.states
        self._registry = kernel.registry
        self._own = own
        self._owners = owners
        self._take = gate.take
        self._mine: set[str] = set()
        self.owner = own.owner
        self.get = kernel.states.get

    def set(
        self,
        entity_id: str,
        value: Value,
        *,
        unit: str | None = None,
        quality: Quality = Quality.GOOD,
        source_us: int | None = None,
        attributes: Mapping[str, object] | None = None,
        context: Context | None = None,
    ) -> State | None:
        """Write the state of one of the plugin's entities; None when it is disabled, or the plugin is gone."""
        self._take()
        if (entity_id not in self._mine and not self._claim(entity_id)) or self._registry.is_disabled(entity_id):
            return None
        return self._states.set(
            entity_id,
            value,
            unit=unit,
            quality=quality,
            source_us=source_us,
            attributes=attributes,
            context=context,
        )

    def mark(self, entity_id: str, quality: Quality) -> State | None:
        """Change only the quality of one of the plugin's entities."""
        return self._states.mark(entity_id, quality) if self._claim(entity_id) else None

    def remove(self, entity_id: str) -> None:
        """Forget the state of one of the plugin's entities."""
        if self._claim(entity_id):
            self._states.remove(entity_id)

    def __iter__(self) -> Iterator[State]:
        """All states of the hub as they are now."""
        return iter(self._states)

    def release(self) -> None:
        """Let go of the entities: their numbers stay and lose their quality."""
        for entity_id in sorted(self._mine):
            self._owners.release(entity_id, self)
            state = self._states.get(entity_id)
            if state is not None and state.quality is not BAD:
                self._states.mark(entity_id, STALE)
        self._mine.clear()

    def entity_moved(self, old_id: str | None, new_id: str | None) -> None:
        """An entity that the plugin writes got another name or owner, or was removed."""
        self._mine.discard(old_id or "")
        if new_id is not None:
            self._claim(new_id)

    def _claim(self, entity_id: str) -> bool:
        """Whether the entity may be written now; raises when it is another plugin's."""
        if entity_id in self._mine:
            return True
        if self._own.is_over:
            return False  # a late write, such as one after a commit: it would look as if somebody still kept it up
        self._owners.claim(entity_id, self)
        self._mine.add(entity_id)
        return True


class EntityHandle:
    """One of the plugin's entities, ready to be written under whatever entity id it has now."""

    __slots__ = ("_id", "_registry", "_states", "_unit")

    def __init__(self, entity: Entity, registry: Registry, states: PluginStates) -> None:
        """Follow an entity through renames."""
        self._id = entity.id
        self._unit = entity.unit
        self._registry = registry
        self._states = states

    @property
    def entity_id(self) -> str:
        """The entity id as people have named it."""
        entity = self._registry.by_id(self._id)
        if entity is None:
            raise NotFound(f"entity {self._id} was removed from the registry")
        return entity.entity_id

    def set(
        self,
        value: Value,
        *,
        quality: Quality = Quality.GOOD,
        source_us: int | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> State | None:
        """Write the entity's state in its own unit."""
        return self._states.set(
            self.entity_id, value, unit=self._unit, quality=quality, source_us=source_us, attributes=attributes
        )
