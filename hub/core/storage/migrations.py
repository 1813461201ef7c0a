"""Each plugin's schema, version by version, with the hash of what was run: an altered or newer file is refused."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.storage.access import Access
from hub.core.storage.errors import DatabaseAltered, DatabaseNewer

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
    """Run the steps in the transaction that is open and record them."""
    for step in steps:
        for statement in step.statements():
            access.define(owner, statement)
        connection.execute(
            "INSERT INTO core__migrations VALUES (?, ?, ?, ?, ?)",
            (owner, step.version, step.name, step.sha256, now_us),
        )
