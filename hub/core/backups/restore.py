"""Puts a backup back: under the folder's lock, checked first, and what was there is set aside, never deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hub.core.backups.archive import (
    DATABASES,
    HUB_DB,
    BackupRefused,
    Manifest,
    Progress,
    identity_of,
    no_progress,
)
from hub.core.backups.verify import unpack
from hub.core.config.secret_store import SECRETS_FILE
from hub.core.identity import FILE as SITE_ID_FILE
from hub.core.identity import sync_folder, write_site_id
from hub.core.lock import FolderLock
from hub.core.schema import CORE_MIGRATIONS
from hub.core.storage.errors import StorageError

_BESIDE = ("", "-wal", "-shm", "-journal")
"""SQLite keeps parts of a database beside it: they go where it goes, or they would be taken for the new one's."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    set_aside: tuple[Path, ...]
    """Where the files are now that were in the way."""


def restore(
    file: Path, folder: Path, *, now: datetime, force: bool = False, progress: Progress = no_progress
) -> Restored:
    """Put a backup into a site's folder; `force` also when newer records, or those of another site, are there.

    Whenever it is cut off, the folder either has its old database or has none, and then no hub starts in it:
    restoring again is always right.
    """
    data = folder / "data"
    lock = FolderLock(data)
    lock.acquire()
    stamp = f"{now:%Y%m%dT%H%M%S.%fZ}"
    work = data / f".restoring-{stamp}"
    try:
        work.mkdir(mode=0o700)
        manifest = unpack(file, work, progress)
        _refuse_unfit(manifest, data, force=force)
        return Restored(manifest, tuple(_put_in_place(manifest, work, folder, stamp)))
    except OSError as error:
        raise BackupRefused(
            f"restoring into {folder} failed: {error.strerror or error} ({error.filename}); "
            "nothing was deleted: mend it and restore again"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


def _refuse_unfit(manifest: Manifest, data: Path, *, force: bool) -> None:
    steps = manifest.schema.get("core", 0)
    if steps > len(CORE_MIGRATIONS):
        raise BackupRefused(
            f"the backup has step {steps} of the core's schema, this hub knows {len(CORE_MIGRATIONS)}; "
            f"install hub {manifest.hub_version} or newer, then restore"
        )
    if force:
        return
    site_id, change_seq = _present(data)
    if site_id and site_id != manifest.site_id:
        raise BackupRefused(
            f"the backup is of site {manifest.site_id} ({manifest.site_name}), {data} holds site {site_id}; "
            "name the right folder, or restore with --force: the present records are set aside then"
        )
    if change_seq > manifest.change_seq:
        raise BackupRefused(
            f"{data / HUB_DB} has {change_seq - manifest.change_seq} changes that the backup of "
            f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC does not have; make a backup of it first, "
            "then restore with --force: it is set aside then"
        )


def _present(data: Path) -> tuple[str, int]:
    """Site and number of changes of the database that is there; nothing when it is missing or cannot be read."""
    noted = data / SITE_ID_FILE
    site_id, change_seq = noted.read_text().strip() if noted.exists() else "", 0
    if (data / HUB_DB).exists():
        try:
            found, change_seq, _ = identity_of(data / HUB_DB)
        except (StorageError, sqlite3.Error):
            return site_id, 0  # a damaged one is what restoring is for
        site_id = found or site_id
    return site_id, change_seq


def _put_in_place(manifest: Manifest, work: Path, folder: Path, stamp: str) -> list[Path]:
    """The order is what makes it safe: without a `hub.db` but with a site id, no hub starts."""
    data = folder / "data"
    if not (data / SITE_ID_FILE).exists():
        write_site_id(data, manifest.site_id)
    names = [member.name for member in manifest.members]
    aside = []
    for name in (name for name in DATABASES if name in names):
        aside += _set_aside_database(data, name, stamp)
    sync_folder(data)
    for name in names:
        if name not in DATABASES:
            aside += _place(work / name, folder / name, stamp)
    write_site_id(data, manifest.site_id)
    for name in reversed(DATABASES):
        if name in names:
            (work / name).replace(data / name)
    sync_folder(data)
    return aside


def _set_aside_database(data: Path, name: str, stamp: str) -> list[Path]:
    aside = []
    for ending in _BESIDE:
        present = data / f"{name}{ending}"
        if present.exists():
            aside.append(data / f"{name}.before-restore-{stamp}{ending}")
            present.rename(aside[-1])
    return aside


def _place(source: Path, target: Path, stamp: str) -> list[Path]:
    """Put a configuration file in its place; one that says something else is set aside."""
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.restoring-{stamp}")
    with fresh.open("xb") as out:  # the site's folder may be on another disk than the data folder
        os.fchmod(out.fileno(), 0o600 if target.name == SECRETS_FILE else source.stat().st_mode & 0o777)
        out.write(source.read_bytes())
        out.flush()
        os.fsync(out.fileno())
    aside = []
    if os.path.lexists(target):
        aside.append(target.with_name(f"{target.name}.before-restore-{stamp}"))
        target.rename(aside[0])
    fresh.rename(target)
    sync_folder(target.parent)
    return aside
