"""A plugin with a wrong section says which line is wrong and waits for a person; the rest of the hub runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import voluptuous as vol
from plugin_samples import a_plugin, found, reason, state

from hub.core.config import ConfigErrors
from hub.core.ids import SeededIds
from hub.core.plugins import Plugin, PluginHub, PluginState
from hub.core.site import load_site
from hub.core.storage import Migration
from hub.sim import VirtualClock, VirtualLoop
from hub.testing.harness import HubHarness, make_hub

HUB_YAML = """site:
  name: Test
  time_zone: Asia/Shanghai

plugins:
  sample:
    speed: fast
    colour: red
"""


def sample(seen: list[object]) -> type[Plugin]:
    async def setup(hub: PluginHub) -> None:
        seen.append(hub.config["speed"])

    return a_plugin(config={vol.Required("speed"): int, vol.Optional("color"): str}, setup=setup)


async def start(loop: VirtualLoop, folder: Path, *plugins: type[Plugin]) -> HubHarness:
    clock = VirtualClock(loop)
    hub = make_hub(load_site(folder), clock, SeededIds(1), found(*plugins))
    await hub.start()
    return HubHarness(hub, loop, clock)


async def test_each_error_carries_its_place_and_nothing_is_tried_again_until_a_person_asks(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(HUB_YAML)
    seen: list[object] = []
    hub = await start(virtual_loop, tmp_path, sample(seen), a_plugin("other"))
    assert reason(hub).splitlines() == [
        "hub.yaml:7:12: plugin sample at speed: expected int, got 'fast'",
        "hub.yaml:8:5: plugin sample: unknown key 'colour'. Did you mean 'color'?",
        "correct it, then: hub action call plugin.restart name=sample",
    ]
    assert (state(hub), state(hub, "other")) == (PluginState.FAILED, PluginState.RUNNING)
    await hub.advance("30 days")
    status = hub.hub.plugins.status("sample")
    assert (status.state, status.failures, status.next_try_us, seen) == (PluginState.FAILED, 1, None, [])

    await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance("1 min")
    assert (state(hub), status.failures) == (PluginState.FAILED, 2)

    file.write_text(HUB_YAML.replace("fast", "7").replace("colour", "color"))
    await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance("1 min")
    assert (state(hub), reason(hub), seen) == (PluginState.RUNNING, "", [7])
    await hub.hub.stop()


async def test_a_restart_with_a_file_that_cannot_be_read_changes_nothing(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(HUB_YAML.replace("fast", "7").replace("    colour: red\n", ""))
    seen: list[object] = []
    hub = await start(virtual_loop, tmp_path, sample(seen))
    file.write_text("site: [")
    with pytest.raises(ConfigErrors, match=r"hub\.yaml:2:1: this is not YAML"):
        await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance("1 min")
    assert (state(hub), seen) == (PluginState.RUNNING, [7])
    await hub.hub.stop()


async def test_a_plugin_that_takes_no_configuration_says_so(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(), {"speed": 1})
    assert status.state is PluginState.FAILED
    assert "plugin sample: unknown key 'speed'" in status.reason


async def test_a_migration_that_was_changed_after_it_ran_is_for_a_person(hub: HubHarness) -> None:
    one = Migration(1, "one", "CREATE TABLE sample__a (x INTEGER) STRICT;")
    other = Migration(1, "one", "CREATE TABLE sample__a (x TEXT) STRICT;")
    await hub.load_plugin(a_plugin(migrations=(one,)))
    await hub.unload_plugin("sample")
    status = await hub.load_plugin(a_plugin(migrations=(other,)))
    await hub.advance("1 hour")
    assert (status.state, status.failures) == (PluginState.FAILED, 1)
    assert "a published step never changes" in status.reason
