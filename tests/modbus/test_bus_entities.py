"""The health of buses and meters as entities: honest figures, few changes, an alarm where a person must look."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal

import pytest
from field_hall import point_of, start_field
from health_hall import OneBus, OneLine, start_on

from hub.contracts.metering import BusHasAnotherMaster
from hub.core.principals import OWNER
from hub.core.states import State, StateChanged
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness
from plugins.kpm_modbus.wire.rtu import rtu_frame

BUS_SENSORS = ("load", "planned_load", "efficiency", "lateness", "errors", "answer_time")
METER_SENSORS = ("signal", "meter_age", "answer_time")


def state(hub: HubHarness, entity_id: str) -> State:
    found = hub.kernel.states.get(entity_id)
    assert found is not None, f"{entity_id} was never written"
    return found


def number(hub: HubHarness, entity_id: str) -> Decimal:
    value = state(hub, entity_id).value
    assert isinstance(value, (int, Decimal)), f"{entity_id} is {value!r}"
    return Decimal(value)


def problems(hub: HubHarness) -> object:
    return state(hub, "binary_sensor.hall_healthy").attributes["problems"]


async def test_a_healthy_bus_says_so_in_figures_that_fit_each_other(hub: HubHarness) -> None:
    await start_field(hub, 32)
    await hub.advance("2 min")
    shown = {name: number(hub, f"sensor.hall_{name}") for name in BUS_SENSORS}
    assert abs(shown["load"] - shown["planned_load"]) < 5, "it is as busy as it was planned to be"
    assert 95 <= shown["efficiency"] <= 100
    assert shown["errors"] == 0
    assert shown["lateness"] < 1
    assert 10 <= shown["answer_time"] <= 50
    assert state(hub, "binary_sensor.hall_healthy").value is True
    assert problems(hub) == []


async def test_a_healthy_meter_is_heard_well_and_its_age_stays_at_nought(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("2 min")
    changed = hub.capture(StateChanged, f"sensor.{point_of(1)}_meter_age")
    await hub.advance("10 min")
    assert [field.value(1, name) for name in ("signal", "meter_age")] == [100, 0]
    assert changed == [], "a meter that is read on time costs no events"


async def test_a_dead_meter_loses_its_signal_and_grows_old(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("1 min")
    field.bus.silent.add(1)
    await hub.advance("15 min")
    signal, age_s = field.value(1, "signal"), field.value(1, "meter_age")
    assert isinstance(signal, int)
    assert isinstance(age_s, int)
    assert signal <= 20
    assert 860 <= age_s <= 920
    assert field.value(2, "signal") == 100
    assert state(hub, "binary_sensor.hall_healthy").value is True, "a single dead meter is no trouble of the bus"


async def test_a_meter_that_refuses_is_heard_all_the_same(hub: HubHarness) -> None:
    field = await start_field(hub, 2)
    await hub.advance("1 min")
    field.bus.set_fault(Fault(kind=FaultKind.EXCEPTION, unit=1, code=2))
    await hub.advance("5 min")
    assert field.value(1, "signal") == 100
    assert number(hub, "sensor.hall_errors") > 10


async def test_a_silent_bus_is_in_trouble_and_a_healed_one_is_not(hub: HubHarness) -> None:
    field = await start_field(hub, 4)
    await hub.advance("1 min")
    field.bus.silent.update(range(1, 5))
    await hub.advance("3 min")
    assert state(hub, "binary_sensor.hall_healthy").value is False
    listed = problems(hub)
    assert isinstance(listed, (list, tuple))
    assert "none of its 4 meters answers" in listed
    field.bus.silent.clear()
    await hub.advance("4 min")
    assert problems(hub) == []


async def test_a_noisy_bus_says_how_many_fail(hub: HubHarness) -> None:
    field = await start_field(hub, 8)
    for unit in range(1, 9):
        field.bus.set_fault(Fault(kind=FaultKind.NOISE, unit=unit, chance=0.3))
    await hub.advance("1 min")
    errors = state(hub, "sensor.hall_errors")
    assert isinstance(errors.value, Decimal)
    assert 15 < errors.value < 45
    assert isinstance(since_start := errors.attributes["since_start"], Mapping)
    assert since_start["bad_crc"] >= 20
    assert "questions to live meters got no answer" in str(problems(hub))


async def test_dead_meters_that_are_looked_for_are_no_trouble_of_the_bus(hub: HubHarness) -> None:
    """On a bus that is seldom polled most transactions are looks for the dead one."""
    field = await start_field(hub, 2, fast="5 min")
    field.bus.silent.add(2)
    await hub.advance("2 hours")
    assert number(hub, "sensor.hall_errors") > 10
    assert problems(hub) == []


async def test_an_overloaded_bus_stretches_its_slow_group_first_and_says_so_once(
    hub: HubHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hub.plugin.kpm_modbus")
    bus = OneBus(hub, 20)
    field = await start_on(hub, bus, 20, groups=("fast", "normal", "slow"), fast="10 s", normal="60 s", slow="30 s")
    await hub.advance("25 s")
    planned = state(hub, "sensor.hall_planned_load")
    assert isinstance(planned.value, Decimal)
    assert planned.value > 90
    assert isinstance(stretched := planned.attributes["stretched"], Mapping)
    assert list(stretched) == ["slow"], "the normal group keeps its pace while the slow one can give way"
    said = [record.message for record in caplog.records if "reads less often" in record.message]
    assert len(said) == 1
    assert "slow (" in said[0]
    bus.bus.silent.update(range(1, 13))
    await hub.advance("3 min")
    assert state(hub, "sensor.hall_planned_load").attributes["stretched"] == {}
    assert [record.message for record in caplog.records if "configured periods again" in record.message] == [
        "bus hall keeps its configured periods again"
    ]
    assert field.device(20).liveness.value == "live"


async def test_another_master_is_an_alarm_told_once(hub: HubHarness, caplog: pytest.LogCaptureFixture) -> None:
    links = OneLine(hub, 2)
    await start_on(hub, links, 2, fast="10 s")
    await hub.advance("33 s")
    alarms = hub.capture(BusHasAnotherMaster)
    assert state(hub, "binary_sensor.hall_healthy").value is True
    for _ in range(5):
        links.overhear(rtu_frame(7, b"\x03\x00\x64\x00\x02"))
        await hub.advance("20 s")
    assert [alarm.bus for alarm in alarms] == ["hall"]
    assert [record.levelname for record in caplog.records if "has another master" in record.message] == ["ERROR"]
    assert problems(hub) == ["another master asks on it"]


async def test_a_slowly_polled_bus_is_looked_at_slowly(hub: HubHarness) -> None:
    """A meter that is read every quarter of an hour needs no look every 10 s."""
    await start_field(hub, 1, fast="15 min")
    await hub.advance("16 min")
    load = state(hub, "sensor.hall_load")
    await hub.advance("10 min")
    assert state(hub, "sensor.hall_load").reported_at == load.reported_at
    assert load.quality.value == "good"


async def test_each_figure_is_registered_with_its_unit(hub: HubHarness) -> None:
    await start_field(hub, 1)
    units = {entity.entity_id: entity.unit for entity in hub.kernel.registry.entities(OWNER)}
    assert {name: units[f"sensor.hall_{name}"] for name in BUS_SENSORS} == {
        "load": "%", "planned_load": "%", "efficiency": "%", "lateness": "s", "errors": "%", "answer_time": "ms",
    }  # fmt: skip
    assert [units[f"sensor.{point_of(1)}_{name}"] for name in METER_SENSORS] == ["%", "s", "ms"]
    assert units["binary_sensor.hall_healthy"] is None
