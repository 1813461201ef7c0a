"""Takes accepted reads into the books: interval, parts, segments, periods, postings; in one transaction.

In order of time each segment is folded into the running state of its period. What comes late, or changes what a
period rests on, is the same path from the start: the period is folded anew from its accepted reads, and the
difference is posted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TypeAlias

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.units import MinorUnits, WattHours
from hub.core.faultpoints import point as fault_point
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import Book, load_book, version_of
from plugins.prepaid.charging.page import Page
from plugins.prepaid.charging.periods import PeriodRow, WrittenStates
from plugins.prepaid.charging.posting import Cause, post_period
from plugins.prepaid.charging.sharing import Part, parts_of
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.places import repository
from plugins.prepaid.pricing import (
    Interval,
    OutOfOrder,
    PeriodState,
    PlanChanged,
    Segment,
    Timeline,
    cut,
)

AT_EDGES = frozenset({Basis.BOUNDARY, Basis.FINAL, Basis.OPENING})


OnPosted: TypeAlias = Callable[[ContractId, PeriodState, PeriodRow], object]


@dataclass(frozen=True, slots=True)
class Charged:
    """What one accepted read did to one account."""

    account: AccountId
    contract: ContractId
    charged_minor: MinorUnits


class Charger:
    """The books' side of metering; every function is a plain function of its transaction."""

    def __init__(self, journal: Journal, book: Book, on_posted: OnPosted) -> None:
        """Start with the book as it stands; `on_posted` hears after the commit what a period has come to."""
        self._journal = journal
        self._on_posted = on_posted
        self._written = WrittenStates()
        self.book = book

    def current_book(self, tx: Tx) -> Book:
        """The book as this transaction sees it; a turned page is taken over once the transaction is committed."""
        if version_of(tx) == self.book.version:
            return self.book
        fresh = load_book(tx)
        tx.on_commit(lambda: self._take_over(fresh))
        return fresh

    def accept(self, tx: Tx, point: PointId, read: AcceptedRead) -> list[Charged]:
        """Write an accepted read and charge what lies between it and its neighbours."""
        return self.accept_all(tx, [(point, read)])

    def accept_all(self, tx: Tx, accepted: Iterable[tuple[PointId, AcceptedRead]]) -> list[Charged]:
        """Write accepted reads, in this order, and charge what lies between them and their neighbours."""
        book, page = self.current_book(tx), Page(tx, self._journal, self._written)
        charged: list[Charged] = []
        for point, read in accepted:
            charged += self._accept(page, book, point, read)
        page.write()
        return charged

    def accrue(self, tx: Tx, contract: ContractId, at_us: int) -> list[Charged]:
        """Post what falls due by time alone, such as a day's standing charge, in the period of an instant."""
        book = self.current_book(tx)
        timeline = book.timelines.get(contract)
        if timeline is None or not timeline.start_us <= at_us:
            return []
        within_us = min(at_us, timeline.end_us - 1)
        day = date.fromordinal(timeline.day_at(within_us).ordinal)
        return self._fold_alone(tx, book, contract, timeline.period_at(within_us), f"day:{day}", within_us)

    def finish(self, tx: Tx, contract: ContractId, period: str) -> list[Charged]:
        """Post a period that is over and whose reads are all in: minimum charges and ratchets count now."""
        book = self.current_book(tx)
        timeline = book.timelines.get(contract)
        if timeline is None:
            return []
        end_us = timeline.plan(period).end_us
        return self._fold_alone(tx, book, contract, period, f"end:{period}", end_us - 1, is_final=True)

    def rebuild(
        self, tx: Tx, book: Book, point: PointId, from_us: int, until_us: int, why: str, at_us: int
    ) -> list[Charged]:
        """Fold all periods anew that a stretch of a point's time touches, and post the differences."""
        page = Page(tx, self._journal, self._written)
        charged = self._rebuild(page, book, point, from_us, until_us, why, at_us)
        page.write()
        return charged

    def refold(self, tx: Tx, book: Book, contract: ContractId, period: str, why: str, at_us: int) -> list[Charged]:
        """Fold one period anew from its accepted reads, and post the difference."""
        page = Page(tx, self._journal, self._written)
        charged = self._refold(page, book, contract, period, why, at_us)
        page.write()
        return charged

    def _accept(self, page: Page, book: Book, point: PointId, read: AcceptedRead) -> list[Charged]:
        last, head = page.newest_read(read.epoch)
        read_id = page.add_read(read, head)
        fault_point("prepaid.after_read")
        if last is None:
            return []
        if last.at_us > read.at_us:
            page.write_reads()
            before, after = reads.neighbours(page.tx, read.epoch, read.at_us)
            if before is None or after is None:
                return []
            return self._rebuild(page, book, point, before.at_us, after.at_us, f"late:{read_id}", read.at_us)
        self._note_point_day(page, book, point, WattHours(read.total_wh - last.total_wh), read.at_us)
        charged = []
        for contract, segments in segments_between(book, point, last, read, read_id):
            charged += self._fold(page, book, contract, segments, f"read:{read_id}", read.at_us)
        return charged

    def _rebuild(
        self, page: Page, book: Book, point: PointId, from_us: int, until_us: int, why: str, at_us: int
    ) -> list[Charged]:
        touched = {
            term.contract
            for term in book.terms.get(point, ())
            if term.start_us < until_us and (term.end_us is None or from_us < term.end_us)
        }
        charged = []
        for contract in sorted(touched & book.timelines.keys()):
            timeline = book.timelines[contract]
            for period in timeline.periods(max(from_us, timeline.start_us), min(until_us, timeline.end_us)):
                charged += self._refold(page, book, contract, period, why, at_us)
        return charged

    def _refold(
        self, page: Page, book: Book, contract: ContractId, period: str, why: str, at_us: int
    ) -> list[Charged]:
        plan = book.timelines[contract].plan(period)
        state = PeriodState(plan)
        for segment in segments_of_period(page.tx, book, contract, period):
            state.fold(segment)
        within_us = min(max(at_us, plan.start_us), plan.end_us - 1)
        cause = Cause(ref=why, at_us=within_us, wh=WattHours(0))
        return self._post(page, book, contract, state, cause, ())

    def _fold_alone(
        self,
        tx: Tx,
        book: Book,
        contract: ContractId,
        period: str,
        ref: str,
        at_us: int,
        *,
        is_final: bool = False,
    ) -> list[Charged]:
        page = Page(tx, self._journal, self._written)
        charged = self._fold(page, book, contract, {period: []}, ref, at_us, is_final=is_final)
        page.write()
        return charged

    def _fold(
        self,
        page: Page,
        book: Book,
        contract: ContractId,
        segments: Mapping[str, list[Segment]],
        ref: str,
        at_us: int,
        *,
        is_final: bool = False,
    ) -> list[Charged]:
        timeline = book.timelines[contract]
        charged = []
        for period, new in segments.items():
            state = state_of(page, book, contract, period, new)
            end_us = timeline.plan(period).end_us
            wh = WattHours(sum(segment.wh for segment in new))
            cause = Cause(ref=ref, at_us=min(at_us, end_us - 1), wh=wh, is_final=is_final)
            charged += self._post(page, book, contract, state, cause, new)
        return charged

    def _post(
        self,
        page: Page,
        book: Book,
        contract: ContractId,
        state: PeriodState,
        cause: Cause,
        new: Iterable[Segment],
    ) -> list[Charged]:
        account, timeline = book.contracts[contract].account, book.timelines[contract]
        before = page.period(contract, state.plan.period)
        stored = post_period(page, account, contract, timeline, state, cause)
        page.tx.on_commit(lambda: self._on_posted(contract, state, stored))
        charged = MinorUnits(sum(stored.posted.values()) - sum(before.posted.values()))
        self._note_days(page, contract, timeline, new, min(cause.at_us, timeline.end_us - 1), charged)
        return [Charged(account, contract, charged)]

    @staticmethod
    def _note_point_day(page: Page, book: Book, point: PointId, wh: WattHours, at_us: int) -> None:
        """Keep what people look at: what flowed through a point by day."""
        holders = book.holders(point, at_us)
        if wh and holders and holders[0] in book.timelines:
            day = book.timelines[holders[0]].day_at(at_us - 1).ordinal
            page.add_to_point_day(point, date.fromordinal(day).isoformat(), wh)

    @staticmethod
    def _note_days(
        page: Page,
        contract: ContractId,
        timeline: Timeline,
        new: Iterable[Segment],
        at_us: int,
        charged: MinorUnits,
    ) -> None:
        """Keep what people look at: use by the day of its segments, cost by the day it was posted."""
        charged_day = timeline.day_at(at_us).ordinal
        by_day = {charged_day: 0}
        for segment in new:
            day = timeline.day_at(segment.t0_us).ordinal
            by_day[day] = by_day.get(day, 0) + segment.wh
        for day, wh in by_day.items():
            minor = charged if day == charged_day else 0
            page.add_to_day(contract, date.fromordinal(day).isoformat(), wh, minor)

    def _take_over(self, fresh: Book) -> None:
        if fresh.version > self.book.version:
            self.book = fresh


