"""A ledger to play on, in virtual time, where every write function runs twice; and ways to look into its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits, WattHours
from hub.core.clock import Clock
from hub.core.storage import Database, Migration, Reader, Tx
from hub.sim import VirtualClock, run_virtual
from plugins.prepaid.journal import JOURNAL_TABLES, Entry, Journal, Posting, Report, verify
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, arrival, prepaid

T = TypeVar("T")
SCHEMA = (Migration(1, "journal", JOURNAL_TABLES),)
FILE = "hub.db"

NOODLES = prepaid(AccountId("noodle_bar"))
BAKERY = prepaid(AccountId("bakery"))
CASH = arrival("cash")


class Stage:
    """The open ledger."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Take over a database that has the tables."""
        self.db = db
        self.clock = clock
        self.journal = Journal(clock)

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run a function as the plugin's transaction."""
        return await self.db.write(fn, owner="prepaid")

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """Run a function on a snapshot."""
        return await self.db.read(fn, owner="prepaid")

    async def post(self, *entries: Entry) -> list[int]:
        """Post entries in one transaction; where they stand."""
        return [posted.seq for posted in await self.write(lambda tx: self.journal.post_many(tx, entries))]

    async def report(self) -> Report:
        """What a verification of everything says."""
        return await self.read(lambda reader: verify(reader, self.clock))


def play(folder: Path, scene: Callable[[Stage], Awaitable[T]], *, runs_twice: bool = True) -> T:
    """Open the ledger of a folder, play, close."""

    async def main(clock: VirtualClock) -> T:
        db = Database(folder / FILE, clock, runs_twice=runs_twice)
        await db.open()
        try:
            await db.migrate("prepaid", SCHEMA)
            return await scene(Stage(db, clock))
        finally:
            await db.close()

    return run_virtual(lambda loop: main(VirtualClock(loop)))


def topup(key: str, amount: int, account: str = NOODLES, effective_us: int = 1_000) -> Entry:
    """Cash that came over the counter."""
    postings = (Posting(CASH, MinorUnits(amount)), Posting(account, MinorUnits(-amount)))
    return Entry("topup", key, effective_us, postings, ref=f"receipt:{key}")


def charge(key: str, amount: int, account: str = NOODLES, effective_us: int = 2_000) -> Entry:
    """Energy that was used."""
    postings = (
        Posting(account, MinorUnits(amount), WattHours(amount * 2), {"component": "energy", "band": "尖"}),
        Posting(ENERGY_RECOVERY, MinorUnits(-amount)),
    )
    return Entry("energy", key, effective_us, postings)


@contextmanager
def raw(folder: Path, *, without_triggers: bool = True) -> Iterator[sqlite3.Connection]:
    """The closed file as somebody with a database tool has it."""
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    try:
        if without_triggers:
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        yield connection
    finally:
        connection.close()
