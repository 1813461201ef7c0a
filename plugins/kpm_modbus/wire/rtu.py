"""RTU framing by expectation: of all bytes that come in, only the one frame that fits the request counts.

RTU has no start mark and no number to match a reply to its request. So nothing is cut into frames as it comes:
the reply is searched for, with its unit, function, length and checksum, wherever it begins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hub.contracts.links import Failure, Request
from plugins.kpm_modbus.wire.frames import EXCEPTION_BIT, UNITS, Answer, Noise, asking

EXCEPTION_BYTES = 5
REQUEST_BYTES = 8
# A babbling bus may fill a timeout with bytes; what is older than this holds no reply that could be completed.
BUFFER_BYTES_MAX = 4096
_KEPT_BYTES = 512

_READS = frozenset({1, 2, 3, 4})
_WRITES_ONE = frozenset({5, 6})
_WRITES_MANY = frozenset({15, 16})
_BITS_READ = frozenset({1, 2})

# The more telling failure wins when several kinds of frames came.
_TELLING = (Failure.WRONG_ECHO, Failure.WRONG_LENGTH, Failure.WRONG_FUNCTION, Failure.WRONG_UNIT)


def _crc_after(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC_TABLE = tuple(_crc_after(byte) for byte in range(256))


def crc16(data: bytes) -> int:
    """The Modbus checksum; over a frame with its own checksum behind it, it is 0."""
    table = _CRC_TABLE
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """A frame on the wire: unit, function and data, checksum."""
    body = bytes((unit,)) + pdu
    return body + struct.pack("<H", crc16(body))


def frames_in(data: bytes) -> Iterator[tuple[int, int]]:
    """Where whole frames with a good checksum stand, from the first on, none inside another: (start, length)."""
    at = 0
    while at + EXCEPTION_BYTES <= len(data):
        for length in _lengths(data, at):
            if at + length <= len(data) and not crc16(data[at : at + length]):
                yield at, length
                at += length
                break
        else:
            at += 1


def is_read_request(frame: bytes) -> bool:
    """Whether a whole frame can only be a master's request, of which a bus has one."""
    if len(frame) != REQUEST_BYTES or frame[1] not in _READS:
        return False
    return frame[1] not in _BITS_READ or frame[2] != REQUEST_BYTES - 5


def _lengths(data: bytes, at: int) -> tuple[int, ...]:
    """How long a frame that begins here may be, by its function code."""
    function = data[at + 1]
    if data[at] not in UNITS:
        return ()
    if function in _READS:
        return (5 + data[at + 2], REQUEST_BYTES)
    if function in _WRITES_ONE:
        return (REQUEST_BYTES,)
    if function in _WRITES_MANY:
        return (REQUEST_BYTES, 9 + data[at + 6]) if at + 6 < len(data) else ()
    if function & EXCEPTION_BIT:
        return (EXCEPTION_BYTES,)
    return ()


class RtuExpectation:
    """One request on an RTU bus and the hunt for its reply."""

    __slots__ = ("_buffer", "_exception", "_fit", "_from", "_has_echo", "_match", "_normal", "frame")

    def __init__(self, request: Request, *, has_echo: bool) -> None:
        """Expect the reply; with an echo, the first frame like the request itself is not the reply."""
        pdu, self._fit = asking(request)
        self.frame = rtu_frame(request.unit, pdu)
        self._normal = self.frame[:1] + self._fit.head
        self._exception = bytes((request.unit, self._fit.function | EXCEPTION_BIT))
        self._has_echo = has_echo
        self._buffer = b""
        self._from = 0  # no reply begins before it
        self._match: tuple[int, int] | None = None

    @property
    def looks_like_its_reply(self) -> bool:
        """Whether an echo could be taken for the reply, as with a write of one register."""
        return len(self.frame) == self._fit.length + 3 and self.frame.startswith(self._normal)

    @property
    def received(self) -> bytes:
        """All that came in while this reply was expected."""
        return self._buffer

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes in; the answer as soon as it is whole."""
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if len(buffer) > BUFFER_BYTES_MAX:
            buffer = self._buffer = buffer[-_KEPT_BYTES:]
            self._from = 0
        length = self._fit.length + 3
        if len(buffer) == length and buffer.startswith(self._normal) and not (self._has_echo or crc16(buffer)):
            self._match = (0, length)
            return Answer(buffer, self._fit.words(buffer[1:-2]), None)
        return self._hunt(buffer)

    def _hunt(self, buffer: bytes) -> Answer | None:
        """Try every place where the reply may begin and has not been ruled out yet."""
        first_open = -1
        at = buffer.find(self.frame[:1], self._from)
        while at >= 0:
            for head, length in ((self._normal, self._fit.length + 3), (self._exception, EXCEPTION_BYTES)):
                if len(buffer) - at < length:
                    if first_open < 0 and head.startswith(buffer[at : at + len(head)]):
                        first_open = at
                elif buffer.startswith(head, at) and self._is_reply(buffer, at, length):
                    self._match = (at, length)
                    frame = buffer[at : at + length]
                    if head is self._exception:
                        return Answer(frame, (), frame[2])
                    return Answer(frame, self._fit.words(frame[1:-2]), None)
            at = buffer.find(self.frame[:1], at + 1)
        self._from = first_open if first_open >= 0 else len(buffer)
        return None

    def _is_reply(self, buffer: bytes, at: int, length: int) -> bool:
        """Whether the frame that begins here is sound, stands alone, and answers us."""
        if crc16(buffer[at : at + length]):
            return False
        if at == 0 and not self._has_echo:
            return True
        if self._has_echo and self.looks_like_its_reply and buffer.find(self.frame) == at:
            return False
        for start, extent in frames_in(buffer):
            if start < at < start + extent:
                return False  # part of somebody else's frame
            if start < at and self._is_foreign_request(buffer[start : start + extent]):
                return False  # another master asked the same: the reply is to its request
        return True

    def _is_foreign_request(self, frame: bytes) -> bool:
        """Whether another master asks our meter for something of the same kind."""
        return is_read_request(frame) and frame[:2] == self.frame[:2] and frame != self.frame

    def verdict(self) -> Failure:
        """Why what came so far is no answer."""
        found = set()
        rest = len(self._buffer)
        for start, length in frames_in(self._buffer):
            rest -= length
            frame = self._buffer[start : start + length]
            if frame == self.frame:
                continue
            if frame[0] != self.frame[0]:
                found.add(Failure.WRONG_UNIT)
            else:
                judged = self._fit.judge(frame[1:-2])
                # One that fits was refused: it followed another master's request.
                found.add(judged if isinstance(judged, Failure) else Failure.WRONG_LENGTH)
        for failure in _TELLING:
            if failure in found:
                return failure
        return Failure.BAD_CRC if rest else Failure.NO_REPLY

    def noise(self) -> Noise:
        """What came besides the reply."""
        at, length = self._match or (len(self._buffer), 0)
        if length == len(self._buffer):
            return Noise()
        foreign = echoes = framed = 0
        another_master = False
        for start, extent in frames_in(self._buffer):
            if start == at:
                continue
            frame = self._buffer[start : start + extent]
            framed += extent
            if frame == self.frame and start < at:
                echoes += 1
            else:
                foreign += 1
                another_master = another_master or self._is_foreign_request(frame)
        return Noise(
            stray_bytes=max(0, len(self._buffer) - length - framed),
            foreign_frames=foreign,
            echoes=echoes,
            another_master=another_master,
            trailing_bytes=len(self._buffer) - at - length,
        )
