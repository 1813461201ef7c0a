"""What billing gets while a register misbehaves: nothing that did not flow, nothing stale, and a word about it."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from field_hall import Field, point_of, serial_of, start_bus, start_field

from hub.contracts.metering import EpochHint, MeterQuarantined, QuarantineLifted, Reading, RegisterStuck
from hub.contracts.relays import Desired
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness

ENERGY = "energy_import"


def show(field: Field, kwh: float, unit: int = 1) -> None:
    """Let a meter show any energy, from now on."""
    field.bus.meters[unit].frozen[ENERGY] = struct.pack(">f", kwh)


async def show_and_be_seen(field: Field, kwh: float) -> None:
    """Let it show that until just after the next poll."""
    show(field, kwh)
    for _ in range(10_000):
        await field.hub.advance(0.002)
        if field.device(1).believed[ENERGY].doubted_raw is not None:
            return
    raise AssertionError("nobody doubts it")


async def show_once(field: Field, kwh: float) -> None:
    """Let it show that at its next look only."""
    await show_and_be_seen(field, kwh)
    field.bus.meters[1].frozen.clear()


def rises(readings: list[Reading]) -> bool:
    values = [reading.value for reading in readings]
    return bool(values) and values == sorted(values)


async def test_a_register_that_stands_still_while_power_flows_is_uncertain_and_told_once(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    stuck = hub.capture(RegisterStuck)
    field.bus.set_fault(Fault(kind=FaultKind.STUCK_REGISTER, unit=1, point=ENERGY))
    last = (await field.collect(300))[-1]
    assert [(event.points, event.register) for event in stuck] == [((point_of(1),), ENERGY)]
    assert stuck[0].since_us < hub.clock.now_us() - 280_000_000
    assert (field.quality(1, ENERGY), last.quality.value) == ("uncertain", "uncertain")
    assert field.quality(1, "power") == "good"

    field.bus.clear_faults()
    readings = await field.collect(60)
    assert rises(readings)
    assert (field.quality(1, ENERGY), readings[-1].quality.value) == ("good", "good")
    assert len(stuck) == 1


async def test_without_power_an_unchanged_register_is_good_and_fresh(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    stuck = hub.capture(RegisterStuck)
    field.bus.meters[1].load_w = 0
    await hub.advance("1 min")
    first = field.hub.kernel.states.get(f"sensor.{point_of(1)}_{ENERGY}")
    await hub.advance("6 h")
    later = field.hub.kernel.states.get(f"sensor.{point_of(1)}_{ENERGY}")
    assert first is not None
    assert later is not None
    assert (later.value, later.quality.value, list(stuck)) == (first.value, "good", [])
    assert hub.clock.now_us() - later.source_us < 15_000_000

    # The stamp is fresh, so six hours of silence of the load make no garbage plausible.
    await show_once(field, 100.0)
    readings = await field.collect(30)
    assert {reading.value for reading in readings} == {later.value}


async def test_a_jump_is_held_and_looked_at_again(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    stream = field.readings.subscribe()
    await show_once(field, 5000.0)
    await hub.advance("30 s")
    assert all(reading.value < 1 for reading in await stream.take(1000))
    assert field.quality(1, ENERGY) == "good"


async def test_a_jump_that_a_second_look_sees_too_is_believed(hub: HubHarness) -> None:
    """The register is the meter's word: what it keeps saying is billed, and the gate has the last say."""
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    show(field, 5000.0)
    readings = await field.collect(20)
    assert {(reading.value, reading.epoch) for reading in readings} == {(Decimal(5000), EpochHint.CONTINUES)}


@pytest.mark.parametrize("times", [1, 2])
async def test_a_transient_zero_is_no_reading_however_often_it_is_seen_at_once(hub: HubHarness, times: int) -> None:
    field = await start_field(hub, 1)
    await hub.advance("10 min")
    field.bus.set_fault(Fault(kind=FaultKind.TRANSIENT_ZERO, unit=1, point=ENERGY, times=times))
    readings = await field.collect(120)
    assert rises(readings)
    assert readings[0].value > 0
    assert {reading.epoch for reading in readings} == {EpochHint.CONTINUES}


