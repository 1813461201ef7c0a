"""Small plugins made to order, and what most tests of the host ask about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hub.core.bus import Event
from hub.core.kernel import Kernel
from hub.core.plugins import Found, Manifest, Plugin, PluginHub, PluginState
from hub.core.services import ServiceKey
from hub.core.storage import Migration
from hub.testing import HubHarness

Step = Callable[[PluginHub], Awaitable[object]]
Key = ServiceKey[object]


class Happened(Event):
    """Something of no meaning."""


def a_plugin(
    name: str = "sample",
    *,
    setup: Step | None = None,
    run: Step | None = None,
    stop: Callable[[], Awaitable[object]] | None = None,
    provides: tuple[Key, ...] = (),
    needs: tuple[Key, ...] = (),
    after: tuple[str, ...] = (),
    config: Mapping[Any, Any] | None = None,
    migrations: tuple[Migration, ...] = (),
    critical: bool = False,
    diary: list[str] | None = None,
) -> type[Plugin]:
    """A plugin that provides what it declares, does the given steps, and writes a diary."""
    told = diary if diary is not None else []

    class Sample(Plugin):
        manifest = Manifest(
            name=name,
            version="1.2",
            description="A sample.",
            provides=provides,
            needs=needs,
            after=after,
            config=config,
            migrations=migrations,
            critical=critical,
            is_default=True,
        )

        async def setup(self, hub: PluginHub) -> None:
            self.hub = hub
            told.append(f"{name} up")
            for key in provides:
                hub.provide(key, f"{key.name} of {name}")
            if setup is not None:
                await setup(hub)

        async def run(self) -> None:
            if run is not None:
                await run(self.hub)

        async def stop(self) -> None:
            told.append(f"{name} down")
            if stop is not None:
                await stop()

    return Sample


def found(*plugins: type[Plugin]) -> list[Found]:
    """The plugins as discovery would give them."""
    return [Found(plugin.manifest.name, "a test", plugin) for plugin in plugins]


def raising(error: BaseException) -> Step:
    """A step that always raises."""

    async def step(hub: PluginHub) -> None:
        raise error

    return step


async def hang(hub: PluginHub | None = None) -> None:
    """Wait for ever, until cancelled."""
    await asyncio.Event().wait()


class Stubborn:
    """A step that ignores being cancelled until it is released."""

    def __init__(self) -> None:
        """Hold on."""
        self.released = asyncio.Event()
        self.is_over = False

    async def __call__(self, hub: PluginHub | None = None) -> None:
        """Hang."""
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                continue
        self.is_over = True


def state(hub: HubHarness, name: str = "sample") -> PluginState:
    """Where a plugin is in its life."""
    return hub.hub.plugins.status(name).state


def reason(hub: HubHarness, name: str = "sample") -> str:
    """Why it is there."""
    return hub.hub.plugins.status(name).reason


def registered(kernel: Kernel, name: str = "sample") -> dict[str, list[str]]:
    """What a plugin has registered anywhere, by kind; without the kinds in which there is nothing."""
    everything = {
        "tasks": kernel.supervisor.running(name),
        "actions": [action.name for action in kernel.actions.all() if action.owner == name],
        "queries": [query.name for query in kernel.queries.all() if query.owner == name],
        "services": [key for key, owner in kernel.services.provided().items() if owner == name],
        "listeners": [repr(listener) for listener in kernel.bus.listeners_of(name)],
    }
    return {kind: listed for kind, listed in everything.items() if listed}
