"""Whatever is asked of a plugin, whenever, ends where it should: nobody waits for ever, nothing is left running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from plugin_samples import Key, Stubborn, a_plugin, found, hang, raising, registered, state

from hub.core.errors import HubError, NotFound
from hub.core.plugins import Plugin, PluginChanged, PluginHub, PluginState
from hub.sim import VirtualLoop
from hub.testing import HubHarness, start_hub

RUNNING = PluginState.RUNNING
LINE = Key("line")


async def short(plugin: PluginHub) -> None:
    await plugin.clock.sleep(5)


async def wait_a_little() -> None:
    await asyncio.sleep(1)


LIVES: dict[str, Callable[[Stubborn], type[Plugin]]] = {
    "runs": lambda _: a_plugin(run=hang),
    "has returned from run": lambda _: a_plugin(),
    "is setting up": lambda _: a_plugin(setup=hang),
    "is setting up and ignores being cancelled": lambda stubborn: a_plugin(setup=stubborn),
    "ignores being cancelled": lambda stubborn: a_plugin(run=stubborn),
    "hangs in stop": lambda _: a_plugin(run=hang, stop=hang),
    "hangs in stop and ignores being cancelled": lambda stubborn: a_plugin(run=hang, stop=stubborn),
    "is blocked": lambda _: a_plugin(needs=(LINE,)),
    "waits for its next try": lambda _: a_plugin(setup=raising(OSError("no"))),
    "fails now and then": lambda _: a_plugin(run=raising(OSError("no")), critical=True),
}


def others() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.parametrize("after_s", [0, 1, 4, 90], ids=lambda after_s: f"after {after_s} s")
@pytest.mark.parametrize("make", LIVES.values(), ids=LIVES.keys())
async def test_the_hub_stops_in_time_while_a_plugin(
    make: Callable[[Stubborn], type[Plugin]], after_s: float, virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    stubborn = Stubborn()
    hub = await start_hub(tmp_path, found=found(a_plugin("other", run=hang)))
    loading = asyncio.ensure_future(hub.load_plugin(make(stubborn)))
    await hub.advance(after_s)
    began_s = hub.clock.monotonic()
    await hub.hub.stop()
    assert hub.clock.monotonic() - began_s <= 25
    assert (await loading).state not in {RUNNING, PluginState.STARTING, PluginState.STOPPING}
    assert {task.get_name() for task in others()} <= {
        "sample/setup",
        "sample/run",
        "sample/stop",
    }  # they ignore being cancelled
    stubborn.released.set()
    await asyncio.sleep(1)
    assert others() == set()


async def test_no_task_is_left_after_a_hub_of_many_plugins_has_stopped(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    async def busy(plugin: PluginHub) -> None:
        plugin.spawn("once", short(plugin))
        plugin.keep("for ever", lambda: hang(plugin))
        plugin.bus.subscribe(PluginChanged, lambda event: short(plugin))
        plugin.outbox.consume("mail", lambda item: short(plugin))

    plugins = [a_plugin(f"p{number}", setup=busy, run=hang) for number in range(5)]
    hub = await start_hub(tmp_path, found=found(*plugins))
    await hub.advance(2)
    hub.hub.plugins.restart("p3")
    await hub.advance(0)
    assert len(asyncio.all_tasks()) > 20
    await hub.hub.stop()
    assert others() == set()


async def test_many_that_hang_do_not_add_up(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    stubborn = Stubborn()
    plugins = [a_plugin(f"p{number}", run=hang, stop=stubborn) for number in range(10)]
    hub = await start_hub(tmp_path, found=found(*plugins))
    began_s = hub.clock.monotonic()
    await hub.hub.stop()
    assert hub.clock.monotonic() - began_s <= 20
    stubborn.released.set()


async def test_a_chain_that_hangs_is_abandoned_and_named_and_its_registrations_are_gone(
    virtual_loop: VirtualLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stubborn = Stubborn()
    keys = [Key(f"k{number}") for number in range(5)]
    plugins = [
        a_plugin(f"p{number}", needs=tuple(keys[number - 1 : number]), provides=(keys[number],), stop=stubborn)
        for number in range(5)
    ]
    hub = await start_hub(tmp_path, found=found(*plugins))
    began_s = hub.clock.monotonic()
    await hub.hub.stop()
    assert hub.clock.monotonic() - began_s == 50
    abandoned = "plugins that did not stop within 50 s are abandoned: p0, p1, p2; the hub stops without waiting"
    assert any(message.startswith(abandoned) for message in caplog.messages)
    for number in range(5):
        assert set(registered(hub.kernel, f"p{number}")) <= {"tasks"}
    stubborn.released.set()
    await asyncio.sleep(1)
    assert others() == set()


async def test_a_restart_while_it_is_setting_up_cuts_that_short_and_starts_once_more(hub: HubHarness) -> None:
    diary: list[str] = []
    is_slow = [True]

    async def setup(plugin: PluginHub) -> None:
        if is_slow.pop():
            await hang()

    loading = asyncio.ensure_future(hub.load_plugin(a_plugin(setup=setup, diary=diary)))
    await hub.advance(1)
    is_slow.append(False)
    hub.hub.plugins.restart("sample")
    status = await loading
    assert (status.state, status.failures, hub.clock.monotonic()) == (RUNNING, 0, 1)
    assert diary == ["sample up", "sample down", "sample up"]


async def test_a_restart_while_it_is_stopping_starts_it_again_once(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin(run=hang, stop=wait_a_little, diary=diary))
    hub.hub.plugins.restart("sample")
    await hub.advance(0.5)
    assert state(hub) is PluginState.STOPPING
    hub.hub.plugins.restart("sample")
    hub.hub.plugins.restart("sample")
    await hub.advance(2)
    assert (state(hub), diary) == (RUNNING, ["sample up", "sample down", "sample up"])


async def test_two_restarts_at_once_are_one(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin(run=hang, diary=diary))
    await asyncio.gather(*(hub.call("plugin.restart", {"name": "sample"}) for _ in range(2)))
    await hub.advance(1)
    assert (state(hub), diary) == (RUNNING, ["sample up", "sample down", "sample up"])


async def test_a_restart_of_a_blocked_plugin_leaves_it_waiting_and_is_not_remembered(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin(needs=(LINE,), diary=diary))
    hub.hub.plugins.restart("sample")
    await hub.advance(1)
    await hub.load_plugin(a_plugin("source", provides=(LINE,)))
    await hub.advance(1)
    assert (state(hub), diary) == (RUNNING, ["sample up"])


@pytest.mark.parametrize("steps", range(8))
async def test_whoever_waits_for_a_start_is_answered_when_the_plugin_is_removed_meanwhile(
    hub: HubHarness, steps: int
) -> None:
    loading = asyncio.ensure_future(hub.load_plugin(a_plugin(setup=short)))
    for _ in range(steps + 1):
        await asyncio.sleep(0)
    await hub.unload_plugin("sample")
    assert (await loading).state is PluginState.STOPPED
    assert hub.clock.monotonic() == 0
    assert registered(hub.kernel) == {}
    assert hub.hub.plugins.statuses() == []


async def test_removing_twice_at_once_removes_once(hub: HubHarness) -> None:
    await hub.load_plugin(a_plugin(run=hang, stop=wait_a_little))
    await asyncio.gather(*(hub.unload_plugin("sample") for _ in range(2)))
    with pytest.raises(NotFound, match="there is no plugin 'sample'; see `hub plugin list`"):
        await hub.unload_plugin("sample")
    assert (await hub.load_plugin(a_plugin())).state is RUNNING


async def test_nothing_is_added_to_a_hub_that_stops(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    hub = await start_hub(tmp_path, found=found(a_plugin("slow", stop=wait_a_little)))
    stopping = asyncio.ensure_future(hub.hub.stop())
    await asyncio.sleep(0.5)
    with pytest.raises(HubError, match="plugin 'sample' cannot be started: the hub stops"):
        await hub.load_plugin(a_plugin())
    await stopping


async def test_slow_plugins_hold_up_the_start_of_the_hub_for_two_minutes_at_most(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    async def nearly_too_slow(plugin: PluginHub) -> None:
        await plugin.clock.sleep(59)

    keys = [Key(f"k{number}") for number in range(5)]
    plugins = [
        a_plugin(
            f"p{number}", needs=tuple(keys[number - 1 : number]), provides=(keys[number],), setup=nearly_too_slow
        )
        for number in range(5)
    ]
    hub = await start_hub(tmp_path, found=found(*plugins, a_plugin("other")))
    assert hub.clock.monotonic() == 120
    assert [state(hub, name) for name in ("p0", "p1", "p2", "other")] == [
        RUNNING, RUNNING, PluginState.STARTING, RUNNING,
    ]  # fmt: skip
    await hub.advance("5 min")
    assert {status.state for status in hub.hub.plugins.statuses()} == {RUNNING}
    await hub.hub.stop()


async def test_no_change_is_lost_between_looking_and_waiting(hub: HubHarness) -> None:
    """Ten plugins that each wait for the next one, added in the order in which nobody finds its provider."""
    keys = [Key(f"k{number}") for number in range(11)]
    for number in range(10):
        plugin = a_plugin(f"p{number}", needs=(keys[number + 1],), provides=(keys[number],), setup=short)
        await hub.load_plugin(plugin)
    await hub.load_plugin(a_plugin("last", provides=(keys[10],)))
    await hub.advance(50)
    assert {status.state for status in hub.hub.plugins.statuses()} == {RUNNING}


async def test_a_hub_whose_start_is_cancelled_stops_its_plugins(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    diary: list[str] = []
    starting: Awaitable[HubHarness] = start_hub(tmp_path, found=found(a_plugin(setup=hang, diary=diary)))
    task = asyncio.ensure_future(starting)
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task})
    assert diary == ["sample up", "sample down"]
    assert others() == set()