async def test_a_zero_that_lasts_three_seconds_is_no_reset(hub: HubHarness) -> None:
    """A real meter read 3.737, 0.000 and 3.746 within 3.4 s."""
    field = await start_field(hub, 1)
    await hub.advance("10 min")
    await show_and_be_seen(field, 0.0)
    readings = await field.collect(3)  # every look that follows at once
    await hub.advance("0.4 s")
    field.bus.meters[1].frozen.clear()
    readings += await field.collect(60)
    assert rises(readings)
    assert {reading.epoch for reading in readings} == {EpochHint.CONTINUES}


async def test_a_reset_is_told_once_after_three_looks_that_agree(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("10 min")
    field.bus.set_fault(Fault(kind=FaultKind.REBOOT, unit=1))
    readings = await field.collect(120)
    resets = [reading for reading in readings if reading.epoch is EpochHint.RESET]
    assert len(resets) == 1
    assert resets[0].value < Decimal("0.05")
    assert rises(readings[readings.index(resets[0]) :])


async def test_a_register_that_rolls_over_goes_on(hub: HubHarness) -> None:
    """The DDS238 counts hundredths of a kWh in 32 bits: it is full at 42,949,672.95 kWh."""
    field = await start_bus(
        hub,
        [{"unit": 1, "serial": "1", "load_w": 12_000, "energy_wh": 42_949_672_900, "profile": "hiking_dds238_2"}],
        [{"point": point_of(1), "profile": "hiking_dds238_2", "unit": 1}],
    )
    readings = await field.collect(120)
    turned = [reading for reading in readings if reading.epoch is EpochHint.ROLLOVER]
    assert len(turned) == 1
    before = readings[readings.index(turned[0]) - 1]
    [register] = field.readings.registers(point_of(1))
    assert register.modulus_raw is not None
    assert 0 < turned[0].raw + register.modulus_raw - before.raw <= 10
    assert rises(readings[readings.index(turned[0]) :])


async def test_a_meter_swapped_without_a_word_is_found_by_its_counter_and_gives_no_reading(hub: HubHarness) -> None:
    """Nobody proves the identity for an hour, but a counter that fell is reason enough."""
    field = await start_field(hub, 1)
    await hub.advance("10 min")
    quarantined, lifted = hub.capture(MeterQuarantined), hub.capture(QuarantineLifted)
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial_of(99)))
    assert await field.collect(60) == []
    assert len(quarantined) == 1

    field.bus.clear_faults()
    await hub.advance("61 min")
    assert len(lifted) == 1
    readings = await field.collect(30)
    assert {(reading.serial, reading.epoch) for reading in readings} == {(serial_of(1), EpochHint.CONTINUES)}


async def test_with_its_relay_open_a_meter_that_counts_is_looked_at_again(hub: HubHarness) -> None:
    """Half a kWh in ten seconds at 180 kW would be plausible for no relay; with an open one 2 Wh are not."""
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    await field.command(1, Desired.OPEN)
    await hub.advance("1 min")
    [stood] = {reading.value for reading in await field.collect(20)}
    stream = field.readings.subscribe()
    await show_once(field, float(stood) + 0.005)
    await hub.advance("30 s")
    assert {reading.value for reading in await stream.take(1000)} == {stood}
    assert field.quality(1, ENERGY) == "good"


async def test_with_its_relay_closed_the_same_is_nothing_special(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("5 min")
    field.bus.meters[1].load_w = 0
    await hub.advance("1 min")
    [stood] = {reading.value for reading in await field.collect(20)}
    show(field, float(stood) + 0.005)
    readings = await field.collect(20)
    assert {reading.value - stood for reading in readings} == {Decimal("0.005")}
    assert field.device(1).believed[ENERGY].doubted_raw is None
