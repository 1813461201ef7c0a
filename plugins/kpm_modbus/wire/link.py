"""One transaction after the other over a port: what RTU and Modbus TCP have in common."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from itertools import count

from hub.contracts.links import Failure, LinkFailed, Reply, Request, WireTiming
from hub.core.clock import Clock
from plugins.kpm_modbus.wire.connection import Connection
from plugins.kpm_modbus.wire.frames import Answer, Expectation, asking, describe
from plugins.kpm_modbus.wire.ports import OpenPort
from plugins.kpm_modbus.wire.record import WireRecord

# A connection over which nothing came for so long, though so many were asked, is taken for half open. One byte
# from anybody proves it alive, so dead meters behind a live gateway never cost the others their connection.
SILENT_LIMIT_S = 15.0
UNHEARD_LIMIT = 3

_ADVICE = {
    Failure.NO_REPLY: "check its power, wiring, unit number and line settings",
    Failure.BAD_CRC: "check termination, bias, baud and parity, and that no two meters share the unit",
    Failure.WRONG_UNIT: "another meter answered, or another master is on the bus",
    Failure.WRONG_FUNCTION: "it answered something else than was asked",
    Failure.WRONG_LENGTH: "its reply has another length than was asked for",
    Failure.WRONG_ECHO: "it confirmed another address or value than was written; read back what it did",
    Failure.WRONG_TRANSACTION: "what came may answer an earlier request",
}


class Waiting:
    """A request that is out, and what is known of its reply."""

    __slots__ = (
        "done_s", "done_us", "ends_s", "expectation", "first_byte_s", "number", "outcome", "request", "timeout_s",
    )  # fmt: skip

    def __init__(
        self, number: int, request: Request, expectation: Expectation, ends_s: float, timeout_s: float
    ) -> None:
        """Wait for a reply to a request that leaves the wire at `ends_s`; numbers only grow."""
        self.number = number
        self.request = request
        self.expectation = expectation
        self.ends_s = ends_s
        self.timeout_s = timeout_s
        self.outcome: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()
        self.first_byte_s: float | None = None
        self.done_s = 0.0
        self.done_us = 0

    def expire(self) -> None:
        """The time is over."""
        self.end(self.expectation.verdict())

    def end(self, outcome: Answer | Failure) -> None:
        """Give the waiting transaction its outcome, unless it has one."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class WireLink(ABC):
    """A `Link` over a serial port or connection; opens it at the first request, and again when it is lost."""

    _drops_when_silent = True

    def __init__(self, url: str, clock: Clock, open_port: OpenPort, timing: WireTiming) -> None:
        """Link to what the URL names; nothing is opened yet."""
        self.url = url
        self.record = WireRecord()
        self._timing = timing
        self._clock = clock
        self._connection = Connection(clock, open_port, self, self._count_opened)
        self._turn = asyncio.Lock()
        self._waiting: Waiting | None = None
        self._numbers = count(1)
        self._heard_s = 0.0
        self._unheard = 0

    @property
    def timing(self) -> WireTiming:
        """The wire's timing."""
        return self._timing

    async def transact(self, request: Request, timeout_s: float) -> Reply:
        """Ask and wait for the answer that fits; see `Link.transact`."""
        asking(request)
        async with self._turn:
            if self._connection.port is None and await self._connection.ready() is None:
                raise self._error(request, Failure.DISCONNECTED, timeout_s, was_sent=False)
            await self._prepare(request, timeout_s)
            return await self._exchange(request, timeout_s)

    async def close(self) -> None:
        """Let go of the port for good; who waits for an answer is told."""
        await self._connection.close()
        if self._waiting is not None:
            self._waiting.end(Failure.DISCONNECTED)

    @abstractmethod
    async def _prepare(self, request: Request, timeout_s: float) -> None:
        """Do what must happen on the bus before a request may be sent."""

    @abstractmethod
    async def _await_gap(self, request: Request) -> None:
        """Wait until the wire may be used."""

    @abstractmethod
    def _expect(self, request: Request) -> Expectation:
        """The request as bytes, and its fitting reply."""

    @abstractmethod
    def _sent(self, waiting: Waiting) -> None:
        """Note a request that is about to leave."""

    @abstractmethod
    def _answered(self, waiting: Waiting, answer: Answer) -> Failure | None:
        """Note an answer; a failure if it may answer another request after all."""

    @abstractmethod
    async def _failed(self, waiting: Waiting, failure: Failure) -> None:
        """Bring the bus in order after a failure."""

    @abstractmethod
    def _gave_up(self, waiting: Waiting) -> None:
        """Note that nobody waits any more for a request that was sent."""

    @abstractmethod
    def _unasked(self, data: bytes) -> None:
        """Bytes came while nobody waited."""

    @abstractmethod
    def _opened(self) -> None:
        """The port was opened."""

    async def _exchange(self, request: Request, timeout_s: float) -> Reply:
        """Send one request and give its answer."""
        await self._await_gap(request)
        port = self._connection.port
        if port is None:
            raise self._error(request, Failure.DISCONNECTED, timeout_s, was_sent=False)
        clock = self._clock
        expectation = self._expect(request)
        wire_s = len(expectation.frame) * self._timing.character_s
        sent_us = clock.now_us()
        waiting = Waiting(next(self._numbers), request, expectation, clock.monotonic() + wire_s, timeout_s)
        self._sent(waiting)
        self.record.sent(sent_us, expectation.frame)
        self._waiting = waiting
        timer = clock.call_later(wire_s + timeout_s, waiting.expire)
        try:
            port.write(expectation.frame)
            outcome = await waiting.outcome
        except OSError as error:
            self._drop(str(error))
            outcome = Failure.DISCONNECTED
        except asyncio.CancelledError:
            self._gave_up(waiting)
            raise
        finally:
            timer.cancel()
            self._waiting = None
        self.record.heard(expectation.noise())
        if isinstance(outcome, Answer):
            failure = self._answered(waiting, outcome)
            if failure is None:
                return self._reply(waiting, outcome, sent_us)
        else:
            failure = outcome
        code = outcome.exception_code if isinstance(outcome, Answer) else None
        self.record.failed(clock.now_us(), expectation.received, failure)
        if failure is not Failure.EXCEPTION:
            self._gave_up(waiting)
            self._suspect_half_open(failure)
            await self._failed(waiting, failure)
        raise self._error(request, failure, timeout_s, exception_code=code)

    def _reply(self, waiting: Waiting, answer: Answer, sent_us: int) -> Reply:
        received = waiting.expectation.received
        self.record.answered(waiting.done_us, received)
        # Adapters and gateways hand over bytes in lumps: the reply began no later than its length on the wire says.
        began_s = waiting.done_s - len(answer.frame) * self._timing.character_s
        if waiting.first_byte_s is not None and len(received) == len(answer.frame):
            began_s = min(began_s, waiting.first_byte_s)
        return Reply(
            words=answer.words,
            frame=answer.frame,
            sent_us=sent_us,
            received_us=waiting.done_us,
            turn_us=max(0, round((began_s - waiting.ends_s) * 1e6)),
        )

    def received(self, data: bytes) -> None:
        """Take bytes in from the port."""
        now_s = self._heard_s = self._clock.monotonic()
        self._unheard = 0
        self._connection.heard()
        waiting = self._waiting
        if waiting is None or waiting.outcome.done():
            self._unasked(data)
            return
        if waiting.first_byte_s is None:
            waiting.first_byte_s = now_s
        outcome = waiting.expectation.feed(data)
        if outcome is not None:
            waiting.done_s = now_s
            waiting.done_us = self._clock.now_us()
            waiting.end(outcome)

    def lost(self, why: str) -> None:
        """The port is gone; who waits for an answer is told."""
        self._connection.lost(why)
        if self._waiting is not None:
            self._waiting.end(Failure.DISCONNECTED)

    def _drop(self, why: str) -> None:
        self._connection.drop(why)
        if self._waiting is not None:
            self._waiting.end(Failure.DISCONNECTED)

    def _suspect_half_open(self, failure: Failure) -> None:
        if failure is not Failure.NO_REPLY or not self._drops_when_silent:
            return
        self._unheard += 1
        silent_s = self._clock.monotonic() - self._heard_s
        if self._unheard >= UNHEARD_LIMIT and silent_s > SILENT_LIMIT_S:
            self._drop(f"{self._unheard} requests and not a byte in {silent_s:.0f} s: taken for half open")

    def _count_opened(self) -> None:
        self.record.connects += 1
        self._heard_s = self._clock.monotonic()
        self._unheard = 0
        self._opened()

    def _error(
        self,
        request: Request,
        failure: Failure,
        timeout_s: float,
        *,
        exception_code: int | None = None,
        was_sent: bool = True,
    ) -> LinkFailed:
        if not was_sent:
            self.record.failures[failure] += 1
        if failure is Failure.DISCONNECTED:
            text = f"{self.url} is down: {self._connection.why_down}"
        elif failure is Failure.EXCEPTION:
            text = f"{self.url}, {describe(request)}: the meter refused with exception {exception_code}"
        else:
            waited = f" within {timeout_s:g} s" if failure is Failure.NO_REPLY else ""
            what = failure.value.replace("_", " ")
            text = f"{self.url}, {describe(request)}: {what}{waited}; {_ADVICE[failure]}"
        return LinkFailed(failure, text, exception_code=exception_code, was_sent=was_sent)
