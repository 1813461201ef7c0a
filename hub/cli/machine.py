"""What a machine has to have for a hub: each look gives one finding, with what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from hub.core.clock import EARLIEST_SANE_US, SystemClock, to_us
from hub.core.guards.disk import FULL_BYTES, DiskSpace
from hub.core.plugins.manifest import CheckResult

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 37, 0)
"""The first with STRICT tables."""
WAL_RESET_FIXED = (3, 51, 3)
WAL_RESET_SINCE = (3, 7, 0)

SYNCS = 20
SYNC_BYTES = 4096
SYNC_SLOW_MS = 30.0
SYNC_STALL_MS = 500.0
SYNC_NONE_MS = 0.01
"""No disk, and no controller with a battery either, answers that fast: nothing was written anywhere lasting."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `hub doctor`."""

    what: str
    result: CheckResult
    text: str


def python() -> Finding:
    """The interpreter."""
    version = platform.python_version()
    if sys.version_info < PYTHON_MIN:
        return Finding("Python", "error", f"{version} is too old; install 3.11 or newer")
    return Finding("Python", "ok", f"{version} ({platform.python_implementation()}, {platform.machine()})")


def sqlite(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> Finding:
    """The database library, and what its known bug means here."""
    text = ".".join(map(str, version))
    if version < SQLITE_MIN:
        return Finding("SQLite", "error", f"{text} is too old; install a Python with SQLite 3.37 or newer")
    if WAL_RESET_SINCE <= version < WAL_RESET_FIXED:
        return Finding(
            "SQLite",
            "ok",
            f"{text} has the WAL-reset bug of 3.7.0 to 3.51.2, which needs two writing connections; "
            "Hub has one, so its files are safe: let no other program write to them",
        )
    return Finding("SQLite", "ok", text)


def nearest_folder(folder: Path) -> Path:
    """The folder itself, or where it would be made."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def disk_sync(folder: Path) -> Finding:
    """How long the disk takes to have a small write for good: what a top-up waits for."""
    try:
        times_ms = measure_sync_ms(folder)
    except OSError as error:
        return Finding(
            "disk sync",
            "error",
            f"{folder} cannot be written: {error.strerror}; give it to the user that runs the hub",
        )
    return judge_sync(times_ms, folder)


def judge_sync(times_ms: list[float], folder: Path) -> Finding:
    """The verdict on measured times."""
    middle_ms, worst_ms = median(times_ms), max(times_ms)
    text = f"median {middle_ms:.2f} ms, worst {worst_ms:.2f} ms of {len(times_ms)} in {folder}"
    if middle_ms < SYNC_NONE_MS:
        return Finding(
            "disk sync",
            "warning",
            f"{text}: too fast to be true; on a memory or network file system a power cut loses acknowledged money",
        )
    if middle_ms > SYNC_SLOW_MS or worst_ms > SYNC_STALL_MS:
        return Finding(
            "disk sync", "warning", f"{text}: slow; every payment waits for this, use a better disk (SSD)"
        )
    return Finding("disk sync", "ok", text)


def measure_sync_ms(folder: Path) -> list[float]:
    """Milliseconds for each of some small writes to be on disk."""
    clock = SystemClock()
    times_ms = []
    with tempfile.NamedTemporaryFile(prefix=".hub-doctor-", dir=folder) as file:
        for _ in range(SYNCS):
            began_s = clock.monotonic()
            file.write(b"\0" * SYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            times_ms.append((clock.monotonic() - began_s) * 1000)
    return times_ms


def free_space(folder: Path) -> Finding:
    """The room that is left where the records go."""
    total_bytes, _, free_bytes = shutil.disk_usage(folder)
    space = DiskSpace(folder, free_bytes, total_bytes)
    if free_bytes < FULL_BYTES:
        return Finding("free space", "error", str(space))
    if space.is_below():
        return Finding("free space", "warning", str(space))
    return Finding("free space", "ok", f"{free_bytes / 1e9:.1f} GB free on the disk of {folder}")


def clock(newest: datetime | None, now: datetime | None = None) -> Finding:
    """The wall clock, against the year this was written in and against the newest record."""
    now = now or SystemClock().now()
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if to_us(now) < EARLIEST_SANE_US:
        return Finding(
            "clock",
            "error",
            f"{text} cannot be right; check the machine's battery and its time server, or set the clock",
        )
    if newest is not None and newest > now:
        return Finding(
            "clock",
            "error",
            f"{text} is before the newest record ({newest:%Y-%m-%d %H:%M:%S} UTC): the hub will hold back until a "
            "person confirms the clock; check it",
        )
    return Finding("clock", "ok", text)
