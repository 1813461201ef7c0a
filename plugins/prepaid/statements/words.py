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
_DECADES = range(-9, 10)


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
    if not worded:
        return []
    best = max(_codings(worded), key=lambda coding: sum(_fits(one, coding) for one in worded), default=None)
    if best is None:
        return []
    wrong = [one for one in worded if not _fits(one, best)]
    return wrong if 2 * len(wrong) < len(worded) else []


def _codings(reads: Sequence[AcceptedRead]) -> Iterator[Coding]:
    """Codings that fit the first, the middle or the last of some reads."""
    seen: set[Coding] = set()
    for one in (reads[0], reads[len(reads) // 2], reads[-1]):
        for order, kind, number in _numbers(one.words):
            steps = [Fraction(10) ** decade for decade in _DECADES]
            if number:
                steps.append(Fraction(one.raw) / number)
            for step in steps:
                coding = Coding(order, kind, step)
                if coding not in seen and _fits(one, coding):
                    seen.add(coding)
                    yield coding


def _fits(one: AcceptedRead, coding: Coding) -> bool:
    for order, kind, number in _numbers(one.words):
        if (order, kind) == (coding.order, coding.kind):
            return rounded(number * coding.step, 1, Rounding.HALF_EVEN) == one.raw
    return False


def _numbers(words: tuple[int, ...]) -> Iterator[tuple[str, str, Fraction]]:
    """What some words say, in every way that a meter may mean them."""
    if any(not 0 <= word <= 0xFFFF for word in words):
        return
    packed = b"".join(word.to_bytes(2) for word in words)
    swapped = b"".join(word.to_bytes(2) for word in reversed(words))
    for order, data in (("big", packed), ("words", swapped), ("bytes", swapped[::-1]), ("little", packed[::-1])):
        yield order, "unsigned", Fraction(int.from_bytes(data))
        yield order, "signed", Fraction(int.from_bytes(data, signed=True))
        if data.hex().isdecimal():
            yield order, "decimal", Fraction(int(data.hex()))
        if len(data) in _FLOATS:
            # The float lives inside this line only and leaves it as an exact number.
            number = Decimal(struct.unpack(_FLOATS[len(data)], data)[0])
            if number.is_finite():
                yield order, "floating", Fraction(number)
