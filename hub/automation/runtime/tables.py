"""The steps that bring the tables of rules up to date."""

from __future__ import annotations

from hub.automation.runtime.runs.schema import SQL as RUN_TABLES
from hub.automation.runtime.store import TRIGGER_TABLES
from hub.core.storage import Migration

_FIRST = """
CREATE TABLE automation__latches (
  rule TEXT NOT NULL, trigger INTEGER NOT NULL, entity TEXT NOT NULL, fingerprint TEXT NOT NULL,
  is_set INTEGER NOT NULL, PRIMARY KEY (rule, trigger, entity)) STRICT;
"""

MIGRATIONS = (
    Migration(1, "latches", _FIRST),
    # Their entities are adopted anew: those latches knew a trigger by its number alone.
    Migration(2, "triggers", f"DROP TABLE automation__latches;{TRIGGER_TABLES}"),
    Migration(3, "runs", RUN_TABLES),
)
