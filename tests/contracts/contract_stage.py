"""A small stage for contract tests: virtual time, a database that rehearses its writes, and a list of events."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop, run_virtual

T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass(slots=True)
class Stage:
    """What a test plays on."""

    clock: Clock
    db: Database
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one type, in order."""
        return [event for event in self.events if type(event) is kind]

    def after_us(self, seconds: float) -> int:
        """The instant so many seconds from now."""
        return self.clock.now_us() + round(seconds * 1e6)


Scene: TypeAlias = Callable[[Stage], Coroutine[Any, Any, T]]


def play(folder: Path, scene: Scene[T]) -> T:
    """Play a scene in virtual time, on a new database that runs every write twice."""

    async def main(loop: VirtualLoop) -> T:
        clock = VirtualClock(loop)
        db = Database(folder / "stage.db", clock, runs_twice=True)
        await db.open()
        try:
            return await scene(Stage(clock, db))
        finally:
            await db.close()

    return run_virtual(main)
