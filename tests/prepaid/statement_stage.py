"""A month of a tenant's life in the books: reads with register words, top-ups, a daily seal, statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TypeVar

from books_stage import MALL, TABLES, Books, at, with_books

from hub.contracts.ids import AccountId, ContractId, MeterId, PointId, RegisterId
from hub.contracts.units import MinorUnits, WattHours
from hub.core.clock import from_us
from hub.core.storage import Migration, Reader
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.journal import Entry, Posting
from plugins.prepaid.journal.chart import arrival, prepaid
from plugins.prepaid.places import repository as places
from plugins.prepaid.places.records import Epoch
from plugins.prepaid.statements import closing
from plugins.prepaid.statements.bundle import pack, texts_of
from plugins.prepaid.statements.daily import daily
from plugins.prepaid.statements.framing import Moment, frame_of
from plugins.prepaid.statements.gathering import SiteMoney, closed_statement, evidence_of
from plugins.prepaid.statements.proof import Proven, prove
from plugins.prepaid.statements.repository import Closed, load
from plugins.prepaid.statements.schema import STATEMENTS_SQL
from plugins.prepaid.statements.statement import Statement, derive

T = TypeVar("T")
SITE = SiteMoney("North Mall 北座", "CNY", 2)
HOUR = 3_600_000_000
DAY = 24 * HOUR
NOODLES = ContractId("noodles")
STATEMENT_TABLES = (*TABLES, Migration(2, "statements", STATEMENTS_SQL))

TAXED = MALL + "taxes:\n  vat: {percent: 13, included: true}\n"


class Office:
    """The books of a mall, and short words for what happens there."""

    def __init__(self, books: Books) -> None:
        """Work on open books."""
        self.books = books

    async def read_on(self, point: str, times: Iterable[int], wh: int, step_wh: int) -> int:
        """Accept a read at each instant, with this much more each time; the last total."""
        place = PointId(point)
        for at_us in times:
            wh += step_wh
            await self.accept(place, at_us, wh)
        return wh

    async def accept(self, point: PointId, at_us: int, wh: int, basis: Basis = Basis.ACTUAL) -> None:
        """Accept a read with the words and the frame that it came in."""
        read = AcceptedRead(
            epoch=self.books.epochs[point], at_us=at_us, raw=wh + 1_000_000, total_wh=WattHours(wh), basis=basis,
            words=((wh + 1_000_000) >> 16, (wh + 1_000_000) & 0xFFFF), scale=0, serial="S1", frame_sha="ab" * 32,
            received_us=at_us + 1,
        )  # fmt: skip
        await self.books.write(lambda tx: self.books.charger.accept(tx, point, read))

    async def begin(self, point: str, at_us: int) -> None:
        """Begin the count of a register that stands at a million."""
        place = PointId(point)
        epoch = Epoch(
            id=0, point=place, register=RegisterId("energy_import"), meter=MeterId(point), serial="S1", scale=0,
            modulus_raw=1 << 32, start_us=at_us, open_raw=1_000_000, reason="test",
        )  # fmt: skip
        self.books.epochs[place] = await self.books.write(lambda tx: places.begin_epoch(tx, epoch))
        await self.accept(place, at_us, 0, Basis.OPENING)

    async def top_up(self, account: str, amount: int, at_us: int) -> None:
        """Take cash."""
        name = prepaid(AccountId(account))
        postings = (Posting(arrival("cash"), MinorUnits(amount)), Posting(name, MinorUnits(-amount)))
        entry = Entry("topup", f"pay:cash:{account}:{at_us}", at_us, postings, ref=f"payment:cash:{at_us}")
        await self.books.write(lambda tx: self.books.journal.post(tx, entry))

    async def finish(self, contract: str, period: str) -> None:
        """Let a month be over and read."""
        await self.books.write(lambda tx: self.books.charger.finish(tx, ContractId(contract), period))

    async def seal(self, at_us: int) -> None:
        """The checkpoint of a day."""
        day: date = from_us(at_us).date()
        await self.books.write(lambda tx: daily(tx, day, at_us))

    async def look(self, contract: str = "noodles", period: str = "2026-11") -> Statement:
        """The statement as the books stand."""

        def read(reader: Reader) -> Statement:
            moment = Moment.now(reader)
            book = self.books.charger.book
            return derive(evidence_of(reader, frame_of(reader, book, SITE, ContractId(contract), period, moment)))

        return await self.books.read(read)

    async def close(self, account: str, period: str, now_us: int) -> list[Closed]:
        """Close an account's statements."""
        made = await self.books.read(
            lambda reader: closing.draft(reader, self.books.charger.book, SITE, AccountId(account), period, now_us)
        )
        return await self.books.write(lambda tx: closing.close(tx, self.books.journal, made))

    async def closed(self, id: str = "noodles:2026-11") -> Statement:  # noqa: A002 - the field's own word
        """A closed statement, derived anew."""

        def read(reader: Reader) -> Statement:
            row = load(reader, id)
            assert row is not None
            return closed_statement(reader, row)

        return await self.books.read(read)

    async def proven(self, statement: Statement) -> Proven:
        """A statement with its proof."""
        return await self.books.read(lambda reader: prove(reader, statement))

    async def bundle(self, statement: Statement) -> bytes:
        """Its bundle."""
        return pack(texts_of(await self.proven(statement)))


async def a_november(books: Books, *, hours: int = 24, tariff: str = TAXED) -> Office:
    """Open the office, and let the noodle shop use power of two meters through November and pay three times."""
    await books.db.migrate("prepaid", STATEMENT_TABLES)
    office = Office(books)
    await books.publish(tariff, 0)
    start = at("2026-11-01 00:00")
    await books.move_in("noodles", start, ["stall", "store"])
    for point in ("stall", "store"):
        await office.begin(point, start)
    times = [start + step * HOUR for step in range(hours, 30 * 24 + 1, hours)]
    await office.top_up("noodles", 50_000, start + HOUR)
    await office.read_on("stall", times, 0, 3_217)
    await office.read_on("store", times, 0, 811)
    await office.top_up("noodles", 20_000, start + 9 * DAY)
    await office.finish("noodles", "2026-11")
    return office


def play(folder: Path, scene: Callable[[Books], Awaitable[T]], *, runs_twice: bool = False) -> T:
    """Play a scene on fresh books."""
    return with_books(folder, scene, runs_twice=runs_twice)
