"""The live balance: the posted balance less what has been used since, by the same pure function that posts.

Posting at that instant changes it by nothing: what is subtracted here is what would be posted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

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
    number: int
    """Counts up with every posting that anybody heard of."""


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
    _posted: set[ContractId] = field(default_factory=set)
    _count: Iterator[int] = field(default_factory=count)
    _known: dict[ContractId, tuple[object, Unposted]] = field(default_factory=dict)
    """What each contract owed when it was asked for last, and what that rested on."""

    def take_posted(self) -> set[ContractId]:
        """The contracts of which something was posted since the last call."""
        posted, self._posted = self._posted, set()
        return posted

    def note_posted(self, contract: ContractId, state: PeriodState, row: PeriodRow) -> None:
        """A period of a contract was posted and committed; older periods than the one before are let go."""
        self._posted.add(contract)
        running = self._running.setdefault(contract, {})
        running[state.plan.period] = Running(state, row, next(self._count))
        for period in sorted(running)[:-2]:
            del running[period]

    def balance(self, account: AccountId, at_us: int) -> MinorUnits:
        """The account's balance at an instant: posted, less what is not posted yet."""
        owed = sum(self.unposted(one.id, at_us).minor for one in self.book().contracts_of(account))
        return MinorUnits(self.posted_minor.get(account, ZERO) - owed)

    def state(self, contract: ContractId, period: str) -> PeriodState | None:
        """A period's state as it was committed last; None when nothing of it was since the start."""
        running = self._running.get(contract, {}).get(period)
        return None if running is None else running.state

    def unposted(self, contract: ContractId, at_us: int) -> Unposted:
        """What a contract has used since its last posting; nothing while its tariff is not published."""
        timeline = self.book().timelines.get(contract)
        if timeline is None or at_us < timeline.start_us:
            return Unposted()
        within_us = min(at_us, timeline.end_us - 1)
        rests_on = self._rests_on(contract, timeline, within_us)
        known = self._known.get(contract)
        if known is None or known[0] != rests_on:
            known = self._known[contract] = (rests_on, self._weigh(contract, timeline, within_us))
        return known[1]

    def _rests_on(self, contract: ContractId, timeline: Timeline, at_us: int) -> object:
        """Everything that what is owed depends on; days, because standing charges grow by them."""
        book = self.book()
        looks = tuple(
            (keeper.written and keeper.written.at_us, keeper.newest and keeper.newest.at_us)
            for term in book.by_contract.get(contract, ())
            if (keeper := self.keepers.get(term.point)) is not None
        )
        rows = tuple(one.number for one in self._running.get(contract, {}).values())
        return book.version, timeline.day_at(at_us).ordinal, looks, rows

    def _weigh(self, contract: ContractId, timeline: Timeline, within_us: int) -> Unposted:
        new = self._new_segments(contract)
        period = timeline.period_at(within_us)
        if not new and self._is_posted_up_to(contract, timeline, period, within_us):
            return Unposted()
        new.setdefault(period, [])
        wh = minor = 0
        for period, segments in new.items():
            wh += sum(one.wh for one in segments)
            minor += self._difference(contract, timeline, period, segments, within_us)
        return Unposted(wh, MinorUnits(minor))

    def _is_posted_up_to(self, contract: ContractId, timeline: Timeline, period: str, at_us: int) -> bool:
        """Whether nothing can have fallen due by time since the posting: standing charges grow by days."""
        running = self._running.get(contract, {}).get(period)
        return running is not None and timeline.day_at(running.row.through_us) == timeline.day_at(at_us)

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
        for point in dict.fromkeys(term.point for term in book.by_contract.get(contract, ())):
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
