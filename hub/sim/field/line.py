"""A simulated RS485 line at byte level: request bytes go in, reply bytes come out when a wire would give them.

Half duplex, as the real thing: who sends while another sends spoils both. A meter answers in the order asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hub.contracts.links import WireTiming
from hub.core.clock import Clock
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.frames import rtu_bytes
from hub.sim.field.rtu import BROADCAST, asked_from, is_sound, request_length
from hub.sim.field.stations import Stations

_TOLERANCE_S = 1e-6
_HEARD_MAX = 512


class Listener(Protocol):
    """Who hears what comes down a line."""

    def received(self, data: bytes) -> None:
        """Bytes came."""

    def lost(self, why: str) -> None:
        """The connection was cut by the other end."""


class Front(Protocol):
    """What a server puts its clients through to."""

    def connect(self, listener: Listener) -> FrontPort:
        """Let somebody in; raises `OSError` while the gateway takes nobody."""


class FrontPort(Protocol):
    """One client's end."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def close(self) -> None:
        """Leave."""


@dataclass(slots=True, eq=False)
class _Sending:
    """A reply that is on its way, or will be."""

    begins_s: float
    ends_s: float
    data: bytes
    is_spoilt: bool = False


class LinePort:
    """One master's port on a line; all ports hear all replies, as with a transparent gateway."""

    def __init__(self, line: SimulatedLine, listener: Listener) -> None:
        """Listen on a line; use `SimulatedLine.connect`."""
        self._line = line
        self.listener = listener

    def write(self, data: bytes) -> None:
        """Send bytes; they take their time on the wire, one after the other."""
        self._line.hear(data)

    def close(self) -> None:
        """Hear nothing more."""
        self._line.leave(self)


