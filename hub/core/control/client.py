"""The other end of the control socket: what the command line uses to talk to a running hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from hub.core.actions import OnUnknown
from hub.core.codec import decode, encode
from hub.core.control.address import short_address
from hub.core.errors import HubError

ANSWER_BYTES_MAX = 256_000_000
"""The states of some hundred thousand entities; the hub is trusted, this only bounds a mistake."""


class NoHub(HubError):
    """No hub listens in this folder."""


class HungUp(HubError):
    """The hub was there and went away before it answered: nobody knows whether it did what was asked."""


class SocketRefused(HubError):
    """A hub listens, and the system does not let this user talk to it."""


class RemoteError(HubError):
    """The hub answered with an error; `kind` is the name of its type there."""

    def __init__(self, kind: str, message: str) -> None:
        """Carry the error's type and text over."""
        super().__init__(message)
        self.kind = kind


class Client:
    """One connection to a running hub; use it as `async with Client(path) as client`."""

    def __init__(self, path: Path) -> None:
        """Name the socket."""
        self._path = path
        self._number = 0

    async def __aenter__(self) -> Self:
        """Connect; raises `NoHub` when nobody listens."""
        try:
            with short_address(self._path) as address:
                self._reader, self._writer = await asyncio.open_unix_connection(address, limit=ANSWER_BYTES_MAX)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NoHub(f"no hub listens on {self._path}; start it with `hub run`") from None
        except PermissionError:
            raise SocketRefused(
                f"{self._path} belongs to another user; run this as the user that runs the hub"
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def call(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        key: str | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Any:
        """Call an action and return its response."""
        request = {"op": "call", "action": action, "data": dict(data or {}), "key": key, "on_unknown": on_unknown}
        return await self._ask(request)

    async def query(self, name: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask a query and return its answer."""
        return await self._ask({"op": "query", "name": name, "params": dict(params or {})})

    async def subscribe(self, what: str, match: list[str] | None = None) -> AsyncIterator[dict[str, Any]]:
        """Events as they come, until the hub stops."""
        await self._ask({"op": "subscribe", "what": what, "match": match})
        while True:
            message = await self._receive()
            if "event" in message:
                yield message["event"]

    async def _ask(self, request: dict[str, Any]) -> Any:
        self._number += 1
        try:
            self._writer.write(encode({**request, "id": self._number}).encode() + b"\n")
            await self._writer.drain()
        except ConnectionError:
            raise self._gone() from None
        while True:
            message = await self._receive()
            if message.get("id") not in {self._number, None} or "event" in message:
                continue
            if message["ok"]:
                return message["result"]
            raise RemoteError(message["error"]["type"], message["error"]["message"])

    async def _receive(self) -> dict[str, Any]:
        try:
            line = await self._reader.readline()
        except ConnectionError:
            raise self._gone() from None
        if not line.endswith(b"\n"):  # a part of a line is what a killed hub leaves
            raise self._gone()
        message: dict[str, Any] = decode(line.decode())
        return message

    def _gone(self) -> HungUp:
        return HungUp(
            f"the hub on {self._path} hung up: it has stopped, or is stopping; "
            "a call under way may have taken effect: repeat it with the same --key"
        )
