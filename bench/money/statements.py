"""Statements: how fast a month is derived again from its reads, made out of the books, and verified."""

from __future__ import annotations

import asyncio
import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bench.money.charging import TARIFF
from bench.ours.running import Figures
from bench.timing import Params, folder, settle_memory, whole
from hub.contracts.ids import AccountId, ContractId, MeterId, PointId, RegisterId, TenantId
from hub.contracts.units import WattHours
from hub.core.clock import to_us
from hub.core.storage import Database, Migration, Reader, Tx
from hub.sim import VirtualClock, VirtualLoop, run_virtual
from plugins.prepaid.charging.book import load_book, turn_page
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.charging.schema import CHARGING_SQL
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.gate.schema import READS_SQL
from plugins.prepaid.journal import JOURNAL_TABLES, Journal
from plugins.prepaid.places import repository as places
from plugins.prepaid.places.records import Account, Contract, Epoch, SupplyPoint, Tenant, Term
from plugins.prepaid.places.schema import PLACES_SQL
from plugins.prepaid.statements.bundle import pack, texts_of, unpack
from plugins.prepaid.statements.daily import daily
from plugins.prepaid.statements.framing import Moment, frame_of
from plugins.prepaid.statements.gathering import SiteMoney, evidence_of
from plugins.prepaid.statements.proof import prove
from plugins.prepaid.statements.schema import STATEMENTS_SQL
from plugins.prepaid.statements.statement import Statement, derive
from plugins.prepaid.statements.verify import verify
from plugins.prepaid.tariffs import tariff_from_text
from plugins.prepaid.tariffs.publishing import publish

OWNER = "prepaid"
ASKED_FOR = 10_000
"""What the figure in seconds is for; it is measured on some of them."""

HOUR_US = 3_600_000_000
HOURS = 30 * 24
READS_AT_ONCE = 24
START_US = to_us(datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Shanghai")))
TABLES = (Migration(1, "books", JOURNAL_TABLES + PLACES_SQL + READS_SQL + CHARGING_SQL + STATEMENTS_SQL),)
SITE = SiteMoney("Bench", "CNY", 2)


def months(params: Params) -> Figures:
    """Months of hourly reads as statements: derived in memory, made out of the books, verified as bundles."""
    return run_virtual(lambda loop: _measure(loop, params))


async def _measure(loop: VirtualLoop, params: Params) -> Figures:
    contracts = [ContractId(f"c{number}") for number in range(whole(params, "contracts"))]
    db = Database(folder(params) / "hub.db", VirtualClock(loop))
    await db.open()
    try:
        await db.migrate(OWNER, TABLES)
        journal = Journal(VirtualClock(loop))
        charger = Charger(journal, await db.read(load_book, owner=OWNER), lambda *_: None)
        await _use_power(db, charger, contracts)
        await db.write(lambda tx: daily(tx, date(2026, 12, 1), START_US), owner=OWNER)
        settle_memory()
        made, made_s = await _timed(db, charger, contracts)
        derive_s = _deriving(made)
        bundles, verify_s = await _verifying(db, made)
    finally:
        await db.close()
    segments = sum(len(one.rated.segments) for one in made)
    return {
        "statements_s": made_s * ASKED_FOR / len(contracts),
        "segments_per_s": segments / derive_s,
        "verified_segments_per_s": segments / verify_s,
        "bundle_kb": bundles / len(contracts) / 1000,
    }


async def _timed(db: Database, charger: Charger, contracts: list[ContractId]) -> tuple[list[Statement], float]:
    """Statements out of the books, hashed; and how long that took."""

    def make(reader: Reader, contract: ContractId) -> Statement:
        frame = frame_of(reader, charger.book, SITE, contract, "2026-11", Moment.now(reader))
        return derive(evidence_of(reader, frame))

    made = []
    began = time.process_time()
    for contract in contracts:
        one = await db.read(lambda reader, contract=contract: make(reader, contract), owner=OWNER)  # type: ignore[misc]
        assert one.sha
        assert one.is_as_posted
        made.append(one)
    return made, time.process_time() - began


def _deriving(made: list[Statement]) -> float:
    """How long the same takes from the evidence alone."""
    began = time.process_time()
    for one in made:
        assert derive(one.evidence).body == one.body
    return time.process_time() - began


async def _verifying(db: Database, made: list[Statement]) -> tuple[int, float]:
    """The bytes of all bundles, and how long it takes to verify them."""
    packed = [
        pack(texts_of(await db.read(lambda reader, one=one: prove(reader, one), owner=OWNER)))  # type: ignore[misc]
        for one in made
    ]
    began = time.process_time()
    for data in packed:
        assert verify(unpack(data)).is_good
    return sum(len(data) for data in packed), time.process_time() - began


async def _use_power(db: Database, charger: Charger, contracts: list[ContractId]) -> None:
    """A month of hourly reads of every contract, charged as they come."""
    tariff = tariff_from_text(TARIFF)
    epochs: dict[ContractId, int] = {}

    def open_all(tx: Tx) -> None:
        publish(tx, tariff, TARIFF, 0, START_US)
        for contract in contracts:
            epochs[contract] = _open(tx, contract)
        turn_page(tx)

    await db.write(open_all, owner=OWNER)
    for hour in range(0, HOURS + 1, READS_AT_ONCE):
        for contract in contracts:
            batch = [
                (PointId(contract), _read(epochs[contract], hour + step))
                for step in range(min(READS_AT_ONCE, HOURS + 1 - hour))
            ]
            await db.write(lambda tx, batch=batch: charger.accept_all(tx, batch), owner=OWNER)  # type: ignore[misc]
        await asyncio.sleep(0)
    for contract in contracts:
        await db.write(lambda tx, contract=contract: charger.finish(tx, contract, "2026-11"), owner=OWNER)  # type: ignore[misc]


def _open(tx: Tx, contract: ContractId) -> int:
    tenant, account, point = TenantId(contract), AccountId(contract), PointId(contract)
    places.save_tenant(tx, Tenant(id=tenant, name=contract))
    places.save_account(tx, Account(id=account, tenant=tenant, name=contract, opened_us=START_US))
    places.save_contract(tx, Contract(id=contract, account=account, tariff="mall", start_us=START_US))
    places.save_point(tx, SupplyPoint(id=point, name=contract))
    places.save_term(tx, Term(contract=contract, point=point, start_us=START_US))
    epoch = Epoch(
        id=0, point=point, register=RegisterId("energy_import"), meter=MeterId(contract), serial="1001", scale=0,
        modulus_raw=1 << 32, start_us=START_US, open_raw=0, reason="bench",
    )  # fmt: skip
    return places.begin_epoch(tx, epoch)


def _read(epoch: int, hour: int) -> AcceptedRead:
    wh = hour * 1_700
    return AcceptedRead(
        epoch=epoch, at_us=START_US + hour * HOUR_US, raw=wh, total_wh=WattHours(wh),
        basis=Basis.ACTUAL if hour else Basis.OPENING, words=(wh >> 16, wh & 0xFFFF), scale=0, serial="1001",
        frame_sha="ab" * 32, received_us=START_US + hour * HOUR_US,
    )  # fmt: skip
