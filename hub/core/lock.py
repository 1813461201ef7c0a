"""One process owns a site's files: an exclusive lock on the data folder that names its holder."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from hub.core.errors import HubError


class FolderInUse(HubError):
    """Another process owns the data folder."""


class FolderUnusable(HubError):
    """The data folder cannot be made or written."""


class FolderLock:
    """The lock file `hub.lock` in a data folder; the system lets go of it when its holder dies."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; `acquire` takes it."""
        self._path = folder / "hub.lock"
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
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 500).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise FolderInUse(
                f"the data folder {folder} is in use by {holder}; stop that hub first, or use another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(
            descriptor, f"process {os.getpid()} ({Path(sys.argv[0]).name} {' '.join(sys.argv[1:])})\n".encode()
        )
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

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
