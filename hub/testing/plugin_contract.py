"""What every plugin promises the host, as tests: subclass `PluginContract`, name the plugin, done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.core.config import ConfigErrors, load
from hub.core.config.nodes import ConfigDict
from hub.core.plugins import Plugin, PluginState, check_section
from hub.core.services import ServiceKey
from hub.testing.harness import HubHarness


class PluginContract:
    """Set `plugin`, and if it needs them `config`, `services` and `bad_config`; pytest runs the rest.

    All transaction functions run twice in these tests, as they may in production: one that touches anything but its
    `tx` shows as doubled effects.
    """

    plugin: ClassVar[type[Plugin]]
    config: ClassVar[Mapping[str, Any]] = {}
    bad_config: ClassVar[str | None] = None
    """YAML of a section that the schema must refuse with its line; None if the plugin takes no configuration."""

    def services(self, hub: HubHarness) -> Mapping[ServiceKey[Any], object]:
        """Fakes of the services that the plugin needs."""
        return {}

    async def start(self, hub: HubHarness) -> None:
        """Provide the needed services and start the plugin; it must run."""
        for key, service in self.services(hub).items():
            provided = hub.kernel.services.provided()
            if key.name not in provided:
                hub.kernel.services.provide(key, service, owner="test")
        status = await hub.load_plugin(self.plugin, self.config)
        assert status.state is PluginState.RUNNING, f"{status.name} is {status.state.value}: {status.reason}"

    def left_over(self, hub: HubHarness) -> dict[str, object]:
        """What of the plugin is still registered anywhere."""
        name = self.plugin.manifest.name
        kernel = hub.kernel
        return {
            key: value
            for key, value in {
                "tasks": kernel.supervisor.running(name),
                "actions": [action.name for action in kernel.actions.all() if action.owner == name],
                "queries": [query.name for query in kernel.queries.all() if query.owner == name],
                "services": [key for key, owner in kernel.services.provided().items() if owner == name],
                "listeners": kernel.bus.listeners_of(name),
            }.items()
            if value
        }

    async def test_it_starts_runs_an_hour_and_stops_without_leaving_anything(self, hub: HubHarness) -> None:
        """Set up, an hour of virtual time, stop: nothing of it remains."""
        await self.start(hub)
        await hub.advance("1 hour")
        status = hub.hub.plugins.status(self.plugin.manifest.name)
        assert (status.state, status.errors) == (PluginState.RUNNING, 0), status
        await hub.unload_plugin(self.plugin.manifest.name)
        assert self.left_over(hub) == {}

    async def test_it_starts_again_after_a_stop(self, hub: HubHarness) -> None:
        """Set up, stop, set up again: the second life is as good as the first."""
        for _ in range(2):
            await self.start(hub)
            await hub.unload_plugin(self.plugin.manifest.name)
        assert self.left_over(hub) == {}

    async def test_it_survives_a_cancelled_setup(self, hub: HubHarness) -> None:
        """A setup that is cut off anywhere leaves nothing behind, and the next one works."""
        name = self.plugin.manifest.name
        loading = asyncio.ensure_future(self.start(hub))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if name in {status.name for status in hub.hub.plugins.statuses()}:
            await hub.unload_plugin(name)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        assert self.left_over(hub) == {}
        await self.start(hub)
        await hub.unload_plugin(name)

    async def test_its_migrations_run_once_and_its_records_outlive_a_restart(self, hub: HubHarness) -> None:
        """A restart of the whole hub finds the schema in place."""
        await self.start(hub)
        await hub.restart()
        for key, service in self.services(hub).items():
            if key.name not in hub.kernel.services.provided():
                hub.kernel.services.provide(key, service, owner="test")
        await hub.advance("1 min")
        status = hub.hub.plugins.status(self.plugin.manifest.name)
        assert status.state is PluginState.RUNNING, status.reason
        migrations = self.plugin.manifest.migrations
        assert await hub.kernel.db.migrate(self.plugin.manifest.name, migrations) == 0

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
