"""What a transaction function works with: `Tx` to write, `Reader` to read. No raw connection is reachable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from hub.core.context import Context
from hub.core.storage.access import Access
from hub.core.storage.errors import ConstraintViolated, fault_of

SqlValue: TypeAlias = "int | str | bytes | float | None"
Parameters: TypeAlias = "Sequence[SqlValue] | Mapping[str, SqlValue]"
Row = sqlite3.Row


class Reader:
    """Reads in one consistent snapshot, limited to its owner's tables."""

    __slots__ = ("_access", "_connection", "_passed", "owner")

    def __init__(self, connection: sqlite3.Connection, access: Access, owner: str) -> None:
        """Bind a connection to an owner."""
        self._connection = connection
        self._access = access
        self._passed = access.passed[owner]
        self.owner = owner

    def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""
        if sql not in self._passed:
            self._access.check(self.owner, sql, parameters)
        return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        if sql not in self._passed:
            self._access.check(self.owner, sql, parameters)
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def value(self, sql: str, parameters: Parameters = ()) -> SqlValue:
        """The first column of the first row, or None."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]


class Shared:
    """What all views of one write share: its cause, its callbacks and its place in the change sequence."""

    __slots__ = ("callbacks", "context", "cursor", "fault", "path", "take_seq", "taken_seq")

    def __init__(self, context: Context, cursor: sqlite3.Cursor, path: str, take_seq: Callable[[], int]) -> None:
        """Start a write for a cause; the cursor is the writer's, used again and again."""
        self.context = context
        self.cursor = cursor
        self.callbacks: list[Callable[[], object]] = []
        self.fault: Exception | None = None
        self.path = path
        self.take_seq = take_seq
        self.taken_seq: int | None = None


class Tx(Reader):
    """One transaction as its function sees it; it may run twice, so the function touches nothing but `tx`."""

    __slots__ = ("_shared",)

    def __init__(self, connection: sqlite3.Connection, access: Access, owner: str, shared: Shared) -> None:
        """Bind the running transaction to an owner."""
        self._connection = connection  # not by super(): this runs once per write
        self._access = access
        self._passed = access.passed[owner]
        self.owner = owner
        self._shared = shared

    @property
    def context(self) -> Context:
        """Who or what caused this write."""
        return self._shared.context

    @property
    def change_seq(self) -> int:
        """This write's place in the order of all committed changes; without gaps over committed writes."""
        if self._shared.taken_seq is None:
            self._shared.taken_seq = self._shared.take_seq()
        return self._shared.taken_seq

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement; the number of rows that it changed."""
        if sql not in self._passed:
            self._access.check(self.owner, sql, parameters)
        cursor = self._shared.cursor
        try:
            cursor.execute(sql, parameters)
            if cursor.description is not None:
                cursor.fetchall()  # a statement that was not run to its end would be in the way of COMMIT
            return cursor.rowcount
        except sqlite3.Error as error:
            raise self._judged(error) from error

    def many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a statement once per row; the number of rows that it changed."""
        listed = list(rows)
        if not listed:
            return 0
        if sql not in self._passed:
            self._access.check(self.owner, sql, listed[0])
        try:
            return self._connection.executemany(sql, listed).rowcount
        except sqlite3.Error as error:
            raise self._judged(error) from error

    def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query, or of a statement with RETURNING."""
        try:
            return super().all(sql, parameters)
        except sqlite3.Error as error:
            raise self._judged(error) from error

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The only row of a query, or of a statement with RETURNING; None when there is none."""
        rows = self.all(sql, parameters)
        return rows[0] if rows else None

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back on the loop once this write is on disk, in commit order, before its caller goes on."""
        self._shared.callbacks.append(callback)

    def bound_to(self, owner: str) -> Tx:
        """The same transaction for another owner's tables; for the core, which hands it on to that owner."""
        return Tx(self._connection, self._access, owner, self._shared)

    def _judged(self, error: sqlite3.Error) -> Exception:
        if isinstance(error, sqlite3.IntegrityError):
            return ConstraintViolated(str(error))
        fault = fault_of(error, self._shared.path)
        if fault is None:
            return error
        self._shared.fault = fault  # even a function that swallows it must not commit after it
        return fault
