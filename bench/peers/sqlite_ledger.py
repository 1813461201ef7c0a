"""Durable entries by plain sqlite3: one program, no loop, no thread, the same rows in the same groups.

It knows every row beforehand, hashes included: it neither looks for a key, nor weighs, nor chains.
"""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from bench import rows
from bench.money import ledger_rows
from bench.timing import Params, folder, settle_memory, whole
from plugins.prepaid.journal.schema import JOURNAL_TABLES

_JOURNAL = "INSERT INTO prepaid__journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_POSTING = "INSERT INTO prepaid__postings VALUES (?, ?, ?, ?, ?, ?)"
_BALANCE = (
    "INSERT INTO prepaid__balances VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE"
    " SET amount_minor = amount_minor + excluded.amount_minor, last_seq = excluded.last_seq"
)
_HEAD = "UPDATE prepaid__heads SET n = ?, hash = ? WHERE chain = 'journal'"
_CHANGES = """
CREATE TABLE changes (change_seq BIGINT PRIMARY KEY, at_us BIGINT NOT NULL, owner TEXT NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL, parent_id TEXT);
CREATE TABLE sequence (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), change_seq BIGINT NOT NULL);
INSERT INTO sequence VALUES (1, 0);
"""
_CHANGE = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)"
_RECOVERY = "clearing:energy_recovery"
Figures = dict[str, object]
_Statement = tuple[str, tuple[str | int | bytes | None, ...]]


def durable(params: Params) -> Figures:
    """As many entries as the hub wrote, in as many commits."""
    clients, writes, groups = whole(params, "clients"), whole(params, "writes"), whole(params, "groups")
    prepared = [_statements(number + 1, number % clients, number // clients) for number in range(writes)]
    return {"entries_per_s": writes / _timed(folder(params) / "plain.db", prepared, groups)}


def _statements(seq: int, client: int, number: int) -> tuple[_Statement, ...]:
    words = ledger_rows.charge(client, number)
    meta = json.dumps(ledger_rows.META, sort_keys=True, separators=(",", ":"))
    digest, amount = seq.to_bytes(32, "big"), words.amount_minor
    recorded_us = 1_790_000_000_000_000 + seq
    entry = (
        seq, words.effective_us, recorded_us, words.kind, words.key, digest, words.ref, None, None,
        "system", "system", digest,
    )  # fmt: skip
    return (
        (_JOURNAL, entry),
        (_POSTING, (seq, 0, words.account, amount, words.used_wh, meta)),
        (_POSTING, (seq, 1, _RECOVERY, -amount, None, "")),
        (_BALANCE, (words.account, amount, seq)),
        (_BALANCE, (_RECOVERY, -amount, seq)),
        (_HEAD, (seq, digest)),
        (_CHANGE, (seq, recorded_us, "prepaid", "system", "system", None)),
    )


def _timed(path: Path, prepared: list[tuple[_Statement, ...]], groups: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for name, setting in rows.PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {setting}").fetchall()
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.executescript(JOURNAL_TABLES + _CHANGES)
    writes, done = len(prepared), 0
    settle_memory()
    began = time.perf_counter()
    for group in range(1, groups + 1):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT change_seq FROM sequence").fetchone()
        until = writes * group // groups
        while done < until:
            for sql, values in prepared[done]:
                connection.execute(sql, values)
            done += 1
        connection.execute("UPDATE sequence SET change_seq = ?", (done,))
        connection.execute("COMMIT")
    took_s = time.perf_counter() - began
    assert connection.execute("SELECT count(*) FROM prepaid__postings").fetchone()[0] == 2 * writes
    connection.close()
    return took_s
