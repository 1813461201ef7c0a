"""The tables of charging: caches that can be rebuilt from accepted reads, tariffs and terms."""

from __future__ import annotations

CHARGING_SQL = """
CREATE TABLE prepaid__book (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT;
INSERT INTO prepaid__book VALUES (1, 1);

CREATE TABLE prepaid__periods (
  contract TEXT NOT NULL REFERENCES prepaid__contracts (id), period TEXT NOT NULL, state TEXT NOT NULL,
  posted TEXT NOT NULL, postings INTEGER NOT NULL, through_us INTEGER NOT NULL, is_finished INTEGER NOT NULL,
  closed_by TEXT, PRIMARY KEY (contract, period))
  STRICT, WITHOUT ROWID;

CREATE TABLE prepaid__days (
  contract TEXT NOT NULL, day TEXT NOT NULL, wh INTEGER NOT NULL, charged_minor INTEGER NOT NULL,
  PRIMARY KEY (contract, day)) STRICT, WITHOUT ROWID;
CREATE TABLE prepaid__point_days (
  point TEXT NOT NULL, day TEXT NOT NULL, wh INTEGER NOT NULL, PRIMARY KEY (point, day)) STRICT, WITHOUT ROWID;
"""
