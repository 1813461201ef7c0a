"""Simulated buses for real clients: RTU over TCP, Modbus TCP, or a pseudo-terminal in place of a serial port."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from hub.core.config import did_you_mean
from hub.core.errors import HubError
from hub.sim.field.line import Front, FrontPort

TCP_RTU, TCP, PTY = "tcp-rtu", "tcp", "pty"
_PORT_MAX = 65535
_READ_BYTES = 4096


class BadListen(HubError):
    """An address that nothing can listen on."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen."""

    scheme: str
    host: str = ""
    port: int = 0
    """0: any free one."""

    def nth(self, number: int) -> Listen:
        """The address of a further bus: the next port, or another free one."""
        return self if self.port == 0 else Listen(self.scheme, self.host, self.port + number)


def parse_listen(text: str, buses: int = 1) -> Listen:
    """The address that was typed; raises `BadListen` with how it is written."""
    if text == PTY:
        return Listen(PTY)
    forms = f"write {TCP_RTU}://127.0.0.1:PORT, {TCP}://127.0.0.1:PORT or {PTY}; port 0 takes a free one"
    parts = urlsplit(text)
    if parts.scheme not in {TCP_RTU, TCP}:
        raise BadListen(
            f"cannot listen on {text!r}.{did_you_mean(parts.scheme, [TCP_RTU, TCP, PTY])} Please {forms}"
        )
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname or port is None or parts.path not in {"", "/"} or port + buses - 1 > _PORT_MAX:
        raise BadListen(f"cannot listen on {text!r}: {forms}")
    return Listen(parts.scheme, parts.hostname, port)


class Server:
    """A bus that real clients can reach; `url` is how."""

    def __init__(self, url: str, close: Callable[[], object]) -> None:
        """Take how to reach it and how to close it."""
        self.url = url
        self.close = close


async def serve(listen: Listen, front: Front) -> Server:
    """Put a simulated bus behind an address; raises `BadListen` when that is not to be had."""
    if listen.scheme == PTY:
        return _serve_pty(front)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: _Client(front), listen.host, listen.port)
    except OSError as error:
        raise BadListen(
            f"cannot listen on {listen.scheme}://{listen.host}:{listen.port}: {error.strerror or error}; "
            "choose another port, or 0 for a free one"
        ) from None
    port = server.sockets[0].getsockname()[1]
    return Server(f"{listen.scheme}://{listen.host}:{port}", server.close)


class _Client(asyncio.Protocol):
    """One client of a bus."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._port: FrontPort | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        try:
            self._port = self._front.connect(self)
        except OSError:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._port is not None:
            self._port.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def received(self, data: bytes) -> None:
        """What comes down the line goes to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def lost(self, why: str) -> None:
        """The simulated gateway cuts the connection."""
        self._port = None
        if self._transport is not None:
            self._transport.abort()


class _Terminal:
    """The far end of a pseudo-terminal, as the line hears it."""

    def __init__(self, front: Front, ours: int, theirs: int) -> None:
        self._front = front
        self._ours = ours
        self._theirs = theirs  # kept open, or the device would be gone whenever no client has it
        self._loop = asyncio.get_running_loop()
        self._port = front.connect(self)
        self._loop.add_reader(ours, self._read)

    def received(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads at the other end: a wire does not wait either
            os.write(self._ours, data)

    def lost(self, why: str) -> None:
        """A serial port has no connection that could be cut; its line is simply open again."""
        self._port = self._front.connect(self)

    def close(self) -> None:
        self._loop.remove_reader(self._ours)
        self._port.close()
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            self._port.write(os.read(self._ours, _READ_BYTES))


def _serve_pty(front: Front) -> Server:
    try:
        ours, theirs = os.openpty()
    except OSError as error:
        raise BadListen(f"cannot make a pseudo-terminal: {error.strerror or error}") from None
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    terminal = _Terminal(front, ours, theirs)
    return Server(os.ttyname(theirs), terminal.close)
