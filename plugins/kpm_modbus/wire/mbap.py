"""Modbus TCP framing: each reply carries the number of its request, so a late one is known and dropped."""

from __future__ import annotations

import struct

from hub.contracts.links import Failure, Request
from plugins.kpm_modbus.wire.frames import Answer, Noise, asking

HEADER_BYTES = 7
_HEADER = struct.Struct(">HHHB")
# Behind the length field: the unit, at least a function code, at most a PDU of 253 bytes.
_LENGTHS = range(2, 255)


class MbapStream:
    """One connection's bytes as frames; what begins in one transaction may end in the next."""

    def __init__(self) -> None:
        """Start with no bytes."""
        self._rest = b""
        self._number = 0
        self.is_broken = False
        """Whether bytes came that are no Modbus TCP frame: nothing after them can be trusted."""

    def next_number(self) -> int:
        """A number that no request of the last 65,536 had."""
        self._number = (self._number + 1) & 0xFFFF
        return self._number

    def restart(self) -> None:
        """Begin with a new connection; the numbers go on."""
        self._rest = b""
        self.is_broken = False

    def frames(self, data: bytes) -> list[bytes]:
        """Take bytes in; the whole frames among them."""
        rest = self._rest + data if self._rest else data
        found = []
        while len(rest) >= HEADER_BYTES and not self.is_broken:
            _, protocol, length, _ = _HEADER.unpack_from(rest)
            if protocol != 0 or length not in _LENGTHS:
                self.is_broken = True
            elif len(rest) < HEADER_BYTES - 1 + length:
                break
            else:
                found.append(rest[: HEADER_BYTES - 1 + length])
                rest = rest[HEADER_BYTES - 1 + length :]
        self._rest = rest
        return found


class MbapExpectation:
    """One request on a Modbus TCP connection and the wait for its reply."""

    __slots__ = ("_fit", "_foreign_frames", "_number", "_stream", "_unit", "frame", "received")

    def __init__(self, request: Request, stream: MbapStream) -> None:
        """Expect the reply among the frames of a connection."""
        pdu, self._fit = asking(request)
        self._unit = request.unit
        self._stream = stream
        self._number = stream.next_number()
        self._foreign_frames = 0
        self.frame = _HEADER.pack(self._number, 0, len(pdu) + 1, request.unit) + pdu
        self.received = b""

    def feed(self, data: bytes) -> Answer | Failure | None:
        """Take bytes in; the answer as soon as it is whole, a failure if the reply with our number does not fit."""
        self.received = self.received + data if self.received else data
        for frame in self._stream.frames(data):
            number, _, _, unit = _HEADER.unpack_from(frame)
            if number != self._number:
                self._foreign_frames += 1
                continue
            if unit != self._unit:
                return Failure.WRONG_UNIT
            judged = self._fit.judge(frame[HEADER_BYTES:])
            return judged if isinstance(judged, Failure) else Answer(frame, *judged)
        return Failure.WRONG_LENGTH if self._stream.is_broken else None

    def verdict(self) -> Failure:
        """Why what came so far is no answer."""
        if self._foreign_frames:
            return Failure.WRONG_TRANSACTION
        return Failure.WRONG_LENGTH if self.received else Failure.NO_REPLY

    def noise(self) -> Noise:
        """Replies to earlier requests."""
        return Noise(foreign_frames=self._foreign_frames)
