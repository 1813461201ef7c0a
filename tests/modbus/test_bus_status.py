"""The answer to `modbus.status`, and a read on demand: what support needs to know, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from field_hall import point_of, serial_of, start_field
from health_hall import OneLine, start_on

from hub.contracts.links import Function, Reply, Request, WireTiming
from hub.core.actions import InvalidCall
from hub.core.codec import encode
from hub.core.errors import HubError, NotFound
from hub.core.principals import OWNER
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness
from plugins.kpm_modbus.health import BusHealth


async def status(hub: HubHarness, **params: object) -> list[Mapping[str, Any]]:
    found = await hub.kernel.queries.ask("modbus.status", params, OWNER)
    assert isinstance(found, list)
    encode(found)  # it goes over a socket
    return found


async def test_seconds_add_up_to_the_time_that_it_was_watched(hub: HubHarness) -> None:
    field = await start_field(hub, 8)
    field.bus.silent.add(3)
    await hub.advance("5 min")
    (bus,) = await status(hub)
    spent = bus["seconds"]
    assert bus["watched_s"] == 300
    assert sum(spent.values()) == pytest.approx(300, abs=1)
    assert spent["waste"] > 0
    assert 0.95 <= bus["efficiency"] <= 1
    assert bus["load_since_start"] == pytest.approx(1 - spent["idle"] / 300, abs=0.01)
    assert (bus["bus"], bus["link"], bus["is_healthy"], bus["problems"]) == ("hall", "sim://hall", True, [])


READ = Request(unit=1, function=Function.READ_HOLDING_REGISTERS, address=0, count=2)
TIMING = WireTiming(character_s=0.001, gap_s=0.004)
TURN_S = 0.020


@pytest.mark.parametrize(
    ("waited_s", "lost_s", "gap_s", "efficiency"),
    [
        pytest.param(0.0, 0.0, 0.0, 1.0, id="an idle bus, whose gap was over"),
        pytest.param(0.002, 0.0, 0.002, 1.0, id="half a gap was left"),
        pytest.param(0.004, 0.0, 0.004, 1.0, id="back to back, by a perfect master"),
        pytest.param(0.041, 0.0, 0.004, 41 / 78, id="a master that waits nine gaps too long"),
        pytest.param(0.0, 0.037, 0.0, 0.5, id="a reply that took twice as long as the wire needs"),
    ],
)
def test_efficiency_compares_with_the_least_time_that_this_transaction_could_take(
    waited_s: float, lost_s: float, gap_s: float, efficiency: float
) -> None:
    wire_s = 17 * TIMING.character_s + TURN_S
    on_wire_us = round((wire_s + lost_s) * 1e6)
    reply = Reply(words=(0, 0), frame=b"", sent_us=0, received_us=on_wire_us, turn_us=round(TURN_S * 1e6))
    health = BusHealth(0.0)
    health.good(READ, reply, TIMING, TURN_S, waited_s + wire_s + lost_s)
    assert health.gap_s == pytest.approx(gap_s)
    assert health.modelled_s == pytest.approx(wire_s + gap_s)
    assert health.efficiency == pytest.approx(efficiency, abs=0.001)


async def test_each_meter_is_described_and_a_dead_one_stands_out(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("1 min")
    field.bus.silent.add(2)
    await hub.advance("5 min")
    (bus,) = await status(hub)
    live, dead = bus["meters"]
    assert (live["points"], live["unit"], live["serial"]) == ([point_of(1)], 1, serial_of(1))
    assert (live["liveness"], live["signal"], live["errors"]) == ("live", 1.0, {})
    assert live["age_s"] <= 10
    assert 0.01 < live["answer_s"]["p50"] <= live["answer_s"]["p99"] < 0.1
    assert dead["liveness"] in {"dead", "probing"}
    assert dead["signal"] < 0.5
    assert dead["age_s"] > 250
    assert bus["errors"]["no_reply"] == dead["errors"]["no_reply"] >= 3


async def test_a_quarantined_meter_says_why(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial_of(99)))
    await hub.advance("61 min")
    (bus,) = await status(hub)
    assert f"says it is '{serial_of(99)}'" in bus["meters"][0]["quarantined_for"]


async def test_a_bus_is_asked_for_by_name_and_a_wrong_one_is_answered_with_a_close_one(hub: HubHarness) -> None:
    await start_field(hub, 1)
    assert [bus["bus"] for bus in await status(hub, bus="hall")] == ["hall"]
    with pytest.raises(NotFound, match=r"there is no bus 'hal'.*hall"):
        await status(hub, bus="hal")


async def test_a_simulated_link_has_no_frames_and_says_so(hub: HubHarness) -> None:
    await start_field(hub, 1)
    await hub.advance("15 s")
    (bus,) = await status(hub, frames=10)
    assert (bus["wire"], bus["frames"]) == (None, [])


async def test_the_last_frames_of_a_real_link_come_oldest_first(hub: HubHarness) -> None:
    links = OneLine(hub, 1)
    await start_on(hub, links, 1, fast="10 s")
    await hub.advance("33 s")
    (bus,) = await status(hub, frames=4)
    frames = bus["frames"]
    assert [(frame["direction"], frame["verdict"]) for frame in frames] == [
        ("sent", "request"), ("received", "answer"), ("sent", "request"), ("received", "answer"),
    ]  # fmt: skip
    assert [frame["at"] for frame in frames] == sorted(frame["at"] for frame in frames)
    assert frames[0]["frame"].startswith("01 ")
    assert (bus["wire"]["connects"], bus["wire"]["has_another_master"]) == (1, False)
    assert (await status(hub))[0]["frames"] == []


@pytest.mark.parametrize("frames", [-1, 201, "all"])
async def test_more_frames_than_are_kept_are_refused(hub: HubHarness, frames: object) -> None:
    await start_field(hub, 1)
    with pytest.raises(InvalidCall, match="ask for 0 to 200, so many are kept"):
        await status(hub, frames=frames)


async def test_a_read_on_demand_gives_each_register_with_its_proof(hub: HubHarness) -> None:
    await start_field(hub, 1)
    await hub.advance("15 s")
    before_us = hub.clock.now_us()
    (register,) = await hub.call("modbus.read", {"point": point_of(1)})
    assert (register["register"], register["unit"], register["quality"]) == ("energy_import", "kWh", "good")
    assert (register["serial"], len(register["words"]), len(register["frame_sha"])) == (serial_of(1), 2, 64)
    assert register["measured_at"].timestamp() * 1e6 > before_us, "never an older value"


async def test_a_read_of_a_silent_meter_says_that_it_does_not_answer(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    field.bus.silent.add(1)
    with pytest.raises(HubError, match="no reply"):
        await hub.call("modbus.read", {"point": point_of(1)})
