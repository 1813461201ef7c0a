"""One process owns a site's files: an exclusive lock on the data folder that names its holder."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from hub.core.clock import block_thread
from hub.core.errors import HubError

NAME = "hub.lock"
TRIES = 5
TRY_S = 0.02
"""Whoever only asks whether the folder is held takes a shared lock for a moment; that must not refuse a start."""

HOLDER_LENGTH_MAX = 200


class FolderInUse(HubError):
    """Another process owns the data folder."""


class FolderUnusable(HubError):
    """The data folder cannot be made or written."""


class FolderLock:
    """The lock file `hub.lock` in a data folder; the system lets go of it when its holder dies."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; `acquire` takes it."""
        self._path = folder / NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the folder, making it if need be; raises an error that names the holder, or what is wrong."""
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(
                f"the data folder {folder} cannot be used: {error.strerror}; "
                "give its owner and mode to the user that runs the hub, or choose another folder"
            ) from error
        try:
            self._lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _myself(), 0)
        except OSError as error:  # a full disk, or a file system without locks
            os.close(descriptor)
            raise FolderUnusable(f"the data folder {folder} cannot be locked: {error.strerror}") from error
        except FolderInUse:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _lock(self, descriptor: int) -> None:
        for tries_left in reversed(range(TRIES)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not tries_left:
                    holder = self.holder() or "another process"
                    raise FolderInUse(
                        f"the data folder {self._path.parent} is in use by {holder}; "
                        "stop that hub first, or use another folder"
                    ) from None
                block_thread(TRY_S)
            else:
                return

    def release(self) -> None:
        """Let go of the folder."""
        if self._descriptor is not None:
            try:
                os.ftruncate(self._descriptor, 0)  # the next holder may be asked for before it has signed
            finally:
                os.close(self._descriptor)
                self._descriptor = None

    def holder(self) -> str:
        """Who took the folder last, in words; empty when nobody has, or when it let go in order."""
        try:
            return self._path.read_bytes()[:HOLDER_LENGTH_MAX].decode(errors="replace").strip()
        except OSError:
            return ""

    def is_held_elsewhere(self) -> bool:
        """Whether a process owns the folder now; changes nothing."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)


def _myself() -> bytes:
    """This process, as `ps` would name it."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    text = f"process {os.getpid()} ({' '.join(command.split())}"[: HOLDER_LENGTH_MAX - 2]
    return f"{text})\n".encode(errors="replace")
