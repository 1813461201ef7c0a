"""Whether the energy that registers counted reached the contracts whole: pure functions over the book.

I4: all segments of an epoch add up to its last read less its first. I6: a contract's segments leave no gap and do
not overlap, and no more of a point is held than there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hub.contracts.ids import PointId
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import segments_between
from plugins.prepaid.charging.sharing import Part, parts_of
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.places.records import WHOLE_PPM, Term
from plugins.prepaid.pricing import Segment, Timeline


def energy_kept(book: Book, point: PointId, accepted: Sequence[AcceptedRead]) -> Iterator[tuple[str, str]]:
    """Where an epoch's energy, by its reads in order of time, did not reach the contracts whole: rule and text."""
    for before, read in pairwise(accepted):
        used_wh = read.total_wh - before.total_wh
        if used_wh < 0:
            yield "I4", f"read {read.id} stands {-used_wh} Wh below read {before.id}, which is older"
            continue
        parts = list(parts_of(before.at_us, read.at_us, before.total_wh, read.total_wh, book.terms.get(point, ())))
        shared_wh = sum(part.wh for part in parts)
        if shared_wh != used_wh:
            yield "I4", f"{used_wh} Wh flowed up to read {read.id}, {shared_wh} Wh were shared out"
        segments = {
            contract: [one for listed in by_period.values() for one in listed]
            for contract, by_period in segments_between(book, point, before, read, read.id)
        }
        for contract, found in segments.items():
            own = [part for part in parts if part.contract == contract]
            for rule, what in tiled(own, found, book.timelines[contract]):
                yield rule, f"contract {contract} up to read {read.id}: {what}"


def overheld(point: PointId, terms: Sequence[Term]) -> Iterator[str]:
    """Where the contracts of a point hold more of it than there is."""
    for start_us in sorted({term.start_us for term in terms}):
        held_ppm = sum(
            term.share_ppm
            for term in terms
            if term.start_us <= start_us and (term.end_us is None or start_us < term.end_us)
        )
        if held_ppm > WHOLE_PPM:
            yield f"{point} is held at {held_ppm} millionths from {start_us} on: contracts overlap there"


def tiled(parts: Sequence[Part], segments: Sequence[Segment], timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Whether a contract's segments cover its parts without gap or overlap, and hold their energy."""
    for part in parts:
        start_us, end_us = max(part.start_us, timeline.start_us), min(part.end_us, timeline.end_us)
        found = [one for one in segments if part.start_us <= one.t0_us and one.t1_us <= part.end_us]
        edges = sorted((one.t0_us, one.t1_us) for one in found)
        reached_us = start_us
        for t0_us, t1_us in edges:
            if t0_us != reached_us:
                yield "I6", f"{'a gap' if t0_us > reached_us else 'an overlap'} of segments at {t0_us}"
            reached_us = t1_us
        if reached_us < end_us:
            yield "I6", f"no segment covers {reached_us} to {end_us}"
        cut_wh = sum(one.wh for one in found)
        if (start_us, end_us) == (part.start_us, part.end_us) and cut_wh != part.wh:
            yield "I4", f"its segments hold {cut_wh} Wh of {part.wh}"
