"""Whatever a plugin has registered goes with it, however far its setup came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from plugin_samples import Happened, Key, a_plugin, hang, registered, state

from hub.core.actions import Call, Effect
from hub.core.durable import OutboxItem, Timer
from hub.core.plugins import PluginHub, PluginState
from hub.core.principals import Principal
from hub.core.registry import EntityWanted
from hub.core.selectors import Selector
from hub.core.states import StateChanged
from hub.core.storage import Tx
from hub.testing import HubHarness

LINE = Key("line")
Told = list[str]


async def act(call: Call) -> str:
    return "done"


def act_in(tx: Tx, call: Call) -> str:
    return "done"


async def answer(principal: Principal, params: Mapping[str, Any]) -> object:
    return 42


def everything(told: Told) -> Callable[[PluginHub], Any]:
    """A setup that registers one of each kind, all of which tell when they are used."""

    async def setup(hub: PluginHub) -> None:
        hub.provide(LINE, "line")
        hub.bus.subscribe(Happened, lambda event: told.append("listener"))
        hub.bus.queue(Happened)
        hub.watch(Selector(globs=("sensor.*",)), StateChanged, lambda event: told.append("watch"))
        hub.actions.register("sample.act", act, effect=Effect.LEVEL, description="Acts.")
        hub.actions.register("sample.act_in", act_in, effect=Effect.TX, description="Acts in a transaction.")
        hub.actions.register("sample.act_later", act, effect=Effect.OUTBOX, description="Acts later.")
        hub.answer("sample.ask", answer, description="Answers.")
        hub.timers.handle("ring", lambda tx, timer: _rang(tx, timer, told))
        hub.outbox.consume("mail", lambda item: _deliver(item, told))
        hub.spawn("once", hang())
        hub.keep("for ever", hang)
        [handle] = await hub.add_entities([EntityWanted("x", "sensor.x", "X")])
        handle.set(5)
        due_us = hub.clock.now_us() + 1_000_000
        await hub.db.write(lambda tx: hub.timers.set(tx, "ring", "k", due_us))

    return setup


def _rang(tx: Tx, timer: Timer, told: Told) -> None:
    tx.on_commit(lambda: told.append("timer"))


async def _deliver(item: OutboxItem, told: Told) -> None:
    told.append("mail")


async def use_all(hub: HubHarness) -> None:
    hub.fire(Happened())
    hub.set_state("sensor.other", hub.clock.now_us())
    await hub.kernel.db.write(lambda tx: hub.kernel.outbox.put(tx, "sample:mail", "k", {}, owner="sample"))
    await hub.advance(5)


ALL = {"listener", "watch", "timer", "mail"}


async def test_all_of_it_works_while_the_plugin_runs(hub: HubHarness) -> None:
    told: Told = []
    await hub.load_plugin(a_plugin(setup=everything(told)))
    await use_all(hub)
    assert set(told) == ALL
    assert set(registered(hub.kernel)) == {"tasks", "actions", "queries", "services", "listeners"}
    assert await hub.call("sample.act") == "done"


async def test_none_of_it_is_left_after_an_unload(hub: HubHarness) -> None:
    told: Told = []
    await hub.load_plugin(a_plugin(setup=everything(told)))
    told.clear()
    await hub.unload_plugin("sample")
    await use_all(hub)
    assert told == []
    assert registered(hub.kernel) == {}


@pytest.mark.parametrize("how", ["raises", "hangs", "does not keep its promise"])
async def test_none_of_it_is_left_after_a_setup_that(hub: HubHarness, how: str) -> None:
    told: Told = []
    whole = everything(told)

    async def setup(plugin: PluginHub) -> None:
        await whole(plugin)
        if how == "raises":
            raise ValueError("half way")
        if how == "hangs":
            await hang()

    promises = (Key("other"),) if how == "does not keep its promise" else ()
    plugin = a_plugin(setup=setup)
    plugin.manifest = type(plugin.manifest)(
        name="sample", version="1", description="A sample.", provides=(LINE, *promises)
    )
    await hub.load_plugin(plugin)
    assert state(hub) is PluginState.FAILED
    assert registered(hub.kernel) == {}
    told.clear()
    hub.fire(Happened())
    hub.set_state("sensor.other", 1)
    assert told == []
    await hub.unload_plugin("sample")
    await use_all(hub)
    assert told == []


async def test_a_plugin_registers_all_of_it_again_in_its_next_life(hub: HubHarness) -> None:
    told: Told = []
    await hub.load_plugin(a_plugin(setup=everything(told)))
    for _ in range(3):
        hub.hub.plugins.restart("sample")
        await hub.advance(0)
    await use_all(hub)
    assert set(told) == ALL
    assert told.count("listener") == 1


async def test_what_a_plugin_takes_back_itself_is_forgotten_at_once(hub: HubHarness) -> None:
    """A plugin that subscribes and unsubscribes for years keeps no trace of each."""
    facades: list[PluginHub] = []
    told: Told = []

    async def setup(plugin: PluginHub) -> None:
        facades.append(plugin)

    await hub.load_plugin(a_plugin(setup=setup))
    [facade] = facades
    before = len(facade.own)
    for _ in range(100):
        unsubscribe = facade.bus.subscribe(Happened, lambda event: told.append("listener"))
        hub.fire(Happened())
        unsubscribe()
        unsubscribe()
        facade.bus.queue(Happened).unsubscribe()
    hub.fire(Happened())
    assert len(told) == 100
    assert len(facade.own) == before


async def test_a_registration_that_cannot_be_taken_back_hinders_no_other(
    hub: HubHarness, caplog: pytest.LogCaptureFixture
) -> None:
    told: Told = []
    whole = everything(told)

    async def setup(plugin: PluginHub) -> None:
        await whole(plugin)
        plugin.own.add(lambda: 1 / 0)

    await hub.load_plugin(a_plugin(setup=setup))
    await hub.unload_plugin("sample")
    assert registered(hub.kernel) == {}
    assert "sample: taking back a registration failed" in caplog.messages
