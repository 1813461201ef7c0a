"""History in a file: read with file:line errors, written append-only, and a torn last line survived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.contracts.history import Header, HistoryInvalid, Line, RemovedLine, StateLine
from hub.contracts.history_lines import decode_header, decode_line, encode_header, encode_line

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 1_048_576
_BATCH = 2_000


def read_lines(path: Path, *, start_us: int = 0) -> Iterator[Line]:
    """The lines of a file, in order; `t` counts from the header's start, or from `start_us` without a header.

    Raises `HistoryInvalid` with file and line, also where time goes back. A last line without its end is what a
    crash leaves: it is skipped, and logged.
    """
    last_us: int | None = None
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            where = f"{path}:{number}"
            if len(raw) > LINE_BYTES_MAX:
                raise HistoryInvalid(f"{where}: longer than {LINE_BYTES_MAX} bytes; this is no history")
            if not raw.strip():
                continue
            try:
                text = raw.decode()
                header = decode_header(text, where) if number == 1 else None
                if header is not None:
                    start_us = header.start_us
                    continue
                line = decode_line(text, where, start_us=start_us)
            except (HistoryInvalid, UnicodeDecodeError) as error:
                if raw.endswith(b"\n"):
                    if isinstance(error, HistoryInvalid):
                        raise
                    raise HistoryInvalid(f"{where}: not UTF-8 text: {error}") from None
                log.warning("%s: the last line was cut off by a crash and is skipped", where)
                return
            if last_us is not None and line.at_us < last_us:
                raise HistoryInvalid(
                    f"{where}: goes back by {(last_us - line.at_us) / 1e6:g} s; sort the lines by time"
                )
            last_us = line.at_us
            yield line


class HistoryFile:
    """A file as a `HistorySource`; it is read in a thread, a batch at a time."""

    def __init__(self, path: Path, *, start_us: int = 0) -> None:
        """Name the file; each question reads it from the beginning."""
        self._path = path
        self._start_us = start_us

    async def states_at(self, instant_us: int, entity_ids: Collection[str] | None = None) -> list[StateLine]:
        """The state of each entity (or of those named) as it stood just before an instant."""
        states: dict[str, StateLine] = {}
        async for line in self._all():
            if line.at_us >= instant_us:
                break
            if isinstance(line, StateLine) and (entity_ids is None or line.entity_id in entity_ids):
                states[line.entity_id] = line
            elif isinstance(line, RemovedLine):
                states.pop(line.entity_id, None)
        return list(states.values())

    async def lines(
        self, start_us: int, end_us: int, entity_ids: Collection[str] | None = None
    ) -> AsyncIterator[Line]:
        """All lines from `start_us` up to, not including, `end_us`; states of the named entities only."""
        async for line in self._all():
            if line.at_us >= end_us:
                return
            is_other = isinstance(line, (StateLine, RemovedLine)) and not (
                entity_ids is None or line.entity_id in entity_ids
            )
            if line.at_us >= start_us and not is_other:
                yield line

    async def _all(self) -> AsyncIterator[Line]:
        lines = read_lines(self._path, start_us=self._start_us)
        while batch := await asyncio.to_thread(lambda: list(islice(lines, _BATCH))):
            for line in batch:
                yield line


class HistoryWriter:
    """Appends lines to a file; not durable line by line, since no proof depends on a history."""

    def __init__(self, path: Path, header: Header) -> None:
        """Open the file, new with the header, or to go on: a torn last line of a crash is cut off first."""
        last = _mend(path) if path.exists() else ""
        self._file = path.open("a", encoding="utf-8", newline="\n")
        self._last_us = header.start_us
        if not last:
            self._file.write(encode_header(header) + "\n")
        elif decode_header(last, str(path)) is None:
            self._last_us = decode_line(last, str(path), start_us=header.start_us).at_us

    def write(self, line: Line) -> None:
        """Add a line; after a step back of the wall clock under the time before it: history never goes back."""
        if line.at_us < self._last_us:
            line = replace(line, at_us=self._last_us)
        self._last_us = line.at_us
        self._file.write(encode_line(line) + "\n")

    def close(self) -> None:
        """Write what is buffered, and close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def _mend(path: Path) -> str:
    """Cut off what follows the last whole line; returns that line, "" when there is none."""
    with path.open("rb+") as file:
        start = max(0, file.seek(0, 2) - 2 * LINE_BYTES_MAX)
        file.seek(start)
        tail = file.read()
        tail = tail[: tail.rfind(b"\n") + 1]
        file.truncate(start + len(tail))
    return tail.rstrip(b"\n").rsplit(b"\n", 1)[-1].decode()
