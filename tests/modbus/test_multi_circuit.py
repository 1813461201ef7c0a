"""One meter with several circuits behind one address: many supply points, one instrument."""

from __future__ import annotations

import asyncio

from field_hall import Field, point_of, start_bus, write_profile

from hub.contracts.metering import MeterQuarantined, MeterSilent, ReadFailed, ReadingTag
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness

METER = """\
profile: four_circuits
vendor: Nobody
models: [Q4]
status: documented
source: made up
capabilities: {functions: [3], registers_max: 60}
identity: {at: 0x0010, type: u32, pattern: "[1-9][0-9]*"}
defaults: {read: 3, type: f32, counter: {resolution: 0.001, rate_max_per_h: 14}}
points:
  frequency: {at: 0x0020, unit: Hz}
channels:
  names: [c1, c2, c3, c4]
  step: 0x0010
  points:
    power: {at: 0x0100, unit: W, group: fast}
    energy_import: {at: 0x0102, unit: kWh, kind: counter, group: fast, billing: true}
"""
SERIAL, OTHER = "7001", "7002"


async def start(hub: HubHarness) -> Field:
    """Three of four circuits feed somebody."""
    write_profile(hub, "four_circuits", METER)
    loads = {"c1": 1000, "c2": 2000, "c3": 3000, "c4": 4000}
    channels = {f"c{number}": point_of(number) for number in (1, 2, 3)}
    return await start_bus(
        hub,
        [{"unit": 9, "serial": SERIAL, "profile": "four_circuits", "loads": loads}],
        [{"channels": channels, "profile": "four_circuits", "unit": 9, "serial": SERIAL}],
        groups=("fast",),
    )


async def test_each_circuit_is_a_supply_point_with_its_own_entities_and_readings(hub: HubHarness) -> None:
    field = await start(hub)
    stream = field.readings.subscribe()
    await hub.advance("61 s")
    assert [field.value(number, "power") for number in (1, 2, 3)] == [1000, 2000, 3000]
    assert hub.kernel.states.get("sensor.stall_04_power") is None
    readings = {reading.point: reading for reading in await stream.take(1000)}
    assert sorted(readings) == [point_of(1), point_of(2), point_of(3)]
    assert {one.register for one in readings.values()} == {"energy_import"}
    assert {(one.serial, str(one.meter)) for one in readings.values()} == {(SERIAL, point_of(1))}
    assert readings[point_of(3)].raw > readings[point_of(2)].raw > readings[point_of(1)].raw > 0
    assert [len(field.readings.registers(point_of(number))) for number in (1, 2, 3)] == [1, 1, 1]


async def test_all_circuits_come_in_one_read_since_they_lie_near(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("30 s")
    frames = field.bus.frames
    await hub.advance("60 s")
    assert field.bus.frames - frames <= 3 * 6 + 1, "a read for each circuit and no more"


async def test_another_instrument_is_one_quarantine_for_all_of_them(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("30 s")
    quarantined = hub.capture(MeterQuarantined)
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=9, serial=OTHER))
    await hub.advance("11 s")
    readings = await field.collect(60)
    assert [event.points for event in quarantined] == [(point_of(1), point_of(2), point_of(3))]
    assert {field.readings.status(point_of(number)).quarantined_for is None for number in (1, 2, 3)} == {False}
    assert readings == []


async def test_its_silence_is_told_once_for_all_of_them(hub: HubHarness) -> None:
    write_profile(hub, "four_circuits", METER)
    field = await start_bus(
        hub,
        [{"unit": unit, "serial": f"700{unit}", "profile": "four_circuits"} for unit in (1, 2)],
        [
            {
                "channels": {f"c{number}": point_of(10 * unit + number) for number in (1, 2)},
                "profile": "four_circuits", "unit": unit, "serial": f"700{unit}",
            }
            for unit in (1, 2)
        ],
        groups=("fast",),
    )  # fmt: skip
    await hub.advance("15 s")
    silent = hub.capture(MeterSilent)
    field.bus.silent.add(1)
    await hub.advance("1 min")
    assert [event.points for event in silent] == [(point_of(11), point_of(12))]


async def test_a_read_for_one_circuit_says_nothing_of_the_others(hub: HubHarness) -> None:
    """A final reading of one tenant's contract is not the last word of the others'."""
    field = await start(hub)
    await hub.advance("30 s")
    stream = field.readings.subscribe()
    [reading] = await field.readings.read_now(point_of(2), hub.clock.now_us() + 5_000_000, ReadingTag.FINAL)
    assert (reading.point, reading.tag) == (point_of(2), ReadingTag.FINAL)
    assert [one.point for one in await stream.take(1000) if one.tag is ReadingTag.FINAL] == [point_of(2)]


async def test_a_boundary_reads_the_instrument_once_for_all_its_circuits(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("30.5 s")
    frames = field.bus.frames
    points = [point_of(number) for number in (1, 2, 3)]
    asked = asyncio.ensure_future(field.readings.read_at(points, hub.clock.now_us() + 1_000_000))
    await hub.advance("2 s")
    answers = asked.result()
    assert not [answer for answer in answers.values() if isinstance(answer, ReadFailed)]
    assert field.bus.frames - frames <= 1 + 3, "one proof of identity, and a read for each circuit at most"
