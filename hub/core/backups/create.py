"""Makes a backup: consistent copies of the databases, then everything into one file of mode 0600."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import hub
from hub.core.backups.archive import (
    CHUNK_BYTES,
    HISTORY_DB,
    HUB_DB,
    MANIFEST,
    BackupRefused,
    Manifest,
    Member,
    Progress,
    identity_of,
    no_progress,
)
from hub.core.clock import Clock
from hub.core.config.secret_store import SECRETS_FILE
from hub.core.identity import sync_folder
from hub.core.site import Site
from hub.core.storage import Database
from hub.core.storage.connections import copy_into

WHOLE_FOLDERS = ("automations", "custom_plugins")
"""Of these every file is kept; of the rest of the site's folder only YAML."""

FREE_BYTES_SPARE = 50_000_000
_NOT_KEPT = frozenset({"data", "__pycache__"})


async def backup_running(
    site: Site, databases: Mapping[str, Database], clock: Clock, *, with_secrets: bool
) -> tuple[Path, Manifest]:
    """Back up a site whose hub runs in this process, into the data folder's `backups`, while it goes on working."""

    def pack(work: Path) -> tuple[Path, Manifest]:
        copies = {name: work / name for name in databases}
        return target, _pack(site, copies, target, now=now, with_secrets=with_secrets, progress=no_progress)

    now = clock.now()
    target = backup_path(site, now)
    with _work_folder(site, now, [db.path for db in databases.values()]) as work:
        for name, db in databases.items():
            await db.copy_to(work / name)
        if clock.is_virtual:
            return pack(work)
        return await asyncio.get_running_loop().run_in_executor(None, pack, work)


def backup_stopped(
    site: Site,
    target: Path | None,
    *,
    now: datetime,
    with_history: bool,
    with_secrets: bool,
    progress: Progress = no_progress,
) -> tuple[Path, Manifest]:
    """Back up a site whose hub does not run; its databases are only read."""
    names = [HUB_DB, HISTORY_DB] if with_history and (site.data / HISTORY_DB).exists() else [HUB_DB]
    if not (site.data / HUB_DB).exists():
        raise BackupRefused(f"there is no {site.data / HUB_DB}; a site has records once its hub has run")
    target = target or backup_path(site, now)
    with _work_folder(site, now, [site.data / name for name in names]) as work:
        copies = {name: work / name for name in names}
        for name, copy in copies.items():
            copy_into(site.data / name, copy)
        return target, _pack(site, copies, target, now=now, with_secrets=with_secrets, progress=progress)


def backup_path(site: Site, now: datetime) -> Path:
    """Where a backup made at that instant goes unless somebody names another place."""
    return site.backups / f"hub-{now:%Y%m%dT%H%M%S.%fZ}.tar"


def write_whole(target: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file of mode 0600, whole or not at all; one that is there already is never overwritten."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        if target.exists():
            raise BackupRefused(f"{target} exists already; name another file, or move that one away")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror or error}") from error


@contextmanager
def _work_folder(site: Site, now: datetime, sources: list[Path]) -> Iterator[Path]:
    """A folder for the copies of these databases, if there is room for them; gone afterwards."""
    work = site.backups / f".making-{now:%Y%m%dT%H%M%S.%fZ}"
    try:
        site.backups.mkdir(mode=0o700, exist_ok=True)
        needed = 2 * sum(path.stat().st_size for path in sources) + FREE_BYTES_SPARE
        free = shutil.disk_usage(site.backups).free
        if free < needed:
            raise BackupRefused(
                f"a backup needs about {needed // 1_000_000} MB on the disk of {site.backups}, "
                f"{free // 1_000_000} MB are free; make room, or leave out the history"
            )
        work.mkdir(mode=0o700)
    except OSError as error:
        raise BackupRefused(f"{site.backups} cannot be used: {error.strerror or error}") from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _pack(
    site: Site, copies: Mapping[str, Path], target: Path, *, now: datetime, with_secrets: bool, progress: Progress
) -> Manifest:
    sources = {**copies, **dict(_configuration(site.folder, with_secrets=with_secrets))}
    total_bytes = sum(path.stat().st_size for path in sources.values())
    site_id, change_seq, schema = identity_of(copies[HUB_DB])
    made: list[Manifest] = []

    def write(file: IO[bytes]) -> None:
        members: list[Member] = []
        done_bytes = 0
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, path in sources.items():
                members.append(_add(tar, name, path, now, lambda done: progress(done_bytes + done, total_bytes)))  # noqa: B023
                done_bytes += members[-1].size_bytes
            made.append(Manifest(now, hub.__version__, site_id, site.name, change_seq, schema, tuple(members)))
            text = made[0].to_json()
            tar.addfile(_info(MANIFEST, len(text), 0o600, now), io.BytesIO(text))

    write_whole(target, write)
    return made[0]


def _configuration(folder: Path, *, with_secrets: bool) -> Iterator[tuple[str, Path]]:
    """The files that people wrote; links are not followed, the secrets are left out unless asked for."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part in _NOT_KEPT for part in parts) or path.is_symlink():
            continue
        is_kept = path.suffix in {".yaml", ".yml"} or (len(parts) > 1 and parts[0] in WHOLE_FOLDERS)
        if is_kept and path.is_file() and (with_secrets or path.name != SECRETS_FILE):
            yield "/".join(parts), path


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes], told: Callable[[int], None]) -> None:
        self._file = file
        self._told = told
        self._done_bytes = 0
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._file.read(min(size, CHUNK_BYTES))
        self.sha256.update(chunk)
        self._done_bytes += len(chunk)
        self._told(self._done_bytes)
        return chunk


def _add(tar: tarfile.TarFile, name: str, path: Path, now: datetime, told: Callable[[int], None]) -> Member:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        hashing = _Hashing(file, told)
        tar.addfile(_info(name, status.st_size, status.st_mode & 0o777, now), hashing)  # type: ignore[arg-type]
    return Member(name, status.st_size, hashing.sha256.hexdigest())


def _info(name: str, size_bytes: int, mode: int, now: datetime) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, mode, int(now.timestamp())
    return info
