"""The core's own tables in `hub.db`."""

from __future__ import annotations

from hub.core.storage import Migration

CORE_MIGRATIONS = (
    Migration(
        1,
        "first tables",
        """
CREATE TABLE core__meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE core__timers (
  id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
  due_us INTEGER NOT NULL, payload TEXT NOT NULL, context_id TEXT NOT NULL, actor TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT, UNIQUE (owner, name, key)) STRICT;

CREATE TABLE core__outbox (
  id INTEGER PRIMARY KEY, owner TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
  payload TEXT NOT NULL, payload_sha TEXT NOT NULL, state TEXT NOT NULL, created_us INTEGER NOT NULL,
  next_try_us INTEGER NOT NULL, expires_us INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT, result TEXT, context_id TEXT NOT NULL, actor TEXT NOT NULL,
  UNIQUE (topic, key)) STRICT;
CREATE INDEX core__outbox_due ON core__outbox (topic, next_try_us) WHERE state = 'pending';
CREATE INDEX core__outbox_settled ON core__outbox (created_us) WHERE state <> 'pending';

CREATE TABLE core__journal (
  seq INTEGER PRIMARY KEY, owner TEXT NOT NULL, stream TEXT NOT NULL, run TEXT NOT NULL,
  at_us INTEGER NOT NULL, entry TEXT NOT NULL) STRICT;
CREATE INDEX core__journal_run ON core__journal (stream, run, seq);

CREATE TABLE core__action_keys (
  action TEXT NOT NULL, key TEXT NOT NULL, payload_sha TEXT NOT NULL, state TEXT NOT NULL,
  boot TEXT NOT NULL, result TEXT, at_us INTEGER NOT NULL, context_id TEXT NOT NULL, actor TEXT NOT NULL,
  PRIMARY KEY (action, key)) STRICT;
CREATE INDEX core__action_keys_at ON core__action_keys (at_us);

CREATE TABLE core__areas (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, parent_id TEXT REFERENCES core__areas (id)) STRICT;
CREATE TABLE core__labels (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE core__devices (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, unique_id TEXT NOT NULL, name TEXT NOT NULL,
  area_id TEXT REFERENCES core__areas (id), labels TEXT NOT NULL, maker TEXT, model TEXT, serial TEXT,
  via_device_id TEXT REFERENCES core__devices (id), disabled_by TEXT, disabled_reason TEXT,
  deleted_us INTEGER, UNIQUE (owner, unique_id)) STRICT;
CREATE TABLE core__entities (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, unique_id TEXT NOT NULL, entity_id TEXT NOT NULL,
  name TEXT NOT NULL, device_id TEXT REFERENCES core__devices (id),
  area_id TEXT REFERENCES core__areas (id), labels TEXT NOT NULL, unit TEXT, period_us INTEGER,
  disabled_by TEXT, disabled_reason TEXT, created_us INTEGER NOT NULL, deleted_us INTEGER,
  UNIQUE (owner, unique_id)) STRICT;
CREATE UNIQUE INDEX core__entities_entity_id ON core__entities (entity_id) WHERE deleted_us IS NULL;
CREATE TABLE core__entity_names (
  id TEXT NOT NULL REFERENCES core__entities (id), entity_id TEXT NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY (id, since_us)) STRICT;

CREATE TABLE core__last_states (
  entity_id TEXT PRIMARY KEY, value TEXT NOT NULL, unit TEXT, quality TEXT NOT NULL, source_us INTEGER NOT NULL,
  changed_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, reported_us INTEGER NOT NULL,
  attributes TEXT NOT NULL) STRICT;
""",
    ),
)
