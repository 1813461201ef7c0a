"""What every plugin promises the host, as tests: subclass `PluginContract`, name the plugin, done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.core.config import ConfigErrors, load
from hub.core.config.nodes import ConfigDict
from hub.core.plugins import Plugin, PluginState, PluginStatus, check_section
from hub.core.services import ServiceKey
from hub.sim import VirtualLoop, run_virtual
from hub.testing.effects import effects_of
from hub.testing.harness import HubHarness, start_hub

CUTS_MAX = 60
"""At how many of the awaits of `setup` it is cut off, from the first on."""

STEPS_TO_SETUP_MAX = 1000
"""How many turns of the loop may pass before `setup` begins: migrations come first."""

STOP_S_MAX = 4.0
"""How long, in virtual time, a plugin may take to stop: a hub that is told to stop has not for ever.

It is less than the time that the host waits for a task that ignores being cancelled."""


class PluginContract:
    """Set `plugin`, and if it needs them `config`, `services` and `bad_config`; pytest runs the rest.

    All transaction functions run twice in these tests, as they may in production.
    """

    plugin: ClassVar[type[Plugin]]
    config: ClassVar[Mapping[str, Any]] = {}
    bad_config: ClassVar[str | None] = None
    """YAML of a section that the schema must refuse with its line; None if the plugin takes no configuration."""

    def services(self, hub: HubHarness) -> Mapping[ServiceKey[Any], object]:
        """Fakes of the services that the plugin needs; asked for once for each start of the hub."""
        return {}

    async def prepare(self, hub: HubHarness) -> None:
        """Put in place what the plugin needs, before it starts; extend it to write files or to open fakes."""
        if any(key.name not in hub.kernel.services.provided() for key in self.plugin.manifest.needs):
            for key, service in self.services(hub).items():
                hub.provide(key, service)

    async def exercise(self, hub: HubHarness) -> None:
        """Let the plugin work; extend it to call its actions."""
        await hub.advance("1 hour")

    async def start(self, hub: HubHarness) -> PluginStatus:
        """Start the plugin with all that it needs; it must run."""
        await self.prepare(hub)
        status = await hub.load_plugin(self.plugin, self.config)
        assert status.state is PluginState.RUNNING, f"{status.name} is {status.state.value}: {status.reason}"
        return status

    def registered(self, hub: HubHarness) -> dict[str, list[str]]:
        """What of the plugin is registered, anywhere, now."""
        name = self.plugin.manifest.name
        kernel = hub.kernel
        found = {
            "tasks": kernel.supervisor.running(name),
            "actions": [action.name for action in kernel.actions.all() if action.owner == name],
            "queries": [query.name for query in kernel.queries.all() if query.owner == name],
            "services": [key for key, owner in kernel.services.provided().items() if owner == name],
            "listeners": sorted(repr(listener) for listener in kernel.bus.listeners_of(name)),
            # In no public list; calls under way and consumers of the outbox are among the tasks.
            "timers": [kind for owner, kind in kernel.timers._handlers if owner == name],  # noqa: SLF001
            "outbox": [topic for topic, owner in kernel.outbox._consumers.items() if owner == name],  # noqa: SLF001
            "holds": [reason for reason in kernel.holds.reasons if reason.startswith(f"{name}:")],
        }
        return {kind: listed for kind, listed in found.items() if listed}

    async def test_it_works_for_an_hour_and_stops_without_leaving_anything(self, hub: HubHarness) -> None:
        """Set up, an hour of virtual time, stop: no error, no registration, no task of its own making remains."""
        await self.prepare(hub)
        before = asyncio.all_tasks()
        status = await self.start(hub)
        await self.exercise(hub)
        assert status.state is PluginState.RUNNING, f"{status.name} is {status.state.value}: {status.reason}"
        assert status.errors == 0, status.last_error
        asked_s = hub.clock.monotonic()
        await hub.unload_plugin(status.name)
        took_s = hub.clock.monotonic() - asked_s
        assert status.errors == 0, status.last_error
        assert took_s <= STOP_S_MAX, f"it took {took_s:g} s to stop; end at once when a task is cancelled"
        assert self.registered(hub) == {}
        await hub.advance(1)
        left = sorted(task.get_name() for task in asyncio.all_tasks() - before)
        assert left == [], f"tasks go on: {left}; begin tasks by hub.spawn or hub.keep, which end with the plugin"

    async def test_it_starts_again_after_a_stop(self, hub: HubHarness) -> None:
        """Set up, stop, set up again: the second life offers what the first did."""
        lives: list[dict[str, list[str]]] = []
        for _ in range(2):
            await self.start(hub)
            lives.append({kind: listed for kind, listed in self.registered(hub).items() if kind != "tasks"})
            await hub.unload_plugin(self.plugin.manifest.name)
        assert lives[1] == lives[0]
        assert self.registered(hub) == {}

    async def test_it_survives_being_cut_off_anywhere_in_its_setup(self, hub: HubHarness) -> None:
        """A setup that is cut off at any of its awaits leaves nothing behind, and the next one works."""
        name = self.plugin.manifest.name
        await self.prepare(hub)
        for steps in range(CUTS_MAX):
            loading = asyncio.ensure_future(hub.load_plugin(self.plugin, self.config))
            setting_up = await self._setup_task(hub)
            for _ in range(steps):
                await asyncio.sleep(0)
            is_through = setting_up.done()
            setting_up.cancel()
            status = hub.hub.plugins.status(name)
            await hub.unload_plugin(name)
            await loading
            assert self.registered(hub) == {}, f"cut off after {steps} steps"
            assert status.errors == 0, f"cut off after {steps} steps: {status.last_error}"
            if is_through:
                break
        await self.start(hub)

    async def _setup_task(self, hub: HubHarness) -> asyncio.Task[Any]:
        name = self.plugin.manifest.name
        for _ in range(STEPS_TO_SETUP_MAX):
            await asyncio.sleep(0)
            for task in asyncio.all_tasks():
                if task.get_name() == f"{name}/setup":
                    return task
        status = hub.hub.plugins.status(name)
        raise AssertionError(f"its setup never began: {name} is {status.state.value}: {status.reason}")

    async def test_its_records_outlive_a_restart_and_its_migrations_run_once(self, hub: HubHarness) -> None:
        """A restart of the whole hub finds the schema in place, and the plugin runs on it."""
        await self.start(hub)
        await self.exercise(hub)
        await hub.restart(lambda: self.prepare(hub))
        status = hub.hub.plugins.status(self.plugin.manifest.name)
        assert status.state is PluginState.RUNNING, status.reason
        migrations = self.plugin.manifest.migrations
        assert await hub.kernel.db.migrate(self.plugin.manifest.name, migrations) == 0

    def test_its_transactions_may_run_twice(self, tmp_path: Path) -> None:
        """The same hour with each `fn(tx)` run twice and run once ends in the same records and states."""

        def lived(folder: Path, *, runs_writes_twice: bool) -> Mapping[str, object]:
            folder.mkdir()

            async def main(_: VirtualLoop) -> Mapping[str, object]:
                hub = await start_hub(folder, runs_writes_twice=runs_writes_twice)
                await self.start(hub)
                await self.exercise(hub)
                effects = effects_of(hub, self.plugin.manifest.name)
                await hub.hub.stop()
                return effects

            return run_virtual(main)

        twice = lived(tmp_path / "twice", runs_writes_twice=True)
        once = lived(tmp_path / "once", runs_writes_twice=False)
        assert twice == once, (
            "an fn(tx) touches something besides its tx: it may run twice, so only `tx` may change"
        )

    def test_a_configuration_error_carries_its_line(self, tmp_path: Path) -> None:
        """A wrong section is refused with `file:line`."""
        if self.bad_config is None:
            text, expected = "surely_no_such_option: 1\n", "section.yaml:1:1"
        else:
            text, expected = self.bad_config, "section.yaml:"
        path = tmp_path / "section.yaml"
        path.write_text(text)
        section = load(path).value
        assert isinstance(section, ConfigDict)
        with pytest.raises(ConfigErrors) as raised:
            check_section(self.plugin.manifest, section)
        assert expected in str(raised.value)
