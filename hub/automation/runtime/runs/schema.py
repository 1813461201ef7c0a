"""The tables of runs: definitions, runs under way, drops, and what is known of each rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hub.core.storage import Reader, Tx

SQL = """
CREATE TABLE automation__definitions (
  kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (kind, name, version)) STRICT, WITHOUT ROWID;
CREATE TABLE automation__runs (
  id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  begun_us INTEGER NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL,
  trace TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE automation__drops (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, entity_uid TEXT, at_us INTEGER NOT NULL,
  reason TEXT NOT NULL, cause TEXT NOT NULL) STRICT;
CREATE TABLE automation__traces (
  seq INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,
  place TEXT NOT NULL, ended_us INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX automation__traces_of ON automation__traces (kind, name, place);
CREATE TABLE automation__rules (
  kind TEXT NOT NULL, name TEXT NOT NULL, is_on INTEGER NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
"""
"""Runs under way stand in `automation__runs`; one that has ended goes, unless its answer is still waited for."""

DROPS_KEPT = 1_000


class RunRow(NamedTuple):
    """A run as it stands on disk."""

    id: str
    kind: str
    name: str
    version: str
    begun_us: int
    number: int
    """Tells runs of one instant apart."""
    state: str
    """`open`; `asking` while a person must decide; `done` while its caller has not taken its answer."""
    body: str
    """What never changes, then variables and where it stands, or how it ended."""
    trace: str | None
    """What it did until it last waited; None leaves what stands there."""


class DropRow(NamedTuple):
    """A run that should have been and was not."""

    kind: str
    name: str
    entity_uid: str | None
    at_us: int
    reason: str
    cause: str


_UPSERT = """
INSERT INTO automation__runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
state = excluded.state, body = excluded.body, trace = coalesce(excluded.trace, automation__runs.trace)"""


def write_runs(tx: Tx, rows: Iterable[RunRow]) -> None:
    """Write runs as they stand now, new ones too."""
    tx.many(_UPSERT, rows)


def delete_runs(tx: Tx, ids: Iterable[str]) -> None:
    """Forget runs that have ended."""
    tx.many("DELETE FROM automation__runs WHERE id = ?", [(run_id,) for run_id in ids])


def write_drops(tx: Tx, drops: Sequence[DropRow]) -> None:
    """Record what did not run; the oldest make room."""
    tx.many(
        "INSERT INTO automation__drops (kind, name, entity_uid, at_us, reason, cause) VALUES (?, ?, ?, ?, ?, ?)",
        drops,
    )
    tx.execute(
        "DELETE FROM automation__drops WHERE seq <= (SELECT max(seq) FROM automation__drops) - ?", (DROPS_KEPT,)
    )


def read_runs(reader: Reader) -> list[RunRow]:
    """All runs that have not been forgotten, in the order in which they began."""
    rows = reader.all("SELECT * FROM automation__runs ORDER BY begun_us, number")
    return [RunRow(*row) for row in rows]


def read_drops(reader: Reader, kind: str, name: str) -> list[DropRow]:
    """What a rule or script dropped, the newest first."""
    rows = reader.all(
        "SELECT kind, name, entity_uid, at_us, reason, cause FROM automation__drops"
        " WHERE kind = ? AND name = ? ORDER BY seq DESC",
        (kind, name),
    )
    return [DropRow(*row) for row in rows]


def purge_definitions(tx: Tx) -> None:
    """Drop the definitions that no run is pinned to; before anything begins, or one would be missed."""
    tx.execute(
        "DELETE FROM automation__definitions WHERE NOT EXISTS (SELECT 1 FROM automation__runs r WHERE"
        " r.kind = automation__definitions.kind AND r.name = automation__definitions.name"
        " AND r.version = automation__definitions.version)"
    )


def write_definitions(tx: Tx, definitions: Sequence[tuple[str, str, str, str]]) -> None:
    """Keep definitions (kind, name, version, content), each once."""
    tx.many("INSERT INTO automation__definitions VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", definitions)


def read_definitions(reader: Reader) -> dict[tuple[str, str, str], str]:
    """The contents that are kept, by kind, name and version."""
    rows = reader.all("SELECT kind, name, version, content FROM automation__definitions")
    return {(kind, name, version): content for kind, name, version, content in rows}


class TraceRow(NamedTuple):
    """The trace of a run that has ended."""

    run: str
    kind: str
    name: str
    place: str
    """Traces of one place are counted together."""
    ended_us: int
    body: str


_TRIM = """
DELETE FROM automation__traces WHERE kind = ?1 AND name = ?2 AND place = ?3 AND seq <= (
  SELECT seq FROM automation__traces WHERE kind = ?1 AND name = ?2 AND place = ?3
  ORDER BY seq DESC LIMIT 1 OFFSET ?4)"""


def write_traces(tx: Tx, traces: Sequence[tuple[TraceRow, int]], dropped: Iterable[tuple[str, str]]) -> None:
    """Keep traces, each with how many there may be of its place, and forget rules and scripts that are gone."""
    tx.many("DELETE FROM automation__traces WHERE kind = ? AND name = ?", dropped)
    tx.many(
        "INSERT INTO automation__traces (run, kind, name, place, ended_us, body) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (run) DO UPDATE SET ended_us = excluded.ended_us, body = excluded.body",
        [row for row, _ in traces],
    )
    tx.many(_TRIM, {(row.kind, row.name, row.place, keep) for row, keep in traces})


def read_traces(reader: Reader, kind: str, name: str) -> list[str]:
    """The traces of a rule or script that are on disk, the newest first."""
    rows = reader.all(
        "SELECT body FROM automation__traces WHERE kind = ? AND name = ? ORDER BY seq DESC",
        (kind, name),
    )
    return [str(row[0]) for row in rows]


def write_records(tx: Tx, records: Iterable[tuple[str, str, int, str]]) -> None:
    """Keep what is known of rules (kind, name, whether it is on, record)."""
    tx.many(
        "INSERT INTO automation__rules VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET"
        " is_on = excluded.is_on, record = excluded.record",
        records,
    )


def read_records(reader: Reader) -> list[tuple[str, str, bool, str]]:
    """What is known of every rule and script."""
    rows = reader.all("SELECT kind, name, is_on, record FROM automation__rules")
    return [(kind, name, bool(is_on), record) for kind, name, is_on, record in rows]
