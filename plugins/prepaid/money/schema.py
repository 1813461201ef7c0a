"""The tables of money: what was told and asked for stays for ever, holds and refunds move until they end."""

from __future__ import annotations

_FINAL = """
CREATE TRIGGER prepaid__{table}_are_final BEFORE UPDATE ON prepaid__{table}
BEGIN SELECT RAISE(ABORT, '{table}: append-only, a row never changes'); END;
CREATE TRIGGER prepaid__{table}_stay BEFORE DELETE ON prepaid__{table}
BEGIN SELECT RAISE(ABORT, '{table}: kept for ever'); END;
"""

_STAY = """
CREATE TRIGGER prepaid__{table}_stay BEFORE DELETE ON prepaid__{table}
BEGIN SELECT RAISE(ABORT, '{table}: kept for ever'); END;
"""

_PAYMENTS = """
CREATE TABLE prepaid__attempts (
  id INTEGER PRIMARY KEY, provider TEXT NOT NULL, transaction_id TEXT NOT NULL, order_id TEXT, account TEXT,
  amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, paid_us INTEGER NOT NULL, via TEXT NOT NULL,
  document_sha TEXT, note TEXT NOT NULL, outcome TEXT NOT NULL, error TEXT, at_us INTEGER NOT NULL,
  actor TEXT NOT NULL, context_id TEXT NOT NULL) STRICT;
CREATE INDEX prepaid__attempts_transaction ON prepaid__attempts (provider, transaction_id);
CREATE INDEX prepaid__attempts_account ON prepaid__attempts (account, id);

CREATE TABLE prepaid__payments (
  provider TEXT NOT NULL, transaction_id TEXT NOT NULL, order_id TEXT, account TEXT, told_account TEXT,
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL, paid_us INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('credited', 'suspended', 'assigned', 'returned')), suspended_for TEXT,
  entry INTEGER, attempt INTEGER NOT NULL UNIQUE, PRIMARY KEY (provider, transaction_id),
  UNIQUE (provider, order_id), CHECK (entry IS NOT NULL OR suspended_for = 'currency_differs'),
  CHECK ((account IS NOT NULL) = (state IN ('credited', 'assigned')))) STRICT;
CREATE INDEX prepaid__payments_account ON prepaid__payments (account, paid_us);
CREATE INDEX prepaid__payments_suspended ON prepaid__payments (state) WHERE state = 'suspended';

CREATE TRIGGER prepaid__payments_keep_what_was_told BEFORE UPDATE ON prepaid__payments
WHEN (NEW.provider, NEW.transaction_id, NEW.amount_minor, NEW.currency, NEW.paid_us, NEW.attempt, NEW.suspended_for)
  IS NOT (OLD.provider, OLD.transaction_id, OLD.amount_minor, OLD.currency, OLD.paid_us, OLD.attempt,
    OLD.suspended_for)
  OR NEW.order_id IS NOT coalesce(OLD.order_id, NEW.order_id)
  OR NEW.told_account IS NOT coalesce(OLD.told_account, NEW.told_account)
  OR NEW.entry IS NOT coalesce(OLD.entry, NEW.entry)
  OR (OLD.state <> 'suspended' AND (NEW.state, NEW.account) IS NOT (OLD.state, OLD.account))
BEGIN SELECT RAISE(ABORT, 'payments: what was told never changes, and what was settled stays settled'); END;

CREATE TABLE prepaid__returns (
  provider TEXT NOT NULL, return_id TEXT NOT NULL, transaction_id TEXT NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), note TEXT NOT NULL, entry INTEGER, at_us INTEGER NOT NULL,
  PRIMARY KEY (provider, return_id)) STRICT;
CREATE INDEX prepaid__returns_payment ON prepaid__returns (provider, transaction_id);
CREATE TRIGGER prepaid__returns_keep_what_was_told BEFORE UPDATE ON prepaid__returns
WHEN (NEW.provider, NEW.return_id, NEW.transaction_id, NEW.amount_minor, NEW.note, NEW.at_us)
  IS NOT (OLD.provider, OLD.return_id, OLD.transaction_id, OLD.amount_minor, OLD.note, OLD.at_us)
  OR NEW.entry IS NOT coalesce(OLD.entry, NEW.entry)
BEGIN SELECT RAISE(ABORT, 'returns: what was told never changes'); END;

CREATE TABLE prepaid__receipt_numbers (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
"""

_MOVES = """
CREATE TABLE prepaid__holds (
  key TEXT PRIMARY KEY, account TEXT NOT NULL, amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  expires_us INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX prepaid__holds_account ON prepaid__holds (account) WHERE ended = 0;
CREATE TRIGGER prepaid__holds_only_end BEFORE UPDATE ON prepaid__holds
WHEN (NEW.key, NEW.account, NEW.amount_minor, NEW.expires_us)
  IS NOT (OLD.key, OLD.account, OLD.amount_minor, OLD.expires_us) OR NEW.ended < OLD.ended
BEGIN SELECT RAISE(ABORT, 'holds: a hold only ends, make another'); END;

CREATE TABLE prepaid__moves (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, account TEXT, other TEXT, amount_minor INTEGER, reason TEXT NOT NULL,
  about TEXT, outcome TEXT NOT NULL CHECK (outcome IN ('done', 'already', 'refused')), error TEXT, entry INTEGER,
  at_us INTEGER NOT NULL, actor TEXT NOT NULL, context_id TEXT NOT NULL,
  CHECK ((outcome = 'refused') = (error IS NOT NULL))) STRICT;
CREATE INDEX prepaid__moves_account ON prepaid__moves (account, id);

CREATE TABLE prepaid__refunds (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  paid_by TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'void')),
  hold_until_us INTEGER NOT NULL, entry INTEGER, began_us INTEGER NOT NULL, ended_us INTEGER,
  CHECK ((state = 'paid') = (entry IS NOT NULL)), CHECK ((state = 'open') = (ended_us IS NULL))) STRICT;
CREATE INDEX prepaid__refunds_open ON prepaid__refunds (state) WHERE state = 'open';
CREATE TRIGGER prepaid__refunds_end_once BEFORE UPDATE ON prepaid__refunds
WHEN OLD.state <> 'open' OR (NEW.id, NEW.account, NEW.amount_minor, NEW.paid_by, NEW.reason, NEW.began_us)
  IS NOT (OLD.id, OLD.account, OLD.amount_minor, OLD.paid_by, OLD.reason, OLD.began_us)
BEGIN SELECT RAISE(ABORT, 'refunds: paid or void is the end of it'); END;

CREATE TABLE prepaid__deposits (
  paid_by TEXT NOT NULL, receipt TEXT NOT NULL, account TEXT NOT NULL, amount_minor INTEGER NOT NULL,
  entry INTEGER NOT NULL, PRIMARY KEY (paid_by, receipt)) STRICT;

CREATE TABLE prepaid__batches (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('topup', 'limits')), file_sha TEXT NOT NULL,
  content_sha TEXT NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL, sum_minor INTEGER NOT NULL, again TEXT,
  at_us INTEGER NOT NULL, actor TEXT NOT NULL, context_id TEXT NOT NULL) STRICT;
CREATE INDEX prepaid__batches_content ON prepaid__batches (kind, content_sha);
"""

_FINAL_TABLES = ("attempts", "moves", "deposits", "batches")
_STAYING_TABLES = ("payments", "returns", "holds", "refunds")

MONEY_SQL = (
    _PAYMENTS
    + _MOVES
    + "".join(_FINAL.format(table=table) for table in _FINAL_TABLES)
    + "".join(_STAY.format(table=table) for table in _STAYING_TABLES)
)
