"""Providers start before those that need them, however the plugins are listed; a ring is named, not waited out."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from plugin_samples import Key, a_plugin, found, hang, reason, state

from hub.core.clock import SystemClock
from hub.core.ids import SeededIds
from hub.core.plugins import Plugin, PluginHub, PluginState
from hub.core.plugins.order import in_order
from hub.sim import VirtualLoop
from hub.testing import HubHarness, start_hub

BUS, METER, MONEY = Key("bus"), Key("meter"), Key("money")


def chain(diary: list[str]) -> list[type[Plugin]]:
    return [
        a_plugin("aaa_money", needs=(METER,), provides=(MONEY,), diary=diary),
        a_plugin("bbb_meter", needs=(BUS,), provides=(METER,), diary=diary),
        a_plugin("ccc_bus", provides=(BUS,), diary=diary),
        a_plugin("ddd_rules", after=("aaa_money", "not_installed"), diary=diary),
    ]


STARTED = ["ccc_bus up", "bbb_meter up", "aaa_money up", "ddd_rules up"]
STOPPED = ["ddd_rules down", "aaa_money down", "bbb_meter down", "ccc_bus down"]


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_plugins_start_by_their_needs_and_stop_the_other_way_round_however_they_are_listed(
    order: tuple[int, ...], virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    diary: list[str] = []
    plugins = chain(diary)
    hub = await start_hub(tmp_path, found=found(*(plugins[place] for place in order)))
    assert diary == STARTED
    assert [status.state for status in hub.hub.plugins.statuses()] == [PluginState.RUNNING] * 4
    diary.clear()
    await hub.hub.stop()
    assert diary == STOPPED


async def test_a_slow_start_holds_up_those_after_it_and_nobody_else(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    diary: list[str] = []

    async def slow(plugin: PluginHub) -> None:
        await plugin.clock.sleep(30)
        diary.append("slow is ready")

    late = a_plugin("later", after=("slow",), diary=diary)
    others = (a_plugin("other", diary=diary), a_plugin("slow", setup=slow, diary=diary))
    hub = await start_hub(tmp_path, found=found(late, *others))
    assert sorted(diary[:2]) == ["other up", "slow up"]
    assert diary[2:] == ["slow is ready", "later up"]
    assert hub.clock.monotonic() == 30
    await hub.hub.stop()


def shown(*plugins: type[Plugin]) -> tuple[list[str], list[str]]:
    order, cycles = in_order({plugin.manifest.name: plugin.manifest for plugin in plugins})
    return order, [str(cycle) for cycle in cycles]


def test_a_ring_of_two_is_named_and_the_rest_is_ordered() -> None:
    plugins = (
        a_plugin("b", needs=(METER,), provides=(BUS,)),
        a_plugin("a", needs=(BUS,), provides=(METER,)),
        a_plugin("fine"),
    )
    assert shown(*plugins) == (["fine"], ["cycle: a needs b needs a; one of them has to do without the other"])


def test_a_ring_says_who_needs_whom_and_who_only_starts_after() -> None:
    plugins = (
        a_plugin("a", needs=(BUS,)),
        a_plugin("b", provides=(BUS,), needs=(METER,)),
        a_plugin("c", provides=(METER,), after=("a",)),
    )
    ring = "cycle: a needs b needs c starts after a; one of them has to do without the other"
    assert shown(*plugins) == ([], [ring])


def test_two_rings_are_both_named_and_a_plugin_may_be_in_its_own_way() -> None:
    plugins = (
        a_plugin("a", needs=(BUS,)),
        a_plugin("b", provides=(BUS,), after=("a",)),
        a_plugin("c", needs=(MONEY,), provides=(MONEY,)),
    )
    assert shown(*plugins) == (
        [],
        [
            "cycle: a needs b starts after a; one of them has to do without the other",
            "cycle: c needs c; one of them has to do without the other",
        ],
    )


async def test_plugins_in_a_ring_are_set_aside_and_shown_and_a_critical_one_holds_the_site(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = await start_hub(
        tmp_path,
        found=found(
            a_plugin("a", needs=(BUS,), provides=(METER,), critical=True),
            a_plugin("b", needs=(METER,), provides=(BUS,)),
            a_plugin("fine"),
        ),
    )
    assert [state(hub, name) for name in ("a", "b", "fine")] == [
        PluginState.FAILED,
        PluginState.FAILED,
        PluginState.RUNNING,
    ]
    assert (
        reason(hub, "a") == reason(hub, "b") == "cycle: a needs b needs a; one of them has to do without the other"
    )
    assert set(hub.kernel.holds.reasons) == {"plugin_down:a"}
    await hub.hub.stop()


async def test_a_plugin_that_would_close_a_ring_is_refused_while_the_hub_runs(hub: HubHarness) -> None:
    await hub.load_plugin(a_plugin("a", needs=(BUS,), provides=(METER,)))
    status = await hub.load_plugin(a_plugin("b", needs=(METER,), provides=(BUS,)))
    assert (status.state, status.reason.split(";")[0]) == (PluginState.FAILED, "cycle: a needs b needs a")
    await hub.load_plugin(a_plugin("b", provides=(BUS,)))
    await hub.advance(0)
    assert (state(hub, "a"), state(hub, "b")) == (PluginState.RUNNING, PluginState.RUNNING)
    assert [status.name for status in hub.hub.plugins.statuses()] == ["a", "b"]


@pytest.mark.parametrize("seed", range(3))
async def test_thirty_plugins_start_in_a_second_in_whatever_order_they_are_listed(
    seed: int, virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    keys = [Key(f"k{number}") for number in range(30)]
    plugins = [
        a_plugin(
            f"p{number}",
            provides=(keys[number],),
            needs=tuple(keys[max(0, number - 2) : number]),
            critical=number % 7 == 0,
            run=hang,
        )
        for number in range(30)
    ]
    SeededIds(seed).random.shuffle(plugins)
    real = SystemClock()
    began_s = real.monotonic()
    hub = await start_hub(tmp_path, found=found(*plugins))
    took_s = real.monotonic() - began_s
    assert {status.state for status in hub.hub.plugins.statuses()} == {PluginState.RUNNING}
    assert dict(hub.kernel.holds.reasons) == {}
    assert took_s < 1
    await hub.hub.stop()
