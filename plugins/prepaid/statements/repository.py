"""Reads and writes closed statements, and marks the periods that they froze."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.ids import AccountId, ContractId
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A closed statement as it is kept: its frame and its hash, from which the whole is derived again."""

    id: str
    contract: ContractId
    account: AccountId
    period: str
    until_us: int
    from_seq: int
    """Up to where in the journal the account's statement before it looked."""
    closed_seq: int
    closed_read: int
    due_minor: MinorUnits
    closing_minor: MinorUnits
    frame: str
    sha: bytes
    closed_us: int
    actor: str


def statement_id(contract: ContractId, period: str) -> str:
    """The one id of a contract's statement for a period."""
    return f"{contract}:{period}"


def load(reader: Reader, id: str) -> Closed | None:  # noqa: A002 - the field's own word
    """A closed statement; None while it is open."""
    row = reader.one("SELECT * FROM prepaid__statements WHERE id = ?", (id,))
    return None if row is None else _closed(row)


def last_of(reader: Reader, account: AccountId) -> Closed | None:
    """The newest statement of an account; of several contracts that end together, any: they share their money."""
    row = reader.one(
        "SELECT * FROM prepaid__statements WHERE account = ? ORDER BY until_us DESC, id LIMIT 1", (account,)
    )
    return None if row is None else _closed(row)


def listed(reader: Reader, account: AccountId | None = None, period: str | None = None) -> list[Closed]:
    """Closed statements, of one account or period or all, in order of their ends."""
    rows = reader.all(
        "SELECT * FROM prepaid__statements WHERE (?1 IS NULL OR account = ?1) AND (?2 IS NULL OR period = ?2)"
        " ORDER BY until_us, id",
        (account, period),
    )
    return [_closed(row) for row in rows]


def add(tx: Tx, one: Closed) -> None:
    """Freeze a statement, and the period that it is about."""
    tx.execute(
        "INSERT INTO prepaid__statements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            one.id, one.contract, one.account, one.period, one.until_us, one.from_seq, one.closed_seq,
            one.closed_read, one.due_minor, one.closing_minor, one.frame, one.sha, one.closed_us, one.actor,
            tx.context.id,
        ),
    )  # fmt: skip
    tx.execute(
        "UPDATE prepaid__periods SET closed_by = ? WHERE contract = ? AND period = ?",
        (one.id, one.contract, one.period),
    )


_COLUMNS = (
    "id", "contract", "account", "period", "until_us", "from_seq", "closed_seq", "closed_read", "due_minor",
    "closing_minor", "frame", "sha", "closed_us", "actor",
)  # fmt: skip


def _closed(row: Row) -> Closed:
    return Closed(**{name: row[name] for name in _COLUMNS})
