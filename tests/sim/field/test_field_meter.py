"""A simulated meter: its numbers fit each other, its energy is the integral of its power, its words the codec's."""

from __future__ import annotations

import struct
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_profiles import (
    DIES_WITH_ITS_RELAY,
    HOLDING,
    LIKE_KPM33B,
    NEEDS_A_BUTTON,
    SERIAL,
    TWO_CIRCUITS,
    WHOLE_NUMBERS,
)

from hub.contracts.links import Function
from hub.contracts.profiles import Profile, Value, WordType, decode, load_profile, relay_position, serial_text
from hub.contracts.relays import Position
from hub.core.clock import Clock
from hub.sim import VirtualClock
from hub.sim.field.image import Refused, RegisterImage, _fitting
from hub.sim.field.loads import PATTERNS, ConstantLoad, DailyLoad, SteppedLoad
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.quantities import quantity_of

SHIPPED = {
    path.stem: path for path in sorted((Path(__file__).parents[3] / "plugins/kpm_modbus/profiles").glob("*.yaml"))
}
SERIALS = {WordType.ASCII: SERIAL, WordType.U32: "12345678"}


def read(meter: SimulatedMeter, name: str) -> Value:
    point = meter.profile.point(name)
    data = meter.registers(point.function, point.address, point.count)
    return decode(point, struct.unpack(f">{point.count}H", data)).value


def number(meter: SimulatedMeter, name: str) -> float:
    value = read(meter, name)
    assert isinstance(value, Decimal), name
    return float(value)


def make(clock: Clock, profile: Profile = LIKE_KPM33B, load_w: int = 6000, **more: int) -> SimulatedMeter:
    return SimulatedMeter(clock, profile, SERIAL, load_w, **more)


