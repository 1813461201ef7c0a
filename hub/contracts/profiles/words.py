"""From register words to exact values and back; a float exists only inside one line, and leaves it as Decimal."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from typing import TypeAlias

from hub.contracts.profiles.model import Check, Identity, Kind, Order, Point, WordType
from hub.contracts.relays import Position
from hub.core.errors import HubError

Value: TypeAlias = Decimal | int | str | None

SIGNED = frozenset({WordType.I16, WordType.I32, WordType.I64})
FLOATS = {WordType.F32: ">f", WordType.F64: ">d"}

# A double has at most 767 significant digits; with any sane scale this context never rounds.
_EXACT = Context(prec=1000)
# More than enough digits to find the nearest float or whole number again.
_NEAREST = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Flaw(Enum):
    """What is wrong with a decoded value."""

    NOT_A_NUMBER = "not_a_number"
    """The meter sent one of its words for "no value", or a float that is NaN or infinite."""
    NOT_DECIMAL = "not_decimal"
    """A digit above 9 in a BCD number."""
    NOT_TEXT = "not_text"
    """Characters outside printable ASCII in a text."""
    OUT_OF_RANGE = "out_of_range"
    """A value, but below the point's minimum or above its maximum."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What words say: exact, before any transformer ratio."""

    raw: int | None
    """For a counter the whole number in units of ten to its scale; else the number that the words hold."""
    value: Value
    """Decimal for a gauge or counter, text for ASCII, a whole number for a state; None when there is none."""
    flaw: Flaw | None = None


class Unencodable(HubError):
    """A value that the point's words cannot hold."""


def decode(point: Point, words: tuple[int, ...]) -> Decoded:
    """The value in a point's words; what a meter may send is never an exception, only wrong words are."""
    if len(words) != point.count:
        raise ValueError(f"{point.name} takes {point.count} words, got {len(words)}")
    if point.type is WordType.BITS:
        bits = _bits_number(words)
        return Decoded(bits, bits)
    data = _ordered(_packed(words), point.order)
    stored = int.from_bytes(data)
    if stored in point.not_a_number:
        return Decoded(None, None, Flaw.NOT_A_NUMBER)
    if point.type is WordType.ASCII:
        return _text(data[: point.characters])
    if point.type is WordType.BCD:
        digits = data.hex()
        if not digits.isdecimal():
            return Decoded(None, None, Flaw.NOT_DECIMAL)
        stored = int(digits)
    elif point.type in SIGNED:
        stored = int.from_bytes(data, signed=True)
    number = Decimal(stored)
    if point.type in FLOATS:
        number = Decimal(struct.unpack(FLOATS[point.type], data)[0])
        if not number.is_finite():
            return Decoded(None, None, Flaw.NOT_A_NUMBER)
    return _judged(point, stored, _EXACT.multiply(number, point.scale))


def encode(point: Point, value: Value) -> tuple[int, ...]:
    """The words in which a meter would send a value, the nearest there are; raises `Unencodable`."""
    if point.type is WordType.BITS:
        return _bits(point, value)
    size = 2 * point.count
    if value is None:
        data = _no_value(point).to_bytes(size)
    elif point.type is WordType.ASCII:
        data = _ascii(point, value, size)
    elif point.type in FLOATS:
        data = _float(point, _stored(point, value))
    else:
        data = _whole(point, _stored(point, value), size)
    return struct.unpack(f">{point.count}H", _ordered(data, point.order))


def serial_text(identity: Identity, words: tuple[int, ...]) -> str | None:
    """The serial number in the identity's words, as text; None when they hold none."""
    decoded = decode(identity.point, words)
    if decoded.flaw is not None or decoded.value in (None, ""):
        return None
    return decoded.value if isinstance(decoded.value, str) else str(int(decoded.value or 0))


def relay_position(check: Check, words: tuple[int, ...]) -> Position:
    """Where the words of a relay's check say that it stands; UNKNOWN for anything the profile does not list."""
    number = _bits_number(words) if check.function.reads_bits else int.from_bytes(_packed(words))
    masked = number & check.mask
    if masked == check.open_value:
        return Position.OPEN
    if masked == check.closed_value:
        return Position.CLOSED
    return Position.ARMED if masked == check.armed_value else Position.UNKNOWN


