"""The prepaid tables. Journal, postings and accepted reads are append-only: triggers forbid everything else."""

from __future__ import annotations

from hub.core.storage import Migration

MIGRATIONS = (
    Migration(
        1,
        "first tables",
        """
CREATE TABLE prepaid__accounts (id TEXT PRIMARY KEY, point TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE prepaid__journal (
  seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, at_us INTEGER NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL) STRICT;
CREATE TABLE prepaid__postings (
  entry INTEGER NOT NULL REFERENCES prepaid__journal (seq), account TEXT NOT NULL,
  amount_minor INTEGER NOT NULL, PRIMARY KEY (entry, account)) STRICT, WITHOUT ROWID;
CREATE INDEX prepaid__postings_account ON prepaid__postings (account);

CREATE TABLE prepaid__reads (
  point TEXT NOT NULL, source_us INTEGER NOT NULL, raw INTEGER NOT NULL, scale INTEGER NOT NULL,
  serial TEXT, words TEXT NOT NULL, frame_sha TEXT NOT NULL, PRIMARY KEY (point, source_us)) STRICT;
CREATE TABLE prepaid__meters (
  point TEXT PRIMARY KEY, first_wh INTEGER NOT NULL, last_wh INTEGER NOT NULL, last_us INTEGER NOT NULL,
  posted_minor INTEGER NOT NULL) STRICT;

CREATE TABLE prepaid__attempts (
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, transaction_id TEXT NOT NULL, account TEXT,
  amount_minor INTEGER NOT NULL, via TEXT NOT NULL, outcome TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;
CREATE TABLE prepaid__payments (
  provider TEXT NOT NULL, transaction_id TEXT NOT NULL, order_id TEXT, account TEXT NOT NULL,
  amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,
  PRIMARY KEY (provider, transaction_id), UNIQUE (provider, order_id)) STRICT;
CREATE TABLE prepaid__holds (
  key TEXT PRIMARY KEY, account TEXT NOT NULL, amount_minor INTEGER NOT NULL, expires_us INTEGER NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX prepaid__holds_account ON prepaid__holds (account) WHERE ended = 0;

CREATE TABLE prepaid__off_reasons (
  point TEXT NOT NULL, reason TEXT NOT NULL, since_us INTEGER NOT NULL, note TEXT NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (point, reason)) STRICT;
CREATE TABLE prepaid__intents (
  point TEXT NOT NULL, seq INTEGER NOT NULL, desired TEXT NOT NULL, decided_us INTEGER NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL, is_credit_trip INTEGER NOT NULL,
  PRIMARY KEY (point, seq)) STRICT;
CREATE TABLE prepaid__trips (
  point TEXT NOT NULL, reason TEXT NOT NULL, request_id TEXT NOT NULL, requested_us INTEGER NOT NULL,
  note TEXT NOT NULL, PRIMARY KEY (point, reason)) STRICT;

CREATE TRIGGER prepaid__journal_is_final BEFORE UPDATE ON prepaid__journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: write a correction'); END;
CREATE TRIGGER prepaid__journal_stays BEFORE DELETE ON prepaid__journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: write a correction'); END;
CREATE TRIGGER prepaid__postings_are_final BEFORE UPDATE ON prepaid__postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only: write a correction'); END;
CREATE TRIGGER prepaid__postings_stay BEFORE DELETE ON prepaid__postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only: write a correction'); END;
""",
    ),
)
