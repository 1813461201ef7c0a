"""What a verification of accepted reads says: who, what and where; and what it must not complain about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from books_stage import FLAT, Books, with_books
from reads_stage import HOUR, START, damaged, read_hourly, reader_of, write_reads

from hub.contracts.ids import PointId
from hub.contracts.units import WattHours
from hub.core.storage import Tx
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import broken_links
from plugins.prepaid.gate.verify import PAGE_READS, ReadsVerification, verify_reads

STALL = PointId("stall")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of some pages of reads."""
    return write_reads(tmp_path_factory.mktemp("reads")).read_bytes()


UNCHAINED = "chain: read {}: its hash does not follow from it and the read before"
CASES = {
    "a total was changed": (
        "UPDATE prepaid__reads SET total_wh = total_wh - 1 WHERE id = 9",
        [UNCHAINED.format(9), "I4: read 9: it says 3884 Wh, its raw count and epoch make 3885"],
    ),
    "a raw count was changed with its total": (
        "UPDATE prepaid__reads SET total_wh = total_wh - 1, raw = raw - 1 WHERE id = 9",
        [UNCHAINED.format(9)],
    ),
    "a read was taken out": (
        "DELETE FROM prepaid__reads WHERE id = 7",
        ["chain: accepted reads 7 to 7 are missing", UNCHAINED.format(10)],
    ),
    "the register of an epoch was rescaled": (
        "UPDATE prepaid__epochs SET ratio_over = 300 WHERE id = 3",
        [
            "I4: read 64: it says 3983996000 Wh, its raw count and epoch make 5975994000",
            "I4: read 65: it says 3984012000 Wh, its raw count and epoch make 5976018000",
        ],
    ),
    "an epoch has another scale than its reads": (
        "UPDATE prepaid__epochs SET scale = 3 WHERE id = 3",
        [
            "I4: read 63: it says 0 Wh, its raw count and epoch make None",
            "I4: read 64: it says 3983996000 Wh, its raw count and epoch make None",
            "I4: read 65: it says 3984012000 Wh, its raw count and epoch make None",
        ],
    ),
    "the last reads were taken out": (
        "DELETE FROM prepaid__reads WHERE id > 59",
        [
            "chain: the ledger charges for read 60; the last one here is 59",
            "I13: reads/1: the head that the last checkpoint knows is nowhere in its chain",
            "I13: reads/2: the head that the last checkpoint knows is nowhere in its chain",
        ],
    ),
    "a basis that there is not": (
        "UPDATE prepaid__reads SET basis = 'guess' WHERE id = 9",
        ["unreadable: no accepted read can be made of row 9: 'guess' is not a valid Basis", UNCHAINED.format(11)],
    ),
    "words with a space between": (
        "UPDATE prepaid__reads SET words = '[15, 4000]' WHERE id = 63",
        [UNCHAINED.format(63)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), CASES.values(), ids=CASES)
def test_what_was_changed_is_found_where_it_is(tmp_path: Path, whole: bytes, sql: str, expected: list[str]) -> None:
    found = damaged(tmp_path, whole, sql)
    assert [one for one in found if "index" not in one] == expected


def test_contracts_that_overlap_are_found_with_what_they_were_given_too_much(tmp_path: Path, whole: bytes) -> None:
    found = damaged(tmp_path, whole, "UPDATE prepaid__terms SET share_ppm = 400000 WHERE contract = 'noodles'")
    assert found[:2] == [
        f"I6: stall is held at 1100000 millionths from {START} on: contracts overlap there",
        "I4: epoch 1 of stall: 777 Wh flowed up to read 3, 855 Wh were shared out",
    ]


def test_a_register_that_falls_within_an_epoch_is_found(tmp_path: Path) -> None:
    """The chain is whole: somebody wrote it so."""

    async def scene(books: Books) -> list[str]:
        await books.publish(FLAT, 0)
        await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)

        def write(tx: Tx) -> None:
            for hour, wh in ((1, 700), (2, 500)):
                read = replace(read_hourly(2)[hour - 1], raw=wh, total_wh=WattHours(wh))
                reads.add(tx, read, reads.newest(tx, 1)[1])

        await books.write(write)
        return [str(one) for one in (await books.read(verify_reads)).findings]

    found = with_books(tmp_path, scene)
    assert found == ["I4: epoch 1 of stall: read 3 stands 200 Wh below read 2, which is older"]


def test_more_reads_than_a_page_are_all_looked_at(tmp_path: Path) -> None:
    hours = PAGE_READS + 3

    async def scene(books: Books) -> tuple[int, bool, int]:
        await books.publish(FLAT, 0)
        await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)
        await books.write(lambda tx: [books.charger.accept(tx, STALL, read) for read in read_hourly(hours)])
        verification, pages = ReadsVerification(), 1
        while await books.read(verification.page):
            pages += 1
        return verification.reads, verification.report.is_clean, pages

    seen, is_clean, pages = with_books(tmp_path, scene)
    assert (seen, is_clean) == (hours + 1, True)
    assert pages > 8


def test_what_is_accepted_while_it_goes_on_is_not_taken_for_damage(tmp_path: Path) -> None:
    async def scene(books: Books) -> tuple[bool, int]:
        await books.publish(FLAT, 0)
        await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)
        hour = 0
        verification = ReadsVerification()
        while await books.read(verification.page):
            hour += 2
            await books.accept("stall", START + hour * HOUR, hour)
            await books.accept("stall", START + (hour - 1) * HOUR, hour - 1)  # late: before the last one
        return verification.report.is_clean, verification.reads

    is_clean, seen = with_books(tmp_path, scene)
    assert (is_clean, seen) == (True, 1)


def test_nothing_read_is_nothing_to_complain_about(tmp_path: Path) -> None:
    async def scene(books: Books) -> bool:
        return (await books.read(verify_reads)).is_clean

    assert with_books(tmp_path, scene)


def test_a_broken_link_is_named_by_its_row(tmp_path: Path, whole: bytes) -> None:
    damaged(tmp_path, whole, "UPDATE prepaid__reads SET frame_sha = 'x' WHERE id = 9")
    with reader_of(tmp_path / "hub.db") as reader:
        assert (broken_links(reader, 1), broken_links(reader, 2)) == ([9], [])
