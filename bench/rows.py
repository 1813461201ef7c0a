"""What one durable write consists of, the same for the hub and for plain sqlite3."""

from __future__ import annotations

TABLES = """
CREATE TABLE bench__entries (key TEXT PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL) STRICT;
CREATE TABLE bench__postings (id INTEGER PRIMARY KEY, account TEXT NOT NULL, amount_minor INTEGER NOT NULL,
  at_us INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE bench__balances (account TEXT PRIMARY KEY, balance_minor INTEGER NOT NULL) STRICT;
"""
INSERT = "INSERT INTO bench__postings (account, amount_minor, at_us, note) VALUES (?, ?, ?, ?)"
ENTRY = "INSERT INTO bench__entries (key, at_us, kind) VALUES (?, ?, ?)"
BALANCE = (
    "INSERT INTO bench__balances (account, balance_minor) VALUES (?, ?) ON CONFLICT (account) DO UPDATE"
    " SET balance_minor = balance_minor + excluded.balance_minor"
)
PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "cell_size_check": "ON",
    "trusted_schema": "OFF",
    "temp_store": "MEMORY",
}
"""What the hub sets, and asserts, on its writing connection (`hub/core/storage/connections.py`)."""

Statement = tuple[str, tuple[str | int, ...]]
Statements = tuple[Statement, ...]


def row(client: int, number: int) -> Statements:
    """One row and nothing else: all that is measured is what stands around it."""
    return (_posting(client, 10_000 + number, number),)


def posting(client: int, number: int) -> Statements:
    """A posting: the entry under its key, both sides of it, and the balance."""
    amount_minor = 10_000 + number
    return (
        (ENTRY, (f"entry {client}/{number}", 1_790_000_000_000_000 + number, "charge")),
        _posting(client, amount_minor, number),
        _posting(-1, -amount_minor, number),
        (BALANCE, (f"account {client}", amount_minor)),
    )


def _posting(client: int, amount_minor: int, number: int) -> Statement:
    return INSERT, (f"account {client}", amount_minor, 1_790_000_000_000_000 + number, "energy of the last hour")
