"""The hub as one plugin sees it: everything it registers bears its name and goes when it goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from hub.core.actions import CALL_LIMIT_S, Action, AsyncHandler, Effect, OnUnknown, TxHandler
from hub.core.bus import Callback, E
from hub.core.clock import Clock
from hub.core.durable import Journal, OutboxItem, Timer
from hub.core.ids import Ids
from hub.core.kernel import Kernel
from hub.core.plugins.bus import FloodGate, PluginBus
from hub.core.plugins.entities import EntityHandle, EntityOwners, PluginStates
from hub.core.plugins.holds import PluginHolds
from hub.core.plugins.ownership import Ownership
from hub.core.principals import OWNER, Principal
from hub.core.queries import Answer
from hub.core.registry import Device, DeviceWanted, EntityWanted, Registry
from hub.core.selectors import Selector, subscribe_selection
from hub.core.services import ServiceKey
from hub.core.site import Site
from hub.core.storage import Database, Reader, Tx
from hub.core.supervisor import Backoff

T = TypeVar("T")
Undo = Callable[[], None]


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
        limit_s: float = CALL_LIMIT_S,
    ) -> Undo:
        """Offer an action under `domain.name`; a coroutine handler is cancelled after `limit_s`."""
        return self._own.add(
            self._actions.register(
                name, handler, owner=self._own.owner, effect=effect, description=description, schema=schema,
                permission=permission, returns=returns, limit_s=limit_s,
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


class PluginHub:
    """What a plugin gets in `setup`."""

    def __init__(
        self, name: str, config: Mapping[str, Any], kernel: Kernel, site: Site, owners: EntityOwners
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
        self.holds = PluginHolds(kernel.holds, name)
        self.registry: Registry = kernel.registry
        gate = FloodGate(name, kernel.clock)
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
        if self.own.is_over:
            work.close()
        self.own.check()
        return self._kernel.supervisor.spawn(self.name, name, work)

    def keep(
        self, name: str, start: Callable[[], Awaitable[object]], backoff: Backoff | None = None
    ) -> asyncio.Task[Any]:
        """Run work that should never end: when it raises it is started again, after growing pauses."""
        self.own.check()
        return self._kernel.supervisor.keep(self.name, name, start, backoff)
