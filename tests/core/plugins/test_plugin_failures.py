"""A plugin that breaks is tried again, less and less often, then set aside; a critical one is never given up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest
from plugin_samples import Step, a_plugin, hang, raising, reason, state

from hub.core.holds import HoldChanged
from hub.core.plugins import PluginChanged, PluginHub, PluginState
from hub.core.storage import StorageFull
from hub.testing import HubHarness

QUARANTINED, FAILED, RUNNING = PluginState.QUARANTINED, PluginState.FAILED, PluginState.RUNNING


async def exits(hub: PluginHub) -> None:
    sys.exit(3)


async def cancels_itself(hub: PluginHub) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def awaits_what_was_cancelled(hub: PluginHub) -> None:
    other = asyncio.ensure_future(asyncio.sleep(1))
    other.cancel()
    await other


async def fails_in_a_group(hub: PluginHub) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_lose())
        group.create_task(_lose())


async def _lose() -> None:
    raise LookupError("lost")


class Odd(BaseException):
    """An exception that nobody expects."""


CRASHES = {
    "raises": (raising(ValueError("no port")), "ValueError: no port ("),
    "raises without words": (raising(KeyError()), "KeyError ("),
    "calls sys.exit": (exits, "{step} ended with sys.exit(3), which a plugin must not raise"),
    "raises a bare exception": (raising(Odd("hm")), "{step} ended with Odd('hm'), which a plugin must not raise"),
    "cancels itself": (cancels_itself, "{step} cancelled itself"),
    "awaits what was cancelled": (awaits_what_was_cancelled, "{step} awaited something that was cancelled"),
    "fails in a group": (fails_in_a_group, "LookupError: lost ("),
}


@pytest.mark.parametrize("step", ["setup", "run"])
@pytest.mark.parametrize(("crash", "text"), CRASHES.values(), ids=CRASHES.keys())
async def test_however_a_step_breaks_it_is_told_in_words_and_the_others_go_on(
    hub: HubHarness, step: str, crash: Step, text: str
) -> None:
    await hub.load_plugin(a_plugin("other", run=hang))
    await hub.load_plugin(a_plugin(setup=crash) if step == "setup" else a_plugin(run=crash))
    await hub.advance(0.5)
    status = hub.hub.plugins.status("sample")
    assert (status.state, status.failures) == (FAILED, 1)
    assert status.reason.startswith(text.format(step=step))
    assert status.last_error == status.reason
    assert state(hub, "other") is RUNNING


async def test_a_plugin_whose_constructor_raises_fails_like_any_other(hub: HubHarness) -> None:
    plugin = a_plugin()

    def refuse(self: object) -> None:
        raise ValueError("no")

    plugin.__init__ = refuse  # type: ignore[method-assign]
    status = await hub.load_plugin(plugin)
    assert (status.state, status.reason.split(" (")[0]) == (FAILED, "ValueError: no")
    await hub.unload_plugin("sample")


async def test_it_is_tried_again_after_growing_pauses_and_set_aside_after_three_failures_in_five_minutes(
    hub: HubHarness,
) -> None:
    began: list[float] = []

    async def setup(plugin: PluginHub) -> None:
        began.append(plugin.clock.monotonic())
        raise OSError("no such device")

    status = await hub.load_plugin(a_plugin(setup=setup))
    assert status.next_try_us is not None
    assert 0.9e6 <= status.next_try_us - hub.clock.now_us() <= 1.1e6
    await hub.advance("1 day")
    first_s, second_s, third_s = began
    assert second_s - first_s == pytest.approx(1, rel=0.1)
    assert third_s - second_s == pytest.approx(2, rel=0.1)
    assert (state(hub), status.failures, hub.hub.plugins.status("sample").next_try_us) == (QUARANTINED, 3, None)
    assert status.reason.startswith("failed 3 times within 5 min, the last: OSError: no such device (")
    assert status.reason.endswith(
        "; the rest of the hub goes on without it. When it is mended: hub action call plugin.restart name=sample"
    )


async def test_a_restart_by_a_person_lifts_the_quarantine(hub: HubHarness) -> None:
    is_mended = False

    async def setup(plugin: PluginHub) -> None:
        if not is_mended:
            raise OSError("no such device")

    await hub.load_plugin(a_plugin(setup=setup))
    await hub.advance("1 min")
    assert state(hub) is QUARANTINED
    is_mended = True
    await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance(0)
    assert (state(hub), reason(hub)) == (RUNNING, "")


async def test_a_restart_in_the_pause_does_not_wait_for_its_end(hub: HubHarness) -> None:
    failures = iter([OSError("once")])

    async def setup(plugin: PluginHub) -> None:
        for error in failures:
            raise error

    await hub.load_plugin(a_plugin(setup=setup))
    asked_s = hub.clock.monotonic()
    await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance(0)
    assert (state(hub), hub.clock.monotonic()) == (RUNNING, asked_s)
    assert hub.hub.plugins.status("sample").next_try_us is None


async def test_a_failure_now_and_then_never_sets_a_plugin_aside_and_its_pauses_stay_short(hub: HubHarness) -> None:
    async def run(plugin: PluginHub) -> None:
        await plugin.clock.sleep(3600)
        raise OSError("the far side hung up")

    changes = hub.capture(PluginChanged, "sample")
    await hub.load_plugin(a_plugin(run=run))
    times: list[tuple[PluginState, float]] = []
    hub.kernel.bus.subscribe(
        PluginChanged, lambda event: times.append((event.state, hub.clock.monotonic())), key="sample", owner="test"
    )
    await hub.advance("1 day")
    assert [event.state for event in changes].count(FAILED) == 23
    downs = [at_s for became, at_s in times if became is FAILED]
    ups = [at_s for became, at_s in times if became is RUNNING]
    assert max(up - down for down, up in zip(downs, ups, strict=False)) <= 1.1


async def test_a_run_that_returns_leaves_the_plugin_running(hub: HubHarness) -> None:
    diary: list[str] = []
    await hub.load_plugin(a_plugin(diary=diary))
    await hub.advance("1 day")
    assert (state(hub), diary) == (RUNNING, ["sample up"])


async def test_a_stop_that_raises_is_told_and_the_plugin_is_down_all_the_same(hub: HubHarness) -> None:
    async def stop() -> None:
        raise ValueError("socket lost")

    status = await hub.load_plugin(a_plugin(stop=stop, run=hang))
    await hub.unload_plugin("sample")
    assert (status.state, status.errors) == (PluginState.STOPPED, 1)
    assert status.last_error.startswith("stop failed: ValueError: socket lost (")


async def test_a_run_that_raises_on_being_cancelled_is_an_error_and_no_failure(hub: HubHarness) -> None:
    async def run(plugin: PluginHub) -> None:
        try:
            await hang()
        finally:
            raise ValueError("closing failed")

    status = await hub.load_plugin(a_plugin(run=run))
    hub.hub.plugins.restart("sample")
    await hub.advance(0)
    assert (status.state, status.failures, status.errors) == (RUNNING, 0, 1)
    assert status.last_error.startswith("run failed on being cancelled: ValueError: closing failed (")


async def test_a_full_disk_sets_no_plugin_aside(hub: HubHarness) -> None:
    is_full = True

    async def setup(plugin: PluginHub) -> None:
        if is_full:
            async with asyncio.TaskGroup() as group:
                group.create_task(write(plugin))

    async def write(plugin: PluginHub) -> None:
        raise StorageFull("the disk is full")

    status = await hub.load_plugin(a_plugin(setup=setup))
    await hub.advance("1 hour")
    assert status.state is FAILED
    assert status.failures > 50
    is_full = False
    await hub.advance("1.1 min")
    assert status.state is RUNNING


async def test_a_critical_plugin_is_tried_for_ever_and_the_site_is_on_hold_while_it_is_down(
    hub: HubHarness,
) -> None:
    is_mended = False

    async def setup(plugin: PluginHub) -> None:
        if not is_mended:
            raise OSError("no such device")

    holds = hub.capture(HoldChanged, "plugin_down:sample")
    status = await hub.load_plugin(a_plugin(setup=setup, critical=True, run=hang))
    assert hub.kernel.holds.reasons["plugin_down:sample"].startswith(
        "critical plugin sample is failed: OSError: no such device ("
    )
    await hub.advance("1 hour")
    assert status.state is FAILED
    assert 60 * 0.9 < status.failures < 60 * 1.2
    assert hub.kernel.holds.is_held
    is_mended = True
    await hub.advance("1.2 min")
    assert (status.state, hub.kernel.holds.is_held) == (RUNNING, False)
    assert holds[0].detail is not None
    assert holds.last().detail is None


async def test_the_hold_comes_with_every_way_in_which_a_critical_plugin_is_down(hub: HubHarness) -> None:
    breaks = asyncio.Event()

    async def run(plugin: PluginHub) -> None:
        await breaks.wait()
        breaks.clear()
        raise OSError("broken")

    reasons = hub.kernel.holds.reasons
    await hub.load_plugin(a_plugin(run=run, critical=True))
    assert set(reasons) == set()
    breaks.set()
    await hub.advance(0)
    assert set(reasons) == {"plugin_down:sample"}
    await hub.advance("2 s")
    assert set(reasons) == set()
    hub.hub.plugins.restart("sample")
    held = hub.capture(HoldChanged)
    await hub.advance(0)
    assert [event.detail is None for event in held][-1] is True
    assert any(event.detail == "critical plugin sample is stopping: restarted by a person" for event in held)
    await hub.unload_plugin("sample")
    assert set(reasons) == set()


async def test_what_condemns_others_is_only_told_of_a_critical_plugin(hub: HubHarness) -> None:
    changes = hub.capture(PluginChanged, "sample")
    await hub.load_plugin(a_plugin(critical=True, run=hang))
    hub.hub.plugins.condemn("sample", "it leaks")
    await hub.advance("1 hour")
    assert (state(hub), reason(hub), hub.kernel.holds.is_held) == (RUNNING, "it leaks", False)
    assert (changes.last().state, changes.last().reason) == (RUNNING, "it leaks")


@pytest.mark.parametrize("step", ["setup", "run"])
async def test_a_plugin_that_was_condemned_while_it_was_not_running_is_not_started_again(
    hub: HubHarness, step: str
) -> None:
    diary: list[str] = []
    crash: Callable[[PluginHub], Awaitable[object]] = raising(OSError("broken"))
    plugin = a_plugin(setup=crash, diary=diary) if step == "setup" else a_plugin(run=crash, diary=diary)
    await hub.load_plugin(plugin)
    await hub.advance(0.5)
    assert state(hub) is FAILED
    hub.hub.plugins.condemn("sample", "what it left behind leaks")
    await hub.advance("1 hour")
    assert state(hub) is QUARANTINED
    assert reason(hub).startswith("what it left behind leaks; the rest of the hub goes on")
    assert diary.count("sample up") == 1
    await hub.call("plugin.restart", {"name": "sample"})
    await hub.advance(0)
    assert diary.count("sample up") == 2
