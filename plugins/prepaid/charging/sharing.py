"""Who an interval of a point belongs to: by the terms of its contracts, wholly or by shares. Pure.

Shares are cut out of running totals, not out of differences: however an interval is split, each contract's part
adds up to the same, and the parts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hub.contracts.ids import ContractId
from hub.contracts.units import WattHours
from plugins.prepaid.places.records import WHOLE_PPM, Term


@dataclass(frozen=True, slots=True)
class Part:
    """What one contract gets of an interval; energy as totals at its ends, in the contract's own count."""

    contract: ContractId | None
    """None for what no contract holds."""
    start_us: int
    end_us: int
    from_wh: WattHours
    until_wh: WattHours

    @property
    def wh(self) -> WattHours:
        """The energy of the part."""
        return WattHours(self.until_wh - self.from_wh)


def parts_of(
    start_us: int, end_us: int, from_wh: WattHours, until_wh: WattHours, terms: Sequence[Term]
) -> Iterator[Part]:
    """Cut an interval of a point at the edges of its terms, pro rata by time, and share each piece out."""
    edges = [start_us, *_edges_within(start_us, end_us, terms), end_us]
    span_us, used_wh = end_us - start_us, until_wh - from_wh
    for left_us, right_us in pairwise(edges):
        left_wh = from_wh + used_wh * (left_us - start_us) // span_us
        right_wh = from_wh + used_wh * (right_us - start_us) // span_us
        yield from _shared(left_us, right_us, left_wh, right_wh, terms)


def _edges_within(start_us: int, end_us: int, terms: Sequence[Term]) -> list[int]:
    edges = {edge for term in terms for edge in (term.start_us, term.end_us) if edge is not None}
    return sorted(edge for edge in edges if start_us < edge < end_us)


def _shared(start_us: int, end_us: int, from_wh: int, until_wh: int, terms: Sequence[Term]) -> Iterator[Part]:
    holders = sorted(
        (term for term in terms if term.start_us <= start_us and (term.end_us is None or end_us <= term.end_us)),
        key=lambda term: term.contract,
    )
    lower_ppm = 0
    for term in holders:
        upper_ppm = lower_ppm + term.share_ppm
        yield _part(term.contract, start_us, end_us, from_wh, until_wh, lower_ppm, upper_ppm)
        lower_ppm = upper_ppm
    if lower_ppm < WHOLE_PPM:
        yield _part(None, start_us, end_us, from_wh, until_wh, lower_ppm, WHOLE_PPM)


def _part(
    contract: ContractId | None, start_us: int, end_us: int, from_wh: int, until_wh: int, lower: int, upper: int
) -> Part:
    def count(total_wh: int) -> WattHours:
        return WattHours(total_wh * upper // WHOLE_PPM - total_wh * lower // WHOLE_PPM)

    return Part(contract, start_us, end_us, count(from_wh), count(until_wh))
