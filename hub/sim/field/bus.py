"""A simulated bus at port level: a `Link` that takes its time on the wire, and fails as a correct one does.

What is wrong with bytes turns into the `LinkFailed` that a link which checks and drains would raise, at the same
cost in time: it waits for the right answer until the timeout, and then as long again and until the bus is silent:
nothing can be mistaken for a later answer. One request is on the wire at a time; the next begins
one gap after the last byte of the reply.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from hub.contracts.links import Failure, LinkFailed, Reply, Request, WireTiming
from hub.core.clock import Clock
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.frames import foreign_frame, right_frame
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.stations import Answer, Stations, Turn
from hub.sim.field.usage import BusUsage

BAUD, BITS_PER_CHARACTER = 9600, 11
DRAIN_S = 0.02

_FAILURES = {
    FaultKind.WRONG_CRC: (Failure.BAD_CRC, "the checksum of the reply is wrong"),
    FaultKind.NOISE: (Failure.BAD_CRC, "the reply is mutilated"),
    FaultKind.WRONG_UNIT: (Failure.WRONG_UNIT, "another unit answered"),
    FaultKind.WRONG_FUNCTION: (Failure.WRONG_FUNCTION, "the reply is to another function"),
    FaultKind.WRONG_LENGTH: (Failure.WRONG_LENGTH, "the reply has another length than was asked for"),
    FaultKind.WRONG_ECHO: (Failure.WRONG_ECHO, "the reply confirms another write"),
    FaultKind.SHORT: (Failure.BAD_CRC, "the reply ended early"),
}


class SimulatedBus:
    """The `Link` to a set of simulated meters."""

    def __init__(
        self,
        clock: Clock,
        meters: Mapping[int, SimulatedMeter],
        *,
        baud: int = BAUD,
        bits_per_character: int = BITS_PER_CHARACTER,
        turn: Turn | None = None,
        seed: int = 0,
        drain_s: float = DRAIN_S,
    ) -> None:
        """Hang meters on a bus by unit number; `drain_s` is how long it must be silent to count as drained."""
        self._clock = clock
        self.stations = Stations(clock, meters, turn=turn, seed=seed)
        self.timing = WireTiming.of(baud, bits_per_character)
        self.drain_s = max(drain_s, self.timing.gap_s)
        self.usage = BusUsage(clock.monotonic())
        self._wire = asyncio.Lock()
        self._free_at_s = 0.0
        self._late: list[tuple[float, float, int]] = []  # replies that nobody waits for any more: from, to, unit

    @property
    def meters(self) -> dict[int, SimulatedMeter]:
        """The meters by unit."""
        return self.stations.meters

    @property
    def silent(self) -> set[int]:
        """Units that do not answer; add to it and take from it."""
        return self.stations.silent

    @property
    def frames(self) -> int:
        """How many transactions were begun."""
        return self.usage.frames

    def set_fault(self, fault: Fault) -> None:
        """Switch a fault on."""
        self.stations.set_fault(fault)

    def clear_faults(self, unit: int | None = None, kind: FaultKind | None = None) -> None:
        """Switch faults off: all, or those of a unit, or of a kind."""
        self.stations.clear_faults(unit, kind)

    async def transact(self, request: Request, timeout_s: float) -> Reply:
        """Carry a request to its meter and the answer back, in the time that both take; see the contract."""
        async with self._wire:
            self.usage.frames += 1
            if self.stations.spend(FaultKind.GATEWAY_DROP):
                await self._find_it_cut(request)
            begun_s = await self._send(request, timeout_s)
            course = self._course(request, self.stations.ask_now(request), begun_s, timeout_s)
            self._free_at_s = course.free_s
            try:
                await self._clock.sleep(course.returns_s - self._clock.monotonic())
            except asyncio.CancelledError:
                self._abandon(course)
                raise
            course.count(self.usage)
            if course.failure is not None:
                self.usage.failures[course.failure.reason] += 1
                raise course.failure
            return self._reply(request, course)

    async def close(self) -> None:
        """Nothing is held."""

    async def _find_it_cut(self, request: Request) -> NoReturn:
        self.usage.failures[Failure.DISCONNECTED] += 1
        self.usage.drain_s += self.drain_s
        await self._clock.sleep(self.drain_s)
        raise LinkFailed(
            Failure.DISCONNECTED,
            f"unit {request.unit}: the gateway cut the connection; nothing was sent",
            was_sent=False,
        )

    async def _send(self, request: Request, timeout_s: float) -> float:
        """Wait for the wire to be free and put the request on it; returns when its first byte left."""
        clock = self._clock
        begun_s = max(clock.monotonic(), self._free_at_s)
        try:
            await clock.sleep(begun_s + request.request_bytes * self.timing.character_s - clock.monotonic())
        except asyncio.CancelledError:
            if clock.monotonic() > begun_s:  # bytes are out, the rest follows, and the meter obeys
                self._abandon(self._course(request, self.stations.ask_now(request), begun_s, timeout_s))
            else:
                self.usage.cancelled += 1
            raise
        return begun_s

    def _course(self, request: Request, answer: Answer | None, begun_s: float, timeout_s: float) -> _Course:
        """What will happen on the wire, now that the answer is known."""
        timing = self.timing
        request_s = request.request_bytes * timing.character_s
        asked_s = begun_s + request_s
        course = _Course(begun_s, answer, request_s=request_s, given_up_s=asked_s + timeout_s)
        if answer is None:
            return self._failing(course, request, Failure.NO_REPLY, f"no reply within {timeout_s:g} s", timeout_s)
        frame = right_frame(answer)
        course.turn_s = max(answer.turn_us / 1e6, timing.gap_s)
        course.reply_s = (len(frame) + _extra_bytes(answer)) * timing.character_s
        course.frame = frame
        ended_s = asked_s + course.turn_s + course.reply_s
        if ended_s > course.given_up_s + 1e-9:
            self._late.append((asked_s + course.turn_s, ended_s, request.unit))
            course.turn_s = course.reply_s = 0.0
            return self._failing(course, request, Failure.NO_REPLY, f"no reply within {timeout_s:g} s", timeout_s)
        clash = next((late for late in self._late if late[0] < ended_s and late[1] > begun_s), None)
        if clash is not None:
            self._late.remove(clash)
            reason = Failure.WRONG_LENGTH if clash[2] == request.unit else Failure.WRONG_UNIT
            text = f"a late reply of unit {clash[2]} fell into this transaction"
            return self._failing(course, request, reason, text, timeout_s)
        if answer.defect in _FAILURES:
            return self._failing(course, request, *_FAILURES[answer.defect], timeout_s)
        course.returns_s, course.free_s = ended_s, ended_s + timing.gap_s
        course.gap_s = timing.gap_s
        if answer.exception_code is not None:
            course.failure = LinkFailed(
                Failure.EXCEPTION,
                f"unit {request.unit} answered with exception {answer.exception_code} to function "
                f"{int(request.function):02d} at {request.address:#06x}",
                exception_code=answer.exception_code,
            )
        return course

    def _failing(self, course: _Course, request: Request, reason: Failure, text: str, timeout_s: float) -> _Course:
        """The right answer is waited for until the end, and the bus drained before the caller hears of it."""
        course.failure = LinkFailed(reason, f"unit {request.unit}: {text}")
        quiet_s = course.given_up_s + max(timeout_s, self.drain_s)
        for begins_s, ends_s, _ in sorted(self._late):
            if begins_s < quiet_s:
                quiet_s = max(quiet_s, ends_s + self.drain_s)
        self._late = [late for late in self._late if late[1] > quiet_s]
        course.returns_s = course.free_s = quiet_s
        return course

    def _abandon(self, course: _Course) -> None:
        """Let what was cancelled play out on the wire, and keep still until it cannot disturb anybody."""
        course.count(self.usage)
        self.usage.cancelled += 1
        if course.failure is None or course.failure.reason is Failure.EXCEPTION:
            course.free_s = course.returns_s + self.drain_s
            self.usage.drain_s += self.drain_s - course.gap_s
        self._free_at_s = course.free_s

    def _reply(self, request: Request, course: _Course) -> Reply:
        assert course.answer is not None
        usage = self.usage
        usage.good += 1
        usage.limit_s += self.timing.transaction_s(request, course.turn_s)
        received_us = self._clock.now_us()
        return Reply(
            words=_words(request, course.answer),
            frame=course.frame,
            sent_us=received_us - round((course.returns_s - course.begun_s) * 1e6),
            received_us=received_us,
            turn_us=round(course.turn_s * 1e6),
        )


@dataclass(slots=True)
class _Course:
    """One transaction as it will go: when it began, when its caller hears of it, when the wire is free again."""

    begun_s: float
    answer: Answer | None
    request_s: float
    given_up_s: float
    turn_s: float = 0.0
    reply_s: float = 0.0
    gap_s: float = 0.0
    returns_s: float = 0.0
    free_s: float = 0.0
    frame: bytes = b""
    failure: LinkFailed | None = None

    def count(self, usage: BusUsage) -> None:
        """Book its time."""
        usage.wire_s += self.request_s + self.reply_s
        usage.turn_s += self.turn_s
        usage.gap_s += self.gap_s
        if self.failure is not None and self.failure.reason is not Failure.EXCEPTION:
            usage.timeout_s += self.given_up_s - self.begun_s - self.request_s - self.turn_s - self.reply_s
            usage.drain_s += self.free_s - self.given_up_s


def _extra_bytes(answer: Answer) -> int:
    """What comes besides the reply, and a correct link sees through."""
    if answer.defect is FaultKind.FOREIGN_FRAME:
        return len(foreign_frame(answer))
    return int(answer.defect is FaultKind.STRAY_BYTE)


def _words(request: Request, answer: Answer) -> tuple[int, ...]:
    if request.function.is_write:
        return ()
    data = answer.body[1:]
    if not request.function.reads_bits:
        return struct.unpack(f">{len(data) // 2}H", data)
    number = int.from_bytes(data, "little")
    return tuple(number >> place & 1 for place in range(request.count))
