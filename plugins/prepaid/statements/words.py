"""Whether raw counts are what the register words say: in one of the ways in which meters write numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.pricing.differences import rounded
from plugins.prepaid.tariffs.model import Rounding

_FLOATS = {4: ">f", 8: ">d"}
_DECADES = sorted(range(-9, 10), key=abs)
_ORDERS = ("big", "words", "bytes", "little")
_KINDS = ("unsigned", "floating", "decimal", "signed")


class Coding(NamedTuple):
    """A way to write a count into words: their order, how bits are numbers, and what a step is worth."""

    order: str
    kind: str
    step: Fraction


def misread(reads: Sequence[AcceptedRead]) -> list[AcceptedRead]:
    """The reads whose words do not hold their raw count, by the coding that fits most of an epoch's reads.

    A meter whose coding is none of those known gives no findings: its words are covered by the hash chain alone.
    """
    worded = [one for one in reads if one.words]
    fewest = worded
    for coding in _codings(worded):
        wrong = [one for one in worded if not _fits(one, coding)]
        if not wrong:
            return []
        if len(wrong) < len(fewest):
            fewest = wrong
    return fewest if 2 * len(fewest) < len(worded) else []


def _codings(reads: Sequence[AcceptedRead]) -> Iterator[Coding]:
    """Codings that fit the first, the middle or the last of some reads, the most usual first."""
    seen: set[Coding] = set()
    for one in (reads[0], reads[len(reads) // 2], reads[-1]) if reads else ():
        for kind in _KINDS:
            for order in _ORDERS:
                for step in _steps(one, order, kind):
                    coding = Coding(order, kind, step)
                    if coding not in seen and _fits(one, coding):
                        seen.add(coding)
                        yield coding


def _steps(one: AcceptedRead, order: str, kind: str) -> Iterator[Fraction]:
    number = _number(one.words, order, kind)
    if number is not None:
        yield from (Fraction(10) ** decade for decade in _DECADES)
        if number:
            yield Fraction(one.raw) / number


def _fits(one: AcceptedRead, coding: Coding) -> bool:
    number = _number(one.words, coding.order, coding.kind)
    if number is None:
        return False
    if isinstance(number, int) and coding.step == 1:
        return number == one.raw
    return rounded(number * coding.step, 1, Rounding.HALF_EVEN) == one.raw


def _number(words: tuple[int, ...], order: str, kind: str) -> int | Fraction | None:
    """What some words say in one way; None when they say nothing in that way."""
    if any(not 0 <= word <= 0xFFFF for word in words):
        return None
    data = b"".join(word.to_bytes(2) for word in (words if order in ("big", "little") else reversed(words)))
    if order in ("bytes", "little"):
        data = data[::-1]
    if kind == "unsigned":
        return int.from_bytes(data)
    if kind == "signed":
        return int.from_bytes(data, signed=True)
    if kind == "decimal":
        return int(data.hex()) if data.hex().isdecimal() else None
    return _floating(data)


def _floating(data: bytes) -> Fraction | None:
    if len(data) not in _FLOATS:
        return None
    # The float lives inside this line only and leaves it as an exact number.
    number = Decimal(struct.unpack(_FLOATS[len(data)], data)[0])
    return Fraction(number) if number.is_finite() else None