def state_of(page: Page, book: Book, contract: ContractId, period: str, new: Iterable[Segment]) -> PeriodState:
    """A period's state with new segments in it: folded on where that can be, else anew from its accepted reads."""
    plan = book.timelines[contract].plan(period)
    try:
        state = page.state(contract, plan)
        for segment in new:
            state.fold(segment)
    except (OutOfOrder, PlanChanged):
        page.write_reads()
        state = PeriodState(plan)
        for segment in segments_of_period(page.tx, book, contract, period):
            state.fold(segment)
    return state


def segments_between(
    book: Book, point: PointId, before: AcceptedRead, read: AcceptedRead, read_id: int
) -> Iterable[tuple[ContractId, dict[str, list[Segment]]]]:
    """The segments between two neighbouring reads of an epoch, by contract and period."""
    found: dict[ContractId, dict[str, list[Segment]]] = {}
    for part in parts_of(before.at_us, read.at_us, before.total_wh, read.total_wh, book.terms.get(point, ())):
        if part.contract is None or part.contract not in book.timelines:
            continue
        by_period = found.setdefault(part.contract, {})
        for segment in cut(_interval(part, before, read, read_id), book.timelines[part.contract]):
            by_period.setdefault(segment.period, []).append(segment)
    return found.items()


def segments_of_period(reader: Reader, book: Book, contract: ContractId, period: str) -> list[Segment]:
    """All segments of a contract's period from the accepted reads, in the order in which they are folded."""
    plan = book.timelines[contract].plan(period)
    found: list[Segment] = []
    for term in book.by_contract.get(contract, ()):
        start_us = max(plan.start_us, term.start_us)
        end_us = plan.end_us if term.end_us is None else min(plan.end_us, term.end_us)
        if start_us < end_us:
            found += _segments_of_term(reader, book, contract, period, term.point, start_us, end_us)
    return sorted(found, key=lambda segment: segment.order)


