"""A registry with all it needs over a database file, to tell stories about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import pytest

from hub.core.bus import Bus
from hub.core.errors import HubError
from hub.core.ids import SeededIds
from hub.core.registry import (
    Entity,
    EntityWanted,
    Registry,
    RegistryChanged,
    RegistryRefused,
)
from hub.core.schema import CORE_MIGRATIONS
from hub.core.states import StateMachine
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop, run_virtual

TEMPERATURE = EntityWanted("t1", "sensor.hall", "Hall", unit="C", period_us=60_000_000)


class House:
    """A registry with all it needs, over a database file."""

    def __init__(self, loop: VirtualLoop, path: Path) -> None:
        self.clock = VirtualClock(loop)
        self.ids = SeededIds(1)
        self.db = Database(path, self.clock, runs_twice=True)
        self.wake()

    def wake(self) -> None:
        """Forget all that is in memory, as a new start does."""
        self.bus = Bus(lambda owner, name, work: None)
        self.states = StateMachine(self.bus, self.clock)
        self.registry = Registry(self.db, self.states, self.bus, self.clock, self.ids)
        self.told: list[RegistryChanged] = []
        self.bus.subscribe(RegistryChanged, self.told.append, owner="test")

    async def open(self) -> None:
        await self.db.open()
        await self.db.migrate("core", CORE_MIGRATIONS)

    async def restart(self) -> None:
        self.wake()
        await self.registry.load()

    async def entity(self, wanted: EntityWanted = TEMPERATURE, owner: str = "kit") -> Entity:
        return await self.registry.ensure_entity(wanted, owner=owner)


Story = Callable[[House], Coroutine[None, None, None]]

Tell = Callable[[Story], None]


def telling(folder: Path) -> Tell:
    """What runs a story in virtual time over a new database in a folder."""

    def run(story: Story) -> None:
        async def main(loop: VirtualLoop) -> None:
            house = House(loop, folder / "hub.db")
            await house.open()
            try:
                await story(house)
            finally:
                await house.db.close()

        run_virtual(main)

    return run


async def refusal(work: Awaitable[object], kind: type[HubError] = RegistryRefused) -> str:
    """The text with which work is refused."""
    with pytest.raises(kind) as caught:
        await work
    return str(caught.value)