def test_power_voltage_current_and_power_factor_fit_in_every_phase(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    for phase in ("l1", "l2", "l3"):
        volts, amperes = number(meter, f"voltage_{phase}"), number(meter, f"current_{phase}")
        watts, factor = number(meter, f"power_{phase}"), number(meter, f"power_factor_{phase}")
        assert watts == pytest.approx(volts * amperes * factor, rel=1e-4)
        assert 80 < volts < 300
        assert number(meter, f"apparent_power_{phase}") == pytest.approx(volts * amperes, rel=1e-4)
        assert number(meter, f"reactive_power_{phase}") == pytest.approx(watts * 0.328684, rel=1e-4)
    assert number(meter, "power") == 6000
    assert sum(number(meter, f"power_{phase}") for phase in ("l1", "l2", "l3")) == pytest.approx(6000)
    assert 45 < number(meter, "frequency") < 65


async def test_an_hour_at_six_kilowatts_is_six_kilowatt_hours_to_the_microwatt_hour(
    virtual_clock: VirtualClock,
) -> None:
    meter = make(virtual_clock, energy_wh=1000)
    for _ in range(360):  # looked at often, nothing drifts
        await virtual_clock.sleep(10)
        _ = meter.power_w
    assert meter.energy_uwh == 7_000 * 1_000_000
    assert read(meter, "energy_import") == 7


async def test_nothing_flows_when_the_relay_is_open(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    await virtual_clock.sleep(60)
    meter.switch(is_closed=False)
    before_uwh = meter.energy_uwh
    await virtual_clock.sleep(3600)
    assert (meter.energy_uwh, meter.power_w, read(meter, "power"), read(meter, "current_l2")) == (
        before_uwh,
        0,
        0,
        0,
    )
    assert number(meter, "voltage_l1") > 200
    meter.switch(is_closed=True)
    await virtual_clock.sleep(60)
    assert meter.energy_uwh == 2 * before_uwh


async def test_energy_is_the_integral_of_power_while_closed(virtual_clock: VirtualClock) -> None:
    load = DailyLoad(PATTERNS["shop"], 20_000, seed=5)
    meter = SimulatedMeter(virtual_clock, LIKE_KPM33B, SERIAL, load)
    spans = []
    for hours, is_closed in ((9, True), (3, False), (20, True), (1, False), (30, True)):
        meter.switch(is_closed=is_closed)
        begun_us = meter.true_us()
        await virtual_clock.sleep(3600 * hours)
        if is_closed:
            spans.append(load.drawn_nj(begun_us, meter.true_us())[0])
    meter.settle()
    assert meter.main.true.import_nj == sum(spans)


async def test_the_tariff_counters_add_up_to_the_import(virtual_clock: VirtualClock) -> None:
    meter = SimulatedMeter(virtual_clock, LIKE_KPM33B, SERIAL, DailyLoad(PATTERNS["shop"], 20_000, seed=5))
    await virtual_clock.sleep(40 * 3600)
    meter.settle()
    counted = meter.main.counted()
    bands = (counted.sharp_nj, counted.peak_nj, counted.flat_nj, counted.valley_nj)
    assert all(bands)
    assert sum(bands) == counted.import_nj


async def test_a_solar_roof_turns_the_export_counter(virtual_clock: VirtualClock) -> None:
    now_us = virtual_clock.now_us()
    load = SteppedLoad([(now_us, 3000), (now_us + 3_600_000_000, -2000)])
    meter = SimulatedMeter(virtual_clock, LIKE_KPM33B, SERIAL, load)
    await virtual_clock.sleep(7200)
    assert (read(meter, "energy_import"), read(meter, "energy_export"), read(meter, "energy_total")) == (3, 2, 5)
    assert read(meter, "power") == -2000


async def test_a_step_of_the_wall_clock_moves_nothing_in_a_meter(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    await virtual_clock.sleep(3600)
    virtual_clock.step(-86_400)
    assert meter.energy_wh == 6000
    virtual_clock.step(2 * 86_400)
    assert meter.energy_wh == 6000


async def test_the_prepaid_credit_counts_down_and_trips_only_if_it_may(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, load_w=1000, prepaid_wh=1500)
    await virtual_clock.sleep(3600)
    assert read(meter, "prepaid_energy") == Decimal("0.5")
    await virtual_clock.sleep(3600)
    assert (read(meter, "prepaid_energy"), meter.is_closed) == (Decimal("-0.5"), True)
    meter.main.put_credit(0)
    meter.main.trips_at_zero = True
    await virtual_clock.sleep(1)
    assert (meter.is_closed, meter.energy_wh) == (False, 2000)


async def test_a_prepaid_trip_gives_exactly_the_credit(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, load_w=999, prepaid_wh=777)
    meter.main.trips_at_zero = True
    await virtual_clock.sleep(10_000)
    assert (meter.energy_uwh, meter.is_closed) == (777_000_000, False)


def test_the_serial_number_and_the_relay_read_as_the_profile_says(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    identity, check = LIKE_KPM33B.identity, LIKE_KPM33B.relay
    assert identity is not None
    assert check is not None
    words = struct.unpack(">7H", meter.registers(HOLDING, 0x12, 7))
    assert serial_text(identity, words) == SERIAL
    assert relay_position(check, tuple(meter.bits(check.function, check.address, check.count))) is Position.CLOSED
    meter.switch(is_closed=False)
    assert relay_position(check, tuple(meter.bits(check.function, check.address, check.count))) is Position.OPEN


@pytest.mark.parametrize(
    ("case", "function", "address", "count", "code"),
    [
        ("a listed register", HOLDING, 0x48, 2, None),
        ("half a value", HOLDING, 0x49, 1, None),
        ("a proven gap", HOLDING, 0x62, 8, None),
        ("an unlisted register", HOLDING, 0x300, 1, 2),
        ("across an unproven gap", HOLDING, 0x68, 26, 2),
        ("a forbidden range", HOLDING, 0x1A0, 1, 2),
        ("more than the meter takes", HOLDING, 0x30, 101, 3),
        ("nothing at all", HOLDING, 0x30, 0, 3),
        ("a function it does not know", Function.READ_INPUT_REGISTERS, 0x48, 2, 1),
        ("an unlisted coil", Function.READ_COILS, 0x09, 1, 2),
        ("too many coils", Function.READ_COILS, 0x01, 17, 3),
    ],
)
def test_a_read_is_answered_or_refused_as_a_meter_would(
    virtual_clock: VirtualClock, case: str, function: Function, address: int, count: int, code: int | None
) -> None:
    meter = make(virtual_clock)
    ask = meter.bits if function.reads_bits else meter.registers
    if code is None:
        assert len(ask(function, address, count)) == 2 * count, case
        return
    with pytest.raises(Refused) as refused:
        ask(function, address, count)
    assert refused.value.code == code, case


@pytest.mark.parametrize("name", SHIPPED)
async def test_every_point_of_every_shipped_profile_reads_and_makes_sense(
    name: str, virtual_clock: VirtualClock
) -> None:
    profile = load_profile(SHIPPED[name])
    serial = SERIALS[profile.identity.point.type] if profile.identity else "none"
    meter = SimulatedMeter(virtual_clock, profile, serial, 3000, energy_wh=1_000_000)
    await virtual_clock.sleep(3600)
    for point in profile.points:
        if point.function.reads_bits:
            continue
        decoded = decode(
            point, struct.unpack(f">{point.count}H", meter.registers(point.function, point.address, point.count))
        )
        assert decoded.flaw is None, (point.name, decoded)
    assert number(meter, "energy_import") == pytest.approx(1003, abs=0.02)
    power = profile.point("power")
    assert number(meter, "power") == pytest.approx({"W": 3000, "kW": 3}[power.unit], rel=1e-3)
    volts = [number(meter, point.name) for point in profile.points if point.name in {"voltage", "voltage_l1"}]
    assert all(80 < value < 300 for value in volts)
    assert volts


@pytest.mark.parametrize("profile", [LIKE_KPM33B, WHOLE_NUMBERS], ids=lambda profile: profile.id)
@settings(max_examples=30, deadline=None)
@given(load_w=st.integers(0, 30_000), energy_wh=st.integers(0, 900_000), seconds=st.integers(0, 100_000))
def test_the_quick_way_to_words_gives_what_the_codec_gives(
    profile: Profile, load_w: int, energy_wh: int, seconds: int
) -> None:
    from hub.sim import VirtualLoop

    loop = VirtualLoop()
    try:
        clock = VirtualClock(loop)
        meter = SimulatedMeter(clock, profile, SERIAL, ConstantLoad(load_w), energy_wh=energy_wh)
        loop.run_until_complete(clock.sleep(seconds))
        meter.settle()
        check_words(meter)
    finally:
        loop.close()


def check_words(meter: SimulatedMeter) -> None:
    from fractions import Fraction

    from hub.contracts.profiles import encode
    from hub.sim.field.image import Look

    look = Look(meter, meter.true_us())
    compared = 0
    for point in meter.profile.points:
        quantity = quantity_of(point)
        if quantity is None or point.multiply_by or point.type is WordType.BCD:
            continue
        value = _fitting(point, Fraction(quantity.get(look.of("")), quantity.per_unit))
        expected = struct.pack(f">{point.count}H", *encode(point, value))
        compared += 1
        assert meter.registers(point.function, point.address, point.count) == expected, point.name
    assert compared >= 6


def test_a_transformer_ratio_that_the_meter_does_not_apply_is_left_to_the_reader(
    virtual_clock: VirtualClock,
) -> None:
    meter = make(virtual_clock, WHOLE_NUMBERS, energy_wh=5_000_000, ct_ratio=50)
    assert (read(meter, "energy_import"), read(meter, "ct_ratio")) == (Decimal("100.00"), 50)


@pytest.mark.parametrize("name", ["energy_import", "energy_total", "energy_forward"])
def test_a_counter_shows_only_what_is_complete(virtual_clock: VirtualClock, name: str) -> None:
    meter = make(virtual_clock, WHOLE_NUMBERS, energy_wh=1_234_569)
    assert read(meter, name) == Decimal("1234.56")


async def test_a_counter_starts_again_at_its_modulus(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, WHOLE_NUMBERS, load_w=3600, energy_wh=999_999_990)
    assert read(meter, "energy_import") == Decimal("999999.99")
    await virtual_clock.sleep(11)
    assert read(meter, "energy_import") == Decimal("0.00")
    assert meter.energy_wh == 1_000_000_001


async def test_each_circuit_of_a_meter_flows_counts_and_switches_on_its_own(virtual_clock: VirtualClock) -> None:
    loads = {"c1": ConstantLoad(1000), "c2": ConstantLoad(2000)}
    meter = SimulatedMeter(virtual_clock, TWO_CIRCUITS, "none", loads)
    await virtual_clock.sleep(3600)
    meter.switch(is_closed=False, channel="c2")
    await virtual_clock.sleep(3600)
    assert (read(meter, "c1_energy_import"), read(meter, "c2_energy_import")) == (2, 2)
    assert (read(meter, "c1_power"), read(meter, "c2_power"), read(meter, "power")) == (1000, 0, 1000)
    assert meter.bits(Function.READ_COILS, 0, 2) == [1, 0]


def test_an_armed_relay_closes_when_its_button_is_pressed(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, NEEDS_A_BUTTON)
    meter.switch(is_closed=False)
    assert not meter.press_button()
    meter.main.relay.command(meter.true_us(), is_closed=True)
    assert (meter.is_closed, meter.registers(HOLDING, 0x1A, 1)) == (False, b"\0\2")
    assert meter.press_button()
    assert (meter.is_closed, meter.registers(HOLDING, 0x1A, 1)) == (True, b"\0\1")


def test_a_meter_behind_its_own_relay_is_deaf_when_that_opens(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, DIES_WITH_ITS_RELAY)
    assert not meter.is_deaf()
    meter.switch(is_closed=False)
    assert meter.is_deaf()


def test_meters_of_one_type_share_their_compiled_registers(virtual_clock: VirtualClock) -> None:
    assert make(virtual_clock).image is make(virtual_clock).image
    assert isinstance(make(virtual_clock).image, RegisterImage)
