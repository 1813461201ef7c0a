"""The live balance: the posted balance less what has been used since, by the same pure function that posts.

Posting at that instant changes it by nothing: what is subtracted here is what would be posted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.units import ZERO, MinorUnits
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import segments_between
from plugins.prepaid.charging.periods import PeriodRow
from plugins.prepaid.gate.keeper import Keeper
from plugins.prepaid.pricing import (
    OutOfOrder,
    PeriodState,
    PlanChanged,
    Segment,
    Timeline,
    charges,
    differences,
)


@dataclass(frozen=True, slots=True)
class Running:
    """A period as it is committed: what it holds, and what of it is posted."""

    state: PeriodState
    row: PeriodRow


@dataclass(frozen=True, slots=True)
class Unposted:
    """What a contract has used and owes since the last posting."""

    wh: int = 0
    minor: MinorUnits = ZERO


@dataclass(slots=True)
class LiveAccounts:
    """All contracts' running periods, and what came since."""

    book: Callable[[], Book]
    keepers: Mapping[PointId, Keeper]
    posted_minor: dict[AccountId, MinorUnits] = field(default_factory=dict)
    """The posted balance of each account."""
    _running: dict[ContractId, dict[str, Running]] = field(default_factory=dict)
    _points: dict[ContractId, tuple[int, tuple[PointId, ...]]] = field(default_factory=dict)

    def note_posted(self, contract: ContractId, state: PeriodState, row: PeriodRow) -> None:
        """A period of a contract was posted and committed; older periods than the one before are let go."""
        running = self._running.setdefault(contract, {})
        running[state.plan.period] = Running(state, row)
        for period in sorted(running)[:-2]:
            del running[period]

    def balance(self, account: AccountId, at_us: int) -> MinorUnits:
        """The account's balance at an instant: posted, less what is not posted yet."""
        owed = sum(self.unposted(one.id, at_us).minor for one in self.book().contracts_of(account))
        return MinorUnits(self.posted_minor.get(account, ZERO) - owed)

    def unposted(self, contract: ContractId, at_us: int) -> Unposted:
        """What a contract has used since its last posting; nothing while its tariff is not published."""
        timeline = self.book().timelines.get(contract)
        if timeline is None or at_us < timeline.start_us:
            return Unposted()
        within_us = min(at_us, timeline.end_us - 1)
        new = self._new_segments(contract)
        new.setdefault(timeline.period_at(within_us), [])
        wh = minor = 0
        for period, segments in new.items():
            wh += sum(one.wh for one in segments)
            minor += self._difference(contract, timeline, period, segments, within_us)
        return Unposted(wh, MinorUnits(minor))

    def _difference(
        self, contract: ContractId, timeline: Timeline, period: str, segments: list[Segment], at_us: int
    ) -> int:
        plan = timeline.plan(period)
        running = self._running.get(contract, {}).get(period)
        row = PeriodRow() if running is None else running.row
        state = PeriodState(plan) if running is None else running.state.copy()
        try:
            for one in sorted(segments, key=lambda segment: segment.order):
                state.fold(one)
        except (OutOfOrder, PlanChanged):
            return 0  # the posting folds the period anew; until then the posted balance stands
        through_us = max(min(at_us, plan.end_us - 1), row.through_us)
        due = charges(state, through_us, is_final=row.is_finished)
        return sum(differences(due, row.posted, timeline).values())

    def _new_segments(self, contract: ContractId) -> dict[str, list[Segment]]:
        """Segments between the last written read and the newest look of each of the contract's points."""
        book = self.book()
        found: dict[str, list[Segment]] = {}
        for point in self._points_of(book, contract):
            keeper = self.keepers.get(point)
            if keeper is None or keeper.newest is None or keeper.written is None:
                continue
            if keeper.newest.at_us <= keeper.written.at_us:
                continue
            for holder, by_period in segments_between(book, point, keeper.written, keeper.newest, 0):
                if holder == contract:
                    for period, segments in by_period.items():
                        found.setdefault(period, []).extend(segments)
        return found

    def _points_of(self, book: Book, contract: ContractId) -> tuple[PointId, ...]:
        known = self._points.get(contract)
        if known is None or known[0] != book.version:
            points = tuple(
                point for point, terms in book.terms.items() if any(one.contract == contract for one in terms)
            )
            known = self._points[contract] = (book.version, points)
        return known[1]
