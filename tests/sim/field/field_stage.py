"""Buses and lines for the tests of the simulated field, and the frames that a master sends."""

from __future__ import annotations

from dataclasses import dataclass, field

from made_up_profiles import HOLDING, LIKE_KPM33B

from hub.contracts.links import Function, LinkFailed, Reply, Request, WireTiming
from hub.sim import VirtualClock
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.line import SimulatedLine
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.stations import Stations, Turn

TIMEOUT_S = 0.3
POWER = Request(unit=1, function=HOLDING, address=0x48, count=2)
SIXTY = Request(unit=1, function=HOLDING, address=0x30, count=56)
OPEN = Request(unit=1, function=Function.WRITE_COIL, address=1, values=(0,))
RELAY = Request(unit=1, function=Function.READ_COILS, address=1, count=3)


def serial(unit: int) -> str:
    return f"33B12259500{unit:02d}"


def meters(clock: VirtualClock, count: int = 3) -> dict[int, SimulatedMeter]:
    return {unit: SimulatedMeter(clock, LIKE_KPM33B, serial(unit), 1000 * unit) for unit in range(1, count + 1)}


def bus(clock: VirtualClock, count: int = 3, *, baud: int = 9600, turn: Turn | None = None) -> SimulatedBus:
    return SimulatedBus(clock, meters(clock, count), baud=baud, turn=turn)


async def outcome(bus: SimulatedBus, request: Request, timeout_s: float = TIMEOUT_S) -> Reply | LinkFailed:
    try:
        return await bus.transact(request, timeout_s)
    except LinkFailed as failed:
        return failed


def checksum(data: bytes) -> bytes:
    """The Modbus checksum by its definition, bit by bit: a third opinion beside the two in the product."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def framed(*body: int) -> bytes:
    return bytes(body) + checksum(bytes(body))


def read_frame(unit: int, address: int, count: int, function: int = 3) -> bytes:
    return framed(unit, function, *address.to_bytes(2), *count.to_bytes(2))


@dataclass
class Ear:
    """A master's end of a line: it notes what it hears, and when."""

    clock: VirtualClock
    chunks: list[bytes] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    was_lost: str = ""

    def received(self, data: bytes) -> None:
        self.chunks.append(data)
        self.at_s.append(self.clock.monotonic())

    def lost(self, why: str) -> None:
        self.was_lost = why

    @property
    def heard(self) -> bytes:
        return b"".join(self.chunks)

    def take(self) -> list[bytes]:
        chunks, self.chunks, self.at_s = self.chunks, [], []
        return chunks


def stations(clock: VirtualClock, count: int = 3, turn: Turn | None = None) -> Stations:
    return Stations(clock, meters(clock, count), turn=turn)


def line(clock: VirtualClock, *, baud: int = 9600, turn: Turn | None = None, pieces: int = 1) -> SimulatedLine:
    return SimulatedLine(clock, stations(clock, turn=turn), WireTiming.of(baud), pieces=pieces)
