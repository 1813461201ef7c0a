"""The control socket: JSON lines on a Unix socket in the data folder, for this machine's users only."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import socket
import struct
from pathlib import Path

from hub.core.codec import decode, encode
from hub.core.control.dispatcher import Dispatcher, Session
from hub.core.principals import OWNER, Principal

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 1_000_000
BACKLOG_BYTES_MAX = 8_000_000
REQUESTS_AT_ONCE_MAX = 64


class ControlServer:
    """Listens on `hub.sock`; who may open the file (mode 0600) may do everything, in their own name."""

    def __init__(self, dispatcher: Dispatcher, path: Path) -> None:
        """Name the socket; `start` listens."""
        self._dispatcher = dispatcher
        self._path = path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a socket file left by a dead process is replaced, since the folder's lock is ours."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, self._path, limit=LINE_BYTES_MAX)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("core/control connection")
        self._connections.add(task)
        session = self._dispatcher.session(_peer(writer), lambda message: _send(writer, message))
        try:
            await _converse(session, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            session.close()
            writer.close()
            self._connections.discard(task)


async def _converse(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                _send(writer, _refusal(f"a request is at most {LINE_BYTES_MAX} bytes long"))
                return
            if not line:
                return
            request = _parse(line)
            if request is None:
                _send(writer, _refusal("a request is one JSON object on one line"))
                return
            if len(under_way) >= REQUESTS_AT_ONCE_MAX:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.get_running_loop().create_task(session.handle(request), name="core/control request")
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    finally:
        if under_way:
            await asyncio.wait(under_way, timeout=5.0)
        for task in list(under_way):
            task.cancel()


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        request = decode(line.decode())
    except (json.JSONDecodeError, UnicodeDecodeError, ValueError, ArithmeticError):
        return None
    return request if isinstance(request, dict) else None


def _refusal(message: str) -> dict[str, object]:
    return {"id": None, "ok": False, "error": {"type": "BadRequest", "message": message}}


def _send(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    if writer.is_closing():
        return
    if writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
        log.warning("a control connection does not read what it asked for; it is closed")
        writer.transport.abort()
        return
    writer.write(encode(message).encode() + b"\n")


def _peer(writer: asyncio.StreamWriter) -> Principal:
    """The operating-system user at the other end; its actions are recorded under that name."""
    connection: socket.socket = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return os_user(user)


def os_user(user: int) -> Principal:
    """The principal of an operating-system user."""
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    return Principal(f"os:{name}", OWNER.permissions)
