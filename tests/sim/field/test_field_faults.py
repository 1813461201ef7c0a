"""Every fault at the port: what a correct link would raise, at what cost; and faults of the meters themselves."""

from __future__ import annotations

import struct

import pytest
from field_stage import OPEN, POWER, RELAY, TIMEOUT_S, bus, outcome, serial
from made_up_profiles import HOLDING

from hub.contracts.links import Failure, Function, LinkFailed, Reply, Request
from hub.core.errors import NotFound
from hub.sim import VirtualClock
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.faults import BadFault, Fault, FaultKind, parse_fault

CLOSE = Request(unit=1, function=Function.WRITE_COIL, address=1, values=(1,))
ENERGY = Request(unit=1, function=HOLDING, address=0x82, count=2)
SERIAL = Request(unit=1, function=HOLDING, address=0x12, count=7)
WIRE_S = 17 * 11 / 9600 + 0.020  # a read of two registers without the gap


async def words(wire: SimulatedBus, request: Request) -> tuple[int, ...]:
    reply = await outcome(wire, request)
    assert isinstance(reply, Reply), reply
    return reply.words


async def kilowatt_hours(wire: SimulatedBus) -> float:
    (value,) = struct.unpack(">f", struct.pack(">2H", *await words(wire, ENERGY)))
    assert isinstance(value, float)
    return value


SPOILT = {
    FaultKind.SILENT: Failure.NO_REPLY,
    FaultKind.LOST_REPLY: Failure.NO_REPLY,
    FaultKind.HALF_OPEN: Failure.NO_REPLY,
    FaultKind.WRONG_CRC: Failure.BAD_CRC,
    FaultKind.NOISE: Failure.BAD_CRC,
    FaultKind.WRONG_UNIT: Failure.WRONG_UNIT,
    FaultKind.WRONG_FUNCTION: Failure.WRONG_FUNCTION,
    FaultKind.WRONG_LENGTH: Failure.WRONG_LENGTH,
    FaultKind.WRONG_ECHO: Failure.WRONG_ECHO,
    FaultKind.SHORT: Failure.BAD_CRC,
}


@pytest.mark.parametrize("kind", SPOILT, ids=lambda kind: kind.value)
async def test_a_spoilt_transaction_fails_as_in_a_correct_link_and_is_drained(
    virtual_clock: VirtualClock, kind: FaultKind
) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=kind, times=1))
    request = OPEN if kind is FaultKind.WRONG_ECHO else POWER
    failed = await outcome(wire, request)
    assert isinstance(failed, LinkFailed)
    assert (failed.reason, failed.was_sent) == (SPOILT[kind], True)
    assert virtual_clock.monotonic() == pytest.approx(8 * 11 / 9600 + 2 * TIMEOUT_S, abs=1e-6)
    assert isinstance(await outcome(wire, request), Reply), "it was to happen once"


async def test_a_cut_connection_is_told_and_nothing_was_sent(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.GATEWAY_DROP, times=1))
    failed = await outcome(wire, OPEN)
    assert isinstance(failed, LinkFailed)
    assert (failed.reason, failed.was_sent) == (Failure.DISCONNECTED, False)
    assert await words(wire, RELAY) == (1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "extra_bytes"),
    [(FaultKind.STRAY_BYTE, 1), (FaultKind.FOREIGN_FRAME, 9)],
    ids=["stray byte", "foreign"],
)
async def test_what_a_correct_link_sees_through_costs_only_its_time(
    virtual_clock: VirtualClock, kind: FaultKind, extra_bytes: int
) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=kind))
    assert await words(wire, POWER) == (0x447A, 0)
    assert virtual_clock.monotonic() == pytest.approx(WIRE_S + extra_bytes * 11 / 9600, abs=1e-6)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind=FaultKind.EXCEPTION, unit=1, code=11, times=2), 11),
        (Fault(kind=FaultKind.BUSY, unit=1, times=2), 6),
    ],
    ids=["an exception", "busy"],
)
async def test_a_meter_refuses_so_many_times(virtual_clock: VirtualClock, fault: Fault, code: int) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(fault)
    for _ in range(2):
        failed = await outcome(wire, OPEN)
        assert isinstance(failed, LinkFailed)
        assert (failed.reason, failed.exception_code) == (Failure.EXCEPTION, code)
    assert wire.meters[1].is_closed
    assert isinstance(await outcome(wire, OPEN), Reply)
    assert wire.stations.faults == ()


