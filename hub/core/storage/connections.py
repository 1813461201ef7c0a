"""Opening SQLite files the safe way: pragmas set and asserted, damage noticed, nothing deleted or recreated."""

from __future__ import annotations

import os
import sqlite3
from enum import Enum
from pathlib import Path

from hub.core.storage.errors import StorageCorrupt, StorageError, StorageIOFailed, StorageRefused, fault_of

QUICK_CHECK_BYTES_MAX = 256 * 1024 * 1024
"""Files up to this size are checked page by page when they are opened."""

BOOTSTRAP = """
CREATE TABLE IF NOT EXISTS core__sequence (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1), change_seq BIGINT NOT NULL);
INSERT INTO core__sequence VALUES (1, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS core__changes (
  change_seq INTEGER PRIMARY KEY, at_us BIGINT NOT NULL, owner TEXT NOT NULL,
  context_id TEXT NOT NULL, actor TEXT NOT NULL, parent_id TEXT);
"""


class Durability(Enum):
    """What survives a power loss: every acknowledged write, or all but the last moments."""

    FULL = 2
    NORMAL = 1


def open_writer(path: Path, durability: Durability) -> sqlite3.Connection:
    """Open a file for its one writer; a damaged file raises and is left as it is."""
    try:
        if path.exists():
            _refuse_damaged(path)
        else:
            path.touch(mode=0o600)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=2.0
        )
    except OSError as error:
        raise StorageIOFailed(f"{path}: {error.strerror}; check the folder and its rights") from error
    except sqlite3.Error as error:
        raise fault_of(error, str(path)) or error from error
    try:
        _prepare(connection, path, durability)
        connection.executescript(BOOTSTRAP)
    except sqlite3.Error as error:
        connection.close()
        raise fault_of(error, str(path)) or error from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a file for reading only."""
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            timeout=2.0,
        )
    except sqlite3.Error as error:
        raise fault_of(error, str(path)) or error from error
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise fault_of(error, str(path)) or error from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    connection.row_factory = sqlite3.Row
    wanted: list[tuple[str, str, object]] = [
        ("journal_mode", "WAL", "wal"),
        ("synchronous", durability.name, durability.value),
        ("foreign_keys", "ON", 1),
        ("cell_size_check", "ON", 1),
        ("trusted_schema", "OFF", 0),
        ("temp_store", "MEMORY", 2),
    ]
    for name, setting, _ in wanted:
        connection.execute(f"PRAGMA {name} = {setting}").fetchall()
    for name, setting, expected in wanted:
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != expected:
            raise StorageIOFailed(
                f"{path}: SQLite refused {name} = {setting} (it says {found!r}); "
                "the file system may not support it, put the data folder on a local disk"
            )


def _refuse_damaged(path: Path) -> None:
    """Look for damage as a reader: a writing connection would put the log into the damaged file when it closes."""
    verdict = "ok"
    try:
        connection = open_reader(path)
        try:
            if path.stat().st_size <= QUICK_CHECK_BYTES_MAX:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except StorageCorrupt:
        raise
    except StorageError:
        return  # whatever else is wrong, opening it for writing says it
    except sqlite3.Error as error:
        raise fault_of(error, str(path)) or error from error
    if verdict != "ok":
        raise StorageCorrupt(
            f"{path}: damaged ({verdict}); the file is kept as it is: copy it aside and run `hub backup restore`"
        )


def copy_into(path: Path, target: Path) -> None:
    """Write a compact, consistent copy of a file that may be in use; the target must not exist.

    The copy gets its name once it is whole and on disk: nobody shall find half a backup.
    """
    if target.exists():
        raise StorageRefused(f"{target} exists already; name a new file for the copy")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        _vacuum_into(path, partial)
        partial.chmod(0o600)
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise fault_of(error, str(target)) or error from error
    except OSError as error:
        raise StorageIOFailed(f"{target}: {error.strerror}; the copy was not made") from error
    finally:
        partial.unlink(missing_ok=True)


def _vacuum_into(path: Path, target: Path) -> None:
    connection = open_reader(path)
    try:
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
