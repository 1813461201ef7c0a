"""The ledger under load: durable entries of many clients, verification, and what an entry weighs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import ledger_rows
from bench.ours.running import Figures
from bench.timing import Params, folder, settle_memory, whole
from hub.contracts.units import MinorUnits, WattHours
from hub.core import faultpoints
from hub.core.clock import SystemClock
from hub.core.storage import Database, Durability, Migration, Tx
from plugins.prepaid.journal.chart import ENERGY_RECOVERY
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.journal.schema import JOURNAL_TABLES

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
