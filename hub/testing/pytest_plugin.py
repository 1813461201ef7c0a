"""The pytest plugin: asynchronous tests run in virtual time, with a whole hub as a fixture.

A test that is a coroutine function and uses one of our fixtures runs on the virtual loop. Months pass in moments;
a test that would hang says at once what it waits for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.core.bus import Event
from hub.core.plugins import Plugin, PluginStatus
from hub.sim import VirtualClock, VirtualLoop
from hub.testing.harness import Captured, HubHarness, start_hub

_OWN = {"virtual_loop", "virtual_clock", "hub"}


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    """A virtual-time loop that an asynchronous test runs on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        asyncio.set_event_loop(loop)
        yield loop
        asyncio.set_event_loop(None)


@pytest.fixture
def virtual_clock(virtual_loop: VirtualLoop) -> VirtualClock:
    """The clock of the virtual loop; `step` moves its wall time."""
    return VirtualClock(virtual_loop)


@pytest.fixture
def hub(virtual_loop: VirtualLoop, tmp_path: Path) -> Iterator[HubHarness]:
    """A running hub without plugins, on a fresh folder, in virtual time."""
    folder = tmp_path / "site"
    folder.mkdir()
    harness = virtual_loop.run_until_complete(start_hub(folder))
    yield harness
    virtual_loop.run_until_complete(harness.hub.stop())


@pytest.fixture
def advance(hub: HubHarness) -> Callable[..., Awaitable[None]]:
    """`await advance("30 days")`: let virtual time pass."""

    async def pass_time(span: str | float | timedelta = 0.0) -> None:
        await hub.advance(span)

    return pass_time


@pytest.fixture
def load_plugin(hub: HubHarness) -> Callable[..., Awaitable[PluginStatus]]:
    """`await load_plugin(MyPlugin, {...})`: start a plugin in the hub."""

    async def load(plugin: type[Plugin], config: dict[str, Any] | None = None) -> PluginStatus:
        return await hub.load_plugin(plugin, config)

    return load


@pytest.fixture
def fire(hub: HubHarness) -> Callable[[Event], None]:
    """`fire(SomethingHappened(...))`: publish an event."""
    return hub.fire


@pytest.fixture
def capture_events(hub: HubHarness) -> Callable[..., Captured[Any]]:
    """`capture_events(SomethingHappened)`: a list that collects events from now on."""
    return hub.capture


@pytest.fixture
def capture_states(hub: HubHarness) -> Callable[[str], Captured[Any]]:
    """`capture_states("sensor.x")`: a list that collects an entity's changes from now on."""
    return hub.capture_states


@pytest.fixture
def capture_calls(hub: HubHarness) -> Callable[..., list[dict[str, Any]]]:
    """`capture_calls("notify.tenant")`: a list that collects calls of an action that nobody else offers."""
    return hub.capture_calls


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an asynchronous test on the virtual loop, if it asked for one of our fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or _OWN.isdisjoint(pyfuncitem.fixturenames):
        return None
    loop: VirtualLoop = pyfuncitem._request.getfixturevalue("virtual_loop")  # noqa: SLF001
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001
    loop.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
