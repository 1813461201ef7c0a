"""The few words that drive a hub from a test do what they say."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
import voluptuous as vol

from hub.core.actions import InvalidCall
from hub.core.bus import Event
from hub.core.clock import SystemClock
from hub.core.plugins import Manifest, Plugin, PluginHub, PluginState
from hub.core.registry import EntityWanted
from hub.core.services import ServiceKey, ServiceMissing
from hub.core.states import STALE
from hub.sim import VirtualClock, VirtualLoop
from hub.testing import HubHarness

LINE: ServiceKey[str] = ServiceKey("line")
MINUTES_A_MONTH = 30 * 24 * 60


class Rang(Event):
    """It rang."""


class Clockwork(Plugin):
    """Counts minutes and tells of each."""

    manifest = Manifest(
        name="clockwork", version="1", description="Counts.", config={vol.Optional("from", default=0): int}
    )

    async def setup(self, hub: PluginHub) -> None:
        """Begin to count."""
        [entity] = await hub.add_entities([EntityWanted("n", "sensor.minutes", "Minutes")])
        number: int = hub.config["from"]

        async def count() -> None:
            nonlocal number
            while True:
                entity.set(number)
                hub.bus.publish(Rang())
                await hub.clock.sleep(60)
                number += 1

        hub.keep("count", count)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("30 days", 30 * 86_400.0),
        ("1:30", 90 * 60.0),
        ("1 min", 60.0),
        (2.5, 2.5),
        (timedelta(hours=1), 3600.0),
        (0, 0.0),
    ],
    ids=str,
)
async def test_advance_lets_exactly_that_much_time_pass(
    hub: HubHarness, span: str | float | timedelta, seconds: float
) -> None:
    before = hub.clock.now()
    await hub.advance(span)
    assert hub.clock.now() - before == timedelta(seconds=seconds)
    assert hub.clock.monotonic() == seconds


async def test_a_month_of_a_busy_plugin_takes_moments(hub: HubHarness) -> None:
    real = SystemClock()
    rings = hub.capture(Rang)
    await hub.load_plugin(Clockwork)
    began_s = real.monotonic()
    await hub.advance("30 days")
    assert len(rings) == MINUTES_A_MONTH + 1
    assert real.monotonic() - began_s < 20


async def test_a_plugin_is_loaded_with_its_configuration_and_unloaded_by_name(hub: HubHarness) -> None:
    status = await hub.load_plugin(Clockwork, {"from": 7})
    await hub.advance("2 min")
    assert (status.state, hub.kernel.states.get("sensor.minutes")[1]) == (PluginState.RUNNING, 9)  # type: ignore[index]
    await hub.unload_plugin("clockwork")
    state = hub.kernel.states.get("sensor.minutes")
    assert state is not None
    assert (state.value, state.quality) == (9, STALE)
    wrong = await hub.load_plugin(Clockwork, {"from": "seven"})
    assert (wrong.state, "expected int" in wrong.reason) == (PluginState.FAILED, True)


async def test_events_states_and_calls_are_captured_by_type_and_key(hub: HubHarness) -> None:
    rings, changes = hub.capture(Rang), hub.capture_states("sensor.a")
    calls = hub.capture_calls("lamp.switch", {vol.Required("on"): bool})
    with pytest.raises(AssertionError, match="nothing was captured"):
        rings.last()
    ring = Rang()
    hub.fire(ring)
    assert rings.last() is ring
    hub.set_state("sensor.a", Decimal("1.5"), unit="V")
    hub.set_state("sensor.b", 2)
    assert [change.new.value for change in changes if change.new is not None] == [Decimal("1.5")]
    await hub.call("lamp.switch", {"on": True})
    with pytest.raises(InvalidCall):
        await hub.call("lamp.switch", {"on": "perhaps"})
    assert calls == [{"on": True}]


async def test_a_restart_keeps_the_plugins_their_records_and_what_the_test_captures(hub: HubHarness) -> None:
    rings = hub.capture(Rang)
    calls = hub.capture_calls("lamp.switch")
    await hub.load_plugin(Clockwork, {"from": 5})
    await hub.advance("90 s")
    first, now = hub.hub, hub.clock.now()
    await hub.restart()
    assert hub.hub is not first
    assert hub.clock.now() == now
    assert len(rings) == 3
    assert hub.hub.plugins.status("clockwork").state is PluginState.RUNNING
    state = hub.kernel.states.get("sensor.minutes")
    assert state is not None
    assert state.value == 5
    await hub.call("lamp.switch")
    assert calls == [{}]


async def test_what_stands_in_for_others_is_provided_again_before_the_plugins_start(hub: HubHarness) -> None:
    class Needy(Plugin):
        manifest = Manifest(name="needy", version="1", description="Needs.", needs=(LINE,))

        async def setup(self, hub: PluginHub) -> None:
            assert hub.get(LINE) == "a fake"

    async def prepare() -> None:
        hub.provide(LINE, "a fake")

    await prepare()
    assert (await hub.load_plugin(Needy)).state is PluginState.RUNNING
    await hub.restart(prepare)
    assert hub.hub.plugins.status("needy").state is PluginState.RUNNING
    await hub.restart()
    assert hub.hub.plugins.status("needy").state is PluginState.BLOCKED
    with pytest.raises(ServiceMissing):
        hub.kernel.services.get(LINE)


async def test_asynchronous_tests_run_in_virtual_time(
    virtual_loop: VirtualLoop, virtual_clock: VirtualClock
) -> None:
    assert asyncio.get_running_loop() is virtual_loop
    await asyncio.sleep(86_400 * 365)
    assert virtual_clock.monotonic() == 86_400 * 365


async def test_every_transaction_runs_twice(hub: HubHarness) -> None:
    runs: list[int] = []
    await hub.kernel.db.write(lambda tx: runs.append(1))
    assert runs == [1, 1]


class TestMethods:
    """Tests in classes run in virtual time as well."""

    @pytest.mark.parametrize("span", ["1 day", "2 days"])
    async def test_it(self, hub: HubHarness, span: str) -> None:
        await hub.advance(span)
        assert hub.clock.monotonic() in {86_400, 2 * 86_400}
