"""A hub whose prepaid plugin is nothing but books, statements, tariffs and the watch over the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import voluptuous as vol
from books_stage import Books, at
from statement_stage import DAY, STATEMENT_TABLES, Office

from hub.core.plugins import Manifest, Plugin, PluginHub, PluginState
from hub.core.principals import OWNER, Principal
from hub.core.storage import Tx
from hub.sim import VirtualLoop, run_virtual
from hub.testing.harness import HubHarness, start_hub
from plugins.prepaid.charging.book import load_book
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.rebilling.offered import register_tariffs
from plugins.prepaid.statements.guard import GuardedJournal, Watch
from plugins.prepaid.statements.offered import register_statements

T = TypeVar("T")
ANNA, BERT = (Principal(f"os:{name}", OWNER.permissions) for name in ("anna", "bert"))
MARCH = at("2026-03-02 08:00")
"""When these hubs begin."""


class LedgerPlugin(Plugin):
    """Books and what belongs to them; no meters, no relays."""

    manifest = Manifest(
        name="prepaid",
        version="0",
        description="Books only.",
        config={vol.Optional("currency", default="CNY"): str, vol.Optional("scale", default=2): int},
        migrations=STATEMENT_TABLES,
        critical=True,
    )
    here: LedgerPlugin

    async def setup(self, hub: PluginHub) -> None:
        """What the whole plugin does about the ledger."""
        LedgerPlugin.here = self
        self.moved: list[Charged] = []
        self.watch = Watch(hub)
        self.journal = GuardedJournal(hub.clock, self.watch.refuse_if_broken)
        self.charger = Charger(self.journal, await hub.db.read(load_book), lambda *_: None)
        await self.watch.at_start()
        register_statements(hub, self.charger, self.journal)
        self.publisher = register_tariffs(hub, self.charger, self._money_moved)
        hub.keep("the whole ledger", self.watch_all)

    async def watch_all(self) -> None:
        """Verify everything once."""
        await self.watch.in_background()
        await self.watch._hub.clock.sleep(1e9)

    def _money_moved(self, tx: Tx, charged: Iterable[Charged]) -> None:
        tx.on_commit(lambda: self.moved.extend(charged))


class LedgerHub(Office):
    """The running hub, and short words for it."""

    def __init__(self, harness: HubHarness) -> None:
        """Take over a hub whose plugin runs."""
        self.harness = harness
        plugin = LedgerPlugin.here
        super().__init__(Books(harness.kernel.db, plugin.journal, plugin.charger))

    async def call(self, action: str, principal: Principal = ANNA, **data: object) -> Any:
        """Call an action."""
        return await self.harness.call(action, data, principal=principal)

    async def publish(self, source: str, start: str, principal: Principal = ANNA, *, correct: bool = False) -> Any:
        """Publish a tariff."""
        data = {"source": source, "from": start, "correct": correct}
        return await self.harness.call("tariff.publish", data, principal=principal)

    async def ask(self, query: str, principal: Principal = OWNER, **params: object) -> Any:
        """Ask a query."""
        return await self.harness.kernel.queries.ask(query, params, principal)

    async def a_february(self, *names: str, daily_wh: int = 10_000, tariff: str = "flat") -> None:
        """Tenants who use the same every day of February; the month is finished."""
        start = at("2026-02-01 00:00")
        for name in names:
            await self.books.move_in(name, start, [f"{name}_stall"], tariff=tariff)
            await self.begin(f"{name}_stall", start)
            await self.read_on(f"{name}_stall", [start + day * DAY for day in range(1, 29)], 0, daily_wh)
            await self.finish(name, "2026-02")


def with_ledger(folder: Path, scene: Callable[[LedgerHub], Awaitable[T]]) -> T:
    """Play a scene on a hub in virtual time."""

    async def main(loop: VirtualLoop) -> T:
        harness = await start_hub(folder)
        status = await harness.load_plugin(LedgerPlugin)
        assert status.state is PluginState.RUNNING, status
        try:
            return await scene(LedgerHub(harness))
        finally:
            await harness.hub.stop()

    return run_virtual(main)
