"""Starts all plugins in the order of their needs, keeps them alive, and shows how each one is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hub.core.bus import Listener
from hub.core.config import ConfigDict
from hub.core.errors import HubError, NotFound
from hub.core.kernel import Kernel
from hub.core.plugins.discovery import Broken, Found
from hub.core.plugins.entities import EntityOwners
from hub.core.plugins.faults import in_words
from hub.core.plugins.life import Life
from hub.core.plugins.manifest import Manifest
from hub.core.plugins.order import Cycle, in_order
from hub.core.plugins.status import PluginState, PluginStatus
from hub.core.site import FILE, Site, read_site_file, sections_of
from hub.core.supervisor import TaskFailed

log = logging.getLogger(__name__)

OWN = "core"
START_WAIT_S = 120.0
"""How long a start of the hub waits for slow plugins; they go on starting meanwhile."""

STOP_LIMIT_S = 50.0
"""How long a stop of the hub waits for all plugins; whatever hangs longer is abandoned and named."""


MAY_COME = {PluginState.STARTING, PluginState.RUNNING, PluginState.STOPPING, PluginState.STOPPED}
"""The states in which a plugin may soon provide what others wait for."""


class PluginHost:
    """All plugins of a hub."""

    def __init__(self, kernel: Kernel, site: Site, backup_path: Callable[[], Path]) -> None:
        """Take the kernel and the site; `backup_path` names the copy made before a migration."""
        self.kernel = kernel
        self.site = site
        self.backup_path = backup_path
        self.owners = EntityOwners(kernel)
        self._lives: dict[str, Life] = {}
        """In the order of their start."""
        self._dead: list[PluginStatus] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False
        self._folders: tuple[tuple[str, str], ...] = ()
        self._changed: list[asyncio.Future[None]] = []
        kernel.supervisor.on_failure = self._task_failed
        kernel.bus.on_failure = self._listener_failed

    async def start(
        self, found: Iterable[Found], broken: Iterable[Broken], sections: Mapping[str, ConfigDict]
    ) -> None:
        """Start the plugins; returns when each one runs, waits or has failed once, or has had its time."""
        for one in broken:
            # What it is cannot be asked when it cannot be imported: one of ours that the site uses may be critical.
            self._note_dead(one.name, one.source, one.reason, is_critical=one.is_ours and one.name in sections)
        wanted = {one.name: one for one in found}
        order, cycles = in_order({name: one.plugin.manifest for name, one in wanted.items()})
        for cycle in cycles:
            self._note_cycle(cycle, wanted)
        for name in order:
            self._begin(wanted[name], sections.get(name, ConfigDict()))
        if not order:
            return
        waiting = {asyncio.ensure_future(self._lives[name].settled.wait()): name for name in order}
        _, slow = await asyncio.wait(waiting, timeout=START_WAIT_S)
        for one_slow in slow:
            one_slow.cancel()
            log.error("plugin %s is still starting; the hub goes on without it so far", waiting[one_slow])

    async def add(self, found: Found, section: ConfigDict | None = None) -> PluginStatus:
        """Start one more plugin while the hub runs; returns when it runs, waits or has failed once."""
        if self._is_stopping:
            raise HubError(f"plugin {found.name!r} cannot be started: the hub stops")
        if found.name in self._lives:
            raise ValueError(f"plugin {found.name!r} is loaded already")
        manifests = {name: life.manifest for name, life in self._lives.items()} | {
            found.name: found.plugin.manifest
        }
        for cycle in in_order(manifests)[1]:
            if found.name in cycle.names:
                return self._note_cycle(cycle, {found.name: found})
        self._dead = [dead for dead in self._dead if dead.name != found.name]
        life = self._begin(found, section or ConfigDict())
        await life.settled.wait()
        return life.status

    async def remove(self, name: str) -> None:
        """Stop one plugin and forget it; everything it registered goes with it."""
        life, task = self._life(name), self._tasks[name]
        await life.stop("unloaded")
        await task
        if self._lives.get(name) is not life:
            return  # somebody else removed it meanwhile
        del self._lives[name], self._tasks[name]
        self._folders = tuple(pair for pair in self._folders if pair[1] != name)
        for reason in [one for one in self.kernel.holds.reasons if one.startswith(f"{name}:")]:
            self.kernel.holds.lift(reason)
        self.kernel.holds.lift(_hold(name))
        self.nudge()

    async def stop(self) -> None:
        """Stop all plugins, those that need others first, each as soon as nobody needs it any more."""
        self._is_stopping = True
        lives = list(self._lives.values())
        if not lives:
            return
        ended = {life.found.name: asyncio.Event() for life in lives}

        async def stop_one(life: Life) -> None:
            keys = {key.name for key in life.manifest.provides}
            for later in lives:
                if life.found.name in later.manifest.after or keys & {key.name for key in later.manifest.needs}:
                    await ended[later.found.name].wait()
            await life.stop("the hub stops")
            await asyncio.wait({self._tasks[life.found.name]})
            ended[life.found.name].set()

        stopping = {asyncio.ensure_future(stop_one(life)): life.found.name for life in lives}
        try:
            _, hanging = await asyncio.wait(stopping, timeout=STOP_LIMIT_S)
        finally:
            for task in stopping:
                task.cancel()
        if hanging:
            await self._abandon(sorted(stopping[task] for task in hanging))

    def restart(self, name: str) -> None:
        """Start a plugin again, whatever happened before; with what hub.yaml says of it now."""
        life = self._life(name)
        if (self.site.folder / FILE).is_file():
            section = sections_of(read_site_file(self.site.folder).get("plugins")).get(name)
            life.section = life.section if section is None else section
        life.start_again()

    def status(self, name: str) -> PluginStatus:
        """How one plugin is."""
        if name not in self._lives:
            for status in self._dead:
                if status.name == name:
                    return status
        return self._life(name).status

    def statuses(self) -> list[PluginStatus]:
        """How every plugin is, in the order of their start; those that could not be loaded last."""
        return [life.status for life in self._lives.values()] + sorted(self._dead, key=lambda dead: dead.name)

    def loaded(self) -> list[tuple[Found, ConfigDict]]:
        """The plugins that have a life here, with their sections, in the order of their start."""
        return [(life.found, life.section) for life in self._lives.values()]

    def owner_of_file(self, file: str) -> str | None:
        """The plugin whose code lies in a file, for attributing what blocks or leaks; safe from any thread."""
        return next((name for folder, name in self._folders if file.startswith(folder)), None)

    def note_block(self, owner: str, where: str, seconds: float) -> None:
        """Count time for which a plugin blocked the loop."""
        if owner in self._lives:
            self._lives[owner].note_block(where, seconds)

    def condemn(self, owner: str, reason: str) -> None:
        """Quarantine a plugin that harms the process, unless it is critical."""
        if owner in self._lives:
            self._lives[owner].condemn(reason)

    def missing(self, manifest: Manifest) -> tuple[list[str], bool]:
        """What a plugin still waits for, and whether all of it may come without a person's help."""
        missing: list[str] = []
        is_coming = True
        provided = self.kernel.services.provided()
        for key in manifest.needs:
            owner = provided.get(key.name)
            provider = self._lives.get(owner) if owner is not None else self._provider(key.name)
            if owner is not None and (provider is None or provider.status.state is PluginState.RUNNING):
                continue
            if provider is None:
                missing.append(f"{key.name}, which nothing provides; enable a plugin that does")
                is_coming = False
            else:
                state = provider.status.state.value
                missing.append(f"{key.name} from {provider.found.name}, which is {state}")
                is_coming = is_coming and provider.status.state in MAY_COME
        for name in manifest.after:
            earlier = self._lives.get(name)
            if earlier is not None and not earlier.settled.is_set():
                missing.append(f"the start of {name}")
        return missing, is_coming

    async def take_down_dependants(self, life: Life) -> None:
        """Stop the plugins that need what this one provides; they start again once it is back."""
        keys = {key for key, owner in self.kernel.services.provided().items() if owner == life.found.name}
        down = [
            other
            for other in self._lives.values()
            if other is not life
            and not other.is_down.is_set()
            and keys & {key.name for key in other.manifest.needs}
        ]
        for other in down:
            other.leave(f"{life.found.name} went down")
        for other in down:
            await other.is_down.wait()

    def hold_for(self, name: str, state: PluginState, reason: str) -> None:
        """Keep the site on hold while a critical plugin is not running."""
        if self._is_stopping:
            return
        if state is PluginState.RUNNING:
            self.kernel.holds.lift(_hold(name))
        else:
            detail = f"critical plugin {name} is {state.value}: {reason}".rstrip(": ")
            level = logging.INFO if state is PluginState.STARTING else logging.WARNING
            self.kernel.holds.place(_hold(name), detail, level=level)

    def nudge(self) -> None:
        """Wake those that wait for another plugin's state."""
        waiting, self._changed = self._changed, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self) -> None:
        """Wait until some plugin's state has changed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed.append(future)
        await future

    def _begin(self, found: Found, section: ConfigDict) -> Life:
        life = self._lives[found.name] = Life(self, found, section)
        if found.folder:
            # The longest first: a plugin's folder may lie in another's.
            self._folders = tuple(
                sorted([*self._folders, (found.folder, found.name)], key=lambda pair: -len(pair[0]))
            )
        if life.manifest.critical:
            self.hold_for(found.name, PluginState.STARTING, "")
        self._tasks[found.name] = asyncio.get_running_loop().create_task(
            life.live(), name=f"{OWN}/life {found.name}"
        )
        self._tasks[found.name].add_done_callback(lambda task: self._life_ended(life, task))
        return life

    def _life_ended(self, life: Life, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            life.give_up(f"a fault of the host: {in_words(error)}; restart the hub, and report this")

    async def _abandon(self, names: list[str]) -> None:
        log.error(
            "plugins that did not stop within %g s are abandoned: %s; the hub stops without waiting for them",
            STOP_LIMIT_S,
            ", ".join(names),
        )
        tasks = [self._tasks[name] for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note_cycle(self, cycle: Cycle, found: Mapping[str, Found]) -> PluginStatus:
        dead = [
            self._note_dead(name, one.source, str(cycle), is_critical=one.plugin.manifest.critical)
            for name, one in found.items()
            if name in cycle.names
        ]
        return dead[0]

    def _note_dead(self, name: str, source: str, reason: str, *, is_critical: bool) -> PluginStatus:
        log.error("plugin %s (%s) cannot be loaded: %s", name, source, reason)
        status = PluginStatus(name, "?", source, critical=is_critical, state=PluginState.FAILED, reason=reason)
        self._dead.append(status)
        if is_critical:
            self.hold_for(name, PluginState.FAILED, reason)
        return status

    def _provider(self, key: str) -> Life | None:
        """A plugin that would provide a service, one that may soon before one that can not."""
        lives = [life for life in self._lives.values() if key in {one.name for one in life.manifest.provides}]
        return min(lives, key=lambda life: life.status.state not in MAY_COME, default=None)

    def _life(self, name: str) -> Life:
        try:
            return self._lives[name]
        except KeyError:
            for dead in self._dead:
                if dead.name == name:
                    raise NotFound(
                        f"plugin {name!r} could not be loaded: {dead.reason}; then restart the hub"
                    ) from None
            raise NotFound(f"there is no plugin {name!r}; see `hub plugin list`") from None

    def _task_failed(self, failure: TaskFailed) -> None:
        if failure.owner in self._lives:
            self._lives[failure.owner].note_error(f"{failure.name}: {in_words(failure.error)}")

    def _listener_failed(self, listener: Listener, error: BaseException) -> None:
        if listener.owner in self._lives:
            self._lives[listener.owner].note_error(f"{listener!r}: {in_words(error)}")


def _hold(name: str) -> str:
    return f"plugin_down:{name}"