class SimulatedLine:
    """The stations of a bus behind bytes."""

    def __init__(
        self,
        clock: Clock,
        stations: Stations,
        timing: WireTiming,
        *,
        is_instant: bool = False,
        pieces: int = 1,
        silence_s: float | None = None,
        must_keep_gap: bool = False,
    ) -> None:
        """Put stations on a line.

        An instant line leaves out all time but that of a late reply. A reply arrives in so many pieces, each when
        its last byte is through. `silence_s` ends a broken request; by default it is the gap. A meter misses a
        request that comes before the gap is over if `must_keep_gap`; it is counted in any case.
        """
        self._clock = clock
        self.stations = stations
        self.timing = timing
        self._is_instant = is_instant
        self._pieces = pieces
        self._silence_s = timing.gap_s if silence_s is None else silence_s
        self._must_keep_gap = must_keep_gap
        self._ports: list[LinePort] = []
        self._heard = bytearray()
        self._is_heard_spoilt = False
        self._master_from_s = self._master_until_s = 0.0
        self._sending: list[_Sending] = []
        self._unit_until_s: dict[int, float] = {}
        self._last_reply_s = float("-inf")
        self.requests = 0
        """Sound requests that reached the stations."""
        self.unheard = 0
        """Requests that were broken, spoilt or too early."""
        self.collisions = 0
        self.gap_violations = 0
        stations.on_fault.append(self._on_fault)

    def connect(self, listener: Listener) -> LinePort:
        """Open a port; raises `OSError` while the gateway takes nobody."""
        if self.stations.spend(FaultKind.GATEWAY_DROP):
            raise ConnectionRefusedError("the simulated gateway takes no connection now")
        port = LinePort(self, listener)
        self._ports.append(port)
        return port

    def leave(self, port: LinePort) -> None:
        """Forget a port."""
        if port in self._ports:
            self._ports.remove(port)

    def hear(self, data: bytes) -> None:
        """Take bytes of a master onto the wire."""
        if self.stations.has_fault(FaultKind.HALF_OPEN):
            self.stations.spend(FaultKind.HALF_OPEN)
            return
        ends_s = self._clock.monotonic()
        if not self._is_instant:
            ends_s = self._occupy(ends_s, len(data))
        self._heard += data
        while self._heard:
            length = request_length(self._heard)
            if length is None:
                # Of a function that nobody knows only the checksum tells where the request ends.
                is_known = len(self._heard) < 7 or 1 <= self._heard[1] <= 16
                if is_known or not is_sound(self._heard) or len(self._heard) > _HEARD_MAX:
                    if len(self._heard) > _HEARD_MAX:
                        self._miss()
                    return
                length = len(self._heard)
            if len(self._heard) < length:
                return
            frame = bytes(self._heard[:length])
            if self._is_heard_spoilt or not is_sound(frame):
                self._miss()
                return
            del self._heard[:length]
            self.requests += 1
            asked_s = ends_s - len(self._heard) * self.timing.character_s
            self._at(asked_s, self._ask, frame, asked_s)

    def _occupy(self, now_s: float, length: int) -> float:
        """Put a master's bytes on the wire; returns when the last of them is out."""
        begins_s = max(now_s, self._master_until_s)
        if begins_s - self._master_until_s > self._silence_s + _TOLERANCE_S:
            if self._heard:
                self._miss()  # the rest of it never came
            self._master_from_s = begins_s
            self._is_heard_spoilt = False
            if begins_s < self._last_reply_s + self.timing.gap_s - _TOLERANCE_S:
                self.gap_violations += 1
                self._is_heard_spoilt = self._must_keep_gap
        self._master_until_s = begins_s + length * self.timing.character_s
        for sending in self._sending:
            if sending.begins_s < self._master_until_s and sending.ends_s > begins_s:
                sending.is_spoilt = self._is_heard_spoilt = True
                self.collisions += 1
        return self._master_until_s

    def _miss(self) -> None:
        self._heard.clear()
        self._is_heard_spoilt = False
        self.unheard += 1

    def _ask(self, frame: bytes, asked_s: float) -> None:
        """Let a station answer; times are counted from the wire's own, so that a late timer adds up to nothing."""
        unit = frame[0]
        if unit == BROADCAST:
            self.stations.broadcast(frame[1:-2])
            return
        answer = self.stations.ask(asked_from(unit, frame[1:-2]))
        if answer is None:
            return
        data = rtu_bytes(self.stations, answer)
        if self._is_instant:
            if answer.late_us:
                self._clock.call_later(answer.late_us / 1e6, lambda: self._deliver(data))
            else:
                self._deliver(data)
            return
        timing = self.timing
        begins_s = asked_s + max(answer.turn_us / 1e6, timing.gap_s)
        begins_s = max(begins_s, self._unit_until_s.get(unit, 0.0))
        sending = _Sending(begins_s, begins_s + len(data) * timing.character_s, data)
        self._unit_until_s[unit] = sending.ends_s + timing.gap_s
        for other in self._sending:
            if other.begins_s < sending.ends_s and other.ends_s > sending.begins_s:
                other.is_spoilt = sending.is_spoilt = True
                self.collisions += 1
        self._sending.append(sending)
        self._send_pieces(sending)

    def _send_pieces(self, sending: _Sending) -> None:
        length = len(sending.data)
        begin = 0
        for number in range(1, self._pieces + 1):
            end = length * number // self._pieces
            if end > begin:
                self._at(sending.begins_s + end * self.timing.character_s, self._send_piece, sending, begin, end)
            begin = end

    def _send_piece(self, sending: _Sending, begin: int, end: int) -> None:
        if sending.is_spoilt:
            sending.data = self.stations.mutilated(sending.data)
            sending.is_spoilt = False
        if end == len(sending.data):
            self._sending.remove(sending)
            self._last_reply_s = sending.ends_s
        self._deliver(sending.data[begin:end])

    def _deliver(self, data: bytes) -> None:
        if not self.stations.has_fault(FaultKind.HALF_OPEN):
            for port in tuple(self._ports):
                port.listener.received(data)

    def _at(self, when_s: float, call: Callable[..., None], *arguments: object) -> None:
        if self._is_instant:
            call(*arguments)
        else:
            self._clock.call_later(max(0.0, when_s - self._clock.monotonic()), lambda: call(*arguments))

    def _on_fault(self, fault: Fault) -> None:
        if fault.kind is FaultKind.GATEWAY_DROP and self._ports:
            ports, self._ports = self._ports, []
            self.stations.spend(FaultKind.GATEWAY_DROP)
            for port in ports:
                port.listener.lost("the simulated gateway cut the connection")
