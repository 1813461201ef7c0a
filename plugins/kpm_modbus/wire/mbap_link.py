"""Modbus TCP: a reply names its request, so nothing has to be waited for, drained or guessed."""

from __future__ import annotations

from hub.contracts.links import Failure, Request, WireTiming
from hub.core.clock import Clock
from plugins.kpm_modbus.wire.frames import Answer, Expectation
from plugins.kpm_modbus.wire.link import Waiting, WireLink
from plugins.kpm_modbus.wire.mbap import MbapExpectation, MbapStream
from plugins.kpm_modbus.wire.ports import OpenPort

GATEWAY_SAYS_SILENT = frozenset({0x0A, 0x0B})
"""What a gateway answers when the meter behind it does not: nobody knows what became of a write."""


class MbapLink(WireLink):
    """Modbus TCP frames over one connection."""

    def __init__(self, url: str, clock: Clock, open_port: OpenPort) -> None:
        """Link to a meter or gateway; there is no wire to speak of."""
        super().__init__(url, clock, open_port, WireTiming(0.0, 0.0))
        self._stream = MbapStream()

    async def _prepare(self, request: Request, timeout_s: float) -> None:
        """Nothing has to happen before a request."""

    async def _await_gap(self, request: Request) -> None:
        """No gap is needed."""

    def _expect(self, request: Request) -> Expectation:
        return MbapExpectation(request, self._stream)

    def _sent(self, waiting: Waiting) -> None:
        """The number in the frame is all that has to be known."""

    def _answered(self, waiting: Waiting, answer: Answer) -> Failure | None:
        if answer.exception_code in GATEWAY_SAYS_SILENT:
            return Failure.NO_REPLY
        return None if answer.exception_code is None else Failure.EXCEPTION

    def _gave_up(self, waiting: Waiting) -> None:
        """Its reply will be known by its number."""

    async def _failed(self, waiting: Waiting, failure: Failure) -> None:
        self._drop_if_broken()

    def _unasked(self, data: bytes) -> None:
        self.record.unasked(self._clock.now_us(), data)
        self._stream.frames(data)
        self._drop_if_broken()

    def _drop_if_broken(self) -> None:
        if self._stream.is_broken:
            self._drop("what comes is not Modbus TCP; use tcp-rtu:// if it is a transparent gateway")

    def _opened(self) -> None:
        self._stream.restart()
