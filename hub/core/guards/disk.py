"""Watches the free space of the data folder, and keeps some of it in reserve."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hub.core.clock import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

MB = 1_000_000
CHECK_S = 30.0
CHECK_VIRTUAL_S = 3600.0
"""The disk is real even where time is not: a simulated month needs few looks at it."""

LOW_BYTES = 500 * MB
LOW_SHARE = 0.10
LOW_SHARE_BYTES_MAX = 5_000 * MB
RECOVERED = 1.2
"""Space is well again at 1.2 times what is low: more than a ballast's worth, so giving that away ends no alarm."""

FULL_BYTES = 4 * MB
"""With less than this a commit may fail any moment."""

BALLAST_MB = 64

DiskUsage = Callable[[Path], tuple[int, int, int]]
"""Total, used and free bytes of the file system of a folder, as `shutil.disk_usage` gives them."""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The room left where the data lies."""

    folder: Path
    free_bytes: int
    total_bytes: int

    def is_below(self, factor: float = 1.0) -> bool:
        """Whether less is free than the alarm's limits, times a factor.

        500 MB always counts: a copy before a migration and some weeks of records need it. 10 % counts up to 5 GB:
        on a card of 16 GB it warns weeks ahead, on a disk of 2 TB it would warn while years of room are left.
        """
        share_bytes = min(LOW_SHARE * self.total_bytes, LOW_SHARE_BYTES_MAX)
        return self.free_bytes < factor * max(LOW_BYTES, share_bytes)

    def __str__(self) -> str:
        """Say how much is left, and what to do when that is little."""
        share = 100 * self.free_bytes / self.total_bytes if self.total_bytes else 0.0
        return (
            f"{self.free_bytes / MB:.0f} MB ({share:.1f} %) are free on the disk of {self.folder}; delete old "
            "backups and logs, or move the folder to a larger disk: once it is full, nothing new is recorded"
        )


class Ballast:
    """A file that only takes up room, to be given away when the disk is full."""

    def __init__(self, path: Path, size_mb: int = BALLAST_MB, usage: DiskUsage = shutil.disk_usage) -> None:
        """Name the file; `create` makes it."""
        self._path = path
        self._size_bytes = size_mb * MB
        self._usage = usage

    @property
    def is_there(self) -> bool:
        """Whether the whole reserve is on the disk."""
        try:
            return self._path.stat().st_size == self._size_bytes
        except OSError:
            return False

    def create(self) -> bool:
        """Take the room if at least twice as much is free; whether the reserve is there afterwards. Blocks."""
        if self.is_there:
            return True
        try:
            if self._usage(self._path.parent)[2] < 2 * self._size_bytes:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, 0)  # a reserve of another size is made anew
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("no reserve of %d MB at %s: %s", self._size_bytes // MB, self._path, error)
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give the room away; whether there was any to give. Blocks."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            log.error("the reserve at %s cannot be deleted: %s; delete it by hand", self._path, error)
            return False
        return True


class DiskWatch:
    """Looks at the free space now and then; tells when it gets low, and when it is well again."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        on_low: Callable[[DiskSpace], object],
        on_ok: Callable[[DiskSpace], object],
        *,
        ballast: Ballast | None = None,
        usage: DiskUsage = shutil.disk_usage,
        check_s: float | None = None,
    ) -> None:
        """Watch the disk of a folder; a ballast is made while there is room, and given away when there is none."""
        self._folder = folder
        self._clock = clock
        self._on_low = on_low
        self._on_ok = on_ok
        self._ballast = ballast
        self._usage = usage
        self._check_s = check_s or (CHECK_VIRTUAL_S if clock.is_virtual else CHECK_S)
        self._said_unreadable = False
        self.is_low = False
        """Whether the alarm stands."""

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self.check()
            await self._clock.sleep(self._check_s)

    async def relieve(self) -> bool:
        """Give the ballast away at once, for whoever met a full disk; whether that made room."""
        made_room = self._ballast is not None and await self._blocking(self._ballast.release)
        if made_room:
            log.error("the disk of %s is full; its reserve was given away, make room now", self._folder)
        await self.check()
        return made_room

    async def check(self) -> DiskSpace | None:
        """Look once, and tell what changed; None when the disk does not answer."""
        try:
            total_bytes, _, free_bytes = await self._blocking(lambda: self._usage(self._folder))
        except OSError as error:
            if not self._said_unreadable:
                self._said_unreadable = True
                log.error("the free space of %s is unknown: %s; check the disk and its mount", self._folder, error)
            return None
        self._said_unreadable = False
        space = DiskSpace(self._folder, free_bytes, total_bytes)
        if not self.is_low and space.is_below():
            self.is_low = True
            log.error("disk low: %s", space)
            self._on_low(space)
        elif self.is_low and not space.is_below(RECOVERED):
            self.is_low = False
            log.warning("the disk of %s has room again: %d MB", self._folder, free_bytes // MB)
            self._on_ok(space)
        if self._ballast is not None:
            await self._adjust(self._ballast, space)
        return space

    async def _adjust(self, ballast: Ballast, space: DiskSpace) -> None:
        if space.free_bytes < FULL_BYTES:
            if await self._blocking(ballast.release):
                log.error("the disk of %s is full; its reserve was given away, make room now", self._folder)
        elif not space.is_below(RECOVERED):  # so that taking the reserve raises no alarm
            await self._blocking(ballast.create)

    async def _blocking(self, work: Callable[[], T]) -> T:
        if self._clock.is_virtual:
            return work()
        return await asyncio.get_running_loop().run_in_executor(None, work)
