"""Modbus TCP in front of a simulated bus: a gateway that asks one meter at a time."""

from __future__ import annotations

import struct
from collections import deque
from functools import partial

from hub.contracts.links import WireTiming
from hub.core.clock import Clock
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.frames import distorted
from hub.sim.field.line import Listener
from hub.sim.field.rtu import BROADCAST, asked_from
from hub.sim.field.stations import Answer, Stations

TARGET_SILENT = 0x0B
_HEADER = struct.Struct(">HHHB")
_PDU_MAX = 253
_WAITING_MAX = 1_000
_SPOILT = frozenset({FaultKind.WRONG_CRC, FaultKind.NOISE, FaultKind.SHORT})


def adu(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A whole Modbus TCP message."""
    return _HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu


class GatewayPort:
    """One client's connection to the gateway."""

    def __init__(self, gateway: SimulatedGateway, listener: Listener) -> None:
        """Talk to a gateway; use `SimulatedGateway.connect`."""
        self._gateway = gateway
        self.listener = listener
        self._received = bytearray()

    def write(self, data: bytes) -> None:
        """Send bytes; every whole message in them is queued for the bus."""
        self._received += data
        while len(self._received) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._received)
            if protocol != 0 or not 2 <= length <= _PDU_MAX + 1:
                self._gateway.cut(self, f"no Modbus TCP message: {self._received[:8].hex(' ')}")
                return
            end = _HEADER.size - 1 + length
            if len(self._received) < end:
                return
            pdu = bytes(self._received[_HEADER.size : end])
            del self._received[:end]
            self._gateway.take(self, transaction, unit, pdu)

    def close(self) -> None:
        """Leave."""
        self._gateway.leave(self)


class SimulatedGateway:
    """The stations of a bus behind Modbus TCP."""

    def __init__(
        self,
        clock: Clock,
        stations: Stations,
        timing: WireTiming,
        *,
        is_instant: bool = False,
        timeout_s: float | None = None,
    ) -> None:
        """Put stations behind a gateway.

        With a timeout it answers for a meter that does not: exception 0B. Without one it keeps silent, as a meter
        with a network port of its own does, and a late reply arrives late.
        """
        self._clock = clock
        self.stations = stations
        self.timing = timing
        self._is_instant = is_instant
        self._timeout_s = timeout_s
        self._ports: list[GatewayPort] = []
        self._waiting: deque[tuple[GatewayPort, int, int, bytes]] = deque()
        self._is_busy = False
        self.requests = 0
        stations.on_fault.append(self._on_fault)

    def connect(self, listener: Listener) -> GatewayPort:
        """Open a connection; raises `OSError` while the gateway takes nobody."""
        if self.stations.spend(FaultKind.GATEWAY_DROP):
            raise ConnectionRefusedError("the simulated gateway takes no connection now")
        port = GatewayPort(self, listener)
        self._ports.append(port)
        return port

    def leave(self, port: GatewayPort) -> None:
        """Forget a connection."""
        if port in self._ports:
            self._ports.remove(port)

    def cut(self, port: GatewayPort, why: str) -> None:
        """Throw a client out."""
        self.leave(port)
        port.listener.lost(why)

    def take(self, port: GatewayPort, transaction: int, unit: int, pdu: bytes) -> None:
        """Queue a request for the bus."""
        if self.stations.has_fault(FaultKind.HALF_OPEN):
            self.stations.spend(FaultKind.HALF_OPEN)
            return
        if len(self._waiting) >= _WAITING_MAX:
            self.cut(port, f"more than {_WAITING_MAX} requests wait")
            return
        self._waiting.append((port, transaction, unit, pdu))
        if not self._is_busy:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            port, transaction, unit, pdu = self._waiting.popleft()
            self.requests += 1
            if not self._is_instant:
                self._is_busy = True
                sent_s = (len(pdu) + 3) * self.timing.character_s
                self._clock.call_later(sent_s, partial(self._ask, port, transaction, unit, pdu))
                return
            answer = self._answer(unit, pdu)
            if answer is not None:
                data = self._message(transaction, answer)
                if answer.late_us:
                    self._later(answer.late_us / 1e6, port, data)
                else:
                    self._deliver(port, data)
            elif unit != BROADCAST and self._timeout_s is not None:
                self._later(self._timeout_s, port, _target_silent(transaction, unit, pdu))
        self._is_busy = False

    def _ask(self, port: GatewayPort, transaction: int, unit: int, pdu: bytes) -> None:
        timing = self.timing
        answer = self._answer(unit, pdu)
        busy_s = timing.gap_s
        if answer is not None and (self._timeout_s is None or answer.turn_us <= self._timeout_s * 1e6):
            data = self._message(transaction, answer)
            came_s = max(answer.turn_us / 1e6, timing.gap_s) + (len(answer.body) + 4) * timing.character_s
            self._later(came_s, port, data)
            busy_s += came_s - answer.late_us / 1e6
        elif unit != BROADCAST and self._timeout_s is not None:
            self._later(self._timeout_s, port, _target_silent(transaction, unit, pdu))
            busy_s += self._timeout_s
        self._clock.call_later(busy_s, self._next)

    def _answer(self, unit: int, pdu: bytes) -> Answer | None:
        if unit == BROADCAST:
            self.stations.broadcast(pdu)
            return None
        answer = self.stations.ask(asked_from(unit, pdu))
        if answer is not None and answer.defect in _SPOILT:
            return None  # its frame was no frame to the gateway
        return answer

    def _message(self, transaction: int, answer: Answer) -> bytes:
        message = adu(transaction, answer.unit, answer.pdu)
        if answer.defect is FaultKind.FOREIGN_FRAME:
            return adu(transaction ^ 0x5A5A, answer.unit, answer.pdu) + message
        if answer.defect in {None, FaultKind.STRAY_BYTE}:
            return message
        return adu(transaction, *distorted(answer))

    def _later(self, delay_s: float, port: GatewayPort, data: bytes) -> None:
        self._clock.call_later(delay_s, lambda: self._deliver(port, data))

    def _deliver(self, port: GatewayPort, data: bytes) -> None:
        if port in self._ports and not self.stations.has_fault(FaultKind.HALF_OPEN):
            port.listener.received(data)

    def _on_fault(self, fault: Fault) -> None:
        if fault.kind is FaultKind.GATEWAY_DROP and self._ports:
            self.stations.spend(FaultKind.GATEWAY_DROP)
            for port in tuple(self._ports):
                self.cut(port, "the simulated gateway cut the connection")


def _target_silent(transaction: int, unit: int, pdu: bytes) -> bytes:
    return adu(transaction, unit, bytes(((pdu[0] if pdu else 0) | 0x80, TARGET_SILENT)))
