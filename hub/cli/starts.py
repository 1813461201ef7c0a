"""Counts the starts in a row that never came to run, in a small file that outlives the process."""

from __future__ import annotations

import logging
from pathlib import Path

from hub.core.errors import HubError
from hub.core.hub import StartFailed

log = logging.getLogger(__name__)

FILE = "starts"


class Starts:
    """The count in one data folder."""

    FAILED_MAX = 3

    def __init__(self, data: Path) -> None:
        """Name the data folder; it may not exist yet."""
        self._file = data / FILE
        self._failed = 0

    def begin(self) -> int:
        """Count this start as failed for now; how many before it failed in a row."""
        try:
            self._failed = max(0, int(self._file.read_text()[:10]))
        except (OSError, ValueError):  # none so far, or a file cut short by a crash
            self._failed = 0
        self._write(self._failed + 1)
        return self._failed

    def came_to_run(self) -> None:
        """This start was a good one."""
        self._write(0)

    def does_not_count(self) -> None:
        """This start was refused for a reason that safe mode would not mend, or a person stopped it."""
        self._write(self._failed)

    def ended_by(self, error: HubError) -> None:
        """This start ended by an error, which counts only if the core got stuck: the others are refusals."""
        if not isinstance(error, StartFailed):
            self.does_not_count()

    def _write(self, count: int) -> None:
        try:
            if count:
                self._file.parent.mkdir(mode=0o700, exist_ok=True)
                self._file.write_text(f"{count}\n")
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            log.debug("%s: %s", self._file, error)  # whether the folder is usable is for its lock to say
