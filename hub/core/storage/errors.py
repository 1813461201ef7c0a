"""Typed errors of storage, made from SQLite's result codes."""

from __future__ import annotations

import sqlite3

from hub.core.errors import HubError


class StorageError(HubError):
    """Storage could not do it. After a failed commit the outcome is unknown until asked again with the same key."""


class StorageFull(StorageError):
    """The disk is full; what was acknowledged stands, nothing new is written."""


class StorageIOFailed(StorageError):
    """The disk failed to read or write."""


class StorageCorrupt(StorageError):
    """The file is damaged; it is kept as it is, and nothing more is written to it."""


class StorageBusy(StorageError):
    """Another process holds the file."""


class StorageClosed(StorageError):
    """The database is not open."""


class StorageOverloaded(StorageError):
    """Too many writes wait already; try again later."""


class StorageRefused(StorageError):
    """The statement touches what its owner may not, or what no transaction may do."""


class ConstraintViolated(StorageError):
    """A unique key, check or foreign key of the schema forbids the row."""


class DatabaseNewer(StorageError):
    """The file was written by a newer version of the hub or a plugin."""


class DatabaseAltered(StorageError):
    """An applied migration is not the one that this version knows."""


_FAULTS: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_FULL: (StorageFull, "the disk is full; free some space, the hub goes on by itself"),
    sqlite3.SQLITE_IOERR: (StorageIOFailed, "the disk failed; check it and the system log"),
    sqlite3.SQLITE_CANTOPEN: (StorageIOFailed, "the file cannot be opened; check path, rights and open files"),
    sqlite3.SQLITE_READONLY: (StorageIOFailed, "the file is read-only; check its rights and the mount"),
    sqlite3.SQLITE_PERM: (StorageIOFailed, "no right to the file; check owner and mode"),
    sqlite3.SQLITE_NOMEM: (StorageIOFailed, "out of memory"),
    sqlite3.SQLITE_CORRUPT: (
        StorageCorrupt,
        "the file is damaged; stop the hub, keep the file, and run `hub backup restore`",
    ),
    sqlite3.SQLITE_NOTADB: (
        StorageCorrupt,
        "this is no database file; keep it, and run `hub backup restore`",
    ),
    sqlite3.SQLITE_BUSY: (StorageBusy, "another process holds the file; stop it, one hub owns a site's files"),
    sqlite3.SQLITE_LOCKED: (StorageBusy, "another connection holds a table"),
}


def fault_of(error: BaseException, path: str) -> StorageError | None:
    """The typed fault of the store behind an SQLite error; None when the statement itself was wrong."""
    if isinstance(error, StorageError):
        return None if isinstance(error, (ConstraintViolated, StorageRefused)) else error
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    kind, advice = _FAULTS.get((code or 0) & 0xFF, (None, ""))
    if kind is None:
        return None
    return kind(f"{path}: {error} ({getattr(error, 'sqlite_errorname', 'SQLITE')}): {advice}")
