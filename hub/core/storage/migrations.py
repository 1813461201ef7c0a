"""Each plugin's schema, version by version, with the hash of what was run: an altered or newer file is refused."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.storage.access import Access
from hub.core.storage.errors import DatabaseAltered, DatabaseNewer, StorageRefused

HISTORY = """
CREATE TABLE IF NOT EXISTS core__migrations (
  owner TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
  applied_us BIGINT NOT NULL, PRIMARY KEY (owner, version))
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema; published ones never change, a correction is the next version."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The hash that is recorded when the step is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> list[str]:
        """The single statements of the step; triggers with semicolons inside stay whole."""
        found: list[str] = []
        pending = ""
        for line in self.sql.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                found.append(pending.strip())
                pending = ""
        if pending.strip():
            found.append(pending.strip())
        return found


def pending(connection: sqlite3.Connection, owner: str, migrations: Sequence[Migration]) -> list[Migration]:
    """The steps still to run; refuses a file that is newer than these steps, or differs from them."""
    versions = [migration.version for migration in migrations]
    if versions != list(range(1, len(versions) + 1)):
        raise ValueError(f"{owner}: migrations must be numbered 1, 2, 3, ...; found {versions}")
    applied = {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            "SELECT version, name, sha256 FROM core__migrations WHERE owner = ?", (owner,)
        )
    }
    known = {migration.version: migration for migration in migrations}
    for version, (name, sha256) in sorted(applied.items()):
        if version not in known:
            raise DatabaseNewer(
                f"{owner}: the database has step {version} ({name}), this version knows {len(known)} steps; "
                "install the newer version again, or restore the backup made before the upgrade"
            )
        if known[version].sha256 != sha256:
            raise DatabaseAltered(
                f"{owner}: step {version} ({name}) was applied with hash {sha256[:12]}, this version has "
                f"{known[version].sha256[:12]}; a published step never changes: install the version that wrote "
                "the database, or restore the backup made before the upgrade"
            )
    return [migration for migration in migrations if migration.version not in applied]


def apply(
    connection: sqlite3.Connection, access: Access, owner: str, steps: Sequence[Migration], now_us: int
) -> None:
    """Run the steps in the transaction that is open and record them; refuses what reaches beyond the owner."""
    others = _not_of(connection, owner)
    for step in steps:
        for statement in step.statements():
            access.define(owner, statement)
        touched = {str(row[1]) for row in others ^ _not_of(connection, owner)} | _referred_to(connection, owner)
        if touched:
            raise StorageRefused(
                f"plugin {owner!r}: step {step.version} ({step.name}) makes, changes or refers to "
                f"{', '.join(sorted(touched))}; its own tables are named '{owner}__...', and it touches no others"
            )
        connection.execute(
            "INSERT INTO core__migrations VALUES (?, ?, ?, ?, ?)",
            (owner, step.version, step.name, step.sha256, now_us),
        )


def _not_of(connection: sqlite3.Connection, owner: str) -> set[tuple[object, ...]]:
    """All of the schema that hangs on others' tables: the authorizer is not told the new name of a table."""
    return {
        tuple(row)
        for row in connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema"
            " WHERE substr(tbl_name, 1, ?1) <> ?2 AND substr(name, 1, 7) <> 'sqlite_'",
            (len(owner) + 2, f"{owner}__"),
        )
    }


def _referred_to(connection: sqlite3.Connection, owner: str) -> set[str]:
    """Others' tables named by foreign keys of the owner: they would keep their owner from deleting rows."""
    return {
        str(row[0])
        for row in connection.execute(
            'SELECT f."table" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f'
            " WHERE m.type = 'table' AND substr(m.name, 1, ?1) = ?2 AND lower(substr(f.\"table\", 1, ?1)) <> ?2",
            (len(owner) + 2, f"{owner}__"),
        )
    }
