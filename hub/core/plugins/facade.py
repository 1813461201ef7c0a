"""The hub as one plugin sees it: everything it registers bears its name and goes when it goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

from hub.core.actions import Action, AsyncHandler, Effect, OnUnknown, TxHandler
from hub.core.bus import Bus, Callback, Channel, Event, EventQueue, Unsubscribe
from hub.core.clock import Clock
from hub.core.context import Context
from hub.core.durable import Journal, OutboxItem, Timer
from hub.core.errors import HubError, NotFound
from hub.core.holds import Holds
from hub.core.ids import Ids
from hub.core.kernel import Kernel
from hub.core.principals import OWNER, Principal
from hub.core.queries import Answer
from hub.core.registry import Device, DeviceWanted, Entity, EntityWanted, Registry
from hub.core.selectors import Selector, subscribe_selection
from hub.core.services import ServiceKey
from hub.core.site import Site
from hub.core.states import STALE, Quality, State, Value
from hub.core.storage import Database, Reader, Tx
from hub.core.supervisor import Backoff

E = TypeVar("E", bound=Event)
T = TypeVar("T")
Undo = Callable[[], object]

EVENTS_PER_S_MAX = 50_000
EVENTS_BURST_MAX = 200_000


class BusFlood(HubError):
    """A plugin publishes more than the hub can tell; it has to slow down."""


class Ownership:
    """What one start of a plugin has registered; undone in reverse order, whatever each undo does."""

    def __init__(self, owner: str) -> None:
        """Start with nothing."""
        self.owner = owner
        self._undos: list[Undo] = []

    def add(self, undo: Undo) -> Undo:
        """Remember how to take something back; hands the same function on to the plugin."""
        self._undos.append(undo)
        return undo

    def undo_all(self) -> None:
        """Take everything back."""
        while self._undos:
            undo = self._undos.pop()
            try:
                undo()
            except Exception:
                logging.getLogger(__name__).exception("%s: taking back a registration failed", self.owner)


class _FloodGate:
    """A token bucket over a plugin's events and state writes; virtual time has no rate, so nothing is counted."""

    __slots__ = ("_checked_at", "_clock", "_left", "_owner")

    def __init__(self, owner: str, clock: Clock) -> None:
        self._owner = owner
        self._clock = clock
        self._left = EVENTS_BURST_MAX
        self._checked_at = clock.monotonic()

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._refill()

    def _refill(self) -> None:
        now = self._clock.monotonic()
        if self._clock.is_virtual:
            self._left = EVENTS_BURST_MAX
            return
        earned = int((now - self._checked_at) * EVENTS_PER_S_MAX)
        self._checked_at = now
        self._left = min(EVENTS_BURST_MAX, self._left + earned)
        if self._left < 0:
            raise BusFlood(
                f"plugin {self._owner!r} publishes more than {EVENTS_PER_S_MAX} events a second; "
                "publish changes only, or fewer of them"
            )


class PluginBus:
    """The bus for one plugin."""

    def __init__(self, bus: Bus, own: Ownership, gate: _FloodGate) -> None:
        """Bind the bus to an owner."""
        self._bus = bus
        self._own = own
        self._gate = gate

    def subscribe(self, event_type: type[E], callback: Callback[E], *, key: str | None = None) -> Unsubscribe:
        """Call back for every event of exactly this type, or only for those with a key."""
        undo = self._bus.subscribe(event_type, callback, key=key, owner=self._own.owner)
        self._own.add(undo)
        return undo

    def queue(self, event_type: type[E], *, key: str | None = None, size_max: int = 1000) -> EventQueue[E]:
        """A bounded queue of events for a slow reader: when full, the oldest is dropped and counted."""
        queue = self._bus.queue(event_type, key=key, size_max=size_max, owner=self._own.owner)
        self._own.add(queue.unsubscribe)
        return queue

    def channel(self, event_type: type[E]) -> Channel[E]:
        """The channel of an event type, for publishers that ask `wants(key)` before they build."""
        return self._bus.channel(event_type)

    def publish(self, event: Event) -> None:
        """Tell an event to its type's listeners."""
        self._gate.take()
        self._bus.publish(event)


