"""Whenever power goes, the books that are found after it are whole and hold everything that was acknowledged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from books_power import NAMES, SHIM, Disk, Step, steps_of, write_image
from books_world import violations
from records import Records

from hub.core.ids import SeededIds

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
IMAGES = {"quick": 60, "ci": 200, "full": 10_000}[os.environ.get("HUB_SUITE", "quick")]
LIVES = 3
CHILD = """
import logging, sys
from pathlib import Path
import books_world
logging.disable(logging.CRITICAL)
for life in range(int(sys.argv[2])):
    books_world.prepare(Path(sys.argv[1]), life)
    books_world.live(Path(sys.argv[1]), life, is_last=False)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Step]]:
    """The folder of some lives in peace, and every step of its files."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here to build the library that records what SQLite does to its files")
    folder = tmp_path_factory.mktemp("recorded")
    library = folder / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, SHIM, "-ldl", "-lpthread"], check=True)
    (folder / "site" / "data").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder / "site"), str(LIVES)],
        env={
            **os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", "LD_PRELOAD": str(library),
            "POWER_RECORD": str(folder / "record"),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps = steps_of(folder / "record")
    if not any(step.what == b"s" and step.file == b"w" for step in steps):
        pytest.skip("this build of SQLite does not sync through the C library")
    return folder / "site", steps


def test_the_record_is_complete(recorded: tuple[Path, list[Step]]) -> None:
    """All steps together make the very files that are there: nothing was written past the record."""
    folder, steps = recorded
    disk = Disk()
    for step in steps:
        disk.take(step)
    there = {name: (folder / path).read_bytes() for name, path in NAMES.items() if (folder / path).exists()}
    assert {**disk.whole(), b"a": bytes(disk.said)} == there
    assert len(Records(folder).answered) > 20


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_what_power_leaves_behind_is_whole(
    recorded: tuple[Path, list[Step]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, steps = recorded
    chance = SeededIds(int(os.environ.get("HUB_SEED", "1"))).random
    cuts = sorted(chance.randrange(1, len(steps) + 1) for _ in range(IMAGES))
    (tmp_path / "data").mkdir()
    disk, done, broken, answered = Disk(), 0, [], 0
    for number, cut in enumerate(cuts):
        for step in steps[done:cut]:
            disk.take(step)
        done = cut
        write_image(tmp_path, disk.after_cut(chance), bytes(disk.said))
        records = Records(tmp_path)
        answered += len(records.answered)
        broken += [f"image {number}, cut after step {cut}: {text}" for text in violations(tmp_path, records)]
        records.close()
    syncs = sum(step.what == b"s" for step in steps)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are for people
            f"\npower: {IMAGES} images over {len(steps)} steps and {syncs} syncs, "
            f"{answered // IMAGES} acknowledgements in the mean, {len(broken)} violations"
        )
    assert broken == []


SYNCED = Step(b"s", b"d")
MODEL = {
    "what was synced is there": ([Step(b"w", b"d", 0, b"x" * 600), SYNCED], {b"x" * 600}),
    "what was not is there, in part, or not": (
        [Step(b"w", b"d", 0, b"x" * 512), SYNCED, Step(b"w", b"d", 512, b"y" * 512)],
        {b"x" * 512, b"x" * 512 + b"y" * 512},
    ),
    "a later sector may be there without an earlier one": (
        [SYNCED, Step(b"w", b"d", 0, b"x" * 1024)],
        {b"", b"x" * 512, b"x" * 1024, bytes(512) + b"x" * 512},
    ),
    "a truncation may not have happened": (
        [Step(b"w", b"d", 0, b"xyz"), SYNCED, Step(b"t", b"d", 1)],
        {b"xyz", b"x"},
    ),
}


@pytest.mark.parametrize(("steps", "expected"), MODEL.values(), ids=MODEL)
def test_what_a_disk_may_hold_of_a_file(steps: list[Step], expected: set[bytes]) -> None:
    chance = SeededIds(7).random
    disk = Disk()
    for step in [Step(b"c", b"d"), Step(b"s", b"f"), *steps]:
        disk.take(step)
    seen = {disk.after_cut(chance)[b"d"] for _ in range(400)}
    assert expected <= seen
    assert {len(one) for one in seen} <= set(range(max(map(len, expected)) + 1))


def test_a_name_is_sure_once_its_folder_was_synced() -> None:
    chance = SeededIds(7).random
    disk = Disk()
    for step in (Step(b"c", b"w"), Step(b"w", b"w", 0, b"x"), Step(b"s", b"w")):
        disk.take(step)
    assert {tuple(disk.after_cut(chance).items()) for _ in range(40)} == {(), ((b"w", b"x"),)}
    disk.take(Step(b"s", b"f"))
    assert {tuple(disk.after_cut(chance).items()) for _ in range(40)} == {((b"w", b"x"),)}
    disk.take(Step(b"u", b"w"))
    assert disk.whole() == {}
    assert {tuple(disk.after_cut(chance).items()) for _ in range(40)} == {(), ((b"w", b"x"),)}
