"""Writes to a simulated meter: its actions work, all else is refused, and what is deny-listed does its harm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_up_profiles import HOLDING, LIKE_KPM33B, SERIAL, TWO_CIRCUITS, WHOLE_NUMBERS, switch

from hub.contracts.links import Function, Request
from hub.contracts.profiles import Profile, Step
from hub.sim import VirtualClock
from hub.sim.field.image import Refused
from hub.sim.field.meter import SimulatedMeter

COIL, REGISTERS = Function.WRITE_COIL, Function.WRITE_REGISTERS


def write(meter: SimulatedMeter, function: Function, address: int, *values: int) -> int | None:
    """The exception code that the meter answers with, or None when it obeyed."""
    request = Request(unit=1, function=function, address=address, count=len(values), values=values)
    try:
        meter.write(request)
    except Refused as refused:
        return refused.code
    return None


def make(clock: VirtualClock, profile: Profile = LIKE_KPM33B, **more: int) -> SimulatedMeter:
    return SimulatedMeter(clock, profile, SERIAL, 6000, **more)


@pytest.mark.parametrize(
    ("profile", "function", "address", "open_value", "close_value"),
    [(LIKE_KPM33B, COIL, 1, 0, 1), (WHOLE_NUMBERS, REGISTERS, 0x1A, 0, 1)],
    ids=["a coil", "a register"],
)
async def test_a_relay_moves_a_moment_after_its_command(
    virtual_clock: VirtualClock,
    profile: Profile,
    function: Function,
    address: int,
    open_value: int,
    close_value: int,
) -> None:
    meter = make(virtual_clock, profile)
    assert write(meter, function, address, open_value) is None
    await virtual_clock.sleep(0.079)
    assert meter.is_closed
    await virtual_clock.sleep(0.002)
    assert meter.power_w == 0
    # Nobody looked at the moment of the move, and still the energy is that of 80 ms, to the nanojoule.
    assert meter.main.true.import_nj == 6_000_000 * 80_000
    assert write(meter, function, address, close_value) is None
    await virtual_clock.sleep(1)
    assert meter.is_closed


@pytest.mark.parametrize(
    ("case", "function", "address", "values", "code"),
    [
        ("a relay value that means nothing", REGISTERS, 0x1A, (7,), 3),
        ("a register that nothing lists", REGISTERS, 0x40, (1,), 2),
        ("a measurement", REGISTERS, 0x0C, (1,), 2),
        ("one register too many", REGISTERS, 0x1A, (1, 1), 2),
        ("a function that it does not know", Function.WRITE_REGISTER, 0x1A, (1,), 1),
    ],
)
def test_a_write_that_is_no_action_is_refused(
    virtual_clock: VirtualClock, case: str, function: Function, address: int, values: tuple[int, ...], code: int
) -> None:
    meter = make(virtual_clock, WHOLE_NUMBERS)
    assert write(meter, function, address, *values) == code, case
    assert meter.is_closed
    assert meter.denied_writes == []


async def test_an_action_does_nothing_until_what_comes_before_it_holds(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    meter.keep(HOLDING, 0x1E, [0xDD11])  # a person at the keypad has chosen local mode
    assert write(meter, COIL, 1, 0) == 4
    assert write(meter, REGISTERS, 0x1E, 0xDD22) is None
    assert write(meter, COIL, 1, 0) is None
    await virtual_clock.sleep(1)
    assert (meter.is_closed, meter.registers(HOLDING, 0x1E, 1)) == (False, b"\xdd\x22")


async def test_a_clear_command_really_clears_and_is_counted(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, energy_wh=5000, prepaid_wh=900)
    assert write(meter, REGISTERS, 0x0C, 0x5578) is None
    assert (meter.main.counted().import_nj, meter.energy_wh) == (0, 5000)
    await virtual_clock.sleep(3600)
    assert (meter.energy_wh, meter.main.counted().import_nj) == (11_000, 6000 * 3_600_000_000_000)
    assert write(meter, REGISTERS, 0x0C, 0x5579) is None
    assert meter.main.credit_left_nj() == 0
    assert [request.values for request in meter.denied_writes] == [(0x5578,), (0x5579,)]


def test_writing_over_a_counter_erases_all_counters(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, WHOLE_NUMBERS, energy_wh=5000)
    assert write(meter, REGISTERS, 0, 0, 0) is None
    assert (meter.main.counted().import_nj, len(meter.denied_writes)) == (0, 1)


def test_writing_the_prepaid_energy_sets_it(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock)
    assert write(meter, REGISTERS, 0x0E, 0x4248, 0) is None  # 50.0 as a float
    assert meter.main.credit_left_nj() == 50_000 * 3_600_000_000_000
    assert len(meter.denied_writes) == 1


def test_a_denied_write_where_there_is_nothing_is_counted_and_refused(virtual_clock: VirtualClock) -> None:
    wide = replace(LIKE_KPM33B, deny=(replace(LIKE_KPM33B.deny[0], first=0x27, last=0xFFFF),))
    meter = make(virtual_clock, wide)
    assert write(meter, REGISTERS, 0x900, 1) == 2
    assert len(meter.denied_writes) == 1


async def test_each_circuit_obeys_its_own_command(virtual_clock: VirtualClock) -> None:
    meter = make(virtual_clock, TWO_CIRCUITS)
    assert write(meter, COIL, 1, 0) is None
    await virtual_clock.sleep(1)
    meter.settle()
    assert [circuit.relay.is_closed for circuit in meter.circuits.values()] == [True, False]


def test_a_password_that_must_be_written_first_is_kept(virtual_clock: VirtualClock) -> None:
    password = Step(function=REGISTERS, address=0x03, values=(6666,))
    meter = make(virtual_clock, replace(LIKE_KPM33B, actions=switch(COIL, 1, 1, 0, (password,))))
    assert write(meter, REGISTERS, 0x03, 1) is None
    assert write(meter, COIL, 1, 0) == 4
    assert write(meter, REGISTERS, 0x03, 6666) is None
    assert write(meter, COIL, 1, 0) is None
