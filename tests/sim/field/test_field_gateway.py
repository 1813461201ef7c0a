"""Modbus TCP in front of the stations: numbered answers, one request on the wire at a time, silence named."""

from __future__ import annotations

import struct

import pytest
from field_stage import Ear, stations

from hub.contracts.links import WireTiming
from hub.sim import VirtualClock
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.mbap import SimulatedGateway

READ = bytes((3, 0, 0x48, 0, 2))
ANSWER = bytes((3, 4, 0x44, 0x7A, 0, 0))
C = 11 / 9600


def message(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def gateway(clock: VirtualClock, timeout_s: float | None = None, *, is_instant: bool = False) -> SimulatedGateway:
    return SimulatedGateway(clock, stations(clock), WireTiming.of(9600), timeout_s=timeout_s, is_instant=is_instant)


async def test_an_answer_bears_the_number_of_its_request_and_takes_the_time_of_the_wire(
    virtual_clock: VirtualClock,
) -> None:
    ear = Ear(virtual_clock)
    gateway(virtual_clock).connect(ear).write(message(0x1234, 1, READ))
    await virtual_clock.sleep(1)
    assert ear.chunks == [message(0x1234, 1, ANSWER)]
    assert ear.at_s == [pytest.approx(17 * C + 0.020, abs=1e-6)]


async def test_requests_wait_for_the_wire_in_order(virtual_clock: VirtualClock) -> None:
    ear = Ear(virtual_clock)
    gateway(virtual_clock).connect(ear).write(b"".join(message(number, 1, READ) for number in range(3)))
    await virtual_clock.sleep(1)
    assert [chunk[1] for chunk in ear.chunks] == [0, 1, 2]
    transaction_s = 17 * C + 0.020 + 3.5 * C
    assert ear.at_s == [pytest.approx(17 * C + 0.020 + n * transaction_s, abs=1e-6) for n in range(3)]


async def test_a_message_may_come_in_pieces(virtual_clock: VirtualClock) -> None:
    ear = Ear(virtual_clock)
    port = gateway(virtual_clock, is_instant=True).connect(ear)
    for byte in message(7, 1, READ):
        port.write(bytes((byte,)))
    assert ear.chunks == [message(7, 1, ANSWER)]


@pytest.mark.parametrize("is_instant", [True, False])
async def test_a_gateway_with_a_timeout_answers_for_a_silent_meter(
    virtual_clock: VirtualClock, is_instant: bool
) -> None:
    front = gateway(virtual_clock, 0.25, is_instant=is_instant)
    front.stations.silent.add(2)
    ear = Ear(virtual_clock)
    port = front.connect(ear)
    port.write(message(1, 2, READ) + message(2, 1, READ))
    await virtual_clock.sleep(1)
    assert sorted(ear.chunks) == [message(1, 2, bytes((0x83, 0x0B))), message(2, 1, ANSWER)]


@pytest.mark.parametrize(
    ("kind", "chunks"),
    [
        (FaultKind.SILENT, []),
        (FaultKind.WRONG_CRC, []),
        (FaultKind.SHORT, []),
        (FaultKind.NOISE, []),
        (FaultKind.WRONG_UNIT, [message(9, 2, ANSWER)]),
        (FaultKind.WRONG_FUNCTION, [message(9, 1, bytes((4,)) + ANSWER[1:])]),
        (FaultKind.WRONG_LENGTH, [message(9, 1, bytes((3, 2, 0x44, 0x7A)))]),
        (FaultKind.FOREIGN_FRAME, [message(9 ^ 0x5A5A, 1, ANSWER) + message(9, 1, ANSWER)]),
        (FaultKind.STRAY_BYTE, [message(9, 1, ANSWER)]),
        (FaultKind.BUSY, [message(9, 1, bytes((0x83, 6)))]),
        (FaultKind.HALF_OPEN, []),
    ],
    ids=lambda value: value.value if isinstance(value, FaultKind) else "",
)
async def test_a_fault_behind_a_gateway(virtual_clock: VirtualClock, kind: FaultKind, chunks: list[bytes]) -> None:
    front = gateway(virtual_clock)
    ear = Ear(virtual_clock)
    port = front.connect(ear)
    front.stations.set_fault(Fault(kind=kind, times=1))
    port.write(message(9, 1, READ))
    await virtual_clock.sleep(1)
    assert ear.take() == chunks
    port.write(message(10, 1, READ))
    await virtual_clock.sleep(1)
    assert ear.chunks == [message(10, 1, ANSWER)]


async def test_a_late_answer_comes_under_its_old_number_and_holds_up_nobody(
    virtual_clock: VirtualClock,
) -> None:
    front = gateway(virtual_clock)
    front.stations.set_fault(Fault(kind=FaultKind.LATE, unit=1, times=1, late_s=0.5))
    ear = Ear(virtual_clock)
    front.connect(ear).write(message(1, 1, READ) + message(2, 2, READ))
    await virtual_clock.sleep(1)
    assert [chunk[1] for chunk in ear.chunks] == [2, 1]


@pytest.mark.parametrize(
    "data",
    [b"\0\1\0\7\0\6\1\3\0\0\0\2", b"\0\1\0\0\0\1\1", b"GET / HTTP/1.1\r\n"],
    ids=["protocol", "length", "http"],
)
async def test_who_speaks_no_modbus_is_thrown_out(virtual_clock: VirtualClock, data: bytes) -> None:
    ear = Ear(virtual_clock)
    gateway(virtual_clock).connect(ear).write(data)
    assert ear.was_lost.startswith("no Modbus TCP message: ")


async def test_a_client_that_never_waits_is_thrown_out(virtual_clock: VirtualClock) -> None:
    ear = Ear(virtual_clock)
    port = gateway(virtual_clock).connect(ear)
    port.write(message(1, 1, READ) * 1002)
    assert ear.was_lost == "more than 1000 requests wait"


async def test_a_gateway_drop_cuts_its_clients(virtual_clock: VirtualClock) -> None:
    front = gateway(virtual_clock)
    ear = Ear(virtual_clock)
    front.connect(ear)
    front.stations.set_fault(Fault(kind=FaultKind.GATEWAY_DROP, times=1))
    assert ear.was_lost
    front.connect(Ear(virtual_clock))
