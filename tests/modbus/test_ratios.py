"""Transformer ratios end to end: a changed one is an alarm, an unknown one bills nothing, a person decides."""

from __future__ import annotations

from decimal import Decimal

import pytest
from field_hall import Field, point_of, start_bus

from hub.contracts.metering import MeterRatioChanged, MeterRatioConfirmed, ReadFailed, ReadFailure
from hub.testing import HubHarness

PROFILE = "acrel_adl3000"
"""It leaves the multiplying to us: energy is data x CT."""


async def start(hub: HubHarness, ratio: int = 40) -> Field:
    return await start_bus(
        hub,
        [{"unit": 1, "serial": "1", "load_w": 40_000, "ct_ratio": ratio, "profile": PROFILE}],
        [{"point": point_of(1), "profile": PROFILE, "unit": 1}],
        groups=("fast",),
    )


async def test_the_ratio_is_read_before_the_first_reading_and_goes_with_each(hub: HubHarness) -> None:
    field = await start(hub)
    readings = await field.collect(60)
    assert {reading.ratio for reading in readings} == {(40, 1)}
    assert {reading.quality.value for reading in readings} == {"good"}
    [register] = field.readings.registers(point_of(1))
    assert (register.ratio, register.flagged_for) == ((40, 1), None)
    energy = field.value(1, "energy_import")
    assert isinstance(energy, Decimal)
    assert abs(energy - 40 * readings[-1].value) < Decimal("0.5")


async def test_a_changed_ratio_is_an_alarm_and_uncertain_until_a_person_confirms_it(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    changed, confirmed = hub.capture(MeterRatioChanged), hub.capture(MeterRatioConfirmed)
    field.bus.meters[1].ct_ratio = 60
    await hub.advance("70 s")
    assert [(event.points, event.ratio, event.was, event.now) for event in changed] == [
        ((point_of(1),), "ct_ratio", (40, 1), (60, 1))
    ]
    readings = await field.collect(30)
    assert {(reading.ratio, reading.quality.value) for reading in readings} == {((60, 1), "uncertain")}
    assert field.quality(1, "energy_import") == "uncertain"
    [register] = field.readings.registers(point_of(1))
    assert register.ratio == (60, 1)
    assert "ct_ratio was 40 and is 60" in (register.flagged_for or "")

    await hub.call("modbus.confirm_ratio", {"point": point_of(1), "ratio": "60"})
    readings = await field.collect(30)
    assert {(reading.ratio, reading.quality.value) for reading in readings} == {((60, 1), "good")}
    assert [event.now for event in confirmed] == [(60, 1)]
    assert len(changed) == 1


@pytest.mark.parametrize(
    ("case", "ratio", "confirms", "says"),
    [
        ("nothing has changed", 40, "40", "no transformer ratio of it waits to be confirmed"),
        ("the meter shows another one", 60, "50", "it shows 60, and 50 was to be confirmed"),
    ],
)
async def test_what_does_not_fit_is_not_confirmed(
    hub: HubHarness, case: str, ratio: int, confirms: str, says: str
) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    field.bus.meters[1].ct_ratio = ratio
    await hub.advance("70 s")
    with pytest.raises(Exception, match=says):
        await hub.call("modbus.confirm_ratio", {"point": point_of(1), "ratio": confirms})
    assert (field.device(1).ratio_flag is None) is (ratio == 40), case


async def test_the_old_ratio_comes_back_and_all_is_well(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    confirmed = hub.capture(MeterRatioConfirmed)
    field.bus.meters[1].ct_ratio = 60
    await hub.advance("70 s")
    field.bus.meters[1].ct_ratio = 40
    await hub.advance("70 s")
    assert [event.now for event in confirmed] == [(40, 1)]
    assert {(one.ratio, one.quality.value) for one in await field.collect(30)} == {((40, 1), "good")}


async def test_a_ratio_that_is_none_bills_nothing_until_it_is_one_again(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    changed = hub.capture(MeterRatioChanged)
    field.bus.meters[1].ct_ratio = 100_000  # outside what the profile allows
    await hub.advance("70 s")
    assert await field.collect(60) == []
    with pytest.raises(ReadFailed, match="its transformer ratio") as failed:
        await field.readings.read_now(point_of(1), hub.clock.now_us() + 30_000_000)
    assert failed.value.reason is ReadFailure.BAD_REPLY
    [register] = field.readings.registers(point_of(1))
    assert "is not known" in (register.flagged_for or "")

    field.bus.meters[1].ct_ratio = 40
    await hub.advance("70 s")
    assert {(one.ratio, one.quality.value) for one in await field.collect(30)} == {((40, 1), "good")}
    assert list(changed) == []


async def test_a_ratio_that_changed_while_the_hub_was_down_is_seen(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    changed = hub.capture(MeterRatioChanged)
    field.bus.meters[1].ct_ratio = 20
    hub.hub.plugins.restart("kpm_modbus")
    await hub.advance("2 s")
    assert [(event.was, event.now) for event in changed] == [((40, 1), (20, 1))]


async def test_a_requested_read_never_uses_the_ratio_of_before(hub: HubHarness) -> None:
    field = await start(hub)
    await hub.advance("5 min")
    field.bus.meters[1].ct_ratio = 60
    [reading] = await field.readings.read_now(point_of(1), hub.clock.now_us() + 30_000_000)
    assert (reading.ratio, reading.quality.value) == ((60, 1), "uncertain")
