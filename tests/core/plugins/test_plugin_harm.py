"""A plugin whose listeners err, or that blocks the loop or leaks, is set aside; its harm is counted and shown."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from plugin_samples import Happened, a_plugin, hang, reason, state

from hub.core.bus import DEPTH_MAX
from hub.core.ids import SeededIds
from hub.core.plugins import Found, Plugin, PluginHub, PluginState
from hub.core.site import Site
from hub.sim import VirtualClock, VirtualLoop
from hub.testing.harness import HubHarness, make_hub

QUARANTINED, RUNNING = PluginState.QUARANTINED, PluginState.RUNNING


def listening(*, critical: bool = False) -> type[Plugin]:
    async def setup(plugin: PluginHub) -> None:
        def err(event: Happened) -> None:
            raise ValueError("cannot read it")

        plugin.bus.subscribe(Happened, err)

    return a_plugin(setup=setup, critical=critical, run=hang)


async def test_errors_of_listeners_and_tasks_are_counted_and_the_last_one_is_shown(hub: HubHarness) -> None:
    async def break_down() -> None:
        raise LookupError("no such row")

    async def setup(plugin: PluginHub) -> None:
        async def err_later(event: Happened) -> None:
            await plugin.clock.sleep(1)
            raise ValueError("cannot read it")

        plugin.bus.subscribe(Happened, err_later)
        plugin.spawn("tidy up", break_down())

    status = await hub.load_plugin(a_plugin(setup=setup, run=hang))
    await hub.advance(0)
    assert (status.state, status.errors) == (RUNNING, 1)
    assert status.last_error.startswith("tidy up: LookupError: no such row (")
    hub.fire(Happened())
    await hub.advance(2)
    assert status.errors == 2
    assert "err_later: ValueError: cannot read it (" in status.last_error
    assert status.last_error.startswith("sample:")


async def test_a_hundred_errors_within_a_minute_set_a_plugin_aside(hub: HubHarness) -> None:
    status = await hub.load_plugin(listening())
    for _ in range(99):
        hub.fire(Happened())
    await hub.advance(0)
    assert (status.state, status.errors) == (RUNNING, 99)
    hub.fire(Happened())
    await hub.advance(0)
    assert (status.state, status.errors) == (QUARANTINED, 100)
    assert status.reason.startswith("100 errors within 60 s, the last: sample:")
    assert "ValueError: cannot read it" in status.reason
    assert status.reason.endswith("hub action call plugin.restart name=sample")
    hub.fire(Happened())
    assert status.errors == 100


async def test_errors_that_come_slowly_set_nobody_aside(hub: HubHarness) -> None:
    status = await hub.load_plugin(listening())
    for _ in range(300):
        hub.fire(Happened())
        await hub.advance(0.7)
    assert (status.state, status.errors) == (RUNNING, 300)


async def test_a_critical_plugin_that_errs_stays_and_is_told_of_once_in_a_hundred(
    hub: HubHarness, caplog: pytest.LogCaptureFixture
) -> None:
    status = await hub.load_plugin(listening(critical=True))
    for _ in range(250):
        hub.fire(Happened())
    await hub.advance(0)
    assert (status.state, status.errors) == (RUNNING, 250)
    told = [
        message for message in caplog.messages if message.startswith("critical plugin sample: 100 errors within")
    ]
    assert len(told) == 2


async def test_a_plugin_that_answers_its_own_events_for_ever_is_cut_and_counted(hub: HubHarness) -> None:
    heard: list[Happened] = []

    async def setup(plugin: PluginHub) -> None:
        def again(event: Happened) -> None:
            heard.append(event)
            plugin.bus.publish(Happened())

        plugin.bus.subscribe(Happened, again)

    status = await hub.load_plugin(a_plugin(setup=setup))
    hub.fire(Happened())
    assert (status.state, status.errors, len(heard)) == (RUNNING, 1, DEPTH_MAX + 1)
    assert "runaway event chain" in status.last_error


async def test_blocks_of_the_loop_add_up_until_the_plugin_is_set_aside(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(run=hang))
    for number in range(5):
        hub.hub.plugins.note_block("sample", "read_all (lib.py:7)", 1.0)
        await hub.advance("1 min")
        assert (status.state, status.blocked_s) == (RUNNING, number + 1)
    assert status.last_error == "blocked the event loop for 1.00 s in read_all (lib.py:7)"
    hub.hub.plugins.note_block("sample", "read_all (lib.py:7)", 0.5)
    await hub.advance(0)
    assert status.state is QUARANTINED
    assert status.reason.startswith(
        "blocked the event loop for 5.5 s within 10 min, the last time in read_all (lib.py:7); "
    )
    hub.hub.plugins.restart("sample")
    await hub.advance(0)
    assert (status.state, status.blocked_s) == (RUNNING, 0.0)


async def test_blocks_of_the_loop_that_are_long_past_do_not_count(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(run=hang))
    for _ in range(20):
        hub.hub.plugins.note_block("sample", "read_all (lib.py:7)", 1.0)
        await hub.advance("3 min")
    assert status.state is RUNNING
    assert status.blocked_s <= 4.0


async def test_harm_by_nobodys_plugin_condemns_nobody(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(run=hang))
    hub.hub.plugins.note_block("core", "f (x.py:1)", 100.0)
    hub.hub.plugins.condemn("gone", "it leaks")
    await hub.advance(0)
    assert (status.state, status.blocked_s) == (RUNNING, 0.0)


LEAKER = """
from hub.core.plugins import Manifest, Plugin

