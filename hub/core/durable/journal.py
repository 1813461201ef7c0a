"""Journals of runs in progress: what was done so far, so that a restart can go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.core.clock import Clock
from hub.core.codec import decode, encode
from hub.core.storage import Database, Reader, Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal."""

    seq: int
    run: str
    at_us: int
    record: Mapping[str, Any]


class Journal:
    """Append-only lines by stream and run; a finished run's lines are closed (deleted) in its last transaction."""

    def __init__(self, db: Database, clock: Clock, owner: str) -> None:
        """The journals of one owner; streams of different owners never mix."""
        self._db = db
        self._clock = clock
        self._owner = owner

    def append(self, tx: Tx, stream: str, run: str, record: Mapping[str, object]) -> int:
        """Add a line to a run; returns its sequence number."""
        row = tx.bound_to("core").one(
            "INSERT INTO core__journal (owner, stream, run, at_us, entry) VALUES (?, ?, ?, ?, ?) RETURNING seq",
            (self._owner, self._stream(stream), run, self._clock.now_us(), encode(record)),
        )
        assert row is not None
        return int(row[0])

    def close(self, tx: Tx, stream: str, run: str) -> int:
        """Forget a finished run; how many lines it had."""
        return tx.bound_to("core").execute(
            "DELETE FROM core__journal WHERE stream = ? AND run = ?", (self._stream(stream), run)
        )

    async def open_runs(self, stream: str) -> dict[str, list[Entry]]:
        """Every run that was not closed, with its lines in order; runs in the order in which they began."""

        def read(reader: Reader) -> dict[str, list[Entry]]:
            runs: dict[str, list[Entry]] = {}
            for seq, run, at_us, entry in reader.all(
                "SELECT seq, run, at_us, entry FROM core__journal WHERE stream = ? ORDER BY seq",
                (self._stream(stream),),
            ):
                runs.setdefault(run, []).append(Entry(seq, run, at_us, decode(entry)))
            return runs

        return await self._db.read(read)

    def _stream(self, stream: str) -> str:
        return f"{self._owner}:{stream}"
