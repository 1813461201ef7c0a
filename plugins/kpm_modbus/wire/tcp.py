"""A TCP connection as a port: it notices a peer that vanished without a word."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import cast

from plugins.kpm_modbus.wire.ports import Listener, OpenPort, Port

# The kernel gives up a peer that acknowledges nothing after this; idle connections are probed.
UNACKNOWLEDGED_MS_MAX = 10_000
_KEEP_ALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 3, socket.TCP_KEEPCNT: 3}


class TcpPort(asyncio.Protocol):
    """One connection."""

    def __init__(self, listener: Listener) -> None:
        """Tell this listener."""
        self._listener: Listener | None = listener
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the connection up to notice a dead peer."""
        self._transport = cast(asyncio.Transport, transport)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)
        for option, value in _KEEP_ALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        if self._listener is not None:
            self._listener.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is gone."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(str(exc) if exc is not None else "the other side closed the connection")

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._listener is None

    def write(self, data: bytes) -> None:
        """Send bytes without waiting."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closing")
        self._transport.write(data)

    def close(self) -> None:
        """Drop the connection at once, with whatever is on its way."""
        self._listener = None
        if self._transport is not None:
            self._transport.abort()


def tcp_opener(host: str, port: int) -> OpenPort:
    """Opens connections to a host and port."""

    async def connect(listener: Listener) -> Port:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(partial(TcpPort, listener), host, port)
        if made.is_lost:
            raise ConnectionResetError("the other side closed the connection at once")
        return made

    return connect
