"""A whole hub in virtual time, with a few short words to drive it from tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from hub.core.actions import Call, Effect
from hub.core.bus import Event
from hub.core.config import ConfigDict, parse_duration
from hub.core.hub import Hub
from hub.core.ids import Ids, SeededIds
from hub.core.kernel import Kernel
from hub.core.plugins import Broken, Found, Plugin, PluginStatus
from hub.core.services import ServiceKey
from hub.core.site import Site
from hub.core.states import State, StateChanged, Value
from hub.sim import VirtualClock, VirtualLoop
from hub.sim import advance as advance_loop

E = TypeVar("E", bound=Event)
T = TypeVar("T")


class Captured(list[E], Generic[E]):
    """Events of one type as they came, until the test ends."""

    def last(self) -> E:
        """The newest one; fails when there is none."""
        assert self, "nothing was captured"
        return self[-1]


class HubHarness:
    """A running hub in virtual time. Every transaction function runs twice, as it may in production."""

    def __init__(self, hub: Hub, loop: VirtualLoop, clock: VirtualClock) -> None:
        """Drive a hub that was started on a loop."""
        self.hub = hub
        self.loop = loop
        self.clock = clock
        self._attached: list[Callable[[], object]] = []
        """What the test has hung on the hub, to be hung on it again after a restart."""

    @property
    def kernel(self) -> Kernel:
        """The parts of the core."""
        return self.hub.kernel

    async def advance(self, span: str | float | timedelta = 0.0) -> None:
        """Let virtual time pass (`"30 days"`, `"1:30"`, seconds, or a timedelta), with all that is due in it."""
        if isinstance(span, str):
            span = parse_duration(span)
        seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
        await advance_loop(self.loop, seconds)

    async def load_plugin(self, plugin: type[Plugin], config: Mapping[str, Any] | None = None) -> PluginStatus:
        """Start a plugin; returns how it is once it runs, waits or has failed once."""
        manifest = plugin.manifest
        section = config if isinstance(config, ConfigDict) else ConfigDict(dict(config or {}))
        return await self.hub.plugins.add(Found(manifest.name, "test", plugin), section)

    async def unload_plugin(self, name: str) -> None:
        """Stop a plugin and forget it."""
        await self.hub.plugins.remove(name)

    def provide(self, key: ServiceKey[T], service: T) -> None:
        """Offer a service, such as a fake, in place of a plugin that is not loaded; gone after a restart."""
        self.kernel.services.provide(key, service, owner="test")

    def fire(self, event: Event) -> None:
        """Publish an event as if somebody else had."""
        self.kernel.bus.publish(event)

    def capture(self, event_type: type[E], key: str | None = None) -> Captured[E]:
        """Collect events of a type (and key) from now on, over restarts too."""
        captured: Captured[E] = Captured()
        self._attach(lambda: self.kernel.bus.subscribe(event_type, captured.append, key=key, owner="test"))
        return captured

    def capture_states(self, entity_id: str) -> Captured[StateChanged]:
        """Collect the changes of one entity from now on."""
        return self.capture(StateChanged, entity_id)

    def capture_calls(self, action: str, schema: Mapping[Any, Any] | None = None) -> list[dict[str, Any]]:
        """Offer an action that only notes its calls, in place of a plugin that is not loaded."""
        calls: list[dict[str, Any]] = []
        self._attach(lambda: register_recorder(self.kernel, action, calls, schema))
        return calls

    def set_state(self, entity_id: str, value: Value, **fields: Any) -> State:
        """Write a state as if its owner had."""
        return self.kernel.states.set(entity_id, value, **fields)

    async def call(self, action: str, data: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Call an action as the owner."""
        return await self.kernel.actions.call(action, data, **options)

    async def restart(self, prepare: Callable[[], Awaitable[object]] | None = None) -> None:
        """Stop the hub in order and start it again on the same folder, with the plugins that were loaded.

        `prepare` is awaited before they are, to provide once more what stands in for others.
        """
        old = self.hub
        lives = old.plugins.loaded()
        await old.stop()
        self.hub = make_hub(old.site, self.clock, old.kernel.ids)
        for attach in self._attached:
            attach()
        await self.hub.start()
        if prepare is not None:
            await prepare()
        there = {found.name for found, _ in self.hub.plugins.loaded()}
        for found, section in lives:
            if found.name not in there:
                await self.hub.plugins.add(found, section)

    def _attach(self, attach: Callable[[], object]) -> None:
        attach()
        self._attached.append(attach)


def register_recorder(
    kernel: Kernel, action: str, calls: list[dict[str, Any]], schema: Mapping[Any, Any] | None
) -> None:
    """Offer an action whose handler only notes the data of each call."""

    async def note(call: Call) -> None:
        calls.append(dict(call.data))

    kernel.actions.register(
        action, note, owner="test", effect=Effect.LEVEL, description="Notes its calls.", schema=schema
    )


def make_hub(
    site: Site,
    clock: VirtualClock,
    ids: Ids,
    found: Sequence[Found] = (),
    *,
    broken: Sequence[Broken] = (),
    runs_writes_twice: bool = True,
) -> Hub:
    """A hub on a site, not started yet."""
    return Hub(site, clock, ids, found=list(found), broken=list(broken), runs_writes_twice=runs_writes_twice)


async def start_hub(
    folder: Path,
    *,
    seed: int = 1,
    found: Sequence[Found] = (),
    plugins: Mapping[str, ConfigDict] | None = None,
    runs_writes_twice: bool = True,
) -> HubHarness:
    """Start a hub in the running virtual loop, on a folder of its own."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "start_hub needs a virtual loop; use the `hub` fixture or run_virtual"
    clock = VirtualClock(loop)
    site = Site(folder, "Test site", ZoneInfo("Asia/Shanghai"), dict(plugins or {}))
    hub = make_hub(site, clock, SeededIds(seed), found, runs_writes_twice=runs_writes_twice)
    await hub.start()
    return HubHarness(hub, loop, clock)
