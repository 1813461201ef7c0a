"""A page of the books: what one transaction charges, gathered, and written together when the page is full.

A site's readings come in bundles, and what they write is alike; together it costs half of what it costs one by one.
"""

from __future__ import annotations

from hub.contracts.ids import ContractId, PointId
from hub.core.faultpoints import point as fault_point
from hub.core.storage import Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.periods import PeriodRow, WrittenStates
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry
from plugins.prepaid.pricing import PeriodState
from plugins.prepaid.pricing.period import PeriodPlan


class Page:
    """The books as one transaction sees them while it charges; `write` must be its last word on them."""

    __slots__ = (
        "_days", "_entries", "_journal", "_loaded", "_next_read", "_point_days", "_reads", "_rows", "_states",
        "_written", "tx",
    )  # fmt: skip

    def __init__(self, tx: Tx, journal: Journal, written: WrittenStates) -> None:
        """Begin an empty page."""
        self.tx = tx
        self._journal = journal
        self._written = written
        self._loaded: dict[tuple[ContractId, str], PeriodRow] = {}
        self._rows: dict[tuple[ContractId, str], PeriodRow] = {}
        self._states: dict[tuple[ContractId, str], PeriodState] = {}
        self._entries: list[Entry] = []
        self._reads: dict[int, tuple[int, AcceptedRead, bytes]] = {}
        """By epoch: the reads that still have to be written."""
        self._next_read = 0
        self._days: dict[tuple[str, str], tuple[int, int]] = {}
        self._point_days: dict[tuple[str, str], int] = {}

    def period(self, contract: ContractId, period: str) -> PeriodRow:
        """A period as it stands, with what this page has done to it."""
        known = self._rows.get((contract, period)) or self._loaded.get((contract, period))
        if known is None:
            known = self._loaded[contract, period] = periods.load(self.tx, contract, period)
        return known

    def state(self, contract: ContractId, plan: PeriodPlan) -> PeriodState:
        """A period's state with what this page has done to it, to be folded on; `PlanChanged` if that cannot be."""
        state = self._states.get((contract, plan.period))
        if state is not None and state.plan.fingerprint == plan.fingerprint:
            return state
        stored = self.period(contract, plan.period).state
        return PeriodState(plan) if stored is None else self._written.state(contract, plan, stored)

    def set_period(self, contract: ContractId, period: str, row: PeriodRow, state: PeriodState) -> None:
        """Let a period stand so."""
        self._rows[contract, period] = row
        self._states[contract, period] = state

    def newest_read(self, epoch: int) -> tuple[AcceptedRead | None, bytes]:
        """The newest accepted read of an epoch, by its instant, and the head of the epoch's chain."""
        if epoch in self._reads:
            self.write_reads()
        return reads.newest(self.tx, epoch)

    def add_read(self, read: AcceptedRead, head: bytes) -> int:
        """Take in an accepted read behind the head of its epoch's chain; the number of its row."""
        number = self._next_read or reads.next_id(self.tx)
        self._next_read = number + 1
        self._reads[read.epoch] = number, read, head
        return number

    def write_reads(self) -> None:
        """Put the reads into their table, for whoever looks for them there."""
        reads.add_all(self.tx, list(self._reads.values()))
        self._reads.clear()

    def post(self, entry: Entry) -> None:
        """Post an entry."""
        self._entries.append(entry)

    def add_to_day(self, contract: ContractId, day: str, wh: int, minor: int) -> None:
        """Add to what a contract used and was charged on a day."""
        before = self._days.get((contract, day), (0, 0))
        self._days[contract, day] = (before[0] + wh, before[1] + minor)

    def add_to_point_day(self, point: PointId, day: str, wh: int) -> None:
        """Add to what flowed through a point on a day."""
        self._point_days[point, day] = self._point_days.get((point, day), 0) + wh

    def write(self) -> None:
        """Put everything into the tables."""
        self.write_reads()
        if self._entries:
            self._journal.post_many(self.tx, self._entries)
            fault_point("prepaid.after_charge")
        periods.save_all(self.tx, self._rows, self._states, self._written)
        periods.add_to_days(self.tx, self._days)
        periods.add_to_point_days(self.tx, self._point_days)
