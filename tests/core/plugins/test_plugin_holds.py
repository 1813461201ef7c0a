"""A hold that a plugin places outlives its crash, and goes when the plugin runs without it or is unloaded."""

from __future__ import annotations

import asyncio

from plugin_samples import a_plugin

from hub.core.plugins import PluginHub
from hub.testing import HubHarness


async def test_a_hold_stands_while_its_plugin_is_down_and_goes_when_it_runs_again_without_it(
    hub: HubHarness,
) -> None:
    breaks = asyncio.Event()
    doubts = [True]

    async def setup(plugin: PluginHub) -> None:
        plugin.holds.place("kept", "always")
        if doubts[0]:
            plugin.holds.place("line_doubtful", "two answers to one question")

    async def run(plugin: PluginHub) -> None:
        await breaks.wait()
        breaks.clear()
        raise OSError("broken")

    await hub.load_plugin(a_plugin(setup=setup, run=run))
    reasons = hub.kernel.holds.reasons
    assert set(reasons) == {"sample:kept", "sample:line_doubtful"}
    breaks.set()
    await hub.advance(0)
    assert set(reasons) == {"sample:kept", "sample:line_doubtful"}
    doubts[0] = False
    await hub.advance(2)
    assert set(reasons) == {"sample:kept"}
    await hub.unload_plugin("sample")
    assert set(reasons) == set()


async def test_a_plugin_sees_all_holds_and_lifts_its_own_only(hub: HubHarness) -> None:
    facades: list[PluginHub] = []

    async def setup(plugin: PluginHub) -> None:
        facades.append(plugin)

    await hub.load_plugin(a_plugin(setup=setup))
    [plugin] = facades
    hub.kernel.holds.place("clock_doubtful", "a test doubts it")
    plugin.holds.place("clock_doubtful", "me too")
    assert dict(plugin.holds.reasons) == {"clock_doubtful": "a test doubts it", "sample:clock_doubtful": "me too"}
    plugin.holds.lift("clock_doubtful")
    assert (plugin.holds.is_held, set(plugin.holds.reasons)) == (True, {"clock_doubtful"})
