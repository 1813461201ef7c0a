"""The ledger's tables. What is written stays: triggers forbid UPDATE and DELETE on everything that is chained."""

from __future__ import annotations

_FINAL = """
CREATE TRIGGER prepaid__{table}_are_final BEFORE UPDATE ON prepaid__{table}
BEGIN SELECT RAISE(ABORT, '{table}: append-only, a row never changes; write a correction'); END;
CREATE TRIGGER prepaid__{table}_stay BEFORE DELETE ON prepaid__{table}
BEGIN SELECT RAISE(ABORT, '{table}: append-only, a row never goes; write a correction'); END;
"""

_IN_ORDER = """
CREATE TRIGGER prepaid__{table}_come_in_order BEFORE INSERT ON prepaid__{table}
WHEN NEW.{number} <= (SELECT n FROM prepaid__heads WHERE chain = '{chain}')
BEGIN SELECT RAISE(ABORT, '{table}: append-only, this number is taken; write a correction'); END;
"""
"""Against INSERT OR REPLACE, which asks no DELETE trigger, and against postings added to an old entry."""

# WITHOUT ROWID: every byte of a row is a value then, and no flipped bit can hide in one that SQLite never reads. No
# row ends in two columns that may be NULL: those can be written down in two ways, which nobody can tell apart.
_TABLES = """
CREATE TABLE prepaid__journal (
  seq INTEGER PRIMARY KEY,
  effective_us INTEGER NOT NULL CHECK (typeof(effective_us) = 'integer'),
  recorded_us INTEGER NOT NULL CHECK (typeof(recorded_us) = 'integer'),
  kind TEXT NOT NULL, key TEXT NOT NULL, payload_sha BLOB NOT NULL CHECK (length(payload_sha) = 32),
  ref TEXT, corrects TEXT, note TEXT, actor TEXT NOT NULL, context_id TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX prepaid__journal_key ON prepaid__journal (key);
CREATE INDEX prepaid__journal_corrects ON prepaid__journal (corrects) WHERE corrects IS NOT NULL;

CREATE TABLE prepaid__postings (
  entry INTEGER NOT NULL REFERENCES prepaid__journal (seq), n INTEGER NOT NULL, account TEXT NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (typeof(amount_minor) = 'integer'),
  qty_wh INTEGER CHECK (typeof(qty_wh) IN ('integer', 'null')),
  meta TEXT NOT NULL, PRIMARY KEY (entry, n)) STRICT, WITHOUT ROWID;
CREATE INDEX prepaid__postings_account ON prepaid__postings (account, entry);

CREATE TABLE prepaid__balances (
  account TEXT PRIMARY KEY, amount_minor INTEGER NOT NULL CHECK (typeof(amount_minor) = 'integer'),
  last_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE prepaid__heads (
  chain TEXT PRIMARY KEY, n INTEGER NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;
INSERT INTO prepaid__heads VALUES ('journal', 0, zeroblob(32)), ('seals', 0, zeroblob(32)),
  ('checkpoints', 0, zeroblob(32)), ('assertions', 0, zeroblob(32)), ('closings', 0, zeroblob(32));

CREATE TABLE prepaid__seals (
  n INTEGER PRIMARY KEY, from_seq INTEGER NOT NULL, to_seq INTEGER NOT NULL CHECK (to_seq >= from_seq),
  merkle_root BLOB NOT NULL CHECK (length(merkle_root) = 32), at_us INTEGER NOT NULL,
  prev_hash BLOB NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX prepaid__seals_to ON prepaid__seals (to_seq);

CREATE TABLE prepaid__checkpoints (
  n INTEGER PRIMARY KEY, day TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, head_hash BLOB NOT NULL,
  seals INTEGER NOT NULL, assertions INTEGER NOT NULL, closings INTEGER NOT NULL, heads TEXT NOT NULL,
  at_us INTEGER NOT NULL, prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;

CREATE TABLE prepaid__assertions (
  n INTEGER PRIMARY KEY, account TEXT NOT NULL, seq INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (typeof(amount_minor) = 'integer'), at_us INTEGER NOT NULL,
  prev_hash BLOB NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;
CREATE INDEX prepaid__assertions_account ON prepaid__assertions (account, seq);
CREATE INDEX prepaid__assertions_seq ON prepaid__assertions (seq);

CREATE TABLE prepaid__closings (
  n INTEGER PRIMARY KEY, account TEXT NOT NULL, until_us INTEGER NOT NULL, seq INTEGER NOT NULL,
  statement TEXT NOT NULL, at_us INTEGER NOT NULL,
  prev_hash BLOB NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;
CREATE INDEX prepaid__closings_account ON prepaid__closings (account, until_us);
CREATE INDEX prepaid__closings_until ON prepaid__closings (until_us);
"""

_NUMBERED = {
    "journal": ("journal", "seq"),
    "postings": ("journal", "entry"),
    "seals": ("seals", "n"),
    "checkpoints": ("checkpoints", "n"),
    "assertions": ("assertions", "n"),
    "closings": ("closings", "n"),
}
"""Every table that is only ever added to, with its chain and its number in it."""

FINAL_TABLES = tuple(_NUMBERED)

JOURNAL_TABLES = _TABLES + "".join(
    _FINAL.format(table=table) + _IN_ORDER.format(table=table, chain=chain, number=number)
    for table, (chain, number) in _NUMBERED.items()
)
"""The SQL of one migration step; the plugin puts it into its list."""
