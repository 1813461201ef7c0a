"""Links to the wire: one master's access to one bus, and who opens them.

The field layer opens the schemes of real buses by itself; any other scheme it asks of `LINKS`, so that a
simulated bus is reached by the same code, at the port, without sockets. One request at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from hub.core.errors import HubError
from hub.core.services import ServiceKey

REGISTERS_MAX = 125
COILS_MAX = 2000


class Function(IntEnum):
    """The Modbus functions that meters are read and commanded with."""

    READ_COILS = 1
    READ_DISCRETE_INPUTS = 2
    READ_HOLDING_REGISTERS = 3
    READ_INPUT_REGISTERS = 4
    WRITE_COIL = 5
    WRITE_REGISTER = 6
    WRITE_REGISTERS = 16

    @property
    def reads_bits(self) -> bool:
        """Whether the reply holds bits, not registers."""
        return self in {Function.READ_COILS, Function.READ_DISCRETE_INPUTS}

    @property
    def is_write(self) -> bool:
        """Whether it changes something in the meter."""
        return self in {Function.WRITE_COIL, Function.WRITE_REGISTER, Function.WRITE_REGISTERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One transaction: what is asked of whom. Addresses as in the frame, from 0."""

    unit: int
    function: Function
    address: int
    count: int = 1
    """Registers or bits to read or write."""
    values: tuple[int, ...] = ()
    """What is written: registers, or one 0 or 1 for a coil."""

    @property
    def request_bytes(self) -> int:
        """The length of the RTU frame that asks."""
        return 9 + 2 * self.count if self.function is Function.WRITE_REGISTERS else 8

    @property
    def reply_bytes(self) -> int:
        """The length of the RTU frame that answers, if the meter obeys."""
        if self.function.is_write:
            return 8
        return 5 + ((self.count + 7) // 8 if self.function.reads_bits else 2 * self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that fits its request in unit, function, length and, for a write, address and value."""

    words: tuple[int, ...]
    """The registers; for bits one 0 or 1 each; empty for a write."""
    frame: bytes
    """The whole frame as it came."""
    sent_us: int
    """When the first byte of the request left."""
    received_us: int
    """When the last byte of the reply was in."""
    turn_us: int
    """From the end of the request to the first byte of the reply, as far as the link can tell."""


class Failure(Enum):
    """Why a transaction gave nothing. Nothing is known by it, unless the meter said no."""

    NO_REPLY = "no_reply"
    BAD_CRC = "bad_crc"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    WRONG_LENGTH = "wrong_length"
    WRONG_ECHO = "wrong_echo"
    WRONG_TRANSACTION = "wrong_transaction"
    EXCEPTION = "exception"
    """The meter answered that it will not: `exception_code` says why."""
    DISCONNECTED = "disconnected"
    """The port or connection is gone; nothing left, or nothing can come back."""


class LinkFailed(HubError):
    """No usable answer. After a write that was sent, all but EXCEPTION mean: nobody knows whether it was obeyed."""

    def __init__(
        self, reason: Failure, text: str, *, exception_code: int | None = None, was_sent: bool = True
    ) -> None:
        """Name the reason for programs, and the text for people."""
        super().__init__(text)
        self.reason = reason
        self.exception_code = exception_code
        self.was_sent = was_sent
        """Whether a byte of the request may have left."""


@dataclass(frozen=True, slots=True)
class WireTiming:
    """How long things take on this wire; zeros where there is no wire to speak of."""

    character_s: float
    gap_s: float
    """The silence between frames: 3.5 characters, at least 1.75 ms."""

    @classmethod
    def of(cls, baud: int, bits_per_character: int = 11) -> WireTiming:
        """The timing of a serial line; 8E1 and 8N2 have 11 bits a character, 8N1 has 10."""
        character_s = bits_per_character / baud
        return cls(character_s, 3.5 * character_s if baud <= 19200 else 0.00175)

    def transaction_s(self, request: Request, turn_s: float) -> float:
        """T(n): the least time that a transaction takes on the wire."""
        wire_s = (request.request_bytes + request.reply_bytes) * self.character_s
        return wire_s + max(turn_s, self.gap_s) + self.gap_s


class Link(Protocol):
    """One master's access to one bus or connection."""

    @property
    def timing(self) -> WireTiming:
        """The wire's timing, for planning and for judging how well the bus is used."""

    async def transact(self, request: Request, timeout_s: float) -> Reply:
        """Ask and wait for the answer that fits; one at a time, `timeout_s` from the end of the request.

        Raises `LinkFailed`. After any failure but EXCEPTION the link drains the bus before it returns, so that a
        late reply can never be taken for the answer to another request. Connects again by itself. A cancelled
        transaction drains before the next one begins.
        """

    async def close(self) -> None:
        """Let go of port or connection."""


class Links(Protocol):
    """Opens links of further URL schemes."""

    def open(self, url: str) -> Link:
        """The link behind a URL; raises `NotFound` for one that is not known."""


LINKS: ServiceKey[Links] = ServiceKey("links.links")