class PluginStates:
    """The state machine for one plugin: reads everything, writes its own entities."""

    def __init__(self, kernel: Kernel, own: Ownership, gate: _FloodGate, owners: dict[str, str]) -> None:
        """Bind the states to an owner."""
        self._states = kernel.states
        self._registry = kernel.registry
        self._own = own
        self._owners = owners
        self._take = gate.take
        self._mine: set[str] = set()
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
        """Write the state of one of the plugin's entities; None when a person disabled the entity."""
        self._take()
        if entity_id not in self._mine:
            self._claim(entity_id)
        if self._registry.is_disabled(entity_id):
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
        self._claim(entity_id)
        return self._states.mark(entity_id, quality)

    def remove(self, entity_id: str) -> None:
        """Forget the state of one of the plugin's entities."""
        self._claim(entity_id)
        self._states.remove(entity_id)

    def __iter__(self) -> Iterator[State]:
        """All states of the hub as they are now."""
        return iter(self._states)

    def release(self) -> None:
        """Let go of the entities: their numbers stay and lose their quality."""
        for entity_id in self._mine:
            self._owners.pop(entity_id, None)
            self._states.mark(entity_id, STALE)
        self._mine.clear()

    def _claim(self, entity_id: str) -> None:
        if entity_id in self._mine:
            return
        holder = self._owners.setdefault(entity_id, self._own.owner)
        if holder != self._own.owner:
            raise HubError(f"plugin {self._own.owner!r} may not write {entity_id}: it belongs to {holder!r}")
        self._mine.add(entity_id)


class PluginDatabase:
    """A database for one plugin: its own tables only, its own share of the writer."""

    def __init__(self, db: Database, owner: str) -> None:
        """Bind the database to an owner."""
        self._db = db
        self._owner = owner

    async def write(self, fn: Callable[[Tx], T], *, origin: str | None = None) -> T:
        """Run `fn(tx)` as one transaction; returns once it is on disk. It may run twice: touch nothing but `tx`."""
        share = f"{self._owner}:{origin}" if origin else None
        return await self._db.write(fn, owner=self._owner, origin=share)

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """Run `fn(reader)` on one consistent snapshot."""
        return await self._db.read(fn, owner=self._owner)

    def join(self, tx: Tx) -> Tx:
        """Another plugin's transaction, for this plugin's tables: what both do in it commits together."""
        return tx.bound_to(self._owner)