def _segments_of_term(
    reader: Reader, book: Book, contract: ContractId, period: str, point: PointId, start_us: int, end_us: int
) -> list[Segment]:
    found: list[Segment] = []
    for epoch in repository.epochs_of(reader, point):
        if epoch.start_us >= end_us or (epoch.end_us is not None and epoch.end_us <= start_us):
            continue
        accepted = reads.of_epoch(reader, epoch.id, start_us, end_us)
        for before, read in pairwise(accepted):
            for holder, by_period in segments_between(book, point, before, read, read.id):
                if holder == contract:
                    found += [
                        one for one in by_period.get(period, []) if start_us <= one.t0_us and one.t1_us <= end_us
                    ]
    return found


def _interval(part: Part, before: AcceptedRead, read: AcceptedRead, read_id: int) -> Interval:
    is_whole = (part.start_us, part.end_us) == (before.at_us, read.at_us)
    is_undivided = part.wh == read.total_wh - before.total_wh
    bands = None
    if is_whole and is_undivided and before.band_wh is not None and read.band_wh is not None:
        bands = {band: WattHours(wh - before.band_wh.get(band, 0)) for band, wh in read.band_wh.items()}
    at_boundary = bool(AT_EDGES & {before.basis, read.basis})
    return Interval(part.start_us, part.end_us, part.wh, before.id, read_id, bands, 1, at_boundary)


def changed_accounts(charged: Iterable[Charged]) -> list[AccountId]:
    """The accounts whose money moved, each once."""
    return sorted({one.account for one in charged if one.charged_minor})
