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
    # Temporary objects outlive the transaction; virtual tables read others' tables without asking the authorizer.
    sqlite3.SQLITE_CREATE_TEMP_INDEX: "make temporary objects",
    sqlite3.SQLITE_CREATE_TEMP_TABLE: "make temporary objects",
    sqlite3.SQLITE_CREATE_TEMP_TRIGGER: "make temporary objects",
    sqlite3.SQLITE_CREATE_TEMP_VIEW: "make temporary objects",
    sqlite3.SQLITE_CREATE_VTABLE: "make virtual tables",
    sqlite3.SQLITE_DROP_VTABLE: "drop virtual tables",
}
_TABLE_ACTIONS = frozenset(
    {sqlite3.SQLITE_READ, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
)
_HARMLESS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_TEXTS_MAX = 4096
"""Texts remembered per owner: a plugin that writes values into its texts must not fill the memory."""


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
        self._round = 0
        # Their first use writes to the schema in memory, which no owner may.
        connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").fetchall()
        connection.set_authorizer(self._authorize)

    def check(self, owner: str, sql: str, parameters: object) -> None:
        """Refuse a statement text that touches what the owner may not; one that passes is not asked about again."""
        self._refusal = ""
        self._connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # EXPLAIN trusts an old schema
        self._owner = owner
        try:
            # Owner and round stand in the text: SQLite asks about a text once, whoever used it and long ago.
            text = f"EXPLAIN /* {owner} {self._round} */ {sql}"
            self._connection.execute(text, parameters)  # type: ignore[arg-type]
        except sqlite3.DatabaseError:
            if self._refusal:
                raise StorageRefused(self._refusal) from None
            raise
        finally:
            self._owner = None
        passed = self.passed[owner]
        if len(passed) >= _TEXTS_MAX:
            passed.clear()
        passed.add(sql)

    def forget(self) -> None:
        """Have every text checked again, because the schema has changed."""
        self._round += 1
        for passed in self.passed.values():
            passed.clear()

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
        self.forget()

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
    ) -> int:
        if self._owner is None or action in _HARMLESS:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and not second and "__" not in (first or ""):
            return sqlite3.SQLITE_OK  # no column of it is read: this is how a common table expression looks
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