class PluginActions:
    """The action registry for one plugin."""

    def __init__(self, kernel: Kernel, own: Ownership) -> None:
        """Bind the registry to an owner."""
        self._actions = kernel.actions
        self._own = own

    def register(
        self,
        name: str,
        handler: TxHandler | AsyncHandler,
        *,
        effect: Effect,
        description: str,
        schema: Mapping[Any, Any] | None = None,
        permission: str | None = None,
        returns: str | None = None,
    ) -> Undo:
        """Offer an action under `domain.name`."""
        return self._own.add(
            self._actions.register(
                name, handler, owner=self._own.owner, effect=effect, description=description, schema=schema,
                permission=permission, returns=returns,
            )
        )  # fmt: skip

    async def call(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        principal: Principal | None = None,
        key: str | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Any:
        """Call an action; in the plugin's own name unless a principal is given."""
        caller = principal or Principal(f"plugin:{self._own.owner}", OWNER.permissions)
        return await self._actions.call(name, data, principal=caller, key=key, on_unknown=on_unknown)

    def get(self, name: str) -> Action:
        """An action by name; raises `NotFound` with a close name."""
        return self._actions.get(name)

    def all(self) -> list[Action]:
        """All actions, by name."""
        return self._actions.all()

    def check(self, name: str, data: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The data of a call as the action's schema makes it; raises with all that is wrong."""
        return self._actions.check(name, data)


class PluginTimers:
    """Durable timers of one plugin."""

    def __init__(self, kernel: Kernel, own: Ownership) -> None:
        """Bind the timers to an owner."""
        self._timers = kernel.timers
        self._own = own

    def handle(self, name: str, handler: Callable[[Tx, Timer], object]) -> Undo:
        """Name the function that a kind of timer runs: `fn(tx, timer)`, in one commit with the timer's end."""
        return self._own.add(self._timers.handle(name, handler, owner=self._own.owner))

    def set(self, tx: Tx, name: str, key: str, due_us: int, payload: Mapping[str, object] | None = None) -> None:
        """Set the timer of that name and key, or move it; counts once the transaction commits."""
        self._timers.set(tx, name, key, due_us, payload, owner=self._own.owner)

    def cancel(self, tx: Tx, name: str, key: str) -> bool:
        """Take a timer back; False when there was none."""
        return self._timers.cancel(tx, name, key, owner=self._own.owner)


class PluginOutbox:
    """The outbox for one plugin; its topics are `<plugin>:<topic>`."""

    def __init__(self, kernel: Kernel, own: Ownership) -> None:
        """Bind the outbox to an owner."""
        self._outbox = kernel.outbox
        self._own = own

    def put(
        self, tx: Tx, topic: str, key: str, payload: Mapping[str, object], *, expires_us: int | None = None
    ) -> bool:
        """Put a message; False when this key was put before with the same payload."""
        return self._outbox.put(tx, self._topic(topic), key, payload, owner=self._own.owner, expires_us=expires_us)

    def consume(
        self,
        topic: str,
        deliver: Callable[[OutboxItem], Awaitable[object]],
        *,
        parallel: int = 1,
        backoff: Backoff | None = None,
        limit_s: float = 60.0,
    ) -> Undo:
        """Deliver a topic's messages with this coroutine function, at most `parallel` at once."""
        return self._own.add(
            self._outbox.consume(
                self._topic(topic),
                deliver,
                owner=self._own.owner,
                parallel=parallel,
                backoff=backoff,
                limit_s=limit_s,
            )
        )

    async def result(self, topic: str, key: str) -> tuple[str, Any]:
        """The state of a message and its result or last error."""
        return await self._outbox.result(self._topic(topic), key)

    def _topic(self, topic: str) -> str:
        return f"{self._own.owner}:{topic}"


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


class PluginHub:
    """What a plugin gets in `setup`."""

    def __init__(
        self, name: str, config: Mapping[str, Any], kernel: Kernel, site: Site, owners: dict[str, str]
    ) -> None:
        """Make the facade for one start of a plugin."""
        self.own = Ownership(name)
        self.name = name
        self.site = site
        self.config = config
        """The plugin's section of `hub.yaml`, checked against its schema."""
        self.log = logging.getLogger(f"hub.plugin.{name}")
        self.clock: Clock = kernel.clock
        self.ids: Ids = kernel.ids
        self.holds: Holds = kernel.holds
        self.registry: Registry = kernel.registry
        gate = _FloodGate(name, kernel.clock)
        self.bus = PluginBus(kernel.bus, self.own, gate)
        self.states = PluginStates(kernel, self.own, gate, owners)
        self.db = PluginDatabase(kernel.db, name)
        self.history = PluginDatabase(kernel.history, name)
        self.actions = PluginActions(kernel, self.own)
        self.timers = PluginTimers(kernel, self.own)
        self.outbox = PluginOutbox(kernel, self.own)
        self.journal = Journal(kernel.db, kernel.clock, name)
        self._kernel = kernel

    def provide(self, key: ServiceKey[T], service: T) -> None:
        """Offer a service that the manifest's `provides` names; dependants start once this plugin runs."""
        self.own.add(self._kernel.services.provide(key, service, owner=self.name))

    def get(self, key: ServiceKey[T]) -> T:
        """A service by its key; raises `ServiceMissing` when nobody provides it now."""
        return self._kernel.services.get(key)

    def find(self, key: ServiceKey[T]) -> T | None:
        """A service by its key, or None while nobody provides it."""
        return self._kernel.services.find(key)

    def answer(self, name: str, answer: Answer, *, description: str, permission: str | None = None) -> Undo:
        """Answer a query that the command line or the web may ask."""
        return self.own.add(
            self._kernel.queries.register(
                name, answer, owner=self.name, description=description, permission=permission
            )
        )

    def watch(self, selector: Selector, event_type: type[E], callback: Callback[E]) -> Undo:
        """Call back for events of all entities that a selector names, kept up as entities come and go."""
        kernel = self._kernel
        return self.own.add(
            subscribe_selection(kernel.bus, kernel.selections, event_type, callback, selector, owner=self.name)
        )

    async def add_entities(self, wanted: list[EntityWanted]) -> list[EntityHandle]:
        """Register entities, or find them again by their unique id; in one transaction."""
        entities = await self.registry.ensure_entities(wanted, owner=self.name)
        return [EntityHandle(entity, self.registry, self.states) for entity in entities]

    async def add_device(self, wanted: DeviceWanted) -> Device:
        """Register a device, or find it again by its unique id."""
        return await self.registry.hardware.ensure(wanted, owner=self.name)

    def spawn(self, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Run work once as the plugin's task; if it raises, that is logged and counted."""
        return self._kernel.supervisor.spawn(self.name, name, work)

    def keep(
        self, name: str, start: Callable[[], Awaitable[object]], backoff: Backoff | None = None
    ) -> asyncio.Task[Any]:
        """Run work that should never end: when it raises it is started again, after growing pauses."""
        return self._kernel.supervisor.keep(self.name, name, start, backoff)
