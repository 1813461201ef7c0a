"""A plugin that hangs, even one that ignores being cancelled, is given up in its time and named."""

from __future__ import annotations

import asyncio

import pytest
from plugin_samples import Stubborn, a_plugin, hang, reason, registered, state

from hub.core.actions import Call, Effect
from hub.core.bus import Event
from hub.core.plugins import PluginHub, PluginState
from hub.core.plugins.ownership import PluginGone
from hub.testing import HubHarness

RUNNING, FAILED = PluginState.RUNNING, PluginState.FAILED


async def test_a_setup_that_hangs_is_cut_off_after_its_time(hub: HubHarness) -> None:
    began_s = hub.clock.monotonic()
    status = await hub.load_plugin(a_plugin(setup=hang))
    assert hub.clock.monotonic() - began_s == 60
    assert status.state is FAILED
    assert status.reason == "setup did not finish within 60 s; it may wait for something that hangs"


async def test_a_setup_that_ignores_being_cancelled_is_given_up_and_named(hub: HubHarness) -> None:
    stubborn = Stubborn()
    began_s = hub.clock.monotonic()
    status = await hub.load_plugin(a_plugin(setup=stubborn))
    assert hub.clock.monotonic() - began_s == 60 + 5 + 5
    assert (status.state, status.errors) == (FAILED, 1)
    assert status.reason.startswith("setup did not finish within 60 s")
    await hub.unload_plugin("sample")
    stubborn.released.set()
    await hub.advance(0)


async def test_a_run_that_ignores_being_cancelled_is_left_behind_and_named(hub: HubHarness) -> None:
    stubborn = Stubborn()
    status = await hub.load_plugin(a_plugin(run=stubborn))
    began_s = hub.clock.monotonic()
    await hub.unload_plugin("sample")
    assert hub.clock.monotonic() - began_s == 5 + 5
    assert status.last_error == "left behind: sample/run, which ignore being cancelled"
    stubborn.released.set()
    await hub.advance(0)
    assert stubborn.is_over


async def test_a_stop_that_hangs_is_cut_off_after_its_time(hub: HubHarness) -> None:
    status = await hub.load_plugin(a_plugin(stop=hang))
    began_s = hub.clock.monotonic()
    await hub.unload_plugin("sample")
    assert hub.clock.monotonic() - began_s == 10
    assert status.last_error == (
        "stop failed: stop did not finish within 10 s; it may wait for something that hangs"
    )


async def test_a_stop_that_ignores_being_cancelled_delays_the_next_start_by_no_more_than_its_limits(
    hub: HubHarness,
) -> None:
    stubborn = Stubborn()
    await hub.load_plugin(a_plugin(stop=stubborn, run=hang))
    hub.hub.plugins.restart("sample")
    await hub.advance(10 + 5 + 5)
    assert (state(hub), reason(hub)) == (RUNNING, "")
    stubborn.released.set()


async def test_what_is_left_of_a_stopped_plugin_can_register_and_begin_nothing_more(hub: HubHarness) -> None:
    goes_on = asyncio.Event()
    refused: list[str] = []
    plugin_hub: list[PluginHub] = []

    async def setup(plugin: PluginHub) -> None:
        plugin_hub.append(plugin)
        while not goes_on.is_set():
            try:
                await goes_on.wait()
            except asyncio.CancelledError:
                continue

    async def act(call: Call) -> None: ...

    await hub.load_plugin(a_plugin(setup=setup))
    assert state(hub) is FAILED
    [late] = plugin_hub[:1]
    for attempt in (
        lambda: late.bus.subscribe(Event, print),
        lambda: late.bus.queue(Event),
        lambda: late.actions.register("late.act", act, effect=Effect.LEVEL, description="Too late."),
        lambda: late.answer("late.ask", act, description="Too late."),  # type: ignore[arg-type]
        lambda: late.timers.handle("late", lambda tx, timer: None),
        lambda: late.outbox.consume("late", act),  # type: ignore[arg-type]
        lambda: late.spawn("late", hang()),
        lambda: late.keep("late", hang),
    ):
        with pytest.raises(PluginGone, match="plugin 'sample' was stopped, so this start of it may not register"):
            attempt()
        refused.append("refused")
    assert late.states.set("sensor.late", 1) is None
    assert hub.kernel.states.get("sensor.late") is None
    goes_on.set()
    await hub.advance(0)
    assert len(refused) == 8
    await hub.unload_plugin("sample")
    assert registered(hub.kernel) == {}
