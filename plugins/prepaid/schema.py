"""All prepaid tables, as the steps by which a database gets them."""

from __future__ import annotations

from hub.core.storage import Migration
from plugins.prepaid.charging.schema import CHARGING_SQL
from plugins.prepaid.gate.schema import READS_SQL
from plugins.prepaid.journal.schema import JOURNAL_TABLES
from plugins.prepaid.money.schema import MONEY_SQL
from plugins.prepaid.places.schema import PLACES_SQL
from plugins.prepaid.statements.schema import STATEMENTS_SQL

SUPPLY_SQL = """
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
"""

MIGRATIONS = (
    Migration(1, "the ledger", JOURNAL_TABLES),
    Migration(2, "people and places", PLACES_SQL),
    Migration(3, "accepted reads", READS_SQL),
    Migration(4, "charging", CHARGING_SQL),
    Migration(5, "money", MONEY_SQL),
    Migration(6, "supply", SUPPLY_SQL),
    Migration(7, "statements", STATEMENTS_SQL),
)
