"""Durable writes by plain sqlite3: one program, no loop, no thread, the same rows in the same groups."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from bench import rows
from bench.timing import Params, folder, settle_memory, whole

Figures = dict[str, object]
_CHANGES = """
CREATE TABLE changes (change_seq BIGINT PRIMARY KEY, at_us BIGINT NOT NULL, owner TEXT NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL, parent_id TEXT);
CREATE TABLE sequence (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), change_seq BIGINT NOT NULL);
INSERT INTO sequence VALUES (1, 0);
"""
_CHANGE = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)"


def single_rows(params: Params) -> Figures:
    """One row in each write, and as many commits as the hub needed for them."""
    return _both(params, rows.row)


def postings(params: Params) -> Figures:
    """The same with writes of a posting's size."""
    return _both(params, rows.posting)


def _both(params: Params, statements_of: Callable[[int, int], rows.Statements]) -> Figures:
    """With the change row that the hub adds to each write, and without."""
    clients, writes = whole(params, "clients"), whole(params, "writes")
    prepared = [statements_of(number % clients, number // clients) for number in range(writes)]
    return {
        f"{name}_per_s": writes / _timed(folder(params) / f"{name}.db", prepared, whole(params, "groups"), changes)
        for name, changes in (("with_changes", True), ("rows_only", False))
    }


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for name, setting in rows.PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {setting}").fetchall()
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.executescript(rows.TABLES + _CHANGES)
    return connection


def _timed(path: Path, prepared: list[rows.Statements], groups: int, has_changes: bool) -> float:
    connection = _open(path)
    writes, done = len(prepared), 0
    settle_memory()
    began = time.perf_counter()
    for group in range(1, groups + 1):
        connection.execute("BEGIN IMMEDIATE")
        until = writes * group // groups
        if has_changes:
            connection.execute("SELECT change_seq FROM sequence").fetchone()
        while done < until:
            for sql, values in prepared[done]:
                connection.execute(sql, values)
            done += 1
            if has_changes:
                at_us = 1_790_000_000_000_000 + done
                connection.execute(_CHANGE, (done, at_us, "bench", "system", "system", None))
        if has_changes:
            connection.execute("UPDATE sequence SET change_seq = ?", (done,))
        connection.execute("COMMIT")
    took_s = time.perf_counter() - began
    assert connection.execute("SELECT count(*) FROM changes").fetchone()[0] == (writes if has_changes else 0)
    connection.close()
    return took_s
