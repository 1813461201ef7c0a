"""From register words to exact numbers; a float exists only inside one line, and leaves it as Decimal."""

from __future__ import annotations

import struct
from decimal import ROUND_HALF_EVEN, Decimal

from hub.core.errors import HubError


class Unreadable(HubError):
    """Words that are no value of the type that stands there."""


def float32_raw(words: tuple[int, ...], scale: int) -> int:
    """A float of two registers, high word first, as a whole number of ten to the scale."""
    (value,) = struct.unpack(">f", struct.pack(">2H", *words))
    exact = Decimal(value)
    if not exact.is_finite():
        raise Unreadable(f"the meter sent no number (words {words[0]:04x} {words[1]:04x})")
    return int(exact.scaleb(-scale).to_integral_value(rounding=ROUND_HALF_EVEN))


def ascii_text(words: tuple[int, ...]) -> str:
    """Text of two characters a register, without padding."""
    text = struct.pack(f">{len(words)}H", *words).rstrip(b"\0 ")
    try:
        return text.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable(f"the meter sent no text where its serial number stands ({text.hex()})") from None
