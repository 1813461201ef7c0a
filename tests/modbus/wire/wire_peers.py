"""Scripted peers for links: one script, played in virtual time at the port, on a pseudo-terminal, or over TCP."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from hub.contracts.links import Function, LinkFailed, Request, WireTiming
from hub.core.clock import Clock, SystemClock
from plugins.kpm_modbus.wire import WireLink, open_link
from plugins.kpm_modbus.wire.mbap_link import MbapLink
from plugins.kpm_modbus.wire.ports import Listener, Port
from plugins.kpm_modbus.wire.rtu import rtu_frame
from plugins.kpm_modbus.wire.rtu_link import RtuLink

TIMING = WireTiming.of(9600)


def read(address: int, count: int = 2, unit: int = 5) -> Request:
    """A read of holding registers; every register of the peers holds its own address."""
    return Request(unit=unit, function=Function.READ_HOLDING_REGISTERS, address=address, count=count)


def read_coils(address: int, count: int, unit: int = 5) -> Request:
    return Request(unit=unit, function=Function.READ_COILS, address=address, count=count)


def write(address: int, value: int, unit: int = 5) -> Request:
    return Request(unit=unit, function=Function.WRITE_REGISTER, address=address, values=(value,))


def write_coil(address: int, value: int, unit: int = 5) -> Request:
    return Request(unit=unit, function=Function.WRITE_COIL, address=address, values=(value,))


def words_at(address: int, count: int = 2) -> tuple[int, ...]:
    """What a peer's registers hold."""
    return tuple((address + place) & 0xFFFF for place in range(count))


