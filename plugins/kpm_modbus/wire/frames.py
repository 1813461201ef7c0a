"""What a request looks like as bytes, and which replies fit it."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple, Protocol

from hub.contracts.links import COILS_MAX, REGISTERS_MAX, Failure, Function, Request

EXCEPTION_BIT = 0x80
WRITE_REGISTERS_MAX = 123
COIL_ON = 0xFF00
UNITS = range(1, 248)


class Answer(NamedTuple):
    """A reply that fits its request, or the meter's refusal if it has an exception code."""

    frame: bytes
    words: tuple[int, ...]
    exception_code: int | None


class Noise(NamedTuple):
    """What came besides the reply."""

    stray_bytes: int = 0
    """Bytes that belong to no frame."""
    foreign_frames: int = 0
    """Whole frames that answer another request than ours."""
    echoes: int = 0
    """Our own request, heard back."""
    another_master: bool = False
    """Somebody else asked our meter."""
    trailing_bytes: int = 0
    """Bytes after the reply, which nobody asked for."""


class Asking(NamedTuple):
    """What a request is, apart from its framing."""

    pdu: bytes
    fit: Fit


class Expectation(Protocol):
    """A request that was made, and the hunt for its reply in what comes in."""

    @property
    def frame(self) -> bytes:
        """The request as it goes out."""

    @property
    def received(self) -> bytes:
        """All that came in while this reply was expected."""

    def feed(self, data: bytes) -> Answer | Failure | None:
        """Take bytes in; the answer as soon as it is whole, a failure if none can come any more."""

    def verdict(self) -> Failure:
        """Why what came so far is no answer."""

    def noise(self) -> Noise:
        """What came besides the reply."""


def check_request(request: Request) -> None:
    """Refuse what no meter may be asked; broadcasts above all, which nothing confirms."""
    if request.unit not in UNITS:
        raise ValueError(f"unit {request.unit}: a request goes to one of the units 1 to 247, never to all")
    function, count = request.function, request.count
    limit = COILS_MAX if function.reads_bits else REGISTERS_MAX
    if function is Function.WRITE_REGISTERS:
        limit = WRITE_REGISTERS_MAX
    elif function.is_write:
        limit = 1
    if not 1 <= count <= limit:
        raise ValueError(f"{describe(request)}: {function.name} takes 1 to {limit} at once, not {count}")
    if not 0 <= request.address <= 0x10000 - count:
        raise ValueError(f"{describe(request)}: addresses run from 0 to 0xFFFF")
    if len(request.values) != (count if function.is_write else 0):
        raise ValueError(f"{describe(request)}: {len(request.values)} values for {function.name} of {count}")
    highest = 1 if function is Function.WRITE_COIL else 0xFFFF
    if request.values and not (min(request.values) >= 0 and max(request.values) <= highest):
        raise ValueError(f"{describe(request)}: the values of {function.name} run from 0 to {highest}")


def describe(request: Request) -> str:
    """The request in words, for texts."""
    what = request.function.name.lower().replace("_", " ")
    return f"unit {request.unit}, {what} at {request.address:#06x} ({request.count})"


def request_pdu(request: Request) -> bytes:
    """Function code and data of a request."""
    function, address, count, values = request.function, request.address, request.count, request.values
    if function is Function.WRITE_REGISTERS:
        return struct.pack(f">BHHB{count}H", function, address, count, 2 * count, *values)
    if function is Function.WRITE_COIL:
        return struct.pack(">BHH", function, address, COIL_ON if values[0] else 0)
    return struct.pack(">BHH", function, address, values[0] if function.is_write else count)


@lru_cache(maxsize=4096)  # a poll asks the same again and again
def asking(request: Request) -> Asking:
    """A request as function code and data, and what fits it; refuses with ValueError what no meter may be asked."""
    check_request(request)
    pdu = request_pdu(request)
    return Asking(pdu, Fit(request, pdu))


class Fit:
    """Which replies fit a request, in function, length and, for a write, address and value."""

    __slots__ = ("_count", "_reads_bits", "function", "head", "is_write", "length")

    def __init__(self, request: Request, pdu: bytes) -> None:
        """Fit a request with this function code and data."""
        self.function = pdu[0]
        self.is_write = request.function.is_write
        self.length = request.reply_bytes - 3
        """Of function code and data."""
        self.head = pdu[:5] if self.is_write else bytes((pdu[0], self.length - 2))
        """How every fitting reply begins; for a write it is all of it."""
        self._reads_bits = request.function.reads_bits
        self._count = request.count

    def judge(self, pdu: bytes) -> tuple[tuple[int, ...], int | None] | Failure:
        """The words or the exception code in a reply's function code and data, or why it does not fit."""
        if len(pdu) == self.length and pdu.startswith(self.head):
            return self.words(pdu), None
        if pdu and pdu[0] == self.function | EXCEPTION_BIT:
            return ((), pdu[1]) if len(pdu) == 2 else Failure.WRONG_LENGTH
        if not pdu or pdu[0] != self.function:
            return Failure.WRONG_FUNCTION
        if self.is_write and len(pdu) == self.length:
            return Failure.WRONG_ECHO
        return Failure.WRONG_LENGTH

    def words(self, pdu: bytes) -> tuple[int, ...]:
        """The registers or bits of a reply that fits."""
        if self.is_write:
            return ()
        if self._reads_bits:
            bits = int.from_bytes(pdu[2:], "little")
            return tuple((bits >> place) & 1 for place in range(self._count))
        return struct.unpack_from(f">{self._count}H", pdu, 2)
