"""Checks a backup: every member's hash, both databases page by page, and that the core's records fit together."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from hub.core.backups.archive import (
    CHUNK_BYTES,
    DATABASES,
    HUB_DB,
    MANIFEST,
    MANIFEST_BYTES_MAX,
    MEMBERS_MAX,
    BackupDamaged,
    BackupRefused,
    Manifest,
    Member,
    Progress,
    identity_of,
    is_safe,
    manifest_from,
    no_progress,
)
from hub.core.storage.connections import open_reader
from hub.core.storage.errors import StorageError

FINDINGS_MAX = 10


def verify(file: Path, progress: Progress = no_progress) -> Manifest:
    """Check a backup without touching any site; raises `BackupDamaged` with everything that is wrong with it."""
    beside = file.parent if os.access(file.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".verifying-", dir=beside) as work:
        return unpack(file, Path(work), progress)


def unpack(file: Path, into: Path, progress: Progress = no_progress) -> Manifest:
    """Take a backup apart into an empty folder and check everything; raises `BackupDamaged`."""
    try:
        size_bytes = file.stat().st_size
        free_bytes = shutil.disk_usage(into).free
        if free_bytes < size_bytes:
            raise BackupRefused(
                f"{file} needs {size_bytes // 1_000_000} MB on the disk of {into.parent} to be checked, "
                f"{free_bytes // 1_000_000} MB are free"
            )
        with tarfile.open(file, "r:") as tar:
            manifest, found = _take_out(tar, file, into, lambda done: progress(done, size_bytes))
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(f"{file} is no whole backup file ({error}); use another one") from error
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read: {error.strerror or error}") from error
    wrong = _differences(manifest, found)
    for name in DATABASES:
        if name in found and not wrong:
            wrong += [f"{name}: {finding}" for finding in _check_database(into / name, name, manifest)]
    if wrong:
        raise BackupDamaged(f"{file} is damaged: {'; '.join(wrong)}; use another backup")
    return manifest


def _take_out(
    tar: tarfile.TarFile, file: Path, into: Path, told: Callable[[int], None]
) -> tuple[Manifest, dict[str, Member]]:
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    for info in tar:
        if manifest is not None or len(found) > MEMBERS_MAX:
            raise BackupDamaged(f"{file} has more in it than a backup has; use another one")
        if info.name == MANIFEST and info.isreg() and info.size <= MANIFEST_BYTES_MAX:
            stream = tar.extractfile(info)
            assert stream is not None
            manifest = manifest_from(stream.read(), file)
            continue
        if not info.isreg() or info.issparse() or not is_safe(info.name) or info.name in found:
            raise BackupDamaged(f"{file} has a member {info.name!r} that no backup has; use another one")
        found[info.name] = _extract(tar, info, into / info.name)
        told(tar.offset)
    if manifest is None:
        raise BackupDamaged(f"{file} has no manifest, so it was cut short or is no backup; use another one")
    return manifest, found


def _extract(tar: tarfile.TarFile, info: tarfile.TarInfo, target: Path) -> Member:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stream = tar.extractfile(info)
    assert stream is not None
    sha256 = hashlib.sha256()
    size_bytes = 0
    with target.open("xb") as out:
        os.fchmod(out.fileno(), 0o600 | (info.mode & 0o755))
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            size_bytes += len(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return Member(info.name, size_bytes, sha256.hexdigest())


def _differences(manifest: Manifest, found: dict[str, Member]) -> list[str]:
    promised = {member.name: member for member in manifest.members}
    wrong = [f"{name} is missing" for name in promised if name not in found]
    wrong += [f"{name} is not in the manifest" for name in found if name not in promised]
    wrong += [
        f"{name} has another content than when it was made"
        for name, member in found.items()
        if name in promised and promised[name] != member
    ]
    if HUB_DB not in promised:
        wrong.append(f"there is no {HUB_DB} in it")
    return wrong[:FINDINGS_MAX]


def _check_database(path: Path, name: str, manifest: Manifest) -> list[str]:
    try:
        connection = open_reader(path)
        try:
            wrong = _ask(connection, f"PRAGMA quick_check({FINDINGS_MAX})")
            if not wrong and name == HUB_DB:
                wrong = _check_core(connection)
        finally:
            connection.close()
        if not wrong and name == HUB_DB and identity_of(path)[:2] != (manifest.site_id, manifest.change_seq):
            wrong = ["its site id or number of changes is not the manifest's"]
    except (StorageError, sqlite3.Error) as error:
        return [str(error)]
    return wrong


def _check_core(connection: sqlite3.Connection) -> list[str]:
    tables = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'core!_!_%' ESCAPE '!'"
        )
    ]
    wrong = [
        f"{table}: {text}" for table in tables for text in _ask(connection, f'PRAGMA integrity_check("{table}")')
    ]
    wrong += [
        f"{row[0]} names a row of {row[2]} that is not there"
        for row in connection.execute("PRAGMA foreign_key_check")
    ]
    newest, counted = connection.execute(
        "SELECT (SELECT max(change_seq) FROM core__changes), (SELECT change_seq FROM core__sequence)"
    ).fetchone()
    if counted is None or (newest is not None and newest > counted):
        wrong.append("the sequence of changes is broken")
    return wrong[:FINDINGS_MAX]


def _ask(connection: sqlite3.Connection, pragma: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(pragma) if row[0] != "ok"]
