"""Writes where runs stand: what changes in one turn of the loop is one transaction.

While the store fails nothing is lost: the same rows are written again, and whoever waits for them waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from hub.automation.runtime.runs import schema
from hub.automation.runtime.runs.schema import DropRow, RunRow
from hub.core.clock import Clock
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.plugins import PluginDatabase
from hub.core.storage import StorageError, Tx
from hub.core.supervisor import Backoff

log = logging.getLogger(__name__)

PAUSE = Backoff(first_s=1.0, cap_s=30.0)

BATCH_MAX = 500
"""Rows of one transaction: more of them would keep other writers waiting."""

Then: TypeAlias = Callable[[], object]
Spawn: TypeAlias = "Callable[[str, Coroutine[Any, Any, object]], asyncio.Task[Any]]"


class Journal(Protocol):
    """Where runs are written down."""

    @property
    def is_durable(self) -> bool:
        """Whether anything outlives the process."""

    def keep(self, row: RunRow, then: Then | None = None) -> None:
        """Write a run as it stands; `then` is called once that is on disk."""

    def forget(self, run_id: str) -> None:
        """Delete a run."""

    def drop(self, row: DropRow) -> None:
        """Record what did not run."""

    async def flush(self) -> None:
        """Wait until everything so far is on disk."""


class NoJournal:
    """Keeps nothing, as Home Assistant does."""

    is_durable = False

    def keep(self, row: RunRow, then: Then | None = None) -> None:
        """Go on at once."""
        if then is not None:
            then()

    def forget(self, run_id: str) -> None:
        """Nothing was kept."""

    def drop(self, row: DropRow) -> None:
        """Nothing is kept."""

    async def flush(self) -> None:
        """Nothing waits."""


class RunJournal:
    """Keeps runs in the database."""

    is_durable = True

    def __init__(self, db: PluginDatabase, clock: Clock, ids: Ids, spawn: Spawn) -> None:
        """Write by tasks that `spawn` starts."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._spawn = spawn
        self._rows: dict[str, RunRow | None] = {}
        self._then: dict[str, list[Then]] = {}
        self._drops: list[DropRow] = []
        self._is_writing = False
        self._task: asyncio.Task[object] | None = None

    def keep(self, row: RunRow, then: Then | None = None) -> None:
        """Write a run as it stands; a newer word on it takes the place of one that was not written yet."""
        waiting = self._rows.pop(row.id, None)
        if row.trace is None and waiting is not None and waiting.trace is not None:
            row = row._replace(trace=waiting.trace)
        self._rows[row.id] = row
        if then is not None:
            self._then.setdefault(row.id, []).append(then)
        self._wake()

    def forget(self, run_id: str) -> None:
        """Delete a run; who waits for an older word on it waits for nothing any more."""
        self._rows.pop(run_id, None)
        self._rows[run_id] = None
        self._wake()

    def drop(self, row: DropRow) -> None:
        """Record what did not run."""
        self._drops.append(row)
        self._wake()

    async def flush(self) -> None:
        """Wait until everything so far is on disk."""
        while self._is_writing and self._task is not None:
            await asyncio.wait([self._task])

    def _wake(self) -> None:
        if not self._is_writing:
            self._is_writing = True
            self._task = self._spawn("journal of runs", self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._rows or self._drops:
                ids = list(self._rows)[:BATCH_MAX]
                rows = {run_id: self._rows.pop(run_id) for run_id in ids}
                then = [call for run_id in ids for call in self._then.pop(run_id, ())]
                drops, self._drops = self._drops, []
                await self._write(rows, drops)
                point("runs.written")
                for call in then:
                    try:
                        call()
                    except Exception:
                        log.exception("a run failed while it went on; the others go on")
        finally:
            self._is_writing = False

    async def _write(self, rows: dict[str, RunRow | None], drops: list[DropRow]) -> None:
        """Write in one transaction, again and again while the store fails."""
        kept = [row for row in rows.values() if row is not None]
        gone = [run_id for run_id, row in rows.items() if row is None]

        def write(tx: Tx) -> None:
            schema.write_runs(tx, kept)
            schema.delete_runs(tx, gone)
            if drops:
                schema.write_drops(tx, drops)
            point("runs.before_commit")

        attempt = 0
        while True:
            try:
                await self._db.write(write, origin="runs")
            except StorageError as error:
                attempt += 1
                log.warning("%d runs wait for the store: %s", len(rows), error)
                await self._clock.sleep(PAUSE.pause_s(attempt, self._ids))
            else:
                return
