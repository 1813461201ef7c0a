"""Everything that must outlive the process: one SQLite file, one writer, whole functions as transactions."""

from hub.core.storage.connections import Durability
from hub.core.storage.database import Database
from hub.core.storage.errors import (
    ConstraintViolated,
    DatabaseAltered,
    DatabaseNewer,
    StorageBusy,
    StorageClosed,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageIOFailed,
    StorageOverloaded,
    StorageRefused,
)
from hub.core.storage.migrations import Migration
from hub.core.storage.transactions import Reader, Row, SqlValue, Tx

__all__ = [
    "ConstraintViolated",
    "Database",
    "DatabaseAltered",
    "DatabaseNewer",
    "Durability",
    "Migration",
    "Reader",
    "Row",
    "SqlValue",
    "StorageBusy",
    "StorageClosed",
    "StorageCorrupt",
    "StorageError",
    "StorageFull",
    "StorageIOFailed",
    "StorageOverloaded",
    "StorageRefused",
    "Tx",
]
