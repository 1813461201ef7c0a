"""The simulated line: bytes in, bytes out when a wire would give them, and every fault as real bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from field_stage import Ear, checksum, framed, line, read_frame, stations

from hub.contracts.links import WireTiming
from hub.sim import VirtualClock, VirtualLoop
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.line import SimulatedLine
from hub.sim.field.rtu import crc16, is_sound
from hub.sim.field.stations import Turn

C = 11 / 9600
GAP_S = 3.5 * C
READ = read_frame(1, 0x48, 2)
ANSWER = framed(1, 3, 4, 0x44, 0x7A, 0, 0)


async def ask(wire: SimulatedLine, clock: VirtualClock, frame: bytes = READ, wait_s: float = 1.0) -> Ear:
    ear = Ear(clock)
    port = wire.connect(ear)
    port.write(frame)
    await clock.sleep(wait_s)
    port.close()
    return ear


@pytest.mark.parametrize(
    "frame",
    [
        "01 01 00 01 00 01 AC 0A",
        "01 05 00 01 FF 00 DD FA",
        "01 05 00 01 00 00 9C 0A",
        "01 03 00 12 00 07 A4 0D",
        "01 03 00 82 00 02 64 23",
        "01 01 01 07 10 4A",
    ],
)
def test_the_checksum_is_that_of_the_manuals_frames(frame: str) -> None:
    data = bytes.fromhex(frame)
    assert crc16(data[:-2]).to_bytes(2, "little") == data[-2:] == checksum(data[:-2])
    assert is_sound(data)
    assert not is_sound(data[:-1] + bytes((data[-1] ^ 1,)))


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("01 01 00 01 00 01 AC 0A", "01 01 01 07 10 4A"),  # asked for one coil, the manual's meter shows all three
        ("01 05 00 01 FF 00 DD FA", "01 05 00 01 FF 00 DD FA"),
        ("01 03 00 12 00 07 A4 0D", framed(1, 3, 14, *b"33B1225950001", 0).hex(" ")),
    ],
    ids=["relay", "close", "serial number"],
)
async def test_the_manuals_requests_get_the_manuals_answers(
    virtual_clock: VirtualClock, request_: str, reply: str
) -> None:
    ear = await ask(line(virtual_clock), virtual_clock, bytes.fromhex(request_))
    assert ear.heard == bytes.fromhex(reply)


@pytest.mark.parametrize(("baud", "turn_s"), [(9600, 0.020), (19200, 0.0), (115200, 0.005)])
@pytest.mark.parametrize(("count", "frame"), [(2, READ), (56, read_frame(1, 0x30, 56))])
async def test_a_reply_is_whole_exactly_when_the_wire_lets_it(
    virtual_clock: VirtualClock, baud: int, turn_s: float, count: int, frame: bytes
) -> None:
    timing = WireTiming.of(baud)
    ear = await ask(line(virtual_clock, baud=baud, turn=Turn.of_s(turn_s)), virtual_clock, frame)
    expected_s = (8 + 5 + 2 * count) * timing.character_s + max(turn_s, timing.gap_s)
    assert ear.at_s == [pytest.approx(expected_s, abs=1e-6)]
    assert len(ear.heard) == 5 + 2 * count


async def test_a_reply_in_pieces_comes_as_its_bytes_go_by(virtual_clock: VirtualClock) -> None:
    ear = await ask(line(virtual_clock, pieces=3), virtual_clock)
    assert b"".join(ear.chunks) == ANSWER
    assert ear.at_s == [pytest.approx((8 + n) * C + 0.020, abs=1e-6) for n in (3, 6, 9)]


async def test_a_request_may_come_in_pieces(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = Ear(virtual_clock)
    port = wire.connect(ear)
    for place in range(8):
        port.write(READ[place : place + 1])
        await virtual_clock.sleep(C)
    await virtual_clock.sleep(1)
    assert ear.heard == ANSWER


async def test_a_request_broken_by_silence_is_forgotten(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = Ear(virtual_clock)
    port = wire.connect(ear)
    port.write(READ[:5])
    await virtual_clock.sleep(5 * C + GAP_S + 0.001)
    port.write(READ[5:])
    await virtual_clock.sleep(1)
    port.write(READ)
    await virtual_clock.sleep(1)
    assert ear.heard == ANSWER
    assert (wire.requests, wire.unheard) == (1, 2)


@pytest.mark.parametrize(
    ("case", "frame"),
    [
        ("a wrong checksum", READ[:-1] + b"\0"),
        ("a unit that is not there", read_frame(9, 0x48, 2)),
    ],
)
async def test_silence_answers(virtual_clock: VirtualClock, case: str, frame: bytes) -> None:
    assert (await ask(line(virtual_clock), virtual_clock, frame)).heard == b"", case


@pytest.mark.parametrize(
    ("case", "frame", "reply"),
    [
        ("an unlisted register", read_frame(1, 0x300, 1), framed(1, 0x83, 2)),
        ("too many registers", read_frame(1, 0x30, 120), framed(1, 0x83, 3)),
        ("a function of no meter", framed(1, 0x2B, 0x0E, 1, 0), framed(1, 0xAB, 1)),
        ("a coil value that means nothing", framed(1, 5, 0, 1, 0, 1), framed(1, 0x85, 3)),
        ("a count that does not fit its bytes", framed(1, 16, 0, 0x1E, 0, 2, 2, 0, 1), framed(1, 0x90, 3)),
        ("a written mode", framed(1, 16, 0, 0x1E, 0, 1, 2, 0xDD, 0x22), framed(1, 16, 0, 0x1E, 0, 1)),
    ],
)
async def test_a_meter_answers_every_kind_of_request(
    virtual_clock: VirtualClock, case: str, frame: bytes, reply: bytes
) -> None:
    assert (await ask(line(virtual_clock), virtual_clock, frame)).heard == reply, case


async def test_a_broadcast_is_obeyed_by_all_and_answered_by_nobody(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = await ask(wire, virtual_clock, framed(0, 5, 0, 1, 0, 0))
    assert ear.heard == b""
    assert [meter.is_closed for meter in wire.stations.meters.values()] == [False] * 3


DAMAGE: dict[FaultKind, bytes] = {
    FaultKind.SILENT: b"",
    FaultKind.LOST_REPLY: b"",
    FaultKind.HALF_OPEN: b"",
    FaultKind.WRONG_CRC: ANSWER[:-2] + bytes((ANSWER[-2] ^ 0xFF, ANSWER[-1] ^ 0xFF)),
    FaultKind.WRONG_UNIT: framed(2, *ANSWER[1:-2]),
    FaultKind.WRONG_FUNCTION: framed(1, 4, *ANSWER[2:-2]),
    FaultKind.WRONG_LENGTH: framed(1, 3, 2, 0x44, 0x7A),
    FaultKind.SHORT: ANSWER[:6],
    FaultKind.STRAY_BYTE: b"\0" + ANSWER,
    FaultKind.FOREIGN_FRAME: framed(2, 3, 4, 0x44 ^ 0x5A, 0x7A ^ 0x5A, 0x5A, 0x5A) + ANSWER,
    FaultKind.EXCEPTION: framed(1, 0x83, 4),
    FaultKind.BUSY: framed(1, 0x83, 6),
}


@pytest.mark.parametrize("kind", DAMAGE, ids=lambda kind: kind.value)
async def test_a_fault_is_real_bytes_and_goes_when_its_times_are_up(
    virtual_clock: VirtualClock, kind: FaultKind
) -> None:
    wire = line(virtual_clock)
    wire.stations.set_fault(Fault(kind=kind, times=1))
    assert b"".join((await ask(wire, virtual_clock)).chunks) == DAMAGE[kind]
    assert (await ask(wire, virtual_clock)).heard == ANSWER


async def test_a_wrong_echo_confirms_another_address(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    wire.stations.set_fault(Fault(kind=FaultKind.WRONG_ECHO, times=1))
    assert (await ask(wire, virtual_clock)).heard == ANSWER, "a read has no echo"
    ear = await ask(wire, virtual_clock, framed(1, 5, 0, 1, 0, 0))
    assert ear.heard == framed(1, 5, 1, 1, 0, 0)


async def test_noise_changes_bytes_and_never_the_length(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    wire.stations.set_fault(Fault(kind=FaultKind.NOISE))
    for _ in range(50):
        heard = (await ask(wire, virtual_clock)).heard
        assert heard != ANSWER
        assert len(heard) == len(ANSWER)


async def test_a_late_reply_arrives_afterwards_in_the_next_requests_time(virtual_clock: VirtualClock) -> None:
    """The trap of RTU: nothing in the bytes tells that they answer the request before."""
    wire = line(virtual_clock)
    wire.stations.set_fault(Fault(kind=FaultKind.LATE, unit=1, times=1, late_s=0.31))
    ear = Ear(virtual_clock)
    port = wire.connect(ear)
    port.write(READ)
    await virtual_clock.sleep(0.3)
    assert ear.take() == []
    port.write(read_frame(1, 0x82, 2))
    await virtual_clock.sleep(0.06)
    assert ear.take() == [ANSWER]
    await virtual_clock.sleep(1)
    [second] = ear.take()
    assert (second[:3], second != ANSWER) == (b"\x01\x03\x04", True), "in the order in which it was asked"


async def test_who_talks_while_a_meter_answers_spoils_both(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = Ear(virtual_clock)
    port = wire.connect(ear)
    port.write(READ)
    await virtual_clock.sleep(8 * C + 0.020 + C)
    port.write(read_frame(2, 0x48, 2))
    await virtual_clock.sleep(1)
    [heard] = ear.take()
    assert heard != ANSWER
    assert (wire.collisions, wire.unheard) == (1, 1)
    port.write(READ)
    await virtual_clock.sleep(1)
    assert ear.heard == ANSWER


async def test_a_request_within_the_gap_is_counted_and_a_strict_meter_misses_it(
    virtual_clock: VirtualClock,
) -> None:
    for is_strict, expected in ((False, ANSWER), (True, b"")):
        wire = SimulatedLine(virtual_clock, stations(virtual_clock), WireTiming.of(9600), must_keep_gap=is_strict)
        ear = Ear(virtual_clock)
        port = wire.connect(ear)
        port.write(READ)
        await virtual_clock.sleep(17 * C + 0.020 + GAP_S / 2)
        ear.take()
        port.write(READ)
        await virtual_clock.sleep(1)
        assert (ear.heard, wire.gap_violations) == (expected, 1)
        ear.take()
        port.write(READ)
        await virtual_clock.sleep(1)
        assert (ear.heard, wire.gap_violations) == (ANSWER, 1)


async def test_a_gateway_drop_cuts_all_and_takes_nobody_until_it_is_over(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = Ear(virtual_clock)
    wire.connect(ear)
    wire.stations.set_fault(Fault(kind=FaultKind.GATEWAY_DROP))
    assert ear.was_lost == "the simulated gateway cut the connection"
    with pytest.raises(OSError, match="takes no connection now"):
        wire.connect(ear)
    wire.stations.clear_faults()
    assert (await ask(wire, virtual_clock)).heard == ANSWER


async def test_a_half_open_connection_swallows_replies_that_were_on_their_way(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    ear = Ear(virtual_clock)
    wire.connect(ear).write(READ)
    await virtual_clock.sleep(0.01)
    wire.stations.set_fault(Fault(kind=FaultKind.HALF_OPEN))
    await virtual_clock.sleep(1)
    assert (ear.heard, ear.was_lost) == (b"", "")


async def test_an_instant_line_takes_no_time_but_a_late_reply_is_late(virtual_clock: VirtualClock) -> None:
    wire = SimulatedLine(virtual_clock, stations(virtual_clock), WireTiming.of(9600), is_instant=True)
    ear = Ear(virtual_clock)
    port = wire.connect(ear)
    port.write(READ + read_frame(2, 0x48, 2))
    assert ear.take() == [ANSWER, framed(2, 3, 4, 0x44, 0xFA, 0, 0)]
    wire.stations.set_fault(Fault(kind=FaultKind.LATE, times=1, late_s=0.4))
    port.write(READ)
    assert ear.take() == []
    await virtual_clock.sleep(0.4)
    assert ear.at_s == [pytest.approx(0.4)]


def test_every_kind_of_reply_fault_is_tested_here_as_bytes() -> None:
    from pathlib import Path

    from hub.sim.field.faults import REPLIES

    source = Path(__file__).read_text()
    assert [kind.name for kind in REPLIES if f"FaultKind.{kind.name}" not in source] == []


async def test_late_timers_of_a_busy_machine_do_not_add_up(virtual_clock: VirtualClock) -> None:
    """The wire's own time counts: only the timer that hands the reply over is late, not those before it."""

    class LateTimers(VirtualClock):
        def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
            return super().call_later(delay_s + 0.003, callback)

    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    busy_clock = LateTimers(loop)
    wire = line(busy_clock, turn=Turn(20_000, 20_000))
    begun_s = virtual_clock.monotonic()
    ear = await ask(wire, virtual_clock)
    on_time_s = (len(READ) + len(ear.heard)) * C + 0.020
    assert ear.at_s[-1] - begun_s == pytest.approx(on_time_s + 0.003, abs=1e-6)
