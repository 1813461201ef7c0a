"""Books to play on: a database with all tables of charging, one mall tariff, tenants made up as they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from hub.contracts.ids import AccountId, ContractId, MeterId, PointId, RegisterId, TenantId
from hub.contracts.units import MinorUnits, WattHours
from hub.core.clock import to_us
from hub.core.storage import Database, Migration, Reader, Tx
from hub.sim import VirtualClock, run_virtual
from plugins.prepaid.charging.book import load_book, turn_page
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.charging.schema import CHARGING_SQL
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.gate.schema import READS_SQL
from plugins.prepaid.journal.balances import balance
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.schema import JOURNAL_TABLES
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account, Contract, Epoch, SupplyPoint, Tenant, Term
from plugins.prepaid.places.schema import PLACES_SQL
from plugins.prepaid.tariffs import tariff_from_text

T = TypeVar("T")
SHANGHAI = ZoneInfo("Asia/Shanghai")
TABLES = (Migration(1, "books", JOURNAL_TABLES + PLACES_SQL + READS_SQL + CHARGING_SQL),)

FLAT = """
tariff: flat
name: One price
currency: CNY
time_zone: Asia/Shanghai
energy: {price: 0.8333}
"""

MALL = """
tariff: mall
name: Peak and valley, two blocks, a service charge by the day
currency: CNY
time_zone: Asia/Shanghai
times:
  - bands: {peak: [08:00-12:00, 18:00-22:00], valley: 23:00-07:00, flat: rest}
energy:
  prices: {peak: 1.0231, flat: 0.6523, valley: 0.3384}
  tiers:
    kind: graduated
    blocks:
      - {up_to: 40, adder: 0}
      - {up_to: 90, adder: 0.05}
      - {adder: 0.12}
fixed:
  service: {amount: 90, accrue: daily}
"""


def at(text: str) -> int:
    """An instant of Shanghai, such as `2026-11-21 08:00`."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


@dataclass(slots=True)
class Books:
    """An open database, its charger, and how a test writes to them."""

    db: Database
    journal: Journal
    charger: Charger
    epochs: dict[PointId, int] = field(default_factory=dict)

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """One transaction of the prepaid plugin."""
        return await self.db.write(fn, owner="prepaid")

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """One snapshot for the prepaid plugin."""
        return await self.db.read(fn, owner="prepaid")

    async def publish(self, text: str, from_us: int) -> str:
        """Publish a tariff from an instant on; its hash."""
        tariff = tariff_from_text(text, "tariff.yaml")

        def store(tx: Tx) -> None:
            tx.execute(
                "INSERT INTO prepaid__tariffs VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (tariff.content_sha, tariff.code, tariff.canonical.decode(), text),
            )
            tx.execute(
                "INSERT INTO prepaid__tariff_versions VALUES (?, ?, ?, 0, 'test', NULL, 'test')",
                (tariff.code, from_us, tariff.content_sha),
            )
            turn_page(tx)

        await self.write(store)
        return tariff.content_sha

    async def move_in(
        self,
        name: str,
        start_us: int,
        points: Sequence[str],
        tariff: str = "mall",
        end_us: int | None = None,
        share_ppm: int = 1_000_000,
    ) -> AccountId:
        """A tenant with one account and one contract over some points, made where they are missing."""

        def store(tx: Tx) -> None:
            repository.save_tenant(tx, Tenant(id=TenantId(name), name=name))
            repository.save_account(
                tx, Account(id=AccountId(name), tenant=TenantId(name), name=name, opened_us=start_us)
            )
            repository.save_contract(
                tx,
                Contract(
                    id=ContractId(name), account=AccountId(name), tariff=tariff, start_us=start_us, end_us=end_us
                ),
            )
            for point in points:
                if repository.point(tx, PointId(point)) is None:
                    repository.save_point(tx, SupplyPoint(id=PointId(point), name=point))
                repository.save_term(
                    tx,
                    Term(
                        contract=ContractId(name), point=PointId(point), start_us=start_us, end_us=end_us,
                        share_ppm=share_ppm,
                    ),
                )  # fmt: skip
            turn_page(tx)

        await self.write(store)
        return AccountId(name)

    async def begin(self, point: str, at_us: int) -> None:
        """Begin the count of a point's register at zero."""
        place = PointId(point)
        epoch = Epoch(
            id=0, point=place, register=RegisterId("energy_import"), meter=MeterId(point), serial="S1", scale=0,
            modulus_raw=None, start_us=at_us, open_raw=0, reason="test",
        )  # fmt: skip
        self.epochs[place] = await self.write(lambda tx: repository.begin_epoch(tx, epoch))
        await self.accept(point, at_us, 0, Basis.OPENING)

    async def accept(self, point: str, at_us: int, wh: int, basis: Basis = Basis.ACTUAL) -> list[Charged]:
        """Accept a read of a point's register."""
        place = PointId(point)
        read = AcceptedRead(
            epoch=self.epochs[place], at_us=at_us, raw=wh, total_wh=WattHours(wh), basis=basis, scale=0,
            received_us=at_us,
        )  # fmt: skip
        return await self.write(lambda tx: self.charger.accept(tx, place, read))

    async def charged(self, account: AccountId) -> MinorUnits:
        """What an account was charged in all."""
        return await self.read(lambda reader: balance(reader, prepaid(account)))

    async def components(self, contract: str) -> dict[str, int]:
        """What was posted of each component of a contract, over all its periods."""
        from plugins.prepaid.charging.periods import all_of

        rows = await self.read(lambda reader: all_of(reader, ContractId(contract)))
        total: dict[str, int] = {}
        for row in rows.values():
            for component, minor in row.posted.items():
                total[component] = total.get(component, 0) + minor
        return total


def with_books(folder: Path, scene: Callable[[Books], Awaitable[T]], *, runs_twice: bool = False) -> T:
    """Play a scene on fresh books in virtual time."""

    async def main(loop: asyncio.AbstractEventLoop) -> T:
        clock = VirtualClock(loop)  # type: ignore[arg-type]  # run_virtual's loop is a virtual one
        db = Database(folder / "hub.db", clock, runs_twice=runs_twice)
        await db.open()
        try:
            await db.migrate("prepaid", TABLES)
            journal = Journal(clock)
            book = await db.read(load_book, owner="prepaid")
            return await scene(Books(db, journal, Charger(journal, book, lambda *_: None)))
        finally:
            await db.close()

    return run_virtual(main)