def reply_pdu(pdu: bytes) -> bytes:
    """An honest meter's answer to function code and data."""
    function: int
    address: int
    count: int
    function, address, count = struct.unpack_from(">BHH", pdu)
    if function in {Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS}:
        return struct.pack(f">BB{count}H", function, 2 * count, *words_at(address, count))
    if function in {Function.READ_COILS, Function.READ_DISCRETE_INPUTS}:
        return bytes((function, (count + 7) // 8)) + b"\x55" * ((count + 7) // 8)
    return bytes(pdu[:5])


def rtu_reply(request: bytes, *, unit: int | None = None, function: int | None = None) -> bytes:
    """An honest meter's frame, or one with another unit or function but a good checksum."""
    pdu = bytearray(reply_pdu(request[1:-2]))
    if function is not None:
        pdu[0] = function
    return rtu_frame(request[0] if unit is None else unit, bytes(pdu))


def rtu_exception(request: bytes, code: int) -> bytes:
    return rtu_frame(request[0], bytes((request[1] | 0x80, code)))


def spoil(frame: bytes) -> bytes:
    """The frame with a wrong checksum."""
    return frame[:-1] + bytes((frame[-1] ^ 0x5A,))


def mbap(number: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu


def mbap_reply(request: bytes) -> bytes:
    """An honest meter's Modbus TCP frame."""
    return mbap(int.from_bytes(request[:2]), request[6], reply_pdu(request[7:]))


class Stage:
    """A link with a peer behind it that does what the script says."""

    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self.clock = clock
        self.timeout_s = timeout_s
        self.link: WireLink
        self.requests: list[bytes] = []
        self.request_times_s: list[float] = []
        self.script: Callable[[bytes], None] = lambda request: self.send(rtu_reply(request))
        self.connects = 0
        self.refuses = False
        self._send: Callable[[bytes], None] = lambda _: None
        self.hang_up: Callable[[], None] = lambda: None

    def asked(self, request: bytes) -> None:
        self.requests.append(request)
        self.request_times_s.append(self.clock.monotonic())
        self.script(request)

    def send(self, data: bytes, after_s: float = 0.0) -> None:
        """Let bytes come in, now or later; on whatever connection is open then."""
        if after_s:
            self.clock.call_later(after_s, lambda: self._send(data))
        else:
            self._send(data)

    def play(self, *steps: Callable[[bytes], None]) -> None:
        """One step per request; the last one for all that follow."""
        left = list(steps)
        self.script = lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)

    def honest(self, request: bytes) -> None:
        self.send(rtu_reply(request))

    def silent(self, request: bytes) -> None:
        """Answer nothing."""


async def soon(stage: Stage, wanted: Callable[[Stage], Awaitable[None]]) -> None:
    """Try until the port is back; a refusal meanwhile is no news."""
    for _ in range(100):
        try:
            return await wanted(stage)
        except LinkFailed:
            await stage.clock.sleep(0.02)
    return await wanted(stage)


class FakePort:
    """A port in virtual time: requests and replies take their time on the wire."""

    def __init__(self, stage: Stage, listener: Listener) -> None:
        self._stage = stage
        self._listener: Listener | None = listener
        stage._send = self.deliver
        stage.hang_up = self.hang_up
        stage.connects += 1

    def deliver(self, data: bytes) -> None:
        if self._listener is not None:
            self._listener.received(data)

    def hang_up(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost("the other side closed the connection")

    def write(self, data: bytes) -> None:
        def arrive() -> None:
            if self._listener is not None:
                self._stage.asked(data)

        self._stage.clock.call_later(len(data) * self._stage.link.timing.character_s, arrive)

    def close(self) -> None:
        self._listener = None


def virtual_stage(clock: Clock, *, is_mbap: bool = False) -> Stage:
    """A link and a peer at the port, in virtual time."""
    stage = Stage(clock, 0.3)

    async def open_port(listener: Listener) -> Port:
        if stage.refuses:
            raise ConnectionRefusedError(111, "connection refused")
        return FakePort(stage, listener)

    if is_mbap:
        stage.link = MbapLink("tcp://peer", clock, open_port)
        stage.script = lambda request: stage.send(mbap_reply(request))
    else:
        stage.link = RtuLink("tcp-rtu://peer", clock, open_port, TIMING, slave_gap_s=0.005, drops_when_silent=True)
    return stage


@asynccontextmanager
async def tcp_stage(scheme: str, timeout_s: float) -> AsyncIterator[Stage]:
    """A link over loopback TCP; each write of the link arrives as one piece."""
    stage = Stage(SystemClock(), timeout_s)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.connects += 1
        stage._send = writer.write
        stage.hang_up = writer.close
        with suppress(OSError):
            while data := await reader.read(600):
                stage.asked(data)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stage.link = open_link(f"{scheme}://127.0.0.1:{port}", stage.clock)
    if scheme == "tcp":
        stage.script = lambda request: stage.send(mbap_reply(request))
    try:
        yield stage
    finally:
        await stage.link.close()
        server.close()
        await server.wait_closed()


class Terminal:
    """A pseudo-terminal: the device's path, and the side of the meter."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self.meter_side, device_side = os.openpty()
        tty.setraw(device_side)
        self.path = os.ttyname(device_side)
        # Held open: with no opener at all, the meter's side would only see errors.
        self._device_side = device_side
        self._is_open = True
        self._loop.add_reader(self.meter_side, self._readable)

    def _readable(self) -> None:
        with suppress(OSError):
            self._heard(os.read(self.meter_side, 4096))

    def send(self, data: bytes) -> None:
        if self._is_open:
            os.write(self.meter_side, data)

    def vanish(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self.meter_side)
            os.close(self.meter_side)
            os.close(self._device_side)


@asynccontextmanager
async def serial_stage(timeout_s: float) -> AsyncIterator[Stage]:
    """A link on a pseudo-terminal."""
    stage = Stage(SystemClock(), timeout_s)
    terminal = Terminal(stage.asked)
    stage._send = terminal.send
    stage.hang_up = terminal.vanish
    stage.link = open_link(f"serial://{terminal.path}?baud=115200", stage.clock)
    try:
        yield stage
    finally:
        await stage.link.close()
        terminal.vanish()
