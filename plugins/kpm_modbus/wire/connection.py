"""Keeps a port open: opens it again when it is lost, ever more slowly while that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.core.clock import Clock
from plugins.kpm_modbus.wire.ports import Listener, OpenPort, Port

OPEN_LIMIT_S = 3.0
RETRY_FIRST_S = 0.1
RETRY_CAP_S = 5.0


class Connection:
    """One port, or the attempts to get it back. The delay between them starts anew once a byte came in."""

    def __init__(self, clock: Clock, open_port: OpenPort, listener: Listener, opened: Callable[[], None]) -> None:
        """Open nothing yet."""
        self._clock = clock
        self._open_port = open_port
        self._listener = listener
        self._opened = opened
        self._delay_s = 0.0
        self._attempts: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._is_closed = False
        self.port: Port | None = None
        self.why_down = "not opened yet"

    async def ready(self) -> Port | None:
        """The port; None at once while it is down, except that the first attempt to open it is waited for."""
        if self.port is None and not self._is_closed:
            self._start_attempts()
            await self._tried.wait()
        return self.port

    def heard(self) -> None:
        """A byte came in: the port is worth opening again at once."""
        self._delay_s = 0.0

    def lost(self, why: str) -> None:
        """The port is gone: open it again."""
        self.port = None
        self.why_down = why
        if self._is_closed:
            return
        if not self._delay_s:
            self._tried.clear()
        self._start_attempts()

    def drop(self, why: str) -> None:
        """Give the port up, which still seems open, and open it again."""
        if self.port is not None:
            self.port.close()
            self._delay_s = 0.0
            self.lost(why)

    async def close(self) -> None:
        """Let go of the port for good."""
        self._is_closed = True
        self.why_down = "it was closed here"
        port, self.port = self.port, None
        if port is not None:
            port.close()
        attempts, self._attempts = self._attempts, None
        if attempts is not None:
            attempts.cancel()
            await asyncio.gather(attempts, return_exceptions=True)
        self._tried.set()

    def _start_attempts(self) -> None:
        if self._attempts is None or self._attempts.done():
            self._attempts = asyncio.create_task(self._attempt_until_open())

    async def _attempt_until_open(self) -> None:
        while self.port is None:
            if self._delay_s:
                await self._clock.sleep(self._delay_s)
            self._delay_s = min(max(2 * self._delay_s, RETRY_FIRST_S), RETRY_CAP_S)
            try:
                async with asyncio.timeout(OPEN_LIMIT_S):
                    self.port = await self._open_port(self._listener)
            except TimeoutError:
                self.why_down = f"no connection within {OPEN_LIMIT_S:g} s"
            except OSError as error:
                self.why_down = error.strerror or str(error)
            else:
                self._opened()
            self._tried.set()
