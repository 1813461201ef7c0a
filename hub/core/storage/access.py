"""Who may touch which table: a plugin sees `<plugin>__*` only, checked once per statement text.

SQLite's authorizer is asked while a statement is compiled. Compiled statements are cached by text, so a text
that is new for an owner is compiled once more under that owner's name before it runs.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from hub.core.storage.errors import StorageRefused

CORE = "core"
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
_FORBIDDEN = {
    sqlite3.SQLITE_ATTACH: "attach a file",
    sqlite3.SQLITE_DETACH: "detach a file",
    sqlite3.SQLITE_PRAGMA: "change a pragma",
    sqlite3.SQLITE_TRANSACTION: "begin or end a transaction",
    sqlite3.SQLITE_SAVEPOINT: "set a savepoint",
}
_TABLE_ACTIONS = frozenset(
    {sqlite3.SQLITE_READ, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
)
_HARMLESS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


class Access:
    """The authorizer of one connection; `owner` None means the storage module itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Watch every statement that the connection compiles."""
        self._connection = connection
        self.passed: defaultdict[str, set[str]] = defaultdict(set)
        """The statement texts that need no further check, by owner."""
        self._owner: str | None = None
        self._may_define = False
        self._refusal = ""
        connection.set_authorizer(self._authorize)

    def check(self, owner: str, sql: str, parameters: object) -> None:
        """Refuse a statement text that touches what the owner may not; one that passes is not asked about again."""
        self._refusal = ""
        self._owner = owner
        try:
            self._connection.execute(f"EXPLAIN {sql}", parameters)  # type: ignore[arg-type]
        except sqlite3.DatabaseError:
            if self._refusal:
                raise StorageRefused(self._refusal) from None
            raise
        finally:
            self._owner = None
        self.passed[owner].add(sql)

    def define(self, owner: str, sql: str) -> None:
        """Run one statement of a migration, which may also create and drop the owner's tables."""
        self._refusal = ""
        self._owner, self._may_define = owner, True
        try:
            self._connection.execute(sql)
        except sqlite3.DatabaseError:
            if self._refusal:
                raise StorageRefused(self._refusal) from None
            raise
        finally:
            self._owner, self._may_define = None, False
        self.passed.clear()

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
    ) -> int:
        if self._owner is None or action in _HARMLESS:
            return sqlite3.SQLITE_OK
        if action in _TABLE_ACTIONS:
            return self._judge(first or "")
        if action in _FORBIDDEN:
            return self._deny(f"plugin {self._owner!r} may not {_FORBIDDEN[action]} inside a transaction")
        if self._may_define:
            return sqlite3.SQLITE_OK
        return self._deny(f"plugin {self._owner!r} may change its tables in migrations only")

    def _judge(self, table: str) -> int:
        if table.startswith(f"{self._owner}__") or table in _TABLE_FUNCTIONS:
            return sqlite3.SQLITE_OK
        if self._may_define and table.startswith("sqlite_"):
            return sqlite3.SQLITE_OK
        return self._deny(
            f"plugin {self._owner!r} may not touch table {table!r}; its own are named '{self._owner}__...', "
            "and other plugins are reached through their services"
        )

    def _deny(self, reason: str) -> int:
        self._refusal = self._refusal or reason
        return sqlite3.SQLITE_DENY
