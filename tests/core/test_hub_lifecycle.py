"""A hub's life in virtual time: staged start, what stops it, ordered stop, and whose records it accepts."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from hub.core.config import ConfigDict
from hub.core.hub import (
    LAST_STEPS_S,
    PLUGINS_LIMIT_S,
    STAGE_LIMIT_S,
    STOP_BUDGET_S,
    Hub,
    HubStarted,
    HubStopping,
    Phase,
)
from hub.core.ids import SeededIds
from hub.core.lock import FolderInUse, FolderLock
from hub.core.plugins import Broken, Found, Manifest, Plugin, PluginHub, PluginState
from hub.core.plugins.host import STOP_LIMIT_S as PLUGINS_STOP_LIMIT_S
from hub.core.registry import EntityWanted
from hub.core.site import Site
from hub.core.states import Quality
from hub.core.storage import Migration, StorageClosed, StorageCorrupt
from hub.sim import VirtualClock, VirtualLoop
from hub.testing import HubHarness, start_hub
from hub.testing.harness import make_hub


class Meter(Plugin):
    """Has one entity, and writes a last record when it stops."""

    manifest = Manifest("meter", "1", "Counts.", is_default=True)
    stopped_with: ClassVar[list[object]] = []

    async def setup(self, hub: PluginHub) -> None:
        self._hub = hub
        (self._entity,) = await hub.add_entities([EntityWanted("count", "sensor.count", "Count")])

    def count(self, value: Decimal) -> None:
        self._entity.set(value)

    async def stop(self) -> None:
        self.stopped_with.append(await self._hub.db.read(lambda reader: reader.value("SELECT 1")))


class Hanging(Plugin):
    """Never comes to an end, wherever it is."""

    manifest = Manifest("hanging", "1", "Hangs.", is_default=True)

    async def setup(self, hub: PluginHub) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        await asyncio.Event().wait()


def found(plugin: type[Plugin], *, is_ours: bool = False) -> Found:
    return Found(plugin.manifest.name, "test", plugin, is_ours=is_ours)


def phase_of(hub: Hub) -> Phase:
    """Its phase now; a type checker takes a second look at an attribute for the first."""
    return hub.phase


def test_a_hub_goes_through_its_phases_and_tells_of_them(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    async def live() -> None:
        harness = await start_hub(tmp_path)
        hub = harness.hub
        assert phase_of(hub) is Phase.RUNNING
        stopping = harness.capture(HubStopping)
        await hub.stop()
        assert phase_of(hub) is Phase.STOPPED
        assert len(stopping) == 1
        await hub.stop()  # twice is harmless
        assert len(stopping) == 1

    virtual_loop.run_until_complete(live())


def test_the_start_is_told_once_everything_has_started(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    async def live() -> None:
        clock = VirtualClock(virtual_loop)
        harness = await start_hub(tmp_path)
        site = harness.hub.site
        await harness.hub.stop()
        hub = make_hub(site, clock, SeededIds(2), [found(Meter)])
        seen: list[PluginState] = []
        hub.kernel.bus.subscribe(
            HubStarted, lambda event: seen.append(hub.plugins.status("meter").state), owner="test"
        )
        await hub.start()
        await asyncio.sleep(0)
        assert seen == [PluginState.RUNNING]
        await hub.stop()

    virtual_loop.run_until_complete(live())


async def test_states_are_there_again_after_a_restart_with_their_numbers_and_stale(hub: HubHarness) -> None:
    await hub.load_plugin(Meter)
    hub.set_state("sensor.count", Decimal("12.50"), unit="kWh")
    before = hub.kernel.states.get("sensor.count")
    await hub.restart()
    after = hub.kernel.states.get("sensor.count")
    assert before is not None
    assert after is not None
    assert (after.value, after.unit, after.quality) == (Decimal("12.50"), "kWh", Quality.STALE)
    assert after.source_us == before.source_us


async def test_plugins_stop_while_storage_still_works(hub: HubHarness) -> None:
    Meter.stopped_with.clear()
    await hub.load_plugin(Meter)
    await hub.hub.stop()
    assert Meter.stopped_with == [1]
    with pytest.raises(StorageClosed):
        await hub.kernel.db.read(lambda reader: reader.value("SELECT 1"))


async def test_a_plugin_that_hangs_delays_start_and_stop_by_its_limit_only(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    began_s = virtual_loop.time()
    harness = await start_hub(tmp_path, found=[found(Hanging), found(Meter)])
    hub = harness.hub
    assert hub.plugins.status("meter").state is PluginState.RUNNING
    assert hub.plugins.status("hanging").state is PluginState.FAILED
    assert virtual_loop.time() - began_s < 120
    began_s = virtual_loop.time()
    await hub.stop()
    assert hub.phase is Phase.STOPPED
    assert virtual_loop.time() - began_s < 60


async def test_each_stage_and_step_is_announced_with_its_limit_before_it_begins(
    virtual_clock: VirtualClock, hub: HubHarness, tmp_path: Path
) -> None:
    other = Hub(Site(tmp_path / "other", "Test", hub.hub.site.time_zone, {}), virtual_clock, SeededIds(3), found=[])
    told: list[tuple[str, float]] = []
    other.on_stage = lambda name, limit_s: told.append((name, limit_s))
    await other.start()
    assert told == [
        ("storage", STAGE_LIMIT_S), ("records", STAGE_LIMIT_S), ("plugins", PLUGINS_LIMIT_S),
        ("timers", STAGE_LIMIT_S),
    ]  # fmt: skip
    told.clear()
    await other.stop()
    assert [name for name, _ in told] == ["plugins", "guards", "tasks", "final write", "history.db", "hub.db"]
    assert {limit_s <= STOP_BUDGET_S for _, limit_s in told} == {True}
    assert PLUGINS_STOP_LIMIT_S < told[0][1] == STOP_BUDGET_S - LAST_STEPS_S


async def test_a_stop_in_which_everything_hangs_keeps_to_its_budget_and_still_writes_and_closes(
    virtual_loop: VirtualLoop, hub: HubHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    await hub.load_plugin(Meter)
    hub.set_state("sensor.count", Decimal("12.50"), unit="kWh")
    core, path = hub.hub, hub.hub.site.data / "hub.db"
    for part, step in ((core.plugins, "stop"), (core.housekeeping, "stop"), (core.kernel.history, "close")):
        monkeypatch.setattr(part, step, hang)
    began_s = virtual_loop.time()
    await core.stop()
    assert virtual_loop.time() - began_s <= STOP_BUDGET_S
    assert phase_of(core) is Phase.STOPPED
    with closing(sqlite3.connect(path)) as file:
        saved = file.execute("SELECT count(*) FROM core__last_states WHERE entity_id = 'sensor.count'").fetchone()
    assert saved == (1,)
    with pytest.raises(StorageClosed):
        await core.kernel.db.read(lambda reader: reader.value("SELECT 1"))


class Recorder(Plugin):
    """Keeps readings in the history."""

    manifest = Manifest(
        "recorder", "1", "Records.", is_default=True,
        history_migrations=(Migration(1, "rows", "CREATE TABLE recorder__rows (x INTEGER PRIMARY KEY) STRICT;"),),
    )  # fmt: skip
    read: ClassVar[list[object]] = []

    async def setup(self, hub: PluginHub) -> None:
        await hub.history.write(lambda tx: tx.execute("INSERT OR IGNORE INTO recorder__rows VALUES (7)"))
        self.read.append(await hub.history.read(lambda reader: reader.value("SELECT x FROM recorder__rows")))


async def test_a_plugin_makes_and_uses_tables_in_the_history(hub: HubHarness) -> None:
    Recorder.read.clear()
    await hub.load_plugin(Recorder)
    assert Recorder.read == [7]
    await hub.restart()
    assert Recorder.read == [7, 7]


async def test_without_the_history_only_plugins_that_keep_tables_there_fail(
    virtual_clock: VirtualClock, hub: HubHarness, tmp_path: Path
) -> None:
    site = Site(tmp_path / "other", "Test", hub.hub.site.time_zone, {})
    (site.data / "history.db").mkdir(parents=True)  # no file that could be opened
    other = Hub(site, virtual_clock, SeededIds(3), found=[found(Meter), found(Recorder)])
    await other.start()
    assert other.plugins.status("meter").state is PluginState.RUNNING
    status = other.plugins.status("recorder")
    assert status.state is PluginState.FAILED
    assert f"plugin 'recorder' keeps records in {site.data / 'history.db'}, which is not open" in status.reason
    assert "restart the hub" in status.reason
    await other.stop()


@pytest.mark.parametrize(
    ("case", "named", "is_safe_mode", "is_ours", "is_default", "expected"),
    [
        ("a default plugin runs unasked", (), False, False, True, True),
        ("another one does not", (), False, False, False, False),
        ("it runs when it is named", ("probe",), False, False, False, True),
        ("safe mode leaves out what is not ours", ("probe",), True, False, True, False),
        ("safe mode runs what is ours", ("probe",), True, True, False, True),
    ],
)
async def test_which_plugins_are_started(
    virtual_clock: VirtualClock, hub: HubHarness, tmp_path: Path, case: str, named: tuple[str, ...],
    is_safe_mode: bool, is_ours: bool, is_default: bool, expected: bool,
) -> None:  # fmt: skip
    class Probe(Plugin):
        manifest = Manifest("probe", "1", "Is there.", is_default=is_default)

        async def setup(self, hub: PluginHub) -> None:
            pass

    sections = {name: ConfigDict() for name in named}
    site = Site(tmp_path / "other", "Test", hub.hub.site.time_zone, sections)
    other = Hub(site, virtual_clock, SeededIds(3), found=[found(Probe, is_ours=is_ours)], is_safe_mode=is_safe_mode)
    await other.start()
    assert ("probe" in {status.name for status in other.plugins.statuses()}) is expected
    await other.stop()


async def test_a_plugin_that_cannot_be_loaded_is_shown_and_stops_nobody(
    virtual_clock: VirtualClock, hub: HubHarness, tmp_path: Path
) -> None:
    site = Site(tmp_path / "other", "Test", hub.hub.site.time_zone, {"broken": ConfigDict()})
    broken = Broken("broken", "somewhere 1.0", "ImportError: no module")
    other = Hub(site, virtual_clock, SeededIds(3), found=[found(Meter)], broken=[broken])
    await other.start()
    assert other.plugins.status("meter").state is PluginState.RUNNING
    status = other.plugins.status("broken")
    assert status.state is PluginState.FAILED
    assert "no module" in status.reason
    await other.stop()


async def test_a_second_hub_on_the_folder_is_refused_and_the_first_goes_on(
    virtual_clock: VirtualClock, hub: HubHarness
) -> None:
    second = make_hub(hub.hub.site, virtual_clock, SeededIds(2))
    with pytest.raises(FolderInUse):
        await second.start()
    assert second.phase is Phase.STOPPED
    assert hub.hub.phase is Phase.RUNNING
    await hub.kernel.db.write(lambda tx: tx.execute("INSERT INTO core__meta VALUES ('x', 'y')"))


def emptied(data: Path) -> None:
    (data / "hub.db").write_bytes(b"")


def vanished(data: Path) -> None:
    (data / "hub.db").unlink()


def replaced_by_junk(data: Path) -> None:
    for log in data.glob("hub.db-*"):
        log.unlink()
    (data / "hub.db").write_bytes(b"no database" * 1000)


def of_another_site(data: Path) -> None:
    (data / "site.id").write_text("somebody else\n")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (emptied, "is empty, but this folder has held a site's records"),
        (vanished, "is missing, but this folder has held a site's records"),
        (replaced_by_junk, "hub backup restore"),
        (of_another_site, "the database of another site was put here"),
    ],
)
async def test_a_start_on_records_that_cannot_be_trusted_is_undone(
    virtual_clock: VirtualClock, hub: HubHarness, harm: Callable[[Path], None], said: str
) -> None:
    site = hub.hub.site
    await hub.hub.stop()
    harm(site.data)
    refused = make_hub(site, virtual_clock, SeededIds(2))
    with pytest.raises(StorageCorrupt, match=said):
        await refused.start()
    assert refused.phase is Phase.STOPPED
    assert not FolderLock(site.data).is_held_elsewhere()
    again = make_hub(site, virtual_clock, SeededIds(3))  # and it has not been made anew meanwhile
    with pytest.raises(StorageCorrupt, match=said):
        await again.start()


async def test_a_start_that_is_cancelled_lets_go_of_everything(
    virtual_loop: VirtualLoop, virtual_clock: VirtualClock, hub: HubHarness, tmp_path: Path
) -> None:
    site = Site(tmp_path / "other", "Test", hub.hub.site.time_zone, {})
    other = Hub(site, virtual_clock, SeededIds(3), found=[found(Hanging)])
    starting = asyncio.ensure_future(other.start())
    await asyncio.sleep(1.0)
    assert phase_of(other) is Phase.STARTING
    starting.cancel()
    await asyncio.wait({starting})
    assert starting.cancelled()
    assert phase_of(other) is Phase.STOPPED
    assert not FolderLock(site.data).is_held_elsewhere()


async def test_the_stop_action_asks_whoever_runs_the_hub(hub: HubHarness) -> None:
    asked = asyncio.ensure_future(hub.hub.stop_asked())
    await asyncio.sleep(0)
    assert not asked.done()
    await hub.call("hub.stop")
    await asyncio.wait_for(asked, 1)


async def test_the_site_id_is_made_once_and_stands_in_file_and_database(hub: HubHarness) -> None:
    noted = (hub.hub.site.data / "site.id").read_text().strip()
    assert len(noted) == 32

    async def in_database() -> object:
        return await hub.kernel.db.read(
            lambda reader: reader.value("SELECT value FROM core__meta WHERE name = 'site_id'")
        )

    assert await in_database() == noted
    await hub.restart()
    assert await in_database() == noted
    assert (hub.hub.site.data / "site.id").read_text().strip() == noted


async def test_a_lost_site_id_file_is_written_again(hub: HubHarness) -> None:
    file = hub.hub.site.data / "site.id"
    noted = file.read_text()
    file.unlink()
    await hub.restart()
    assert file.read_text() == noted
