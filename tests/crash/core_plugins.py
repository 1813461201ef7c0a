"""Two small plugins that use everything the core makes durable, and write into each other's transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import voluptuous as vol
from records import Records

from hub.core.actions import Call, Effect
from hub.core.durable import OutboxItem, Timer
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.services import ServiceKey
from hub.core.storage import Migration, Tx

Book = Callable[[Tx, str, int], None]
MIRROR = ServiceKey[Book]("mirror")
AMOUNT = {vol.Required("key"): str, vol.Required("amount"): int}
KEY = {vol.Required("key"): str}


class Outside:
    """What the plugins of this process know of the world; set before the hub starts."""

    records: ClassVar[Records]
    told: ClassVar[set[str]] = set()
    """Keys whose callback after commit has run."""
    resumed: ClassVar[set[str]] = set()
    """Runs found open at the start."""
    hub: ClassVar[PluginHub]


class Mirror(Plugin):
    """Keeps the other half of every pair."""

    manifest = Manifest(
        "mirror", "1", "The other half.", provides=(MIRROR,), is_default=True, critical=True,
        migrations=(
            Migration(1, "entries", "CREATE TABLE mirror__entries (key TEXT NOT NULL, amount INTEGER NOT NULL);"),
        ),
    )  # fmt: skip

    async def setup(self, hub: PluginHub) -> None:
        """Offer to book."""

        def book(tx: Tx, key: str, amount: int) -> None:
            hub.db.join(tx).execute("INSERT INTO mirror__entries VALUES (?, ?)", (key, amount))

        hub.provide(MIRROR, book)


class Crash(Plugin):
    """One action of each effect class, a timer, a topic and a journal."""

    manifest = Manifest(
        "crash", "1", "Uses everything durable.", needs=(MIRROR,), is_default=True, critical=True,
        migrations=(
            Migration(
                1,
                "tables",
                "CREATE TABLE crash__entries (key TEXT NOT NULL, amount INTEGER NOT NULL);\n"
                "CREATE TABLE crash__asked (key TEXT NOT NULL);\n"
                "CREATE TABLE crash__fired (key TEXT NOT NULL);\n"
                "CREATE TABLE crash__sent (key TEXT NOT NULL);\n",
            ),
        ),
    )  # fmt: skip

    async def setup(self, hub: PluginHub) -> None:
        """Register everything."""
        self._hub = Outside.hub = hub
        for name, handler, effect, schema in (
            ("crash.transfer", self._transfer, Effect.TX, AMOUNT),
            ("crash.set", self._set, Effect.LEVEL, KEY),
            ("crash.notify", self._notify, Effect.OUTBOX, KEY),
            ("crash.trip", self._trip, Effect.UNSAFE, KEY),
        ):
            hub.actions.register(name, handler, effect=effect, description="Does it.", schema=schema)
        hub.timers.handle("fire", self._fire)
        hub.outbox.consume("mail", self._mail, parallel=2)
        Outside.resumed = set(await hub.journal.open_runs("work"))

    def _transfer(self, tx: Tx, call: Call) -> object:
        key, amount = call.data["key"], call.data["amount"]
        tx.execute("INSERT INTO crash__entries VALUES (?, ?)", (key, amount))
        self._hub.get(MIRROR)(tx, key, -amount)
        tx.on_commit(lambda: Outside.told.add(key))
        return {"seq": tx.change_seq}

    async def _set(self, call: Call) -> object:
        Outside.records.arrive("set", call.data["key"])
        return {"set": call.data["key"]}

    async def _notify(self, call: Call) -> object:
        Outside.records.arrive("notify", call.data["key"])
        return {"notified": call.data["key"]}

    async def _trip(self, call: Call) -> object:
        Outside.records.arrive("trip begun", call.data["key"])
        await asyncio.sleep(0.001)
        Outside.records.arrive("trip", call.data["key"])
        return {"tripped": call.data["key"]}

    def _fire(self, tx: Tx, timer: Timer) -> None:
        tx.execute("INSERT INTO crash__fired VALUES (?)", (timer.key,))
        self._hub.journal.close(tx, "work", timer.key)

    async def _mail(self, item: OutboxItem) -> object:
        Outside.records.arrive("mail", item.key)
        return {"mailed": item.key}
