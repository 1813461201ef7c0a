"""The links against a server that others wrote: pymodbus, over TCP, RTU over TCP and a serial line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.framer import FramerRTU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from wire_peers import Terminal, read, read_coils, write, write_coil

from hub.contracts.links import Failure, Function, Link, LinkFailed, Request
from hub.core.clock import SystemClock
from plugins.kpm_modbus.wire import open_link
from plugins.kpm_modbus.wire.rtu import crc16

UNIT = 5
TIMEOUT_S = 1.0


def device() -> SimDevice:
    """200 registers that hold their address plus 1,000, then 32 coils."""
    registers = [SimData(place, values=place + 1000, datatype=DataType.UINT16) for place in range(200)]
    coils = [SimData(0, values=[True, False, True] + 29 * [False], datatype=DataType.BITS)]
    return SimDevice(UNIT, simdata=(coils, coils, registers, registers))


@asynccontextmanager
async def pymodbus_over(medium: str) -> AsyncIterator[Link]:
    """A link to a running pymodbus server."""
    if medium == "serial":
        async with pymodbus_on_a_line() as link:
            yield link
        return
    framer = FramerType.SOCKET if medium == "tcp" else FramerType.RTU
    server = ModbusTcpServer([device()], framer=framer, address=("127.0.0.1", 0))
    await server.listen()
    assert server.transport is not None
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    link = open_link(f"{medium}://127.0.0.1:{port}", SystemClock())
    try:
        yield link
    finally:
        await link.close()
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_on_a_line() -> AsyncIterator[Link]:
    """Two pseudo-terminals, back to back, are the line."""
    ours = Terminal(lambda data: theirs.send(data))
    theirs = Terminal(lambda data: ours.send(data))
    server = ModbusSerialServer([device()], framer=FramerType.RTU, port=theirs.path, baudrate=9600)
    await server.listen()
    link = open_link(f"serial://{ours.path}?baud=9600&parity=N", SystemClock())
    try:
        yield link
    finally:
        await link.close()
        await server.shutdown()  # type: ignore[no-untyped-call]
        ours.vanish()
        theirs.vanish()


@pytest.mark.real_time
@pytest.mark.parametrize("medium", ["tcp", "tcp-rtu", "serial"])
def test_reads_writes_and_refusals_agree(medium: str) -> None:
    async def main() -> None:
        async with pymodbus_over(medium) as link:
            for address, count in ((0, 1), (10, 60), (75, 125)):
                reply = await link.transact(read(address, count), TIMEOUT_S)
                assert reply.words == tuple(range(address + 1000, address + 1000 + count))
            input_registers = Request(unit=UNIT, function=Function.READ_INPUT_REGISTERS, address=7, count=2)
            assert (await link.transact(input_registers, TIMEOUT_S)).words == (1007, 1008)
            assert (await link.transact(read_coils(0, 11), TIMEOUT_S)).words == (1, 0, 1) + 8 * (0,)

            await link.transact(write(7, 4711), TIMEOUT_S)
            several = Request(
                unit=UNIT, function=Function.WRITE_REGISTERS, address=8, count=3, values=(1, 0xFFFF, 3)
            )
            await link.transact(several, TIMEOUT_S)
            assert (await link.transact(read(7, 4), TIMEOUT_S)).words == (4711, 1, 0xFFFF, 3)
            await link.transact(write_coil(0, 0), TIMEOUT_S)
            await link.transact(write_coil(1, 1), TIMEOUT_S)
            assert (await link.transact(read_coils(0, 3), TIMEOUT_S)).words == (0, 1, 1)

            with pytest.raises(LinkFailed) as caught:
                await link.transact(read(400, 1), TIMEOUT_S)
            assert (caught.value.reason, caught.value.exception_code) == (Failure.EXCEPTION, 2)
            assert (await link.transact(read(20, 1), TIMEOUT_S)).words == (1020,)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("data", "crc"), [(b"", 0xFFFF), (b"123456789", 0x4B37), (bytes.fromhex("010300000001"), 0x0A84)]
)
def test_the_checksum_is_the_published_one(data: bytes, crc: int) -> None:
    assert crc16(data) == crc
    if data:
        assert FramerRTU.compute_CRC(data) == int.from_bytes(crc.to_bytes(2, "little"))
