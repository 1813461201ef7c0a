"""The accepted reads: whole, append-only, and chained per epoch, so that a changed bit is found."""

from __future__ import annotations

# WITHOUT ROWID, as the ledger's tables: every byte of a row is a value then, and no flipped bit can hide in one
# that SQLite never reads.
READS_SQL = """
CREATE TABLE prepaid__reads (
  id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL REFERENCES prepaid__epochs (id), at_us INTEGER NOT NULL,
  raw INTEGER NOT NULL, wraps INTEGER NOT NULL, total_wh INTEGER NOT NULL, basis TEXT NOT NULL,
  words TEXT NOT NULL, scale INTEGER NOT NULL, serial TEXT, frame_sha TEXT NOT NULL, received_us INTEGER NOT NULL,
  band_wh TEXT, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX prepaid__reads_time ON prepaid__reads (epoch, at_us);
CREATE INDEX prepaid__reads_chain ON prepaid__reads (epoch);

CREATE TABLE prepaid__read_attempts (
  id INTEGER PRIMARY KEY, point TEXT NOT NULL, register TEXT NOT NULL, at_us INTEGER NOT NULL, raw INTEGER NOT NULL,
  frame_sha TEXT NOT NULL, decision TEXT NOT NULL, reason TEXT NOT NULL, seen_us INTEGER NOT NULL) STRICT;
CREATE INDEX prepaid__read_attempts_point ON prepaid__read_attempts (point, at_us);

CREATE TRIGGER prepaid__reads_are_final BEFORE UPDATE ON prepaid__reads
BEGIN SELECT RAISE(ABORT, 'accepted reads are append-only: a correction is another read'); END;
CREATE TRIGGER prepaid__reads_stay BEFORE DELETE ON prepaid__reads
BEGIN SELECT RAISE(ABORT, 'accepted reads are append-only: a correction is another read'); END;
"""
