"""Accepted reads to look into: two points, three epochs, a late read, a checkpoint; and who verifies the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from books_stage import MALL, Books, at, with_books

from hub.contracts.ids import MeterId, PointId, RegisterId
from hub.contracts.units import WattHours
from hub.core.storage import Reader
from hub.core.storage.access import Access
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.gate.verify import ReadsVerification
from plugins.prepaid.journal import Finding, checkpoint
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Epoch

START = at("2026-11-20 00:00")
HOUR = 3_600_000_000
HOURS = 40


def write_reads(folder: Path, hours: int = HOURS) -> Path:
    """Two tenants of one stall and one of a store; a third of the reads at band edges, one late, one reset."""

    async def scene(books: Books) -> None:
        await books.publish(MALL, 0)
        await books.move_in("noodles", START, ["stall"], share_ppm=300_000)
        await books.move_in("bakery", START, ["stall"], share_ppm=700_000)
        await books.move_in("shoes", START + HOUR, ["store"], end_us=START + 30 * HOUR)
        for point in ("stall", "store"):
            await books.begin(point, START)
        for hour in range(1, hours):
            basis = Basis.BOUNDARY if hour % 3 == 0 else Basis.ACTUAL
            await books.accept("stall", START + hour * HOUR, 777 * hour, basis)
            if hour % 2:
                await books.accept("store", START + hour * HOUR + 1, 333 * hour)
        await books.accept("stall", START + 5 * HOUR + 7, 777 * 5)
        await books.write(lambda tx: checkpoint(tx, date(2026, 11, 20), START, reads.heads(tx)))
        await begin_anew(books, "store", START + (hours + 1) * HOUR)

    with_books(folder, scene)
    return folder / "hub.db"


async def begin_anew(books: Books, point: str, at_us: int, *, serial: str = "S2") -> None:
    """Another instrument, which counts tenths of a kWh behind a transformer and rolls over at six digits."""
    place = PointId(point)
    epoch = Epoch(
        id=0, point=place, register=RegisterId("energy_import"), meter=MeterId(point), serial=serial, scale=2,
        ratio=(200, 5), modulus_raw=1_000_000, start_us=at_us, open_raw=4_000, reason="replaced",
    )  # fmt: skip

    def begin(tx):  # type: ignore[no-untyped-def]
        repository.end_epoch(tx, books.epochs[place], at_us, 0)
        return repository.begin_epoch(tx, epoch)

    number = books.epochs[place] = await books.write(begin)
    for after_us, raw, wraps in ((0, 4_000, 0), (HOUR, 999_999, 0), (HOUR + 60_000_000, 3, 1)):
        read = AcceptedRead(
            epoch=number, at_us=at_us + after_us, raw=raw, wraps=wraps, scale=2, serial=serial,
            total_wh=WattHours((raw - 4_000 + wraps * 1_000_000) * 100 * 40), received_us=at_us + after_us,
            basis=Basis.ACTUAL if after_us else Basis.OPENING, frame_sha="ab" * 32,
            words=(15, raw % 65_536),
            band_wh={"flat": 10 + after_us % 7, "peak": 3},
        )  # fmt: skip
        await books.write(lambda tx, read=read: reads.add(tx, read, reads.newest(tx, read.epoch)[1]))  # type: ignore[misc]


@contextmanager
def reader_of(file: Path) -> Iterator[Reader]:
    """The file as a verification sees it that nobody else looks at first."""
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        yield Reader(connection, Access(connection), "prepaid")
    finally:
        connection.close()


def findings(file: Path) -> list[Finding]:
    """What a verification of the accepted reads says of a file."""
    with reader_of(file) as reader:
        verification = ReadsVerification()
        while verification.page(reader):
            pass
        return verification.report.findings


def read_hourly(hours: int) -> list[AcceptedRead]:
    """A Wh an hour, in the first epoch."""
    return [
        AcceptedRead(
            epoch=1, at_us=START + hour * HOUR, raw=hour, total_wh=WattHours(hour), basis=Basis.ACTUAL, scale=0,
            received_us=START,
        )
        for hour in range(1, hours + 1)
    ]  # fmt: skip


def damaged(folder: Path, whole: bytes, *sql: str) -> list[str]:
    """What is found after somebody with a database tool was there."""
    file = folder / "hub.db"
    file.write_bytes(whole)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in sql:
            connection.execute(statement)
    return [str(finding) for finding in findings(file)]
