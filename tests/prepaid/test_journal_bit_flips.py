"""One flipped bit anywhere in what the ledger's rows occupy: `verify` finds every one of them, by itself."""

from __future__ import annotations

import os
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from journal_stage import BAKERY, NOODLES, Stage, charge, play, topup
from sqlite_cells import cells

from hub.core.clock import SystemClock
from hub.core.ids import SeededIds
from hub.core.storage import Reader
from hub.core.storage.access import Access
from plugins.prepaid.journal import Finding, checkpoint, close_period, reverse, verify

FLIPS = {"quick": 40, "ci": 400, "full": 4_000}[os.environ.get("HUB_SUITE", "quick")]
"""In each table and index."""

TABLES = ("journal", "postings", "seals", "balances", "checkpoints", "assertions", "closings", "heads")
INDEXES = ("journal_key", "postings_account")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger of some pages, whole and clean."""
    folder = tmp_path_factory.mktemp("ledger")

    async def scene(stage: Stage) -> None:
        for day in range(6):
            await use_and_pay(stage, day)
        await stage.write(lambda tx: reverse(stage.journal, tx, 5, "r", "void", 3_000))
        assert (await stage.report()).is_clean

    play(folder, scene)
    return (folder / "hub.db").read_bytes()


async def use_and_pay(stage: Stage, day: int) -> None:
    """Ten charges, the end of the day, and ten top-ups."""
    numbers = range(day * 10, day * 10 + 10)
    await stage.post(*[charge(f"c{each}", 3 + each * 37, (NOODLES, BAKERY)[each % 2]) for each in numbers])
    await stage.write(lambda tx: checkpoint(tx, date(2026, 11, 1) + timedelta(days=day), day, {}))
    await stage.write(lambda tx: close_period(tx, NOODLES, day * 100, f"s{day}", day))
    await stage.post(*[topup(f"t{each}", 3 + each * 37) for each in numbers])


def root_of(folder: Path, ledger: bytes, name: str) -> int:
    """The page where a table or an index begins."""
    file = folder / "whole.db"
    file.write_bytes(ledger)
    connection = sqlite3.connect(file)
    try:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (f"prepaid__{name}",)
        ).fetchone()
    finally:
        connection.close()
    return int(root)


def findings(file: Path) -> list[Finding]:
    """What a verification says of a file that nobody else looks at first."""
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        return verify(Reader(connection, Access(connection), "prepaid"), SystemClock()).findings
    finally:
        connection.close()


@pytest.mark.long
@pytest.mark.parametrize("name", TABLES + INDEXES)
def test_every_flipped_bit_is_found(tmp_path: Path, ledger: bytes, name: str) -> None:
    file = tmp_path / "flipped.db"
    used = [place for cell in cells(ledger, root_of(tmp_path, ledger, name)) for place in cell]
    chance = SeededIds(20261121)
    missed = []
    for _ in range(FLIPS):
        place, bit = used[chance.random_bits(32) % len(used)], chance.random_bits(3)
        flipped = bytearray(ledger)
        flipped[place] ^= 1 << bit
        file.write_bytes(flipped)
        if not findings(file):
            missed.append((place, bit))
    assert missed == []


def test_the_file_without_a_flip_is_clean(tmp_path: Path, ledger: bytes) -> None:
    file = tmp_path / "whole.db"
    file.write_bytes(ledger)
    assert findings(file) == []


def test_text_that_became_bytes_is_found_at_its_entry(tmp_path: Path, ledger: bytes) -> None:
    """One bit in a row's header makes another type of a text of ten characters."""
    file = tmp_path / "broken.db"
    rows = cells(ledger, root_of(tmp_path, ledger, "journal"))
    cell = next(cell for cell in rows if b"receipt:t7" in _cut(ledger, cell))
    place = cell.start + _cut(ledger, cell).index(13 + 2 * len("receipt:t7"))
    flipped = bytearray(ledger)
    flipped[place] ^= 1
    file.write_bytes(flipped)
    found = findings(file)
    assert [(each.rule, each.seq) for each in found][:1] == [("unreadable", 18)]
    assert "no entry can be made of it" in str(found[0])


def _cut(data: bytes, cell: range) -> bytes:
    return data[cell.start : cell.stop]


def test_text_that_is_no_text_any_more_is_found_at_its_entry(tmp_path: Path, ledger: bytes) -> None:
    """SQLite raises for the page; the others on it are read all the same."""
    file = tmp_path / "broken.db"
    place = ledger.index(b"receipt:t7")
    file.write_bytes(ledger[:place] + b"\xff" + ledger[place + 1 :])
    found = findings(file)
    assert [(each.rule, each.seq) for each in found][:1] == [("unreadable", 18)]
    assert "Could not decode to UTF-8" in str(found[0])
    assert any("balances were not compared" in str(each) for each in found)
