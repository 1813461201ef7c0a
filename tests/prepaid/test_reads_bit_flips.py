"""One flipped bit anywhere in what accepted reads and their indexes occupy: verification finds every one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from reads_stage import findings, write_reads
from sqlite_cells import cells

from hub.core.ids import SeededIds

FLIPS = {"quick": 150, "ci": 600, "full": 5_000}[os.environ.get("HUB_SUITE", "quick")]
"""In the table, and in each index."""

PLACES = ("prepaid__reads", "prepaid__reads_time", "prepaid__reads_chain")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of some pages of reads."""
    return write_reads(tmp_path_factory.mktemp("reads")).read_bytes()


def root_of(file: Path, name: str) -> int:
    """The page where a table or an index begins."""
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return int(root)


@pytest.mark.long
@pytest.mark.parametrize("name", PLACES)
def test_every_flipped_bit_is_found(tmp_path: Path, whole: bytes, name: str) -> None:
    file = tmp_path / "flipped.db"
    file.write_bytes(whole)
    used = [place for cell in cells(whole, root_of(file, name)) for place in cell]
    chance = SeededIds(20261121)
    missed = []
    for _ in range(FLIPS):
        place, bit = used[chance.random_bits(32) % len(used)], chance.random_bits(3)
        flipped = bytearray(whole)
        flipped[place] ^= 1 << bit
        file.write_bytes(flipped)
        if not findings(file):
            missed.append((place, bit))
    assert missed == []


def test_the_file_without_a_flip_is_clean(tmp_path: Path, whole: bytes) -> None:
    file = tmp_path / "whole.db"
    file.write_bytes(whole)
    assert findings(file) == []
