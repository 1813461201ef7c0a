"""Whether energy and money went where the reads say: what a verification over the book finds when they did not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from books_stage import FLAT, Books, with_books
from reads_stage import HOUR, START, damaged, read_hourly, reader_of, write_reads

from hub.contracts.ids import ContractId, PointId
from hub.contracts.units import WattHours
from plugins.prepaid.charging.book import load_book
from plugins.prepaid.charging.sharing import Part
from plugins.prepaid.charging.verify import posted_as_folded
from plugins.prepaid.gate.energy import energy_kept, tiled
from plugins.prepaid.pricing import Segment, Timeline, Version
from plugins.prepaid.pricing.model import Split
from plugins.prepaid.pricing.timeline import Piece
from plugins.prepaid.tariffs import tariff_from_text

STALL = PointId("stall")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of some pages of reads."""
    return write_reads(tmp_path_factory.mktemp("reads")).read_bytes()


PERIODS = {
    "posted too much": (
        "UPDATE prepaid__periods SET posted = json_set(posted, '$.energy', 1) WHERE contract = 'noodles'",
        ["noodles 2026-11: folding its reads anew would post {'energy': ",
         "noodles 2026-11: its row says "],
    ),
    "another state": (
        "UPDATE prepaid__periods SET state = replace(state, 'flat', 'peak') WHERE contract = 'noodles'",
        ["noodles 2026-11: its stored state is not what its reads fold to"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), PERIODS.values(), ids=PERIODS)
def test_a_period_that_is_not_what_its_reads_say_is_found(
    tmp_path: Path, whole: bytes, sql: str, expected: list[str]
) -> None:
    damaged(tmp_path, whole, sql)
    with reader_of(tmp_path / "hub.db") as reader:
        found = list(posted_as_folded(reader, load_book(reader)))
    assert [one[: len(begin)] for one, begin in zip(found, expected, strict=True)] == expected


def test_every_period_of_a_clean_file_is_what_its_reads_say(tmp_path: Path, whole: bytes) -> None:
    damaged(tmp_path, whole)
    with reader_of(tmp_path / "hub.db") as reader:
        assert list(posted_as_folded(reader, load_book(reader))) == []


def piece(t0_us: int, t1_us: int, wh: int) -> Segment:
    """A segment of the timeline below."""
    return Segment(t0_us, t1_us, WattHours(wh), "all", "all", "2026-11", "sha", Split.TIME, 1, 2)


TILED: dict[str, tuple[list[Segment], list[tuple[str, str]]]] = {
    "whole": ([piece(0, 40, 4), piece(40, 100, 6)], []),
    "in another order": ([piece(40, 100, 6), piece(0, 40, 4)], []),
    "a gap": ([piece(0, 40, 4), piece(41, 100, 6)], [("I6", "a gap of segments at 41")]),
    "an overlap": ([piece(0, 41, 4), piece(40, 100, 6)], [("I6", "an overlap of segments at 40")]),
    "an end that is missing": ([piece(0, 40, 10)], [("I6", "no segment covers 40 to 100")]),
    "a Wh that was lost": ([piece(0, 40, 4), piece(40, 100, 5)], [("I4", "its segments hold 9 Wh of 10")]),
}


@pytest.mark.parametrize(("segments", "expected"), TILED.values(), ids=TILED)
def test_segments_must_tile_their_part(segments: list[Segment], expected: list[tuple[str, str]]) -> None:
    timeline = Timeline([Version(tariff_from_text(FLAT, "flat.yaml"), 0)], 0)
    part = Part(ContractId("c"), 0, 100, WattHours(0), WattHours(10))
    assert list(tiled([part], segments, timeline)) == expected


def test_a_part_that_reaches_out_of_its_contract_is_covered_inside_it_only() -> None:
    timeline = Timeline([Version(tariff_from_text(FLAT, "flat.yaml"), 0)], 50)
    part = Part(ContractId("c"), 0, 100, WattHours(0), WattHours(10))
    assert list(tiled([part], [piece(50, 100, 5)], timeline)) == []
    assert list(tiled([part], [piece(60, 100, 5)], timeline)) == [("I6", "a gap of segments at 60")]


class Forgetful(Timeline):
    """A timeline that leaves out where it begins, as a bug of cutting would."""

    def pieces(self, t0_us: int, t1_us: int) -> list[Piece]:
        """All pieces but the first hour."""
        return super().pieces(t0_us + HOUR, t1_us)


def test_what_a_bug_of_cutting_would_lose_is_found_between_reads(tmp_path: Path) -> None:
    async def scene(books: Books) -> list[tuple[str, str]]:
        await books.publish(FLAT, 0)
        await books.move_in("noodles", START, ["stall"], tariff="flat")
        book = await books.read(load_book)
        timeline = Forgetful([Version(tariff_from_text(FLAT, "flat.yaml"), 0)], START)
        accepted = [replace(read, id=number) for number, read in enumerate(read_hourly(3)) if number != 1]
        return list(energy_kept(replace(book, timelines={ContractId("noodles"): timeline}), STALL, accepted))

    begin_us = START + HOUR
    assert with_books(tmp_path, scene) == [
        ("I6", f"contract noodles up to read 2: a gap of segments at {begin_us + HOUR}"),
    ]
