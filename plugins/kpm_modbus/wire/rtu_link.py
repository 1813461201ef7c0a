"""The discipline of an RTU bus: gaps, drains, echoes, and replies that may still be on their way.

RTU is half duplex and its frames carry no number, so a reply is known by when it comes as much as by what it holds.
"""

from __future__ import annotations

import asyncio

from hub.contracts.links import Failure, LinkFailed, Request, WireTiming
from hub.core.clock import Clock
from plugins.kpm_modbus.wire.frames import Answer, Expectation
from plugins.kpm_modbus.wire.link import Waiting, WireLink
from plugins.kpm_modbus.wire.owed import Owed, echo_probe
from plugins.kpm_modbus.wire.ports import OpenPort
from plugins.kpm_modbus.wire.rtu import RtuExpectation, frames_in, is_read_request

DRAIN_SILENCE_S = 0.020
# A bus that does not fall silent for so long is babbling; the port is opened anew.
BABBLE_LIMIT_S = 2.0
SLAVE_GAP_S = 0.005
"""Some meters miss a request that follows too soon on another meter's answer."""

_CLOCK_GRAIN_S = 2e-6
_LOOP_GRAIN_S = 0.001
_LONG_WAIT_S = 0.005


class RtuLink(WireLink):
    """RTU frames over a serial port, or over a transparent gateway."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        open_port: OpenPort,
        timing: WireTiming,
        *,
        slave_gap_s: float,
        drops_when_silent: bool,
    ) -> None:
        """Link to a bus with this timing; `slave_gap_s` is added to the gap when the meter changes."""
        super().__init__(url, clock, open_port, timing)
        self._drops_when_silent = drops_when_silent
        self._slave_gap_s = slave_gap_s
        self._owed = Owed()
        self._has_echo: bool | None = None
        """Whether the port hands back what we send; None until a read has shown it."""
        self._last_unit = 0
        self._busy_until_s = 0.0
        self._hold_until_s = 0.0
        self._is_dirty = False
        self._abandoned: Waiting | None = None
        self._drained: asyncio.Event = asyncio.Event()
        """What the drain waited for came: it need not last its full time."""

    async def _prepare(self, request: Request, timeout_s: float) -> None:
        """Drain what a cancelled request left, and send a read ahead where a reply could be mistaken."""
        if self._is_dirty:
            await self._await_silence(0.0)
        if self._owed.has_like(request, self._clock.monotonic()) and not request.function.is_write:
            ahead = self._owed.fence(request)
        elif self._has_echo is None and RtuExpectation(request, has_echo=False).looks_like_its_reply:
            ahead = echo_probe(request)
        else:
            return
        self.record.fences += 1
        try:
            await self._exchange(ahead, timeout_s)
        except LinkFailed as error:
            if error.reason is not Failure.EXCEPTION:
                raise LinkFailed(error.reason, str(error), was_sent=False) from error
        if not request.function.is_write and self._owed.has_like(request, self._clock.monotonic()):
            raise self._error(request, Failure.WRONG_TRANSACTION, timeout_s, was_sent=False)

    async def _await_gap(self, request: Request) -> None:
        is_change = request.unit != self._last_unit and self._last_unit
        await self._await_silence(self._timing.gap_s + (self._slave_gap_s if is_change else 0.0))

    async def _await_silence(self, gap_s: float) -> None:
        """Return when the wire was silent for the gap, and drained if need be; a babbling bus loses its port."""
        clock = self._clock
        now_s = clock.monotonic()
        give_up_s = max(now_s, self._hold_until_s) + BABBLE_LIMIT_S
        while self._connection.port is not None:
            silence_s = max(gap_s, self._timing.gap_s, DRAIN_SILENCE_S) if self._is_dirty else gap_s
            free_s = max(self._hold_until_s, max(self._heard_s, self._busy_until_s) + silence_s)
            if free_s - now_s <= _CLOCK_GRAIN_S:
                self._is_dirty = False
                self._abandoned = None
                return
            if give_up_s - now_s <= _CLOCK_GRAIN_S:
                self._drop("it never falls silent: another master, a wrong baud rate, or no bias on the line")
                return
            await self._sleep(min(free_s, give_up_s) - now_s)
            now_s = clock.monotonic()

    async def _sleep(self, delay_s: float) -> None:
        """Wait about so long, or until what is owed has come."""
        if delay_s > _LONG_WAIT_S:
            # The epoll of the loop rounds up to whole milliseconds, and 9 to 10: the gap to another meter at 9600
            # baud. In two steps, of which only the short one is rounded, it is over after 9.2.
            delay_s -= delay_s % _LOOP_GRAIN_S
        self._drained.clear()
        timer = self._clock.call_later(delay_s, self._drained.set)
        try:
            await self._drained.wait()
        finally:
            timer.cancel()

    def _expect(self, request: Request) -> Expectation:
        return RtuExpectation(request, has_echo=bool(self._has_echo))

    def _sent(self, waiting: Waiting) -> None:
        self._last_unit = waiting.request.unit
        self._busy_until_s = waiting.ends_s

    def _answered(self, waiting: Waiting, answer: Answer) -> Failure | None:
        self._learn_echo(waiting, answer)
        is_refusal = answer.exception_code is not None
        is_sure = self._owed.answered(
            waiting.request, waiting.number, self._clock.monotonic(), is_refusal=is_refusal
        )
        if is_refusal and waiting.request.function.is_write and not is_sure:
            return Failure.WRONG_TRANSACTION  # a write counts as refused only if it was this one
        return Failure.EXCEPTION if is_refusal else None

    def _learn_echo(self, waiting: Waiting, answer: Answer) -> None:
        noise = waiting.expectation.noise()
        if noise.trailing_bytes:
            self._is_dirty = True
        if noise.echoes:
            self._has_echo = True
        elif len(waiting.expectation.received) == len(answer.frame) and not waiting.request.function.is_write:
            # One read without an echo may have lost it; two have none.
            self._has_echo = None if self._has_echo else False

    def _gave_up(self, waiting: Waiting) -> None:
        self._is_dirty = True
        self._abandoned = waiting
        given_up_s = waiting.ends_s + waiting.timeout_s
        self._hold_until_s = given_up_s + waiting.timeout_s
        self._owed.unanswered(waiting.request, waiting.number, given_up_s)

    async def _failed(self, waiting: Waiting, failure: Failure) -> None:
        await self._await_silence(0.0)

    def _unasked(self, data: bytes) -> None:
        self._is_dirty = True
        waiting = self._abandoned
        answer = waiting.expectation.feed(data) if waiting is not None else None
        if waiting is None or not isinstance(answer, Answer):
            self.record.unasked(self._clock.now_us(), data)
            if any(is_read_request(data[at : at + length]) for at, length in frames_in(data)):
                self.record.has_another_master = True
            return
        # What was given up came after all: no longer than the silence has to be waited for.
        self.record.late(self._clock.now_us(), waiting.expectation.received)
        is_refusal = answer.exception_code is not None
        self._owed.answered(waiting.request, waiting.number, self._clock.monotonic(), is_refusal=is_refusal)
        self._hold_until_s = 0.0
        self._abandoned = None
        self._drained.set()

    def _opened(self) -> None:
        self._has_echo = None
        self._is_dirty = True  # somebody else may have asked just before
