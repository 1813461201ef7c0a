"""Durable writes of many clients at once: each waits until its row is on disk before it makes the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bench import rows
from bench.ours.running import OWNER, Figures
from bench.timing import Params, folder, settle_memory, whole
from hub.core import faultpoints
from hub.core.clock import SystemClock
from hub.core.storage import Database, Durability, Migration, Tx


@asynccontextmanager
async def database(params: Params) -> AsyncIterator[Database]:
    """A database of its own with the table of postings."""
    db = Database(folder(params) / "hub.db", SystemClock(), durability=Durability.FULL)
    await db.open()
    await db.migrate(OWNER, [Migration(1, "postings", rows.TABLES)])
    try:
        yield db
    finally:
        await db.close()


def single_rows(params: Params) -> Figures:
    """So many clients, so many writes of one row in all; how many commits they shared."""
    return asyncio.run(_commits(params, rows.row))


def postings(params: Params) -> Figures:
    """The same with writes of a posting's size."""
    return asyncio.run(_commits(params, rows.posting))


async def _commits(params: Params, statements_of: Callable[[int, int], rows.Statements]) -> Figures:
    clients, writes = whole(params, "clients"), whole(params, "writes")
    groups = 0

    def count_groups(name: str) -> None:
        nonlocal groups
        groups += name == "storage.after_commit"

    async with database(params) as db:

        async def client(prepared: list[rows.Statements]) -> None:
            for statements in prepared:

                def post(tx: Tx, statements: rows.Statements = statements) -> None:
                    for sql, values in statements:
                        tx.execute(sql, values)

                await db.write(post, owner=OWNER)

        each = writes // clients
        first = [[statements_of(number, -1 - position) for position in range(2)] for number in range(clients)]
        prepared = [[statements_of(number, position) for position in range(each)] for number in range(clients)]
        await asyncio.gather(*map(client, first))
        settle_memory()
        faultpoints.install(count_groups)
        began = time.perf_counter()
        await asyncio.gather(*map(client, prepared))
        took_s = time.perf_counter() - began
        faultpoints.install(None)
        on_disk = await db.read(lambda reader: reader.value("SELECT count(*) FROM core__changes"))
        assert on_disk == clients * (each + 2)
    return {"writes_per_s": clients * each / took_s, "writes": clients * each, "groups": groups}
