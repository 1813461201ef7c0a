"""What needs a real loop and a real clock: one plugin floods, blocks or leaks, and the rest of the hub goes on."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from hub.core.clock import SystemClock
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found, Manifest, Plugin, PluginHub, PluginState
from hub.core.plugins import record as limits
from hub.core.plugins.bus import EVENTS_BURST_MAX, EVENTS_PER_S_MAX
from hub.core.site import Site

pytestmark = pytest.mark.real_time

CLOCK = SystemClock()
TICK_S = 0.01


class Ticker(Plugin):
    """A plugin that minds its own business: it notes how late it is called."""

    manifest = Manifest(name="ticker", version="1", description="Ticks.", is_default=True)
    late_s: list[float] = []  # noqa: RUF012 - emptied by each test

    async def setup(self, hub: PluginHub) -> None:
        """Begin to tick."""

        async def tick() -> None:
            while True:
                due_s = CLOCK.monotonic() + TICK_S
                await asyncio.sleep(TICK_S)
                self.late_s.append(CLOCK.monotonic() - due_s)

        hub.keep("tick", tick)


@asynccontextmanager
async def running(folder: Path, *plugins: Found) -> AsyncIterator[Hub]:
    Ticker.late_s.clear()
    site = Site(folder, "Test", ZoneInfo("UTC"), {}, ballast_mb=0)
    ticker = Found("ticker", "a test", Ticker)
    hub = Hub(site, CLOCK, SystemIds(), found=[ticker, *plugins])
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
    assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()


def in_real_time(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(main())


async def until(is_so: Callable[[], object], limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not is_so():  # noqa: ASYNC110 - what is waited for is told by no event
            await asyncio.sleep(TICK_S)


MODULE = """
import asyncio, threading
from hub.core.bus import Event
from hub.core.plugins import Manifest, Plugin

class Happened(Event): ...

class Sample(Plugin):
    manifest = Manifest(name="sample", version="1", description="A sample.", is_default=True)

    async def setup(self, hub):
        self.hub = hub
        hub.bus.subscribe(Happened, self.read_all_files)

    def read_all_files(self, event):
        threading.Event().wait(BLOCK_S)

    async def run(self):
        BODY
"""


def load(folder: Path, body: str = "pass", block_s: float = 1.0) -> tuple[ModuleType, Found]:
    file = folder / "sample_plugin.py"
    file.write_text(MODULE.replace("BODY", body).replace("BLOCK_S", str(block_s)))
    spec = importlib.util.spec_from_file_location("sample_plugin", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, Found("sample", "a test", module.Sample, str(file))


def test_a_block_of_a_second_is_named_with_plugin_and_function_within_half_a_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module, found = load(tmp_path)
    told_at_s: list[float] = []

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "plugin sample in Sample.read_all_files" in record.getMessage():
                told_at_s.append(CLOCK.monotonic())

    note = Note()
    logging.getLogger("hub.core.guards.watchdog").addHandler(note)

    async def test() -> None:
        async with running(tmp_path, found) as hub:
            await asyncio.sleep(0.1)
            began_s = CLOCK.monotonic()
            hub.kernel.bus.publish(module.Happened())
            assert CLOCK.monotonic() - began_s >= 1.0
            status = hub.plugins.status("sample")
            await until(lambda: status.blocked_s)
            assert told_at_s[0] - began_s < 0.5
            assert 0.7 < status.blocked_s < 2
            assert status.state is PluginState.RUNNING
            assert status.last_error.startswith(
                f"blocked the event loop for {status.blocked_s:.2f} s in Sample.read_all"
            )
            assert f"({tmp_path / 'sample_plugin.py'}:16)" in status.last_error
            ticks = len(Ticker.late_s)
            await until(lambda: len(Ticker.late_s) > ticks + 5)

    try:
        in_real_time(test)
    finally:
        logging.getLogger("hub.core.guards.watchdog").removeHandler(note)
    assert any("move blocking work to a thread" in message for message in caplog.messages)


def test_a_plugin_that_blocks_again_and_again_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BLOCKED_S_MAX", 0.8)
    module, found = load(tmp_path, block_s=0.5)

    async def test() -> None:
        async with running(tmp_path, found) as hub:
            status = hub.plugins.status("sample")
            for blocks in (1, 2):
                hub.kernel.bus.publish(module.Happened())
                await until(lambda blocks=blocks: status.blocked_s > 0.3 * blocks)  # type: ignore[misc]
            await until(lambda: status.state is PluginState.QUARANTINED)
            assert "the last time in Sample.read_all_files" in status.reason
            assert hub.plugins.status("ticker").state is PluginState.RUNNING
            hub.kernel.bus.publish(module.Happened())  # nobody listens any more

    in_real_time(test)


FLOODS = {
    "publishes without end": """
        while True:
            self.hub.bus.publish(Event())
            """,
    "publishes without end but lets others run": """
        number = 0
        while True:
            self.hub.bus.publish(Event())
            number += 1
            if number % 100 == 0:
                await asyncio.sleep(0)
            """,
    "writes states without end but lets others run": """
        number = 0
        while True:
            self.hub.states.set("sensor.flood", number)
            number += 1
            if number % 100 == 0:
                await asyncio.sleep(0)
            """,
}


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS.keys())
def test_a_plugin_that(body: str, tmp_path: Path) -> None:
    _, found = load(tmp_path, body)

    async def test() -> None:
        async with running(tmp_path, found) as hub:
            status = hub.plugins.status("sample")
            await until(lambda: status.failures)
            assert "BusFlood: plugin 'sample' publishes more than 50000 events a second" in status.last_error
            assert "publish changes only, or fewer of them" in status.last_error
            await until(lambda: len(Ticker.late_s) > 10)
            assert hub.plugins.status("ticker").state is PluginState.RUNNING

    in_real_time(test)


def test_a_plugin_that_was_refused_may_publish_again_after_a_pause(tmp_path: Path) -> None:
    body = """
        from hub.core.plugins.bus import BusFlood
        self.hub.bus.publish(Event())
        told = []
        for number in range(PUBLISHED):
            try:
                self.hub.bus.publish(Event())
            except BusFlood:
                told.append(number)
        assert told
        await asyncio.sleep(0.1)
        for number in range(AFTER):
            self.hub.bus.publish(Event())
        self.hub.states.set("sensor.done", True)
        """
    body = body.replace("PUBLISHED", str(2 * EVENTS_BURST_MAX)).replace("AFTER", str(EVENTS_PER_S_MAX // 20))
    _, found = load(tmp_path, body)

    async def test() -> None:
        async with running(tmp_path, found) as hub:
            status = hub.plugins.status("sample")
            await until(lambda: hub.kernel.states.get("sensor.done") or status.failures)
            assert status.last_error == "" or status.last_error.startswith("blocked the event loop")

    in_real_time(test)
