"""What stands on the accounts: now, at an instant, and how it came about. Sums of postings; debit is positive."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.units import MinorUnits, WattHours
from hub.core.storage import Reader

PAGE_MAX = 1_000
_AFTER_ANY = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page of a history begins."""

    seq: int
    n: int
    balance_minor: MinorUnits


@dataclass(frozen=True, slots=True)
class Line:
    """One posting of an account's history, with the balance that stood after it."""

    seq: int
    n: int
    effective_us: int
    recorded_us: int
    kind: str
    key: str
    ref: str | None
    corrects: str | None
    note: str | None
    actor: str
    amount_minor: MinorUnits
    qty_wh: WattHours | None
    meta: str
    """JSON, as it was hashed; empty for none."""
    balance_minor: MinorUnits


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a history, newest first."""

    lines: tuple[Line, ...]
    older: Cursor | None
    """Where it goes on; None when these are all."""


def balance(reader: Reader, account: str) -> MinorUnits:
    """The sum of an account's postings; a tenant's money is negative here, `chart.as_read` turns it for people."""
    return _minor(reader.value("SELECT amount_minor FROM prepaid__balances WHERE account = ?", (account,)))


def balances(reader: Reader, prefix: str = "") -> dict[str, MinorUnits]:
    """All accounts whose names begin like this, with their sums, in order of name."""
    rows = reader.all(
        "SELECT account, amount_minor FROM prepaid__balances WHERE account >= ? AND account < ? ORDER BY account",
        (prefix, prefix + _AFTER_ANY),
    )
    return {row[0]: MinorUnits(row[1]) for row in rows}


def balance_at(reader: Reader, account: str, *, seq: int) -> MinorUnits:
    """The sum of an account's postings up to and with an entry, as it was written down."""
    base = reader.one(
        "SELECT seq, amount_minor FROM prepaid__assertions WHERE account = ? AND seq <= ?"
        " ORDER BY seq DESC LIMIT 1",
        (account, seq),
    )
    since, amount_minor = (0, 0) if base is None else base
    later = reader.value(
        "SELECT sum(amount_minor) FROM prepaid__postings WHERE account = ? AND entry > ? AND entry <= ?",
        (account, since, seq),
    )
    return MinorUnits(amount_minor + _minor(later))


def balance_effective(reader: Reader, account: str, before_us: int) -> MinorUnits:
    """The sum of an account's postings that are dated before an instant, whenever they were written down."""
    total = reader.value(
        "SELECT sum(p.amount_minor) FROM prepaid__postings p JOIN prepaid__journal j ON j.seq = p.entry"
        " WHERE p.account = ? AND j.effective_us < ?",
        (account, before_us),
    )
    return _minor(total)


def history(reader: Reader, account: str, before: Cursor | None = None, limit: int = 100) -> Page:
    """A page of an account's postings, newest first, each with the balance after it."""
    limit = max(1, min(limit, PAGE_MAX))
    if before is None:
        before = Cursor(2**62, 0, balance(reader, account))
    rows = reader.all(
        "SELECT p.entry AS seq, p.n, j.effective_us, j.recorded_us, j.kind, j.key, j.ref, j.corrects, j.note,"
        " j.actor, p.amount_minor, p.qty_wh, p.meta"
        " FROM prepaid__postings p JOIN prepaid__journal j ON j.seq = p.entry"
        " WHERE p.account = ? AND (p.entry, p.n) < (?, ?) ORDER BY p.entry DESC, p.n DESC LIMIT ?",
        (account, before.seq, before.n, limit + 1),
    )
    amount_minor = before.balance_minor
    lines: list[Line] = []
    for row in rows[:limit]:
        lines.append(Line(**dict(row), balance_minor=amount_minor))
        amount_minor = MinorUnits(amount_minor - row["amount_minor"])
    older = Cursor(lines[-1].seq, lines[-1].n, amount_minor) if len(rows) > limit else None
    return Page(tuple(lines), older)


def _minor(value: object) -> MinorUnits:
    assert value is None or isinstance(value, int)
    return MinorUnits(value or 0)
