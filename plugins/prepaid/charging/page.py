"""A page of the books: what one transaction charges, gathered, and written together when the page is full.

A site's readings come in bundles, and what they write is alike; together it costs half of what it costs one by one.
"""

from __future__ import annotations

from hub.contracts.ids import ContractId, PointId
from hub.core.faultpoints import point as fault_point
from hub.core.storage import Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.periods import PeriodRow
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry
from plugins.prepaid.pricing import PeriodState


class Page:
    """The books as one transaction sees them while it charges; `write` must be its last word on them."""

    __slots__ = ("_days", "_entries", "_journal", "_loaded", "_point_days", "_rows", "_states", "tx")

    def __init__(self, tx: Tx, journal: Journal) -> None:
        """Begin an empty page."""
        self.tx = tx
        self._journal = journal
        self._loaded: dict[tuple[ContractId, str], PeriodRow] = {}
        self._rows: dict[tuple[ContractId, str], PeriodRow] = {}
        self._states: dict[tuple[ContractId, str], PeriodState] = {}
        self._entries: list[Entry] = []
        self._days: dict[tuple[str, str], tuple[int, int]] = {}
        self._point_days: dict[tuple[str, str], int] = {}

    def period(self, contract: ContractId, period: str) -> PeriodRow:
        """A period as it stands, with what this page has done to it."""
        known = self._rows.get((contract, period)) or self._loaded.get((contract, period))
        if known is None:
            known = self._loaded[contract, period] = periods.load(self.tx, contract, period)
        return known

    def state(self, contract: ContractId, period: str) -> PeriodState | None:
        """The state that this page has brought a period to; None when it has not touched it."""
        return self._states.get((contract, period))

    def set_period(self, contract: ContractId, period: str, row: PeriodRow, state: PeriodState) -> None:
        """Let a period stand so."""
        self._rows[contract, period] = row
        self._states[contract, period] = state

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
        if self._entries:
            self._journal.post_many(self.tx, self._entries)
            fault_point("prepaid.after_charge")
        periods.save_all(self.tx, self._rows, self._states)
        periods.add_to_days(self.tx, self._days)
        periods.add_to_point_days(self.tx, self._point_days)
