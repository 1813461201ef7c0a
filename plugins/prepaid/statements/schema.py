"""The table of closed statements: what was frozen, small enough to keep for ever, and never changed."""

from __future__ import annotations

STATEMENTS_SQL = """
CREATE TABLE prepaid__statements (
  id TEXT PRIMARY KEY, contract TEXT NOT NULL REFERENCES prepaid__contracts (id),
  account TEXT NOT NULL REFERENCES prepaid__accounts (id), period TEXT NOT NULL,
  until_us INTEGER NOT NULL CHECK (typeof(until_us) = 'integer'), from_seq INTEGER NOT NULL,
  closed_seq INTEGER NOT NULL CHECK (closed_seq >= from_seq), closed_read INTEGER NOT NULL,
  due_minor INTEGER NOT NULL CHECK (typeof(due_minor) = 'integer'),
  closing_minor INTEGER NOT NULL CHECK (typeof(closing_minor) = 'integer'),
  frame TEXT NOT NULL, sha BLOB NOT NULL CHECK (length(sha) = 32), closed_us INTEGER NOT NULL,
  actor TEXT NOT NULL, context_id TEXT NOT NULL, UNIQUE (contract, period)) STRICT, WITHOUT ROWID;
CREATE INDEX prepaid__statements_account ON prepaid__statements (account, until_us);

CREATE TRIGGER prepaid__statements_are_final BEFORE UPDATE ON prepaid__statements
BEGIN SELECT RAISE(ABORT, 'a closed statement never changes: a correction is posted in the open period'); END;
CREATE TRIGGER prepaid__statements_stay BEFORE DELETE ON prepaid__statements
BEGIN SELECT RAISE(ABORT, 'a closed statement stays: a correction is posted in the open period'); END;
CREATE TRIGGER prepaid__statements_come_once BEFORE INSERT ON prepaid__statements
WHEN EXISTS (SELECT 1 FROM prepaid__statements
  WHERE id = NEW.id OR (contract = NEW.contract AND period = NEW.period))
BEGIN SELECT RAISE(ABORT, 'this statement was closed before: a correction is posted in the open period'); END;
"""
