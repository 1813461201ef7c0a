"""Actions of a plugin in virtual time, one of each effect class, over one or several lives of a hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hub.core.actions import (
    ActionKeyReused,
    Actions,
    Call,
    Effect,
    NothingDone,
)
from hub.core.bus import Bus
from hub.core.durable import Outbox
from hub.core.ids import SeededIds
from hub.core.schema import CORE_MIGRATIONS
from hub.core.storage import Database, Migration, Tx
from hub.core.supervisor import Supervisor
from hub.sim import VirtualClock, VirtualLoop, run_virtual

SCHEMA = (Migration(1, "effects", "CREATE TABLE p__effects (id INTEGER PRIMARY KEY, what TEXT NOT NULL);"),)


class Stage:
    """Actions of plugin `p` in virtual time: one of each effect class, all of which note that they were done."""

    def __init__(self, loop: VirtualLoop, file: Path) -> None:
        """Nothing is open yet."""
        self.loop = loop
        self.clock = VirtualClock(loop)
        self._file = file
        self._lives = 0
        self.done: list[str] = []
        self.alarms: list[ActionKeyReused] = []
        self.takes_s = 0.0
        self.error: BaseException | None = None

    async def open(self) -> None:
        """Begin a life."""
        self._lives += 1
        self.ids = SeededIds(self._lives)
        self.db = Database(self._file, self.clock, runs_twice=True)
        await self.db.open()
        await self.db.migrate("core", CORE_MIGRATIONS)
        await self.db.migrate("p", SCHEMA)
        self.supervisor = Supervisor(self.clock, self.ids)
        self.outbox = Outbox(self.db, self.clock, self.ids, self.supervisor)
        self.bus = Bus(self.supervisor.spawn)
        self.bus.subscribe(ActionKeyReused, self.alarms.append, owner="test")
        self.actions = Actions(self.db, self.outbox, self.bus, self.clock, self.ids, self.supervisor)
        for effect, handler in (
            (Effect.TX, self._in_tx),
            (Effect.LEVEL, self._apart),
            (Effect.OUTBOX, self._apart),
            (Effect.UNSAFE, self._apart),
        ):
            self.register(f"p.{effect.value}", handler, effect)

    def register(self, name: str, handler: Any, effect: Effect, **options: Any) -> Callable[[], None]:
        """Offer an action of plugin `p`."""
        options.setdefault("description", "Does it.")
        return self.actions.register(name, handler, owner="p", effect=effect, **options)

    async def close(self) -> None:
        """End a life in order."""
        await self.supervisor.end("p")
        await self.db.close()

    async def again(self) -> None:
        """Crash as far as calls are concerned: whatever is under way is dropped, and another life begins."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.001)
        await self.close()
        await self.open()

    def _in_tx(self, tx: Tx, call: Call) -> object:
        tx.execute("INSERT INTO p__effects (what) VALUES (?)", (str(call.data["n"]),))
        if self.error is not None:
            raise self.error
        return {"n": call.data["n"], "seq": tx.change_seq}

    async def _apart(self, call: Call) -> object:
        if self.takes_s:
            await self.clock.sleep(self.takes_s)
        if isinstance(self.error, NothingDone):
            raise self.error
        self.done.append(str(call.data["n"]))
        if self.error is not None:
            raise self.error
        return {"n": call.data["n"], "time": len(self.done)}

    async def effects(self) -> list[str]:
        """What was done, of any class."""
        rows = await self.db.read(lambda r: r.all("SELECT what FROM p__effects ORDER BY id"), owner="p")
        return [row[0] for row in rows] + self.done


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
