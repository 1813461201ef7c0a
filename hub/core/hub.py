"""Puts the core together and takes it apart again, in stages, each within its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hub.core import builtin
from hub.core import context as contexts
from hub.core.actions import Actions
from hub.core.bus import Bus, Event
from hub.core.clock import Clock
from hub.core.context import Context
from hub.core.control import ControlServer, Dispatcher
from hub.core.durable import Outbox, Timers
from hub.core.errors import HubError
from hub.core.holds import Holds
from hub.core.housekeeping import Housekeeping
from hub.core.identity import Identity
from hub.core.ids import Ids
from hub.core.kernel import Kernel
from hub.core.last_states import LastStates
from hub.core.lock import FolderLock
from hub.core.plugins import Broken, Found, PluginHost
from hub.core.queries import Queries
from hub.core.registry import Registry
from hub.core.schema import CORE_MIGRATIONS
from hub.core.selectors import Selections
from hub.core.services import Services
from hub.core.site import Site
from hub.core.staleness import StaleWatch
from hub.core.states import StateMachine
from hub.core.storage import Database, Durability, StorageError, StorageIOFailed
from hub.core.supervisor import Supervisor

log = logging.getLogger(__name__)

STAGE_LIMIT_S = 120.0
PLUGINS_LIMIT_S = 300.0
STOP_BUDGET_S = 100.0
"""How long a whole stop takes at most; packaging/hub.service and its container give it longer than that."""
LAST_STEPS_S = 40.0
"""What nothing else may use up of it: the final write and the closing of the databases."""
CLOSING_LIMIT_S = 10.0


class Phase(Enum):
    """Where the hub is in its life."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStarted(Event):
    """Every plugin has been started or is known to wait; the hub runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStopping(Event):
    """The stop has begun; everything still works."""


class StartFailed(HubError):
    """The core itself could not start."""


class Hub:
    """One site's hub."""

    def __init__(
        self,
        site: Site,
        clock: Clock,
        ids: Ids,
        *,
        found: list[Found],
        broken: list[Broken] | None = None,
        is_safe_mode: bool = False,
        runs_writes_twice: bool = False,
    ) -> None:
        """Build everything; nothing is opened before `start`. In safe mode only this distribution's plugins run."""
        self.site = site
        self.phase = Phase.NEW
        self.is_safe_mode = is_safe_mode
        self._found = found
        self._broken = broken or []
        self._lock = FolderLock(site.data)
        supervisor = Supervisor(clock, ids)
        bus = Bus(supervisor.spawn)
        states = StateMachine(bus, clock)
        db = Database(site.data / "hub.db", clock, runs_twice=runs_writes_twice)
        history = Database(
            site.data / "history.db", clock, durability=Durability.NORMAL, runs_twice=runs_writes_twice
        )
        outbox = Outbox(db, clock, ids, supervisor)
        registry = Registry(db, states, bus, clock, ids)
        self.kernel = Kernel(
            clock=clock,
            ids=ids,
            supervisor=supervisor,
            bus=bus,
            states=states,
            stale=StaleWatch(states, clock),
            registry=registry,
            selections=Selections(registry, states, bus),
            services=Services(),
            queries=Queries(),
            holds=Holds(bus),
            db=db,
            history=history,
            timers=Timers(db, clock, ids, supervisor),
            outbox=outbox,
            actions=Actions(db, outbox, bus, clock, ids, supervisor),
        )
        self.plugins = PluginHost(self.kernel, site, self._backup_path)
        self.housekeeping = Housekeeping(self.kernel, self.plugins, site)
        self._last_states = LastStates(db, states, registry)
        self._control = None if clock.is_virtual else ControlServer(Dispatcher(self.kernel), site.socket)
        self._cause = Context(ids.new(), "system")
        self._asked_to_stop: asyncio.Event = asyncio.Event()
        self.on_stage: Callable[[str, float], None] = lambda name, limit_s: None
        """Told before each stage of the start and step of the stop, with its limit in seconds."""

    async def start(self) -> None:
        """Start in stages; raises a typed error when the core cannot, after undoing what was done."""
        self.phase = Phase.STARTING
        with contexts.use(self._cause):
            try:
                self._lock.acquire()
                await self._stage("storage", self._open_storage(), STAGE_LIMIT_S)
                await self._stage("records", self._take_up_records(), STAGE_LIMIT_S)
                await self._stage("plugins", self._start_plugins(), PLUGINS_LIMIT_S)
                await self._stage("timers", self.kernel.timers.load(), STAGE_LIMIT_S)
                if self._control is not None:
                    await self._stage("control socket", self._control.start(), STAGE_LIMIT_S)
            except BaseException:
                await self.stop()
                raise
            self.phase = Phase.RUNNING
            self.kernel.bus.publish(HubStarted(context=self._cause))

    async def stop(self) -> None:
        """Stop in order, plugins before the core; ends with a final write of all states."""
        if self.phase in {Phase.STOPPING, Phase.STOPPED}:
            return
        was_running = self.phase is Phase.RUNNING
        self.phase = Phase.STOPPING
        until_s = self.kernel.clock.monotonic() + STOP_BUDGET_S
        steps_until_s = until_s - LAST_STEPS_S
        with contexts.use(self._cause):
            if was_running:
                self.kernel.bus.publish(HubStopping(context=self._cause))
            if self._control is not None:
                await self._ending("control socket", self._control.stop(), steps_until_s)
            await self._ending("plugins", self.plugins.stop(), steps_until_s)
            self.kernel.timers.stop()
            self.kernel.stale.stop()
            await self._ending("guards", self.housekeeping.stop(), steps_until_s)
            await self._ending("tasks", self.kernel.supervisor.end("core"), steps_until_s)
            if was_running:
                await self._ending("final write", self._last_states.save(), until_s - 2 * CLOSING_LIMIT_S)
            await self._ending("history.db", self.kernel.history.close(), until_s - CLOSING_LIMIT_S)
            await self._ending("hub.db", self.kernel.db.close(), until_s)
            self._lock.release()
        self.phase = Phase.STOPPED

    def ask_to_stop(self, reason: str) -> None:
        """Have `stop_asked` return soon."""
        log.warning("stopping: %s", reason)
        self._asked_to_stop.set()

    async def stop_asked(self) -> None:
        """Wait until somebody asks the hub to stop."""
        await self._asked_to_stop.wait()

    async def _open_storage(self) -> None:
        identity = Identity(self.site.data, self.kernel.ids)
        identity.check()
        await self.kernel.db.open()
        await self.kernel.db.migrate("core", CORE_MIGRATIONS, self._backup_path())
        await identity.confirm(self.kernel.db)
        try:
            await self.kernel.history.open()
        except StorageError as error:
            log.error("history is not recorded: %s", error)

    async def _take_up_records(self) -> None:
        await self.housekeeping.start()
        await self.kernel.registry.load()
        self.kernel.stale.follow(self.kernel.registry, self.kernel.bus)
        await self._last_states.restore()
        builtin.register(self)

    async def _start_plugins(self) -> None:
        found = [one for one in self._found if self._is_wanted(one)]
        await self.plugins.start(found, self._broken, self.site.plugins)

    def _is_wanted(self, found: Found) -> bool:
        if found.plugin.manifest.is_default or found.name in self.site.plugins:
            return not self.is_safe_mode or found.is_ours
        return False

    def _backup_path(self) -> Path:
        try:
            self.site.backups.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageIOFailed(f"{self.site.backups}: {error.strerror}; check the folder's rights") from error
        stamp = self.kernel.clock.now().strftime("%Y%m%dT%H%M%S.%fZ")
        return self.site.backups / f"before-upgrade-{stamp}.db"

    async def _stage(self, name: str, work: Awaitable[object], limit_s: float) -> None:
        self.on_stage(name, limit_s)
        try:
            async with asyncio.timeout(limit_s):
                await work
        except TimeoutError:
            raise StartFailed(
                f"the start got stuck at stage {name!r} for {limit_s:g} s; run `hub doctor`, or start with --safe"
            ) from None

    async def _ending(self, name: str, work: Awaitable[object], until_s: float) -> None:
        """Await a step of the stop until a moment of the monotonic clock; the next one follows whatever comes."""
        limit_s = max(0.0, until_s - self.kernel.clock.monotonic())
        self.on_stage(name, limit_s)
        try:
            async with asyncio.timeout(limit_s):
                await work
        except Exception as error:
            log.error("stopping %s failed: %s: %s", name, type(error).__name__, error, exc_info=error)