async def test_a_late_reply_within_the_callers_patience_is_a_reply(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.LATE, unit=1, late_s=0.2))
    reply = await outcome(wire, POWER)
    assert isinstance(reply, Reply)
    assert reply.turn_us == 220_000


async def test_noise_spoils_its_share_of_replies_repeatably(virtual_clock: VirtualClock) -> None:
    async def spoilt() -> list[bool]:
        wire = bus(virtual_clock)
        wire.set_fault(Fault(kind=FaultKind.NOISE, chance=0.3))
        return [isinstance(await outcome(wire, POWER), LinkFailed) for _ in range(200)]

    first = await spoilt()
    assert first == await spoilt()
    assert 40 < sum(first) < 80


async def test_a_lost_reply_hides_a_write_that_was_obeyed_and_silence_one_that_was_not(
    virtual_clock: VirtualClock,
) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.SILENT, unit=1, times=1))
    assert isinstance(await outcome(wire, OPEN), LinkFailed)
    assert await words(wire, RELAY) == (1, 1, 1)
    wire.set_fault(Fault(kind=FaultKind.LOST_REPLY, unit=1, times=1))
    assert isinstance(await outcome(wire, OPEN), LinkFailed)
    assert await words(wire, RELAY) == (0, 0, 0)


async def test_a_fault_of_one_unit_leaves_the_others_alone(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.SILENT, unit=2))
    assert isinstance(await outcome(wire, POWER), Reply)
    assert isinstance(await outcome(wire, Request(unit=2, function=HOLDING, address=0x48, count=2)), LinkFailed)
    wire.clear_faults(2)
    assert isinstance(await outcome(wire, Request(unit=2, function=HOLDING, address=0x48, count=2)), Reply)


async def test_a_reboot_is_silent_for_a_while_and_counts_from_zero(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    await virtual_clock.sleep(36_000)
    assert await kilowatt_hours(wire) == pytest.approx(10, rel=1e-3)
    wire.set_fault(Fault(kind=FaultKind.REBOOT, unit=1))
    assert isinstance(await outcome(wire, ENERGY), LinkFailed)
    await virtual_clock.sleep(2)
    assert await kilowatt_hours(wire) == pytest.approx(0, abs=0.01)
    assert wire.meters[1].energy_wh == 10_000
    assert wire.stations.faults == (), "it happened, and is over"


async def test_a_stuck_register_goes_on_showing_the_same_while_others_move(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.STUCK_REGISTER, unit=1, point="energy_import"))
    await virtual_clock.sleep(36_000)
    block = Request(unit=1, function=HOLDING, address=0x80, count=6)
    total = struct.unpack(">3f", struct.pack(">6H", *await words(wire, block)))
    assert total == (pytest.approx(10, rel=1e-3), 0.0, 0.0)
    wire.clear_faults(kind=FaultKind.STUCK_REGISTER)
    assert await kilowatt_hours(wire) == pytest.approx(10, rel=1e-3)


async def test_a_transient_zero_passes(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    await virtual_clock.sleep(36_000)
    wire.set_fault(Fault(kind=FaultKind.TRANSIENT_ZERO, unit=1, point="energy_import", times=2))
    assert await words(wire, POWER) == (0x447A, 0)
    assert [await kilowatt_hours(wire) for _ in range(3)] == [0.0, 0.0, pytest.approx(10, rel=1e-3)]


async def test_a_stuck_relay_accepts_and_does_not_move(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.RELAY_STUCK, unit=1))
    assert isinstance(await outcome(wire, OPEN), Reply)
    await virtual_clock.sleep(1)
    assert (await words(wire, RELAY), wire.meters[1].power_w) == ((1, 1, 1), 1000)


async def test_a_lying_relay_says_open_while_current_flows(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.LYING_RELAY, unit=1))
    assert isinstance(await outcome(wire, OPEN), Reply)
    await virtual_clock.sleep(1)
    assert (await words(wire, RELAY), wire.meters[1].power_w) == ((0, 0, 0), 1000)
    wire.clear_faults()
    assert await words(wire, RELAY) == (1, 1, 1)


async def test_a_lagging_status_follows_its_contact_half_a_minute_later(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.STATUS_LAG, unit=1))
    assert isinstance(await outcome(wire, OPEN), Reply)
    await virtual_clock.sleep(29)
    assert (await words(wire, RELAY), wire.meters[1].power_w) == ((1, 1, 1), 0)
    await virtual_clock.sleep(1.1)
    assert await words(wire, RELAY) == (0, 0, 0)