def multiplied(value: Decimal, *ratios: Decimal) -> Decimal:
    """A value times the transformer ratios that its meter leaves to us, exactly."""
    for ratio in ratios:
        value = _EXACT.multiply(value, ratio)
    return value


def _judged(point: Point, stored: int, value: Decimal) -> Decoded:
    raw = stored
    if point.counter is not None:
        raw = int(value.scaleb(-point.counter.scale, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    is_low = point.minimum is not None and value < point.minimum
    is_high = point.maximum is not None and value > point.maximum
    flaw = Flaw.OUT_OF_RANGE if is_low or is_high else None
    is_whole_state = point.kind is Kind.STATE and point.scale == 1 and point.type not in FLOATS
    return Decoded(raw, stored if is_whole_state else value, flaw)


def _text(data: bytes) -> Decoded:
    text = data.strip(b"\0 ")
    if not all(0x20 <= byte <= 0x7E for byte in text):
        return Decoded(None, None, Flaw.NOT_TEXT)
    return Decoded(int.from_bytes(data), text.decode("ascii"))


def _stored(point: Point, value: Value) -> Decimal:
    """The number to store: the value without its scale."""
    if isinstance(value, str) or value is None:
        raise Unencodable(f"{point.name} is a number, {value!r} is none")
    number = Decimal(value)
    if not number.is_finite():
        raise Unencodable(f"{point.name} cannot be {number}; None stands for no value")
    return number if point.scale == 1 else _NEAREST.divide(number, point.scale)


def _whole(point: Point, stored: Decimal, size: int) -> bytes:
    number = int(stored.to_integral_value(ROUND_HALF_EVEN))
    if point.type is WordType.BCD:
        if not 0 <= number < 10 ** (2 * size):
            raise Unencodable(_too_large(point, number))
        return bytes.fromhex(f"{number:0{2 * size}d}")
    try:
        return number.to_bytes(size, signed=point.type in SIGNED)
    except OverflowError:
        raise Unencodable(_too_large(point, number)) from None


def _float(point: Point, stored: Decimal) -> bytes:
    try:
        return struct.pack(FLOATS[point.type], float(stored))
    except OverflowError:
        raise Unencodable(_too_large(point, stored)) from None


def _too_large(point: Point, number: Decimal | int) -> str:
    return f"{point.name} is {point.type.value} in {point.count} registers, which cannot hold {number}"


def _ascii(point: Point, value: Value, size: int) -> bytes:
    room = size if point.characters is None else point.characters
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > room:
        raise Unencodable(f"{point.name} is a text of at most {room} ASCII characters, {value!r} is none")
    return value.encode("ascii").ljust(size, b"\0")


def _bits(point: Point, value: Value) -> tuple[int, ...]:
    if not isinstance(value, int) or not 0 <= value < 1 << point.count:
        raise Unencodable(f"{point.name} is a number of {point.count} bits, {value!r} is none")
    return tuple(value >> place & 1 for place in range(point.count))


def _no_value(point: Point) -> int:
    if point.not_a_number:
        return point.not_a_number[0]
    if point.type in FLOATS:
        return 0x7FC00000 if point.type is WordType.F32 else 0x7FF8 << 48
    raise Unencodable(f"{point.name} has no words for no value")


def _packed(words: tuple[int, ...]) -> bytes:
    try:
        return struct.pack(f">{len(words)}H", *words)
    except struct.error:
        raise ValueError(f"{words} are no 16-bit words") from None


def _bits_number(words: tuple[int, ...]) -> int:
    if not set(words) <= {0, 1}:
        raise ValueError(f"{words} are no bits")
    return sum(bit << place for place, bit in enumerate(words))


def _ordered(data: bytes, order: Order) -> bytes:
    """From the wire's order to the highest byte first, or back: each order undoes itself."""
    if order is Order.ABCD:
        return data
    if order is Order.DCBA:
        return data[::-1]
    pairs = [data[place : place + 2] for place in range(0, len(data), 2)]
    if order is Order.CDAB:
        return b"".join(reversed(pairs))
    return b"".join(pair[::-1] for pair in pairs)
