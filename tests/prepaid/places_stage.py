"""A site to move into: the whole prepaid plugin over a field that tests play, with words for what clerks do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from books_stage import FLAT, SHANGHAI

from hub.contracts.ids import AccountId, PointId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS
from hub.core.clock import from_us, to_us
from hub.core.config import ConfigDict
from hub.core.plugins import PluginHub, PluginState
from hub.core.principals import OWNER, Principal
from hub.core.storage import Reader, Tx
from hub.sim import VirtualLoop, run_virtual
from hub.testing.fakes import FakeReadings, FakeRelays
from hub.testing.harness import HubHarness, start_hub
from plugins.prepaid.gate.verify import verify_reads
from plugins.prepaid.journal import verify
from plugins.prepaid.money.standing import balance
from plugins.prepaid.places.importing import packed
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.register import IMPORT, register_places
from plugins.prepaid.plugin import PrepaidPlugin
from plugins.prepaid.tariffs import tariff_from_text
from plugins.prepaid.tariffs.publishing import publish

T = TypeVar("T")
HOUR = 3_600_000_000

DEAR = FLAT.replace("tariff: flat", "tariff: dear").replace("0.8333", "2")
SERVICED = FLAT.replace("tariff: flat", "tariff: serviced") + "fixed:\n  service: {amount: 90, accrue: daily}\n"


class PlacesPlugin(PrepaidPlugin):
    """The plugin as it is, offering people and places whoever wires them."""

    here: PlacesPlugin

    async def setup(self, hub: PluginHub) -> None:
        """Set up, and offer what the plugin does not offer yet."""
        await super().setup(hub)
        PlacesPlugin.here = self
        if IMPORT in {action.name for action in hub.actions.all()}:
            return
        register_places(
            Office(
                desk=self._topups.desk, charger=self._charger, intake=self._intake,
                keepers=cast("dict[PointId, Any]", self._live.keepers), charged=self._money.charged,
                places_changed=self._shown.register,
            )
        )  # fmt: skip


@dataclass(slots=True)
class Site:
    """The running site."""

    harness: HubHarness
    readings: FakeReadings
    relays: FakeRelays

    @property
    def plugin(self) -> PlacesPlugin:
        """The plugin as it runs now."""
        return PlacesPlugin.here

    @property
    def now_us(self) -> int:
        """Now."""
        return self.harness.clock.now_us()

    def provide(self, readings: FakeReadings, relays: FakeRelays) -> None:
        """Offer the field layer, at the start and after a restart."""
        self.harness.provide(READINGS, readings)
        self.harness.provide(RELAYS, relays)

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """One transaction of the plugin."""
        return await self.plugin._hub.db.write(fn)

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """One snapshot for the plugin."""
        return await self.plugin._hub.db.read(fn)

    async def call(self, action: str, principal: Principal = OWNER, **data: object) -> Any:
        """Call an action, and let what follows it happen."""
        answer = await self.harness.call(action, data, principal=principal)
        await self.harness.advance(0.01)
        return answer

    async def ask(self, query: str, principal: Principal = OWNER, **params: object) -> Any:
        """Ask a query."""
        return await self.harness.kernel.queries.ask(query, params, principal)

    async def bring(self, table: str | bytes, name: str = "site.csv", *, dry_run: bool = False) -> Any:
        """Import a table."""
        content = table.encode() if isinstance(table, str) else table
        return await self.call(IMPORT, name=name, document=packed(content), dry_run=dry_run)

    async def export(self, principal: Principal = OWNER) -> str:
        """The site as a table."""
        answer = await self.ask("site.export", principal)
        return str(answer["csv"])

    async def publish(self, *texts: str) -> None:
        """Publish tariffs from the beginning on."""
        tariffs = [(tariff_from_text(text, "tariff.yaml"), text) for text in texts]

        def store(tx: Tx) -> None:
            for tariff, text in tariffs:
                publish(tx, tariff, text, 0, self.now_us)

        await self.write(store)

    async def flow(self, point: str, wh: int, hours: int = 1) -> None:
        """Let energy flow through a point for some time, and nobody reads it."""
        await self.harness.advance(hours * 3600)
        self.readings.use(PointId(point), wh)

    async def use(self, point: str, wh: int, hours: int = 1) -> None:
        """Let energy flow through a point for some time, and have it read."""
        await self.flow(point, wh, hours)
        await self.readings.poll(PointId(point))
        await self.harness.advance(0.01)

    async def balance(self, account: str) -> Decimal:
        """The posted balance, in major units."""
        return Decimal(await self.read(lambda reader: balance(reader, AccountId(account)))).scaleb(-2)

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a statement."""
        return [tuple(row) for row in await self.read(lambda reader: reader.all(sql))]

    async def check(self) -> None:
        """Ledger and accepted reads are whole, and the energy of reads reached the contracts."""
        report = await self.read(lambda reader: verify(reader, self.harness.clock))
        assert not report.findings, report.findings
        reads = await self.read(verify_reads)
        assert not reads.findings, reads.findings


Scene = Callable[[Site], Coroutine[Any, Any, T]]
METERS: Mapping[str, str] = {"stall": "1001", "store": "1002"}


def on_site(folder: Path, scene: Scene[T], meters: Mapping[str, str] = METERS) -> T:
    """Play a scene on a fresh site, in virtual time; every transaction function runs twice."""

    folder.mkdir(exist_ok=True)

    async def main(loop: asyncio.AbstractEventLoop) -> T:
        assert isinstance(loop, VirtualLoop)
        harness = await start_hub(folder)
        try:
            readings = FakeReadings(harness.clock, publish=harness.fire)
            relays = FakeRelays(harness.clock, publish=harness.fire)
            for point, serial in meters.items():
                readings.add_meter(PointId(point), serial=serial, raw=1_000)
                relays.add_relay(PointId(point))
            site = Site(harness, readings, relays)
            site.provide(readings, relays)
            status = await harness.load_plugin(PlacesPlugin, ConfigDict({"billing_grid": "0 s"}))
            assert status.state is PluginState.RUNNING, status.reason
            await site.publish(FLAT, DEAR, SERVICED)
            return await scene(site)
        finally:
            await harness.hub.stop()

    return run_virtual(main)


def local(instant_us: int) -> str:
    """An instant as a table of this site writes it."""
    return from_us(instant_us).astimezone(SHANGHAI).isoformat(sep=" ")


def shanghai(text: str) -> int:
    """An instant of this site."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))
