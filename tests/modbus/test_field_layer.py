"""The field layer whole, in virtual time on a simulated bus: polls on time, dead meters, swaps, doubtful values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from field_hall import Field, point_of, serial_of, start_field

from hub.contracts.metering import (
    BusBack,
    BusSilent,
    Liveness,
    MeterBack,
    MeterQuarantined,
    MeterSilent,
    QuarantineLifted,
    ReadFailed,
    ReadFailure,
    Reading,
    ReadingTag,
)
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness


async def collect(field: Field, span: str) -> list[Reading]:
    """Every reading of some time, none coalesced."""
    stream = field.readings.subscribe()
    readings: list[Reading] = []
    seconds = int(span.split()[0])
    for _ in range(seconds):
        await field.hub.advance("1 s")
        if getattr(stream, "_waiting"):  # noqa: B009 - a stream cannot be asked without waiting
            readings += await stream.take(1000)
    stream.close()
    return readings


async def test_each_meter_is_read_on_time_and_says_what_it_measures(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("61 s")
    assert (field.value(1, "power"), field.value(2, "power")) == (1000, 2000)
    energy = field.value(2, "energy_import")
    assert isinstance(energy, Decimal)
    assert abs(energy - Decimal(2000 * 60) / 3_600_000) < Decimal("0.01")
    assert field.quality(1, "power") == "good"


async def test_live_meters_keep_their_pace_while_three_of_32_are_dead(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    field.bus.silent.update({5, 6, 7})
    await hub.advance("60 s")
    last: dict[str, int] = {}
    longest_us = 0
    count = 0
    for reading in await collect(field, "600 s"):
        count += 1
        if reading.point in last:
            longest_us = max(longest_us, reading.source_us - last[reading.point])
        last[reading.point] = reading.source_us
    assert count >= 0.99 * 29 * 60
    assert longest_us <= 12_000_000
    assert field.device(5).liveness is Liveness.DEAD


async def test_a_dead_bus_is_one_fault_and_every_meter_is_back_within_the_longest_pause(hub: HubHarness) -> None:
    field = await start_field(hub, 8)
    await hub.advance("30 s")
    silent, back, meters = hub.capture(BusSilent), hub.capture(BusBack), hub.capture(MeterSilent)
    field.bus.silent.update(range(1, 9))
    await hub.advance("10 min")
    assert [event.meters for event in silent] == [8]
    assert (len(back), len(meters)) == (0, 0)
    assert field.quality(1, "power") == "bad"
    assert field.value(1, "power") == 1000
    field.bus.silent.clear()
    await hub.advance("90 s")
    assert {field.device(unit).liveness for unit in range(1, 9)} == {Liveness.LIVE}
    assert len(back) == 1
    assert field.quality(1, "power") == "good"


async def test_a_meter_that_comes_back_says_so(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    silent, back = hub.capture(MeterSilent), hub.capture(MeterBack)
    field.bus.silent.add(2)
    await hub.advance("1 min")
    field.bus.silent.clear()
    await hub.advance("90 s")
    assert [event.points for event in silent] == [(point_of(2),)]
    assert [event.points for event in back] == [(point_of(2),)]


async def test_a_swapped_meter_is_quarantined_until_the_swap_is_recorded(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("15 s")
    quarantined, lifted = hub.capture(MeterQuarantined), hub.capture(QuarantineLifted)
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial_of(99)))
    await hub.advance("61 min")
    assert [event.points for event in quarantined] == [(point_of(1),)]
    assert [one for one in await collect(field, "60 s") if one.point == point_of(1)] == []
    with pytest.raises(ReadFailed) as refused:
        await field.readings.read_now(point_of(1), hub.clock.now_us() + 5_000_000)
    assert refused.value.reason is ReadFailure.QUARANTINED

    plugin_db = hub.kernel.db
    await plugin_db.write(
        lambda tx: field.readings.lift(tx, field.device(1).meter, serial_of(99)), owner="kpm_modbus"
    )
    await hub.advance("61 min")
    assert field.device(1).quarantined_for is None
    assert [event.points for event in lifted] in ([], [(point_of(1),)])
    assert {one.serial for one in await collect(field, "30 s") if one.point == point_of(1)} == {serial_of(99)}


async def test_a_transient_zero_never_becomes_a_reading(hub: HubHarness) -> None:
    field = await start_field(hub, 1)
    await hub.advance("10 min")
    field.bus.set_fault(Fault(kind=FaultKind.TRANSIENT_ZERO, unit=1, point="energy_import", times=2))
    values = [reading.value for reading in await collect(field, "120 s")]
    assert values
    assert values == sorted(values)
    assert min(values) > 0


async def test_a_requested_read_is_measured_after_the_call_and_tagged(hub: HubHarness) -> None:
    field = await start_field(hub, 32)
    await hub.advance("33 s")
    asked_us = hub.clock.now_us()
    [reading] = await field.readings.read_now(point_of(3), asked_us + 5_000_000)
    assert reading.tag is ReadingTag.REQUESTED
    assert reading.source_us >= asked_us
    assert hub.clock.now_us() - asked_us < 1_000_000


async def test_a_silent_meter_answers_a_requested_read_with_a_failure(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    field.bus.silent.add(1)
    with pytest.raises(ReadFailed) as failed:
        await field.readings.read_now(point_of(1), hub.clock.now_us() + 5_000_000)
    assert failed.value.reason is ReadFailure.NO_REPLY