kept = []

class Leaker(Plugin):
    manifest = Manifest(name="leaker", version="1", description="Leaks.", critical=CRITICAL)

    async def setup(self, hub):
        self.hub = hub

    async def run(self):
        while True:
            kept.append(bytearray(20_000))
            await self.hub.clock.sleep(1)
"""


def leaker(folder: Path, *, critical: bool) -> Found:
    file = folder / "leaker.py"
    file.write_text(LEAKER.replace("CRITICAL", str(critical)))
    spec = importlib.util.spec_from_file_location("leaker", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Found("leaker", "a test", module.Leaker, str(file))


async def hub_with_memory(loop: VirtualLoop, folder: Path, read_rss_bytes: Callable[[], int]) -> HubHarness:
    clock = VirtualClock(loop)
    hub = make_hub(Site(folder, "Test", ZoneInfo("UTC"), {}), clock, SeededIds(1))
    hub.housekeeping.read_rss_bytes = read_rss_bytes
    await hub.start()
    return HubHarness(hub, loop, clock)


@pytest.mark.parametrize("critical", [False, True], ids=["set aside", "kept and told of, when it is critical"])
async def test_a_plugin_that_leaks_while_memory_is_short_is_named_and(
    virtual_loop: VirtualLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, critical: bool
) -> None:
    hub = await hub_with_memory(virtual_loop, tmp_path, lambda: 2_000_000_000)
    await hub.load_plugin(a_plugin("innocent", run=hang))
    status = await hub.hub.plugins.add(leaker(tmp_path, critical=critical))
    await hub.advance("10 min")
    assert status.state is RUNNING
    await hub.advance("20 min")
    assert status.state is (RUNNING if critical else QUARANTINED)
    assert "plugin leaker grew by" in status.reason
    assert f"most at {tmp_path / 'leaker.py'}:14" in status.reason
    assert state(hub, "innocent") is RUNNING
    assert reason(hub, "innocent") == ""
    assert any("plugin leaker grew by" in message for message in caplog.messages)
    await hub.hub.stop()


async def test_nobody_is_blamed_for_memory_while_there_is_enough(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    hub = await hub_with_memory(virtual_loop, tmp_path, lambda: 500_000_000)
    status = await hub.hub.plugins.add(leaker(tmp_path, critical=False))
    await hub.advance("30 min")
    assert (status.state, status.reason) == (RUNNING, "")
    await hub.hub.stop()
