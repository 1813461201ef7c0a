"""The small append-only tables beside the journal: each row is numbered without gaps and linked to the one before.

Seals, checkpoints, assertions and closings are written and checked by the same few lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.storage import SqlValue, Tx
from plugins.prepaid.journal.chain import canonical, link


@dataclass(frozen=True, slots=True)
class Chain:
    """One such table: its name and its columns between the number and the two hashes."""

    name: str
    columns: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table in the database."""
        return f"prepaid__{self.name}"

    @property
    def select(self) -> str:
        """The columns of a row, in the order in which they are hashed: number, values, previous hash, hash."""
        return f"SELECT n, {', '.join(self.columns)}, prev_hash, hash FROM {self.table}"  # noqa: S608 - our names

    @property
    def insert(self) -> str:
        """The statement that adds a row."""
        return f"INSERT INTO {self.table} VALUES ({', '.join('?' * (len(self.columns) + 3))})"  # noqa: S608


SEALS = Chain("seals", ("from_seq", "to_seq", "merkle_root", "at_us"))
CHECKPOINTS = Chain("checkpoints", ("day", "seq", "head_hash", "seals", "assertions", "closings", "heads", "at_us"))
ASSERTIONS = Chain("assertions", ("account", "seq", "amount_minor", "at_us"))
CLOSINGS = Chain("closings", ("account", "until_us", "seq", "statement", "at_us"))
CHAINS = (SEALS, CHECKPOINTS, ASSERTIONS, CLOSINGS)


def chained_payload(n: int, values: Sequence[SqlValue]) -> bytes:
    """What a row adds to its chain; hashes are written as hex."""
    return canonical([n, *[value.hex() if isinstance(value, bytes) else value for value in values]])


def append(tx: Tx, chain: Chain, rows: Sequence[tuple[SqlValue, ...]]) -> tuple[int, bytes]:
    """Add rows; number and hash of the chain's head after them."""
    n, head = head_of(tx, chain.name)
    if not rows:
        return n, head
    linked: list[tuple[SqlValue, ...]] = []
    for values in rows:
        n += 1
        prev, head = head, link(head, chained_payload(n, values))
        linked.append((n, *values, prev, head))
    tx.many(chain.insert, linked)
    tx.execute("UPDATE prepaid__heads SET n = ?, hash = ? WHERE chain = ?", (n, head, chain.name))
    return n, head


def head_of(tx: Tx, name: str) -> tuple[int, bytes]:
    """Number and hash of the last row of a chain, the journal's included."""
    row = tx.one("SELECT n, hash FROM prepaid__heads WHERE chain = ?", (name,))
    assert row is not None
    return row[0], row[1]
