"""Simulated buses for real clients: over loopback TCP and on a pseudo-terminal, at a wire's pace or at once."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import struct
import tty
from collections.abc import Coroutine
from typing import Any

import pytest
from field_stage import framed, read_frame
from made_up_profiles import LIKE_KPM33B

from hub.core.clock import SystemClock
from hub.sim.field.command import BusOptions, Served, start_buses
from hub.sim.field.faults import Fault, FaultKind, parse_fault
from hub.sim.field.servers import BadListen, parse_listen

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(20)]
LIMIT_S = 5.0
C = 11 / 9600


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(4 * LIMIT_S):
            await work

    asyncio.run(limited())


async def serve(listen: str, *faults: str, buses: int = 1, is_instant: bool = True) -> list[Served]:
    options = BusOptions(
        listen=parse_listen(listen, buses),
        profile=LIKE_KPM33B,
        meters=2,
        buses=buses,
        baud=9600,
        turn=None,
        peak_w=6000,
        gateway_timeout_s=0.1,
        is_instant=is_instant,
        faults=tuple(parse_fault(fault) for fault in faults),
        seed=0,
    )
    return await start_buses(options, SystemClock())


def close(served: list[Served]) -> None:
    for one in served:
        one.server.close()


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = url.split("://")[1].split(":")
    return await asyncio.open_connection(host, int(port))


async def is_connected(served: Served) -> None:
    for _ in range(1000):
        if served.front._ports:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("nobody was let in")


async def serial_over_tcp(url: str, frame: bytes, length: int) -> bytes:
    reader, writer = await connect(url)
    writer.write(frame)
    try:
        return await asyncio.wait_for(reader.readexactly(length), LIMIT_S)
    finally:
        writer.close()
        await writer.wait_closed()


def test_a_client_reads_a_serial_number_over_tcp() -> None:
    async def work() -> None:
        served = await serve("tcp-rtu://127.0.0.1:0")
        reply = await serial_over_tcp(served[0].server.url, read_frame(2, 0x12, 7), 19)
        assert reply == framed(2, 3, 14, *b"33B1225000002", 0)
        close(served)

    run(work())


def test_a_real_client_feels_the_time_of_the_wire() -> None:
    async def work() -> None:
        served = await serve("tcp-rtu://127.0.0.1:0", is_instant=False)
        clock = SystemClock()
        begun_s = clock.monotonic()
        await serial_over_tcp(served[0].server.url, read_frame(1, 0x30, 56), 117)
        took_s = clock.monotonic() - begun_s
        assert (8 + 117) * C + 0.020 <= took_s < 1.5
        close(served)

    run(work())


def test_all_clients_of_a_line_hear_all_replies() -> None:
    async def work() -> None:
        served = await serve("tcp-rtu://127.0.0.1:0")
        reader, writer = await connect(served[0].server.url)
        await is_connected(served[0])
        asked = await serial_over_tcp(served[0].server.url, read_frame(1, 0x12, 7), 19)
        assert await asyncio.wait_for(reader.readexactly(19), LIMIT_S) == asked
        writer.close()
        await writer.wait_closed()
        close(served)

    run(work())


def test_many_buses_listen_side_by_side_with_meters_of_their_own() -> None:
    async def work() -> None:
        served = await serve("tcp-rtu://127.0.0.1:0", buses=20)
        urls = [one.server.url for one in served]
        assert len(set(urls)) == 20
        replies = await asyncio.gather(*(serial_over_tcp(url, read_frame(1, 0x12, 7), 19) for url in urls))
        assert len(set(replies)) == 20
        close(served)

    run(work())


def test_a_gateway_drop_is_felt_by_a_real_client() -> None:
    async def work() -> None:
        served = await serve("tcp-rtu://127.0.0.1:0")
        url = served[0].server.url
        reader, writer = await connect(url)
        await is_connected(served[0])
        served[0].stations.set_fault(Fault(kind=FaultKind.GATEWAY_DROP))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), LIMIT_S)
        writer.close()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await serial_over_tcp(url, read_frame(1, 0x12, 7), 19)
        served[0].stations.clear_faults()
        assert await serial_over_tcp(url, read_frame(1, 0x12, 7), 19)
        close(served)

    run(work())


def test_modbus_tcp_numbers_its_answers_and_names_a_silent_target() -> None:
    async def work() -> None:
        served = await serve("tcp://127.0.0.1:0", "silent:2")
        reader, writer = await connect(served[0].server.url)
        for transaction, unit in ((1, 1), (2, 2)):
            writer.write(struct.pack(">HHHBBHH", transaction, 0, 6, unit, 3, 0x12, 7))
        first = await asyncio.wait_for(reader.readexactly(9 + 14), LIMIT_S)
        assert first == struct.pack(">HHHBBB", 1, 0, 17, 1, 3, 14) + b"33B1225000001\0"
        second = await asyncio.wait_for(reader.readexactly(9), LIMIT_S)
        assert second == struct.pack(">HHHBBB", 2, 0, 3, 2, 0x83, 0x0B)
        writer.close()
        await writer.wait_closed()
        close(served)

    run(work())


def test_a_client_opens_a_pseudo_terminal_like_a_serial_port() -> None:
    async def work() -> None:
        served = await serve("pty", is_instant=False)
        path = served[0].server.url
        assert path.startswith("/dev/")
        for _ in range(2):  # it outlives a client
            port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(port)
            assert await talk(port, read_frame(1, 0x12, 7), 19) == framed(1, 3, 14, *b"33B1225000001", 0)
            os.close(port)
        close(served)
        paths.append(path)

    paths: list[str] = []
    run(work())
    assert not os.path.exists(paths[0])


async def talk(port: int, frame: bytes, length: int) -> bytes:
    loop = asyncio.get_running_loop()
    heard = bytearray()
    is_whole = asyncio.Event()

    def read() -> None:
        heard.extend(os.read(port, 256))
        if len(heard) >= length:
            is_whole.set()

    loop.add_reader(port, read)
    os.write(port, frame)
    try:
        await asyncio.wait_for(is_whole.wait(), LIMIT_S)
    finally:
        loop.remove_reader(port)
    return bytes(heard)


@pytest.mark.skipif(importlib.util.find_spec("pymodbus") is None, reason="pymodbus is not installed")
@pytest.mark.parametrize("listen", ["tcp-rtu://127.0.0.1:0", "tcp://127.0.0.1:0"])
def test_pymodbus_an_independent_client_agrees(listen: str) -> None:
    from pymodbus import FramerType
    from pymodbus.client import AsyncModbusTcpClient

    async def work() -> None:
        served = await serve(listen)
        host, port = served[0].server.url.split("://")[1].split(":")
        framer = FramerType.RTU if listen.startswith("tcp-rtu") else FramerType.SOCKET
        client = AsyncModbusTcpClient(host, port=int(port), framer=framer, retries=0, timeout=LIMIT_S)
        assert await client.connect()
        serial = await client.read_holding_registers(0x12, count=7, device_id=1)
        assert struct.pack(">7H", *serial.registers) == b"33B1225000001\0"
        assert (await client.read_coils(1, count=3, device_id=1)).bits[:3] == [True] * 3
        opened = await client.write_coil(1, False, device_id=1)  # noqa: FBT003 - pymodbus' own way
        assert not opened.isError()
        await asyncio.sleep(0.1)
        assert (await client.read_coils(1, count=3, device_id=1)).bits[:3] == [False] * 3
        refused = await client.read_holding_registers(0x300, count=1, device_id=1)
        assert (refused.isError(), refused.exception_code) == (True, 2)
        written = await client.write_registers(0x1E, [0xDD22], device_id=1)
        assert not written.isError()
        client.close()
        close(served)

    run(work())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("udp://127.0.0.1:1", "cannot listen on 'udp://127.0.0.1:1'. Please write tcp-rtu://127.0.0.1:PORT"),
        ("tcp-rt://127.0.0.1:1", "cannot listen on 'tcp-rt://127.0.0.1:1'. Did you mean 'tcp-rtu'? Please write"),
        ("tcp://127.0.0.1", "cannot listen on 'tcp://127.0.0.1': write tcp-rtu://127.0.0.1:PORT"),
        ("tcp://127.0.0.1:99999", "cannot listen on 'tcp://127.0.0.1:99999': write"),
        ("tcp://127.0.0.1:65535", "cannot listen on 'tcp://127.0.0.1:65535': write"),
        ("127.0.0.1:502", "cannot listen on '127.0.0.1:502'"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_how_it_is_written(text: str, said: str) -> None:
    with pytest.raises(BadListen) as refused:
        parse_listen(text, buses=2)
    assert said in str(refused.value)


def test_a_port_in_use_is_named_and_nothing_stays_open() -> None:
    async def work() -> None:
        taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(BadListen, match=f"cannot listen on tcp://127.0.0.1:{port}: .*another port, or 0"):
            await serve(f"tcp://127.0.0.1:{port}")
        with pytest.raises(BadListen):
            await serve(f"tcp-rtu://127.0.0.1:{port - 1}", buses=2)
        free = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port - 1)
        for server in (taken, free):
            server.close()
            await server.wait_closed()

    run(work())
