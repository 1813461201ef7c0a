"""The ledger under load: durable entries of many clients, verification, and what an entry weighs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import partial

from bench.money import ledger_rows
from bench.ours.running import Figures
from bench.timing import Params, folder, percentile, settle_memory, whole
from hub.contracts.units import MinorUnits, WattHours
from hub.core import faultpoints
from hub.core.clock import SystemClock
from hub.core.storage import Database, Durability, Migration, Reader, Tx
from plugins.prepaid.journal.chart import ENERGY_RECOVERY
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.journal.schema import JOURNAL_TABLES
from plugins.prepaid.journal.sealing import checkpoint, last_checkpoint, seal
from plugins.prepaid.journal.verify import Verification

OWNER = "prepaid"
_SCHEMA = (Migration(1, "journal", JOURNAL_TABLES),)


@asynccontextmanager
async def ledger(params: Params) -> AsyncIterator[Database]:
    """An empty ledger on the disk that is measured."""
    db = Database(folder(params) / "hub.db", SystemClock(), durability=Durability.FULL)
    await db.open()
    await db.migrate(OWNER, _SCHEMA)
    try:
        yield db
    finally:
        await db.close()


def entry(client: int, number: int) -> Entry:
    """The charge of a client's last hour: the same words and figures that plain sqlite3 writes."""
    words = ledger_rows.charge(client, number)
    amount, used = MinorUnits(words.amount_minor), WattHours(words.used_wh)
    return Entry(
        words.kind,
        words.key,
        words.effective_us,
        (
            Posting(words.account, amount, used, ledger_rows.META),
            Posting(ENERGY_RECOVERY, MinorUnits(-amount)),
        ),
        ref=words.ref,
    )


def durable(params: Params) -> Figures:
    """So many clients post entries of two postings, each waiting until its entry is on disk."""
    return asyncio.run(_durable(params))


async def _durable(params: Params) -> Figures:
    clients, writes = whole(params, "clients"), whole(params, "writes")
    journal = Journal(SystemClock())
    groups = 0

    def count_groups(name: str) -> None:
        nonlocal groups
        groups += name == "storage.after_commit"

    async with ledger(params) as db:

        async def client(entries: list[Entry]) -> None:
            for each in entries:

                def post(tx: Tx, each: Entry = each) -> None:
                    journal.post(tx, each)

                await db.write(post, owner=OWNER)

        rounds = writes // clients
        first = [[entry(number, -1 - position) for position in range(2)] for number in range(clients)]
        prepared = [[entry(number, position) for position in range(rounds)] for number in range(clients)]
        await asyncio.gather(*map(client, first))
        settle_memory()
        faultpoints.install(count_groups)
        began = time.perf_counter()
        await asyncio.gather(*map(client, prepared))
        took_s = time.perf_counter() - began
        faultpoints.install(None)
        on_disk = await db.read(lambda reader: reader.value("SELECT count(*) FROM prepaid__postings"), owner=OWNER)
        assert on_disk == 2 * clients * (rounds + 2)
    return {"entries_per_s": clients * rounds / took_s, "writes": clients * rounds, "groups": groups}


def verification(params: Params) -> Figures:
    """A sealed ledger verified from its first entry and from its checkpoint; what an entry weighs on the disk."""
    return asyncio.run(_verification(params))


async def _verification(params: Params) -> Figures:
    entries, accounts = whole(params, "entries"), whole(params, "accounts")
    async with ledger(params) as db:
        await _fill(db, entries, accounts)
        settle_memory()
        page_ms: list[float] = []
        verification = Verification(SystemClock())

        def page(reader: Reader) -> bool:
            began = time.perf_counter()
            goes_on = verification.page(reader)
            page_ms.append((time.perf_counter() - began) * 1000)
            return goes_on

        while await db.read(page, owner=OWNER):
            pass
        whole_report = verification.report
        assert whole_report.is_clean, whole_report.findings
        assert whole_report.entries == entries
        since = await db.read(last_checkpoint, owner=OWNER)
        began = time.perf_counter()
        verification = Verification(SystemClock(), since)
        while await db.read(page, owner=OWNER):
            pass
        at_start_ms = (time.perf_counter() - began) * 1000
        assert verification.report.is_clean, verification.report.findings
    return {
        "postings_per_s": whole_report.postings * 1e6 / whole_report.took_us,
        "page_p99_ms": percentile(page_ms, 0.99),
        "page_max_ms": max(page_ms),
        "at_start_ms": at_start_ms,
        "bytes_per_entry": (folder(params) / "hub.db").stat().st_size / entries,
    }


async def _fill(db: Database, entries: int, accounts: int) -> None:
    journal, block = Journal(SystemClock()), 1_000

    def post(tx: Tx, first: int) -> None:
        numbers = range(first, min(first + block, entries))
        journal.post_many(tx, [entry(number % accounts, number // accounts) for number in numbers])
        seal(tx, first)

    for first in range(0, entries, block):
        await db.write(partial(post, first=first), owner=OWNER)
    await db.write(lambda tx: checkpoint(tx, date(2026, 11, 21), 5, {}), owner=OWNER)
