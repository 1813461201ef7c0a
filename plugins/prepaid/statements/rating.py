"""Rates a statement's reads anew: the same cut, fold and charge as when they were posted, no database. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from hub.contracts.ids import PointId
from hub.contracts.units import MinorUnits
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import segments_between
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.places.records import Term
from plugins.prepaid.pricing import (
    Component,
    ExactNano,
    PeriodState,
    PricingError,
    Segment,
    Timeline,
    Version,
    charges,
    rounded_minor,
)
from plugins.prepaid.statements.evidence import Evidence, Frame, holder_id
from plugins.prepaid.tariffs import tariff_from_canonical

VERSIONS_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Rated:
    """What the reads of a period come to."""

    timeline: Timeline
    segments: tuple[Segment, ...]
    state: PeriodState
    exact: Mapping[Component, ExactNano]
    minor: Mapping[Component, MinorUnits]


def rated(evidence: Evidence) -> Rated:
    """Rate the period of a statement; raises `PricingError` when the evidence does not carry it."""
    frame = evidence.frame
    timeline = timeline_of(frame, evidence.documents)
    plan = timeline.plan(frame.period)
    if (plan.start_us, plan.end_us) != (frame.from_us, frame.to_us):
        raise PricingError(f"{frame.period} of this contract does not go from {frame.from_us} to {frame.to_us} us")
    segments = sorted(_segments(evidence, timeline), key=lambda segment: segment.order)
    state = PeriodState(plan)
    for segment in segments:
        state.fold(segment)
    exact = charges(state, frame.through_us, is_final=frame.is_final)
    minor = {name: rounded_minor(amount, timeline.scale, timeline.rounding) for name, amount in exact.items()}
    return Rated(timeline, tuple(segments), state, exact, minor)


def timeline_of(frame: Frame, documents: Mapping[str, str]) -> Timeline:
    """The tariff versions that the contract is charged by."""
    missing = [one.sha[:12] for one in frame.versions if one.sha not in documents]
    if missing:
        raise PricingError(f"the tariff documents {', '.join(missing)} are missing")
    versions = [version(documents[one.sha], one.from_us) for one in frame.versions]
    for named, found in zip(frame.versions, versions, strict=True):
        if named.sha != found.sha:
            raise PricingError(f"the document of tariff {named.sha[:12]} was changed: its hash is {found.sha[:12]}")
    return Timeline(versions, frame.contract_start_us, frame.contract_end_us)


@lru_cache(maxsize=VERSIONS_REMEMBERED)
def version(body: str, from_us: int) -> Version:
    """Made once and shared by all statements, since it remembers its days."""
    return Version(tariff_from_canonical(body.encode()), from_us)


def around(reads: Sequence[AcceptedRead], from_us: int, until_us: int) -> Sequence[AcceptedRead]:
    """The reads that intervals between two instants rest on: those within, and one on either side."""
    first = max((read.at_us for read in reads if read.at_us <= from_us), default=from_us)
    last = min((read.at_us for read in reads if read.at_us >= until_us), default=until_us)
    return [read for read in reads if first <= read.at_us <= last]


def _segments(evidence: Evidence, timeline: Timeline) -> Iterator[Segment]:
    frame = evidence.frame
    book = _book(frame, timeline)
    own = holder_id(frame.holder)
    for term in frame.own_terms():
        left_us = max(frame.from_us, term.start_us)
        right_us = frame.to_us if term.end_us is None else min(frame.to_us, term.end_us)
        if left_us >= right_us:
            continue
        for epoch in frame.epochs:
            ended_before = epoch.end_us is not None and epoch.end_us <= left_us
            if epoch.point != term.point or epoch.start_us >= right_us or ended_before:
                continue
            known = [read for read in evidence.reads.get(epoch.id, ()) if read.id <= frame.upto_read]
            for before, read in pairwise(around(known, left_us, right_us)):
                for holder, by_period in segments_between(book, term.point, before, read, read.id):
                    if holder == own:
                        yield from (
                            one
                            for one in by_period.get(frame.period, ())
                            if left_us <= one.t0_us and one.t1_us <= right_us
                        )


def _book(frame: Frame, timeline: Timeline) -> Book:
    """A book of nothing but this contract, and of who shared its points."""
    terms: dict[PointId, list[Term]] = {}
    for one in frame.holdings:
        term = Term(
            contract=one.contract,
            point=one.point,
            start_us=one.start_us,
            end_us=one.end_us,
            share_ppm=one.share_ppm,
        )
        terms.setdefault(one.point, []).append(term)
    return Book(
        version=0, points={}, accounts={}, contracts={}, by_account={}, by_contract={},
        terms={point: tuple(listed) for point, listed in terms.items()},
        timelines={holder_id(frame.holder): timeline},
    )  # fmt: skip
