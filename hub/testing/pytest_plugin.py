"""The pytest plugin: asynchronous tests run in virtual time, with a whole hub as a fixture.

A test that is a coroutine function and uses one of our fixtures runs on the virtual loop. Months pass in moments;
a test that would hang says at once what it waits for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.core.bus import Event
from hub.core.config import REDACTOR
from hub.core.plugins import Plugin, PluginStatus
from hub.sim import VirtualClock, VirtualLoop
from hub.testing.harness import Captured, HubHarness, start_hub
from hub.testing.waiting import awaited

HANG_S = 86_400.0
"""How long in virtual time a test with a hub, whose guards tick for ever, may wait for a thing that is no sleep."""


class TestHangs(Exception):
    """A test waits for something that does not come."""

    __test__ = False


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> Iterator[None]:
    """The redactor belongs to the process: a secret of one test must not blacken the texts of the next."""
    with REDACTOR.kept_apart():
        yield


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
    virtual_loop.run_until_complete(harness.hub.stop())  # the hub as it is now: a restart makes another


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
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "virtual_loop" not in pyfuncitem.fixturenames:
        return None
    loop = pyfuncitem.funcargs.get("virtual_loop") or pyfuncitem._request.getfixturevalue("virtual_loop")  # noqa: SLF001
    assert isinstance(loop, VirtualLoop)
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001
    work = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if "hub" in pyfuncitem.fixturenames:
        _run_watched(loop, work)
    else:
        loop.run_until_complete(work)  # without a hub nothing ticks, and the loop itself finds a deadlock
    return True


class _HangWatch:
    """Looks at a test once a virtual day, and cancels it when it still waits for the same thing."""

    def __init__(self, loop: VirtualLoop, test: asyncio.Task[object]) -> None:
        self._loop = loop
        self._test = test
        self._waits_for: object = None
        self._timer = loop.call_later(HANG_S, self._look)
        self.hangs_at = ""

    def _look(self) -> None:
        places, waits_for = awaited(self._test)
        if waits_for is not None and waits_for is self._waits_for:
            self.hangs_at = " > ".join(places)
            self._test.cancel()
            return
        self._waits_for = waits_for
        self._timer = self._loop.call_later(HANG_S, self._look)

    def stop(self) -> None:
        self._timer.cancel()


def _run_watched(loop: VirtualLoop, work: Coroutine[Any, Any, object]) -> None:
    test = loop.create_task(work, name="the test")
    watch = _HangWatch(loop, test)
    try:
        loop.run_until_complete(test)
    except asyncio.CancelledError:
        if not watch.hangs_at:
            raise
        raise TestHangs(
            f"the test has waited for more than a virtual day at {watch.hangs_at}; nothing brings that about. "
            "Make it happen, give the wait a timeout, or let time pass by `await hub.advance(...)`"
        ) from None
    finally:
        watch.stop()
