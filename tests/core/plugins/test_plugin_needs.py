"""A plugin waits for what it needs, goes before it goes, and comes back after it has come back."""

from __future__ import annotations

import asyncio

from plugin_samples import Key, a_plugin, hang, raising, reason, state

from hub.core.plugins import PluginHub, PluginState
from hub.testing import HubHarness

LINE, LAMP = Key("line"), Key("lamp")
RUNNING, BLOCKED = PluginState.RUNNING, PluginState.BLOCKED


async def test_a_plugin_whose_service_nobody_provides_is_blocked_and_says_what_it_needs(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(needs=(LINE, LAMP)))
    assert status.state is BLOCKED
    assert status.reason == (
        "needs line, which nothing provides; enable a plugin that does; "
        "lamp, which nothing provides; enable a plugin that does"
    )


async def test_it_starts_as_soon_as_a_plugin_with_the_service_is_added(hub: HubHarness) -> None:
    got: list[object] = []

    async def setup(plugin: PluginHub) -> None:
        got.append(plugin.get(LINE))

    await hub.load_plugin(a_plugin(needs=(LINE,), setup=setup))
    await hub.load_plugin(a_plugin("source", provides=(LINE,)))
    await hub.advance(0)
    assert (state(hub), got) == (RUNNING, ["line of source"])


async def test_a_service_that_is_there_without_a_plugin_is_enough(hub: HubHarness) -> None:
    hub.provide(LINE, "a fake")
    assert (await hub.load_plugin(a_plugin(needs=(LINE,)))).state is RUNNING


async def test_a_service_counts_only_once_its_plugin_runs(hub: HubHarness) -> None:
    diary: list[str] = []

    async def slow(plugin: PluginHub) -> None:
        await plugin.clock.sleep(20)
        diary.append("source is ready")

    async with asyncio.TaskGroup() as group:
        group.create_task(hub.load_plugin(a_plugin("source", provides=(LINE,), setup=slow, diary=diary)))
        group.create_task(hub.load_plugin(a_plugin(needs=(LINE,), diary=diary)))
        await asyncio.sleep(1)
        assert LINE.name in hub.kernel.services.provided()
        assert (state(hub), reason(hub)) == (PluginState.STARTING, "waits for line from source, which is starting")
    assert diary == ["source up", "source is ready", "sample up"]


async def test_when_a_provider_goes_down_those_that_need_it_stop_first_and_come_back_after_it(
    hub: HubHarness,
) -> None:
    diary: list[str] = []
    breaks = asyncio.Event()

    async def run(plugin: PluginHub) -> None:
        await breaks.wait()
        raise OSError("the line is cut")

    await hub.load_plugin(a_plugin("source", provides=(LINE,), run=run, diary=diary))
    await hub.load_plugin(a_plugin("middle", needs=(LINE,), provides=(LAMP,), run=hang, diary=diary))
    await hub.load_plugin(a_plugin("leaf", needs=(LAMP,), run=hang, diary=diary))
    await hub.load_plugin(a_plugin("bystander", run=hang, diary=diary))
    diary.clear()
    breaks.set()
    await hub.advance(0)
    assert diary == ["leaf down", "middle down", "source down"]
    assert reason(hub, "middle").startswith("needs line from source, which is failed")
    breaks.clear()
    await hub.advance("2 s")
    assert diary[3:] == ["source up", "middle up", "leaf up"]
    assert {state(hub, name) for name in ("source", "middle", "leaf", "bystander")} == {RUNNING}
    failures = {status.name: status.failures for status in hub.hub.plugins.statuses()}
    assert failures == {"source": 1, "middle": 0, "leaf": 0, "bystander": 0}


async def test_a_dependant_may_use_the_service_until_it_has_stopped(hub: HubHarness) -> None:
    used: list[object] = []

    async def run(plugin: PluginHub) -> None:
        try:
            await hang()
        finally:
            await asyncio.sleep(1)
            used.append(plugin.get(LINE))

    await hub.load_plugin(a_plugin("source", provides=(LINE,), run=hang))
    await hub.load_plugin(a_plugin(needs=(LINE,), run=run))
    await hub.unload_plugin("source")
    assert used == ["line of source"]
    await hub.advance(0)
    assert (state(hub), reason(hub)) == (BLOCKED, "needs line, which nothing provides; enable a plugin that does")


async def test_a_provider_that_goes_down_while_its_dependant_is_setting_up_cuts_that_short(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin("source", provides=(LINE,), run=hang, diary=diary))
    loading = asyncio.ensure_future(hub.load_plugin(a_plugin(needs=(LINE,), setup=hang, diary=diary)))
    await hub.advance(1)
    diary.clear()
    asked_s = hub.clock.monotonic()
    await hub.unload_plugin("source")
    assert hub.clock.monotonic() == asked_s
    assert diary == ["sample down", "source down"]
    assert (await loading).state is BLOCKED
    assert (await loading).failures == 0


async def test_of_two_plugins_with_one_service_the_second_fails_and_says_who_has_it(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin("first", provides=(LINE,), run=hang, diary=diary))
    await hub.load_plugin(a_plugin("user", needs=(LINE,), run=hang, diary=diary))
    await hub.load_plugin(a_plugin("second", provides=(LINE,), diary=diary))
    await hub.advance("1 min")
    assert state(hub, "second") is PluginState.QUARANTINED
    assert "second cannot provide 'line': first provides it already; disable one of the two" in reason(
        hub, "second"
    )
    assert diary.count("user up") == diary.count("first up") == 1
    assert (state(hub, "first"), state(hub, "user")) == (RUNNING, RUNNING)


async def test_a_second_provider_steps_in_when_the_first_is_out_of_order(hub: HubHarness) -> None:
    await hub.load_plugin(a_plugin("first", provides=(LINE,), setup=raising(OSError("broken"))))
    await hub.advance("1 min")
    assert state(hub, "first") is PluginState.QUARANTINED
    await hub.load_plugin(a_plugin("second", provides=(LINE,), run=hang))
    assert (await hub.load_plugin(a_plugin(needs=(LINE,)))).state is RUNNING


async def test_a_promise_to_provide_that_setup_does_not_keep_is_a_failure(hub: HubHarness) -> None:
    plugin = a_plugin(provides=(LINE,))

    async def forget(self: object, plugin: PluginHub) -> None: ...

    plugin.setup = forget  # type: ignore[method-assign,assignment]
    status = await hub.load_plugin(plugin)
    assert (status.state, status.reason) == (PluginState.FAILED, "its manifest provides line, but setup did not")
