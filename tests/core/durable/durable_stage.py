"""Timers, outbox and journal on a real database in virtual time, through as many lives as a test needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hub.core.durable import Journal, Outbox, Timer, Timers
from hub.core.ids import SeededIds
from hub.core.schema import CORE_MIGRATIONS
from hub.core.storage import Database, Migration, StorageError, Tx
from hub.core.supervisor import Supervisor
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

SCHEMA = (Migration(1, "effects", "CREATE TABLE p__effects (id INTEGER PRIMARY KEY, what TEXT NOT NULL);"),)
SECOND = 1_000_000


class Stage:
    """One life of a hub's durable parts; `again` ends it and begins another on the same file."""

    def __init__(self, loop: VirtualLoop, file: Path) -> None:
        """Nothing is open yet."""
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.ids = SeededIds(1)
        self._file = file
        self._build()

    def _build(self) -> None:
        self.db = Database(self._file, self.clock, runs_twice=True)
        self.supervisor = Supervisor(self.clock, self.ids)
        self.timers = Timers(self.db, self.clock, self.ids, self.supervisor)
        self.outbox = Outbox(self.db, self.clock, self.ids, self.supervisor)
        self.journal = Journal(self.db, self.clock, "p")

    async def open(self) -> None:
        """Begin a life; timers fire once `timers.load` was called."""
        await self.db.open()
        await self.db.migrate("core", CORE_MIGRATIONS)
        await self.db.migrate("p", SCHEMA)

    async def close(self) -> None:
        """End a life."""
        self.timers.stop()
        await self.supervisor.end("p")
        await self.db.close()

    async def again(self, away_s: float = 0.0) -> None:
        """End this life, stay away for a while, and begin the next."""
        await self.close()
        await advance(self.loop, away_s)
        self._build()
        await self.open()

    async def advance(self, seconds: float) -> None:
        """Let time pass with all that is due in it."""
        await advance(self.loop, seconds)

    async def set(self, key: str, in_s: float, name: str = "t", **payload: object) -> None:
        """Set a timer of plugin `p`."""
        due_us = self.clock.now_us() + round(in_s * SECOND)
        await self.db.write(lambda tx: self.timers.set(tx, name, key, due_us, payload, owner="p"))

    async def put(self, key: str, topic: str = "out", expires_us: int | None = None, **payload: object) -> bool:
        """Put a message of plugin `p`."""
        return await self.db.write(
            lambda tx: self.outbox.put(tx, topic, key, payload, owner="p", expires_us=expires_us)
        )

    async def effects(self) -> list[str]:
        """What handlers have left in the database, in order."""
        rows = await self.db.read(lambda r: r.all("SELECT what FROM p__effects ORDER BY id"), owner="p")
        return [row[0] for row in rows]

    async def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """The rows of one of the core's tables."""
        return [tuple(row) for row in await self.db.read(lambda r: r.all(f"SELECT {columns} FROM core__{table}"))]


def note(tx: Tx, timer: Timer) -> None:
    """A handler that leaves the timer's key as its effect."""
    tx.execute("INSERT INTO p__effects (what) VALUES (?)", (timer.key,))


def perform(tmp_path: Path, scene: Callable[[Stage], Awaitable[None]]) -> None:
    """Play a scene in virtual time."""

    async def main(loop: VirtualLoop) -> None:
        stage = Stage(loop, tmp_path / "hub.db")
        await stage.open()
        try:
            await scene(stage)
        finally:
            await stage.close()

    run_virtual(main)


class Failing:
    """Makes the store of a stage fail and work again."""

    def __init__(self, stage: Stage, error: StorageError) -> None:
        """Nothing fails yet."""
        self._stage = stage
        self._error = error

    def __enter__(self) -> None:
        """Fail every write from now on, as a full disk does."""
        committer = self._stage.db._committer
        assert committer is not None
        self._committer = committer
        self._begin = committer._begin

        def fail() -> None:
            raise self._error

        committer._begin = fail  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        """Work again."""
        self._committer._begin = self._begin  # type: ignore[method-assign]
