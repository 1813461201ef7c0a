"""Starts all plugins in the order of their needs, keeps them alive, and shows how each one is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from hub.core.bus import Listener
from hub.core.config import ConfigDict
from hub.core.errors import NotFound
from hub.core.kernel import Kernel
from hub.core.plugins.discovery import Broken, Found
from hub.core.plugins.life import Life
from hub.core.plugins.manifest import Manifest
from hub.core.plugins.status import PluginState, PluginStatus
from hub.core.site import Site
from hub.core.supervisor import TaskFailed

log = logging.getLogger(__name__)

OWN = "core"


class PluginHost:
    """All plugins of a hub."""

    def __init__(self, kernel: Kernel, site: Site, backup_path: Callable[[], Path]) -> None:
        """Take the kernel and the site; `backup_path` names the copy made before a migration."""
        self.kernel = kernel
        self.site = site
        self.backup_path = backup_path
        self.owners: dict[str, str] = {}
        """Which plugin writes which entity."""
        self._lives: dict[str, Life] = {}
        self._dead: dict[str, PluginStatus] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._order: list[str] = []
        self._is_stopping = False
        self._folders: dict[str, str] = {}
        self._changed: list[asyncio.Future[None]] = []
        kernel.supervisor.on_failure = self._task_failed
        kernel.bus.on_failure = self._listener_failed

    async def start(
        self, found: Iterable[Found], broken: Iterable[Broken], sections: Mapping[str, ConfigDict]
    ) -> None:
        """Start the plugins; returns when each one runs, waits or has failed once."""
        for one in broken:
            self._note_broken(one.name, one.source, one.reason)
        wanted = {one.name: one for one in found}
        order = self._sort(wanted)
        for name in order:
            self._begin(wanted[name], sections.get(name, ConfigDict()))
        await asyncio.gather(*(self._lives[name].settled.wait() for name in order))

    async def add(self, found: Found, section: ConfigDict | None = None) -> PluginStatus:
        """Start one more plugin while the hub runs; returns when it runs, waits or has failed once."""
        self._begin(found, section or ConfigDict())
        await self._lives[found.name].settled.wait()
        return self.status(found.name)

    async def remove(self, name: str) -> None:
        """Stop one plugin and forget it; everything it registered goes with it."""
        life = self._life(name)
        await self.take_down_dependants(life)
        await life.stop()
        await self._tasks.pop(name)
        del self._lives[name]
        self._order.remove(name)
        self.kernel.holds.lift(_hold(name))

    async def stop(self) -> None:
        """Stop all plugins, those that need others first."""
        self._is_stopping = True
        for name in reversed(self._order):
            await self._lives[name].stop()
            await self._tasks[name]

    def restart(self, name: str) -> None:
        """Start a plugin again, whatever happened before; a person's decision."""
        self._life(name).start_again()

    def status(self, name: str) -> PluginStatus:
        """How one plugin is."""
        return self._dead[name] if name in self._dead else self._life(name).status

    def statuses(self) -> list[PluginStatus]:
        """How every plugin is, in the order of their start; those that could not be loaded last."""
        return [self._lives[name].status for name in self._order] + [
            self._dead[name] for name in sorted(self._dead)
        ]

    def loaded(self) -> list[tuple[Found, ConfigDict]]:
        """The plugins that have a life here, with their sections, in the order of their start."""
        return [(self._lives[name].found, self._lives[name].section) for name in self._order]

    def owner_of_file(self, file: str) -> str | None:
        """The plugin whose code lies in a file, for attributing what blocks or leaks; safe from any thread."""
        for folder, name in tuple(self._folders.items()):
            if file.startswith(folder):
                return name
        return None

    def note_block(self, owner: str, where: str, seconds: float) -> None:
        """Count time for which a plugin blocked the loop."""
        if owner in self._lives:
            self._lives[owner].note_block(where, seconds)

    def condemn(self, owner: str, reason: str) -> None:
        """Quarantine a plugin that harms the process, unless it is critical."""
        if owner in self._lives:
            self._lives[owner].condemn(reason)

    def missing(self, manifest: Manifest) -> tuple[list[str], bool]:
        """The services a plugin still lacks, and whether all of them may come without a person's help."""
        missing: list[str] = []
        coming = True
        for key in manifest.needs:
            provider = self._provider(key.name)
            if provider is None:
                missing.append(key.name)
                coming = False
            elif provider.status.state is not PluginState.RUNNING:
                missing.append(f"{key.name} (from {provider.found.name}, {provider.status.state.value})")
                coming = coming and not provider.settled.is_set()
        for name in manifest.after:
            earlier = self._lives.get(name)
            if earlier is not None and not earlier.settled.is_set():
                missing.append(f"the start of {name}")
        return missing, coming

    async def take_down_dependants(self, life: Life) -> None:
        """Stop the plugins that need what this one provides; they start again once it is back."""
        keys = {key.name for key in life.manifest.provides}
        down: list[Life] = []
        for other in self._lives.values():
            if (
                other is not life
                and not other.is_down.is_set()
                and keys & {key.name for key in other.manifest.needs}
            ):
                other.leave(f"{life.found.name} went down")
                down.append(other)
        for other in down:
            await other.is_down.wait()

    def hold_for(self, name: str, state: PluginState, reason: str) -> None:
        """Keep the site on hold while a critical plugin is not running."""
        if self._is_stopping:
            return
        if state is PluginState.RUNNING:
            self.kernel.holds.lift(_hold(name))
        else:
            self.kernel.holds.place(_hold(name), f"critical plugin {name} is {state.value}: {reason}".rstrip(": "))

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

    def _begin(self, found: Found, section: ConfigDict) -> None:
        if found.name in self._lives:
            raise ValueError(f"plugin {found.name!r} is loaded already")
        life = self._lives[found.name] = Life(self, found, section)
        if found.folder:
            self._folders[found.folder] = found.name
        self._order.append(found.name)
        if life.manifest.critical:
            self.hold_for(found.name, PluginState.STARTING, "")
        self._tasks[found.name] = asyncio.get_running_loop().create_task(
            life.live(), name=f"{OWN}/life {found.name}"
        )

    def _sort(self, wanted: dict[str, Found]) -> list[str]:
        """The names in an order in which providers come first; plugins in a cycle are set aside with the reason."""
        while True:
            providers = {key.name: name for name, one in wanted.items() for key in one.plugin.manifest.provides}
            graph: dict[str, set[str]] = {}
            for name, one in sorted(wanted.items()):
                manifest = one.plugin.manifest
                graph[name] = {providers[key.name] for key in manifest.needs if key.name in providers}
                graph[name] |= {other for other in manifest.after if other in wanted}
            try:
                return list(TopologicalSorter(graph).static_order())
            except CycleError as error:
                cycle: list[str] = error.args[1]
                shown = " needs ".join(reversed(cycle))
                for name in set(cycle):
                    self._note_broken(
                        name, wanted[name].source, f"cycle: {shown}; one of them has to do without the other"
                    )
                    del wanted[name]

    def _note_broken(self, name: str, source: str, reason: str) -> None:
        log.error("plugin %s (%s) cannot be loaded: %s", name, source, reason)
        self._dead[name] = PluginStatus(name, "?", source, critical=False, state=PluginState.FAILED, reason=reason)

    def _provider(self, key: str) -> Life | None:
        for life in self._lives.values():
            if any(provided.name == key for provided in life.manifest.provides):
                return life
        return None

    def _life(self, name: str) -> Life:
        try:
            return self._lives[name]
        except KeyError:
            raise NotFound(f"there is no plugin {name!r}; see `hub plugin list`") from None

    def _task_failed(self, failure: TaskFailed) -> None:
        if failure.owner in self._lives:
            error = failure.error
            self._lives[failure.owner].note_error(f"{failure.name}: {type(error).__name__}: {error}")

    def _listener_failed(self, listener: Listener, error: BaseException) -> None:
        if listener.owner in self._lives:
            self._lives[listener.owner].note_error(f"{listener!r}: {type(error).__name__}: {error}")


def _hold(name: str) -> str:
    return f"plugin_down:{name}"