async def test_a_swapped_meter_answers_with_its_own_serial_number_and_counters(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    await virtual_clock.sleep(36_000)
    wire.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial=serial(99)))
    assert struct.pack(">7H", *await words(wire, SERIAL)) == serial(99).encode() + b"\0"
    await virtual_clock.sleep(3600)
    assert await kilowatt_hours(wire) == pytest.approx(1, rel=1e-3)
    wire.clear_faults(1)
    assert struct.pack(">7H", *await words(wire, SERIAL)) == serial(1).encode() + b"\0"
    assert await kilowatt_hours(wire) == pytest.approx(10, rel=1e-3)
    assert wire.meters[1].energy_wh == 11_000


async def test_a_self_trip_opens_the_relay_now(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.SELF_TRIP, unit=1))
    assert await words(wire, RELAY) == (0, 0, 0)
    assert isinstance(await outcome(wire, CLOSE), Reply)
    await virtual_clock.sleep(1)
    assert await words(wire, RELAY) == (1, 1, 1)


async def test_a_meter_with_its_own_prepaid_function_trips_at_zero_credit(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.meters[1].main.put_credit(500 * 3_600_000_000_000)
    wire.set_fault(Fault(kind=FaultKind.TRIPS_AT_ZERO, unit=1))
    await virtual_clock.sleep(3600)
    assert (await words(wire, RELAY), wire.meters[1].energy_wh) == ((0, 0, 0), 500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("silent", Fault(kind=FaultKind.SILENT)),
        ("silent:3", Fault(kind=FaultKind.SILENT, unit=3)),
        ("late::0.6", Fault(kind=FaultKind.LATE, late_s=0.6)),
        ("exception:2:11", Fault(kind=FaultKind.EXCEPTION, unit=2, code=11)),
        ("busy:2:3", Fault(kind=FaultKind.BUSY, unit=2, times=3)),
        ("noise::0.1", Fault(kind=FaultKind.NOISE, chance=0.1)),
        ("swapped:4:33B1225950099", Fault(kind=FaultKind.SWAPPED, unit=4, serial="33B1225950099")),
        ("stuck_register:4:power", Fault(kind=FaultKind.STUCK_REGISTER, unit=4, point="power")),
    ],
)
def test_a_fault_is_typed_as_kind_unit_and_argument(text: str, expected: Fault) -> None:
    assert parse_fault(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("silnt", "there is no fault 'silnt'. Did you mean 'silent'?"),
        ("silent:x", "fault 'silent:x': 'x' is no unit; it is a number from 1 to 247, or empty for all"),
        ("silent:300", "fault 'silent:300': '300' is no unit; it is a number from 1 to 247, or empty for all"),
        ("late:1:soon", "fault 'late:1:soon': 'soon' is no late_s, which is a number"),
        ("busy:1:1.5", "fault 'busy:1:1.5': '1.5' is no times, which is a number"),
        ("busy:1:0", "fault busy: times is 1 or more, not 0"),
        ("exception:1:300", "fault exception: an exception code is 1 to 255, not 300"),
        ("noise::2", "fault noise: the chance is above 0 and at most 1, not 2"),
        ("late::999999", "fault late: late by 0 to 86,400 s, not 999999"),
        ("stuck_register:1", "fault stuck_register needs a point"),
        ("swapped::X", "fault swapped is of one meter; name its unit"),
        ("half_open:1", "fault half_open is of the whole bus; name no unit"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(BadFault) as refused:
        parse_fault(text)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (
            Fault(kind=FaultKind.SILENT, unit=9),
            NotFound,
            "no simulated meter has unit 9 here; the units are 1, 2, 3",
        ),
        (Fault(kind=FaultKind.STUCK_REGISTER, unit=1, point="x"), BadFault, "a like_kpm33b has no point 'x'"),
    ],
)
async def test_a_fault_that_fits_nobody_here_is_refused(
    virtual_clock: VirtualClock, fault: Fault, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as refused:
        bus(virtual_clock).set_fault(fault)
    assert str(refused.value) == said


def test_every_kind_of_fault_is_tested_here() -> None:
    """A new fault without a test at the port is noticed."""
    from pathlib import Path

    source = Path(__file__).read_text()
    assert [kind.name for kind in FaultKind if f"FaultKind.{kind.name}" not in source] == []
