"""The tables of people and places; areas live in the core's registry, these hold their ids."""

from __future__ import annotations

PLACES_SQL = """
CREATE TABLE prepaid__points (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, area TEXT, parent TEXT REFERENCES prepaid__points (id),
  commodity TEXT NOT NULL DEFAULT 'electricity', role TEXT NOT NULL DEFAULT 'tenant'
    CHECK (role IN ('tenant', 'main', 'common')),
  load_class TEXT NOT NULL DEFAULT 'normal', policy TEXT, is_manual_only INTEGER NOT NULL DEFAULT 1,
  CHECK (parent IS NULL OR parent <> id)) STRICT;

CREATE TABLE prepaid__tenants (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL DEFAULT 'en', phone TEXT, email TEXT,
  is_landlord INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE prepaid__accounts (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES prepaid__tenants (id), name TEXT NOT NULL,
  credit_limit_minor INTEGER NOT NULL DEFAULT 0 CHECK (credit_limit_minor >= 0),
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')), opened_us INTEGER NOT NULL) STRICT;
CREATE INDEX prepaid__accounts_tenant ON prepaid__accounts (tenant);

CREATE TABLE prepaid__contracts (
  id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES prepaid__accounts (id), tariff TEXT NOT NULL,
  policy TEXT, start_us INTEGER NOT NULL, end_us INTEGER, area_cm2 INTEGER, capacity_w INTEGER,
  CHECK (end_us IS NULL OR end_us > start_us)) STRICT;
CREATE INDEX prepaid__contracts_account ON prepaid__contracts (account);

CREATE TABLE prepaid__terms (
  contract TEXT NOT NULL REFERENCES prepaid__contracts (id), point TEXT NOT NULL REFERENCES prepaid__points (id),
  start_us INTEGER NOT NULL, end_us INTEGER, share_ppm INTEGER NOT NULL DEFAULT 1000000
    CHECK (share_ppm BETWEEN 1 AND 1000000),
  PRIMARY KEY (contract, point, start_us), CHECK (end_us IS NULL OR end_us > start_us)) STRICT;
CREATE INDEX prepaid__terms_point ON prepaid__terms (point, start_us);

CREATE TABLE prepaid__epochs (
  id INTEGER PRIMARY KEY, point TEXT NOT NULL REFERENCES prepaid__points (id), register TEXT NOT NULL,
  meter TEXT NOT NULL, serial TEXT, scale INTEGER NOT NULL, ratio_over INTEGER NOT NULL DEFAULT 1,
  ratio_under INTEGER NOT NULL DEFAULT 1 CHECK (ratio_over > 0 AND ratio_under > 0), modulus_raw INTEGER,
  start_us INTEGER NOT NULL, end_us INTEGER, open_raw INTEGER NOT NULL, close_raw INTEGER,
  reason TEXT NOT NULL, actor TEXT NOT NULL, context_id TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX prepaid__epochs_open ON prepaid__epochs (point, register) WHERE end_us IS NULL;
CREATE INDEX prepaid__epochs_point ON prepaid__epochs (point, register, start_us);

CREATE TABLE prepaid__tariffs (
  sha TEXT PRIMARY KEY, code TEXT NOT NULL, body TEXT NOT NULL, source TEXT NOT NULL) STRICT;
CREATE TABLE prepaid__tariff_versions (
  code TEXT NOT NULL, from_us INTEGER NOT NULL, sha TEXT NOT NULL REFERENCES prepaid__tariffs (sha),
  published_us INTEGER NOT NULL, actor TEXT NOT NULL, approver TEXT, context_id TEXT NOT NULL,
  PRIMARY KEY (code, from_us)) STRICT;
CREATE TABLE prepaid__tariff_proposals (
  id TEXT PRIMARY KEY, code TEXT NOT NULL, from_us INTEGER NOT NULL, body TEXT NOT NULL, source TEXT NOT NULL,
  change_ppm INTEGER NOT NULL, proposed_us INTEGER NOT NULL, actor TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open') STRICT;

CREATE TABLE prepaid__imports (
  sha TEXT PRIMARY KEY, kind TEXT NOT NULL, rows INTEGER NOT NULL, at_us INTEGER NOT NULL, actor TEXT NOT NULL)
  STRICT;

CREATE TRIGGER prepaid__tariffs_are_final BEFORE UPDATE ON prepaid__tariffs
BEGIN SELECT RAISE(ABORT, 'a tariff document is immutable: publish another version'); END;
CREATE TRIGGER prepaid__tariffs_stay BEFORE DELETE ON prepaid__tariffs
BEGIN SELECT RAISE(ABORT, 'a tariff document is immutable: publish another version'); END;
CREATE TRIGGER prepaid__tariff_versions_are_final BEFORE UPDATE ON prepaid__tariff_versions
BEGIN SELECT RAISE(ABORT, 'a published tariff is immutable: publish another version'); END;
"""
