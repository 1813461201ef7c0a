"""What a transaction function works with: `Tx` to write, `Reader` to read. No raw connection is reachable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from hub.core.context import Context
from hub.core.storage.access import Access
from hub.core.storage.errors import ConstraintViolated, StorageClosed, StorageError, StorageRefused, fault_of

SqlValue: TypeAlias = "int | str | bytes | float | None"
Parameters: TypeAlias = "Sequence[SqlValue] | Mapping[str, SqlValue]"
Row = sqlite3.Row

_NOTHING: set[str] = set()
"""What a transaction that is over may run: kept empty, so that every statement is asked about."""


class Reader:
    """Reads in one consistent snapshot, limited to its owner's tables."""

    __slots__ = ("_access", "_connection", "_passed", "owner")

    def __init__(self, connection: sqlite3.Connection, access: Access, owner: str) -> None:
        """Bind a connection to an owner."""
        self._connection = connection
        self._access = access
        self._passed = access.passed[owner]
        self.owner = owner

    def _admit(self, sql: str, parameters: object) -> None:
        """Refuse what the owner may not, and everything once the function has returned."""
        if self._passed is _NOTHING:
            raise StorageClosed(
                f"{self.owner}: this transaction is over; use `tx` inside its function only, and begin another"
            )
        self._access.check(self.owner, sql, parameters)

    def _end(self) -> None:
        self._passed = _NOTHING

    def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""
        if sql not in self._passed:
            self._admit(sql, parameters)
        return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query, or None."""
        if sql not in self._passed:
            self._admit(sql, parameters)
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def value(self, sql: str, parameters: Parameters = ()) -> SqlValue:
        """The first column of the first row, or None."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]


class Desk(NamedTuple):
    """What every write on one connection works with."""

    cursor: sqlite3.Cursor
    """Used again and again: a new one for each statement is a fifth of a small statement's time."""
    path: str
    take_seq: Callable[[], int]


class Shared:
    """What all views of one write share: its cause, its callbacks and its place in the change sequence.

    There is one for each write, so what most writes never fill is an empty tuple and no new list.
    """

    __slots__ = ("callbacks", "context", "desk", "fault", "taken_seq", "views")

    def __init__(self, context: Context, desk: Desk) -> None:
        """Start a write for a cause."""
        self.context = context
        self.desk = desk
        self.callbacks: tuple[Callable[[], object], ...] | list[Callable[[], object]] = ()
        self.fault: StorageError | None = None
        """Why nothing more can be done in this write: the store failed, or the function undid the transaction."""
        self.taken_seq: int | None = None
        self.views: tuple[Tx, ...] = ()

    def end(self) -> None:
        """Let none of the views run anything more."""
        for view in self.views:
            view._end()  # noqa: SLF001 - views of this very write


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
        shared.views += (self,)

    def _admit(self, sql: str, parameters: object) -> None:
        if self._shared.fault is not None:
            raise self._shared.fault
        super()._admit(sql, parameters)

    @property
    def context(self) -> Context:
        """Who or what caused this write."""
        return self._shared.context

    @property
    def change_seq(self) -> int:
        """This write's place in the order of all committed changes; without gaps over committed writes."""
        if self._shared.taken_seq is None:
            self._shared.taken_seq = self._shared.desk.take_seq()
        return self._shared.taken_seq

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement; the number of rows that it changed."""
        cursor = self._shared.desk.cursor
        try:
            if sql not in self._passed:
                self._admit(sql, parameters)
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
        try:
            if sql not in self._passed:
                self._admit(sql, listed[0])
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
        if isinstance(self._shared.callbacks, tuple):
            self._shared.callbacks = []
        self._shared.callbacks.append(callback)

    def bound_to(self, owner: str) -> Tx:
        """The same transaction for another owner's tables; for the core, which hands it on to that owner."""
        view = Tx(self._connection, self._access, owner, self._shared)
        if self._passed is _NOTHING:
            view._end()
        return view

    def _judged(self, error: sqlite3.Error) -> Exception:
        fault = fault_of(error, self._shared.desk.path)
        if fault is None and not self._connection.in_transaction:
            fault = StorageRefused(
                f"{self.owner}: {error}: this undid the whole transaction, other writes included; "
                "no conflict clause or trigger may say ROLLBACK, use ABORT"
            )
        if fault is not None:
            # Even a function that swallows it must not go on: outside a transaction each statement would commit.
            self._shared.fault = fault
            self._shared.end()
            return fault
        return ConstraintViolated(str(error)) if isinstance(error, sqlite3.IntegrityError) else error
