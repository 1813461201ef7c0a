"""Who an interval of a point belongs to: by the terms of its contracts, wholly or by shares. Pure.

Shares are cut out of running totals, not out of differences: however an interval is split, each contract's part
adds up to the same, and the parts add up to the whole. One holder after the other takes its part of what is left by
those before it, so that no running total ever falls.
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
    left_from_wh, left_until_wh, left_ppm = from_wh, until_wh, WHOLE_PPM
    for term in holders:
        first_wh = left_from_wh * term.share_ppm // left_ppm
        last_wh = left_until_wh * term.share_ppm // left_ppm
        yield Part(term.contract, start_us, end_us, WattHours(first_wh), WattHours(last_wh))
        left_from_wh, left_until_wh, left_ppm = (
            left_from_wh - first_wh,
            left_until_wh - last_wh,
            left_ppm - term.share_ppm,
        )
    if left_ppm > 0:
        yield Part(None, start_us, end_us, WattHours(left_from_wh), WattHours(left_until_wh))
