"""The control socket: JSON lines on a Unix socket in the data folder, for this machine's users only."""

from __future__ import annotations

import asyncio
import logging
import pwd
import socket
import struct
from contextlib import suppress
from pathlib import Path

from hub.core.codec import decode, encode
from hub.core.control.address import short_address
from hub.core.control.dispatcher import Dispatcher, Session
from hub.core.errors import HubError
from hub.core.principals import OWNER, Principal

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 1_000_000
BACKLOG_BYTES_MAX = 32_000_000
REQUESTS_AT_ONCE_MAX = 64
CONNECTIONS_MAX = 256
HANG_UP_S = 2.0
"""How long a client may take to read its last answers when its connection ends."""


class SocketUnusable(HubError):
    """The control socket cannot be made in this folder."""


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
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            with short_address(self._path) as address:
                listening.bind(address)
            self._path.chmod(0o600)  # before anybody can connect: it does not listen yet
            self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=LINE_BYTES_MAX)
        except OSError as error:
            listening.close()
            raise SocketUnusable(
                f"the control socket {self._path} cannot be made: {error.strerror or error}; "
                "the data folder must lie on a local disk that takes sockets"
            ) from error
        except BaseException:
            listening.close()
            raise

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
        if len(self._connections) >= CONNECTIONS_MAX:
            _send(writer, _refusal(f"the hub talks to at most {CONNECTIONS_MAX} clients at once; close some"))
            writer.close()
            return
        self._connections.add(task)
        session = self._dispatcher.session(_peer(writer), lambda message: _send(writer, message))
        try:
            await _converse(session, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            session.close()
            try:
                await _hang_up(writer)
            finally:
                self._connections.discard(task)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """End a connection whose client may not read: what it does not fetch in time is dropped."""
    writer.close()
    try:
        async with asyncio.timeout(HANG_UP_S):
            await writer.wait_closed()
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()


async def _converse(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                _send(writer, _refusal(f"a request is at most {LINE_BYTES_MAX} bytes long"))
                await _hear_out(reader)
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


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Drop what a client still sends, for a moment: a connection closed on unread bytes loses our last answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(HANG_UP_S):
            while await reader.read(LINE_BYTES_MAX):
                pass


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        request = decode(line.decode())
    except (ValueError, ArithmeticError, TypeError, RecursionError):  # of JSON, of UTF-8, or of a tagged value
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
    # A lone surrogate in somebody's text is no UTF-8; it must not cost the answer.
    writer.write(encode(message).encode(errors="replace") + b"\n")


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
