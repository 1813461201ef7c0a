"""The floor under every link: asyncio that sends the same bytes, waits for an answer and looks at none of it."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Mapping
from typing import Protocol

from bench.field.responder import RTU_READ, responding
from bench.timing import Params, cpu_s, whole

_MBAP_READ = bytes((0, 1, 0, 0, 0, 6)) + RTU_READ[:-2]

Figures = Mapping[str, object]


class _Port(Protocol):
    async def ask(self, request: bytes) -> None: ...


def tcp(params: Params) -> Figures:
    """Modbus TCP."""
    many_us = _used_us(params, "tcp", _MBAP_READ, whole(params, "links"))
    return {"one_us": _used_us(params, "tcp", _MBAP_READ, 1), "many_us": many_us}


def tcp_rtu(params: Params) -> Figures:
    """RTU over TCP."""
    many_us = _used_us(params, "tcp-rtu", RTU_READ, whole(params, "links"))
    return {"one_us": _used_us(params, "tcp-rtu", RTU_READ, 1), "many_us": many_us}


def serial(params: Params) -> Figures:
    """RTU on a pseudo-terminal."""
    return {"one_us": _used_us(params, "serial", RTU_READ, 1)}


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer.set_result(data)

    async def ask(self, request: bytes) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answer


class _Terminal:
    def __init__(self, device: str) -> None:
        self._file = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._file)
        asyncio.get_running_loop().add_reader(self._file, self._readable)
        self._answer: asyncio.Future[bytes] | None = None

    def _readable(self) -> None:
        data = os.read(self._file, 4096)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(data)

    async def ask(self, request: bytes) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        os.write(self._file, request)
        await self._answer


def _used_us(params: Params, scheme: str, request: bytes, links: int) -> float:
    transactions = whole(params, "transactions")
    with responding(params, scheme) as where:
        return asyncio.run(_ask(where, scheme, request, links, transactions // links)) / transactions


async def _ask(where: str, scheme: str, request: bytes, links: int, each: int) -> float:
    loop = asyncio.get_running_loop()
    made: list[_Port] = []
    for _ in range(links):
        if scheme == "serial":
            made.append(_Terminal(where))
        else:
            made.append((await loop.create_connection(_Connection, "127.0.0.1", int(where)))[1])
    for port in made:
        await port.ask(request)
    began_s = cpu_s()

    async def ask(port: _Port) -> None:
        for _ in range(each):
            await port.ask(request)

    await asyncio.gather(*(ask(port) for port in made))
    return 1e6 * (cpu_s() - began_s)
