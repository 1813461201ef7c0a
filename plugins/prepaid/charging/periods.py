"""What a contract's periods have come to so far: the running state, and what of it is posted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.contracts.ids import ContractId
from hub.contracts.units import MinorUnits
from hub.core.codec import decode, encode
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.pricing import Component, PeriodState
from plugins.prepaid.pricing.period import PeriodPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """One period of a contract as it is stored."""

    state: str | None = None
    """The pricing state as JSON; None before the first segment."""
    posted: Mapping[Component, MinorUnits] = field(default_factory=dict)
    postings: int = 0
    """How many entries were posted for it: part of the next one's key."""
    through_us: int = 0
    """Up to when charges that fall due by time are counted; it never goes back."""
    is_finished: bool = False
    """The period is over and all of it is read: minimum charges and ratchets count from now on."""
    closed_by: str | None = None
    """The statement that froze it: later differences correct it in the open period."""


class WrittenStates:
    """Each contract's state as it was written last, so that what stands in its row need not be parsed again."""

    def __init__(self) -> None:
        """Nothing is known yet; a row that says something else, as after a rollback, is parsed."""
        self._known: dict[ContractId, tuple[str, PeriodState]] = {}

    def note(self, contract: ContractId, text: str, state: PeriodState) -> None:
        """This text is being written for this state, which nobody changes any more."""
        self._known[contract] = text, state

    def state(self, contract: ContractId, plan: PeriodPlan, text: str) -> PeriodState:
        """The state that a row's text says, to be folded on; raises `PlanChanged` as `PeriodState.from_json`."""
        known = self._known.get(contract)
        if known is not None and known[0] == text and known[1].plan is plan:
            return known[1].copy()
        return PeriodState.from_json(plan, text.encode())


def load(reader: Reader, contract: ContractId, period: str) -> PeriodRow:
    """A period's row; an empty one when there is none."""
    row = reader.one("SELECT * FROM prepaid__periods WHERE contract = ? AND period = ?", (contract, period))
    return PeriodRow() if row is None else _from(row)


def all_of(reader: Reader, contract: ContractId) -> dict[str, PeriodRow]:
    """All periods of a contract, in order."""
    rows = reader.all("SELECT * FROM prepaid__periods WHERE contract = ? ORDER BY period", (contract,))
    return {row["period"]: _from(row) for row in rows}


def save_all(
    tx: Tx,
    rows: Mapping[tuple[ContractId, str], PeriodRow],
    states: Mapping[tuple[ContractId, str], PeriodState],
    written: WrittenStates,
) -> None:
    """Write the rows of some periods, with their states."""
    texts = {key: states[key].to_json().decode() for key in rows}
    tx.many(
        "INSERT INTO prepaid__periods VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (contract, period) DO UPDATE SET"
        " state = excluded.state, posted = excluded.posted, postings = excluded.postings,"
        " through_us = excluded.through_us, is_finished = excluded.is_finished, closed_by = excluded.closed_by",
        [
            (
                contract, period, texts[contract, period], encode(dict(row.posted)),
                row.postings, row.through_us, int(row.is_finished), row.closed_by,
            )
            for (contract, period), row in rows.items()
        ],
    )  # fmt: skip
    for (contract, period), text in texts.items():
        written.note(contract, text, states[contract, period])


def add_to_days(tx: Tx, days: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    """Add to what contracts used (Wh) and were charged (minor units), by day of their tariff's time zone."""
    tx.many(
        "INSERT INTO prepaid__days VALUES (?, ?, ?, ?) ON CONFLICT (contract, day) DO UPDATE SET"
        " wh = wh + excluded.wh, charged_minor = charged_minor + excluded.charged_minor",
        [(contract, day, wh, minor) for (contract, day), (wh, minor) in days.items() if wh or minor],
    )


def add_to_point_days(tx: Tx, days: Mapping[tuple[str, str], int]) -> None:
    """Add to what flowed through points, by day."""
    tx.many(
        "INSERT INTO prepaid__point_days VALUES (?, ?, ?) ON CONFLICT (point, day) DO UPDATE SET"
        " wh = wh + excluded.wh",
        [(point, day, wh) for (point, day), wh in days.items() if wh],
    )


def days_of(reader: Reader, contract: ContractId, first: str, last: str) -> list[tuple[str, int, int]]:
    """What a contract used (Wh) and was charged (minor units) by day, between two days, both included."""
    rows = reader.all(
        "SELECT day, wh, charged_minor FROM prepaid__days WHERE contract = ? AND day BETWEEN ? AND ? ORDER BY day",
        (contract, first, last),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def _from(row: Row) -> PeriodRow:
    return PeriodRow(
        state=row["state"] or None, posted=decode(row["posted"]), postings=row["postings"],
        through_us=row["through_us"], is_finished=bool(row["is_finished"]), closed_by=row["closed_by"],
    )  # fmt: skip
