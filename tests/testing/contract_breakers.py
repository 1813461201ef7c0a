"""Plugins that each break one promise, and look harmless otherwise."""

from __future__ import annotations

import asyncio

import voluptuous as vol

from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.core.storage import Migration, Tx

TABLE = Migration(1, "rows", "CREATE TABLE sample__rows (n INTEGER, amount TEXT) STRICT;")


class Sound(Plugin):
    """Keeps every promise."""

    manifest = Manifest(
        name="sample",
        version="1",
        description="A sample.",
        config={vol.Optional("speed", default=1): int},
        migrations=(TABLE,),
    )

    async def setup(self, hub: PluginHub) -> None:
        """Register an entity and work."""
        self.hub = hub
        [self.entity] = await hub.add_entities([EntityWanted("n", "sensor.n", "N")])
        hub.keep("work", self.work)

    async def work(self) -> None:
        """Note something each minute."""
        number = 0
        while True:
            number += 1
            await self.hub.db.write(lambda tx, number=number: self.note(tx, number))  # type: ignore[misc]
            self.entity.set(number)
            await self.hub.clock.sleep(60)

    def note(self, tx: Tx, number: int) -> None:
        """One row."""
        tx.execute("INSERT INTO sample__rows VALUES (?, ?)", (number, f"{number}.50"))


class BeginsTasksOfItsOwn(Sound):
    """Leaves a task that the host does not know of."""

    async def setup(self, hub: PluginHub) -> None:
        """Begin it."""
        await super().setup(hub)
        self.task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="my own task")

    async def stop(self) -> None:
        """Forget the task."""


class HandlesATimerForEver(Sound):
    """Names a timer's handler past its facade, which would take it back."""

    async def setup(self, hub: PluginHub) -> None:
        """Name it."""
        await super().setup(hub)
        hub._kernel.timers.handle("tick", lambda tx, timer: None, owner=self.manifest.name)


class ErrsNowAndThen(Sound):
    """Raises in a task of its own."""

    async def work(self) -> None:
        """Fail after half an hour."""
        await self.hub.clock.sleep(1800)
        raise ValueError("lost the line")


class CannotStart(Sound):
    """Raises in setup."""

    async def setup(self, hub: PluginHub) -> None:
        """Fail."""
        raise ValueError("no line")


class StartsOnce(Sound):
    """Remembers in the class that it was started."""

    was_started = False

    async def setup(self, hub: PluginHub) -> None:
        """Offer less the second time."""
        await super().setup(hub)
        if not StartsOnce.was_started:
            StartsOnce.was_started = True
            hub.answer("sample.ask", self.answer, description="Answers.")

    async def answer(self, principal: object, params: object) -> object:
        """Answer."""
        return None


class IgnoresBeingCancelled(Sound):
    """Goes on whatever it is told."""

    async def run(self) -> None:
        """Swallow the first cancellations."""
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


class StopsSlowly(Sound):
    """Needs most of its time to stop."""

    async def stop(self) -> None:
        """Take long."""
        await self.hub.clock.sleep(30)


class StopTrustsItsSetup(Sound):
    """Uses in stop what a setup that was cut off has not made."""

    async def stop(self) -> None:
        """Use the entity."""
        assert self.entity is not None


class CountsInItsTransaction(Sound):
    """Touches something besides its tx."""

    seen = 0

    def note(self, tx: Tx, number: int) -> None:
        """Count the calls instead of what is in the database."""
        self.seen += 1
        super().note(tx, self.seen)


class WritesTextInItsTransaction(Sound):
    """The same, where the number stands in text, as money does."""

    seen = 0

    def note(self, tx: Tx, number: int) -> None:
        """Count the calls."""
        self.seen += 1
        tx.execute("INSERT INTO sample__rows VALUES (0, ?)", (f"{self.seen}.50",))


class AcceptsAnything(Sound):
    """Checks nothing of its section."""

    manifest = Manifest(name="sample", version="1", description="A sample.", config={vol.Extra: object})


class SkipsAStep(Sound):
    """Numbers its migrations with a gap."""

    manifest = Manifest(
        name="sample",
        version="1",
        description="A sample.",
        migrations=(TABLE, Migration(3, "more", "CREATE TABLE sample__more (x INTEGER) STRICT;")),
    )


class ForgetsItsPast(Sound):
    """Cannot start on the records that it left."""

    async def setup(self, hub: PluginHub) -> None:
        """Take the records for a fault."""
        await super().setup(hub)
        if await hub.db.read(lambda reader: reader.value("SELECT count(*) FROM sample__rows")):
            raise ValueError("the table is not empty")
