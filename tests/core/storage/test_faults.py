"""Bad disks, for real: what was acknowledged stays, writes fail typed, the hub says so and recovers unaided."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from storage_stage import SCHEMA

from hub.core.clock import SystemClock, block_thread
from hub.core.ids import SeededIds
from hub.core.storage import (
    Database,
    Reader,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageIOFailed,
    Tx,
)

ROOT = Path(__file__).parents[3]
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static int meddle(void) {
  char word[8] = {0};
  const char *path = getenv("FSYNC_FLAG");
  int fd = path ? open(path, O_RDONLY) : -1;
  if (fd < 0) return 0;
  if (read(fd, word, 7) < 1) word[0] = 0;
  close(fd);
  if (word[0] == 's') usleep(2000000);
  if (word[0] == 'f') { errno = EIO; return -1; }
  return 0;
}
int fsync(int fd) { return meddle() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { return meddle() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes fsync slow or failing."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here to build the shim around fsync")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def run(mode: str, folder: Path, **environment: str) -> dict[str, Any]:
    """Let a hub meet a fault in a process of its own; its report, after a look at its file."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            sys.executable, str(Path(__file__).with_name("fault_child.py")), mode, str(folder),
            environment.get("FSYNC_FLAG", str(folder / "flag")),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    with closing(sqlite3.connect(folder / "data" / "hub.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = [row[0] for row in file.execute("SELECT n FROM a__rows ORDER BY n")]
        seqs = [row[0] for row in file.execute("SELECT change_seq FROM core__changes ORDER BY 1")]
    lost = sorted(set(report["acknowledged"]) - set(found))
    assert lost == [], "acknowledged and lost"
    assert seqs == list(range(1, len(seqs) + 1))
    assert report["lag_p99_s"] < 0.1, "the loop must go on whatever the disk does"
    assert report["recovered_s"] is not None, "the hub must recover without being asked for anything"
    assert report["errors"].pop("after recovery") == 0
    return report


def test_on_a_full_disk_the_hub_holds_and_recovers_when_there_is_room(small_disk: Path) -> None:
    report = run("full", small_disk)
    assert set(report["errors"]) == {"StorageFull"}
    assert "the disk is full; free some space, the hub goes on by itself" in report["held"]
    assert len(report["acknowledged"]) >= 60


def test_a_write_error_is_told_as_such_and_the_hub_recovers(tmp_path: Path) -> None:
    report = run("file limit", tmp_path / "site")
    assert set(report["errors"]) == {"StorageIOFailed"}
    assert "the disk failed; check it and the system log" in report["held"]


def test_without_descriptors_the_hub_goes_on_with_the_files_that_it_holds_open(tmp_path: Path) -> None:
    report = run("no descriptors", tmp_path / "site")
    assert report["errors"] == {"StorageIOFailed": 1}, "the backup, which needs a new file"
    assert "check path, rights and open files" in report["texts"][0]
    assert report["held"] == ""


def test_a_failing_fsync_fails_the_write_and_not_what_came_before(tmp_path: Path, shim: Path) -> None:
    report = run("failing", tmp_path / "site", LD_PRELOAD=str(shim), FSYNC_FLAG=str(tmp_path / "flag"))
    if not report["errors"]:
        pytest.skip("this build of SQLite does not sync through the C library")
    assert set(report["errors"]) == {"StorageIOFailed"}
    assert "the disk failed; check it and the system log" in report["held"]


def test_a_slow_fsync_delays_the_write_and_never_the_loop(tmp_path: Path, shim: Path) -> None:
    report = run("slow", tmp_path / "site", LD_PRELOAD=str(shim), FSYNC_FLAG=str(tmp_path / "flag"))
    if report["longest_write_s"] < 1:
        pytest.skip("this build of SQLite does not sync through the C library")
    assert report["errors"] == {}


def open_database(folder: Path) -> Database:
    """A database with its threads, to be opened."""
    return Database(folder / "hub.db", SystemClock())


def fill(n: int, size: int = 2000) -> Any:
    """A write of one large row."""
    return lambda tx: tx.execute("INSERT INTO a__t (v, name) VALUES (?, ?)", (n, f"{n}:" + "x" * size))


def test_writes_that_do_not_fit_fail_and_are_told_once_until_there_is_room(tmp_path: Path) -> None:
    async def main() -> None:
        db = open_database(tmp_path)
        await db.open()
        await db.migrate("a", SCHEMA)
        told: list[str] = []
        db.on_fault = lambda fault: told.append(type(fault).__name__)
        committer = db._committer
        assert committer is not None
        pages = committer.connection.execute("PRAGMA page_count").fetchone()[0]
        committer.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        results = [
            await asyncio.gather(
                *(db.write(fill(k * 10 + n), owner="a") for n in range(10)), return_exceptions=True
            )
            for k in range(6)
        ]
        done = [k * 10 + n for k, group in enumerate(results) for n, one in enumerate(group) if one == 1]
        failed = [one for group in results for one in group if one != 1]
        assert failed
        assert all(isinstance(one, StorageFull) for one in failed)
        assert len({id(one) for one in failed}) == len(failed), "each waiter has an error of its own"
        assert "the disk is full; free some space, the hub goes on by itself" in str(failed[0])
        assert told == ["StorageFull"]
        read = await db.read(lambda r: [row[0] for row in r.all("SELECT v FROM a__t ORDER BY id")], owner="a")
        assert read == done, "reading works on"
        committer.connection.execute("PRAGMA max_page_count = 100000")
        assert await db.write(fill(999), owner="a") == 1
        assert told == ["StorageFull", "NoneType"]
        assert db.fault is None
        await db.close()

    asyncio.run(main())


def test_a_function_that_swallows_a_full_disk_commits_nothing_after_it(tmp_path: Path) -> None:
    def stubborn(tx: Tx) -> None:
        for n in range(200):
            try:
                tx.execute("INSERT INTO a__t (v, name) VALUES (?, ?)", (n, f"{n}:" + "x" * 2000))
            except StorageError:
                tx_errors.append(n)

    tx_errors: list[int] = []

    async def main() -> None:
        db = open_database(tmp_path)
        await db.open()
        await db.migrate("a", SCHEMA)
        committer = db._committer
        assert committer is not None
        pages = committer.connection.execute("PRAGMA page_count").fetchone()[0]
        committer.connection.execute(f"PRAGMA max_page_count = {pages + 10}")
        with pytest.raises(StorageFull):
            await db.write(stubborn, owner="a")
        assert tx_errors == list(range(tx_errors[0], 200)), "once it failed, everything in it fails"
        assert await db.read(lambda r: r.value("SELECT count(*) FROM a__t"), owner="a") == 0
        await db.close()

    asyncio.run(main())


def test_a_write_waits_for_another_process_and_works_on_what_that_has_written(tmp_path: Path) -> None:
    """Nothing of ours writes beside the one writer, but a person with a tool may: BEGIN IMMEDIATE takes turns."""

    def add(tx: Tx) -> None:
        tx.execute("UPDATE a__t SET v = v + 1")

    def interfere(file: Path, holds: threading.Event) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            holds.set()
            block_thread(0.15)
            other.execute("UPDATE a__t SET v = v + 100")
            other.execute("COMMIT")

    async def main() -> None:
        db = open_database(tmp_path)
        await db.open()
        await db.migrate("a", SCHEMA)
        await db.write(lambda tx: tx.execute("INSERT INTO a__t (v) VALUES (0)"), owner="a")
        for turn in range(1, 4):
            holds = threading.Event()
            other = asyncio.ensure_future(asyncio.to_thread(interfere, db.path, holds))
            await asyncio.to_thread(holds.wait, 5)
            await db.write(add, owner="a")
            await other
            assert await db.read(lambda r: r.value("SELECT v FROM a__t"), owner="a") == turn * 101
        await db.close()

    asyncio.run(main())


def test_a_file_that_another_process_does_not_let_go_of_is_told_as_busy(tmp_path: Path) -> None:
    async def main() -> None:
        db = open_database(tmp_path)
        await db.open()
        await db.migrate("a", SCHEMA)
        committer = db._committer
        assert committer is not None
        committer.connection.execute("PRAGMA busy_timeout = 20")
        with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageBusy, match="another process holds the file; stop it, one hub owns a site's"):
                await db.write(fill(1), owner="a")
        assert await db.write(fill(2), owner="a") == 1
        await db.close()

    asyncio.run(main())


def make_file(folder: Path) -> Path:
    """A database with a few hundred pages, whose newest rows are in the log only, as after a crash."""

    async def main() -> None:
        db = open_database(folder)
        await db.open()
        await db.migrate("a", SCHEMA)
        await asyncio.gather(*(db.write(fill(n), owner="a") for n in range(300)))
        await db.close()
        db = open_database(folder)
        await db.open()
        await db.write(fill(1000), owner="a")
        for name in ("hub.db", "hub.db-wal"):
            shutil.copy(folder / name, folder / f"kept-{name}")
        await db.close()

    folder.mkdir(exist_ok=True)
    asyncio.run(main())
    for name in ("hub.db", "hub.db-wal"):
        (folder / f"kept-{name}").replace(folder / name)
    (folder / "hub.db-shm").unlink(missing_ok=True)
    return folder / "hub.db"


def contents(folder: Path) -> dict[str, bytes]:
    """Every byte of the database and its log."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def assert_kept(folder: Path, before: dict[str, bytes]) -> None:
    """Every byte is where it was; an empty log beside it is nothing."""
    after = {name: data for name, data in contents(folder).items() if data}
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []


@pytest.mark.parametrize(
    ("damage", "has_log"),
    [
        pytest.param(lambda data: b"this is no database" + data[19:], False, id="another kind of file"),
        pytest.param(lambda data: data[:100] + bytes(4000) + data[4100:], False, id="a first page of zeros"),
        pytest.param(lambda data: data[: len(data) // 2], True, id="half a file"),
        pytest.param(lambda data: data[:40960] + b"\xff" * 40960 + data[81920:], True, id="ten pages of noise"),
    ],
)
def test_a_damaged_file_is_refused_and_left_as_it_is_with_its_log(
    tmp_path: Path, damage: Any, has_log: bool
) -> None:
    file = make_file(tmp_path / "data")
    if not has_log:
        (file.parent / "hub.db-wal").unlink()
    file.write_bytes(damage(file.read_bytes()))
    before = contents(file.parent)

    async def main() -> None:
        db = open_database(file.parent)
        with pytest.raises(StorageCorrupt, match=r"hub backup restore"):
            await db.open()
        await db.close()

    asyncio.run(main())
    assert_kept(file.parent, before)


def test_an_intact_file_with_a_log_opens_with_everything_in_it(tmp_path: Path) -> None:
    file = make_file(tmp_path / "data")

    async def main() -> None:
        db = open_database(file.parent)
        await db.open()
        assert await db.read(lambda r: r.value("SELECT max(v) FROM a__t"), owner="a") == 1000
        await db.close()

    asyncio.run(main())


def test_flipped_bits_are_refused_or_read_around_and_never_make_another_error(tmp_path: Path) -> None:
    file = make_file(tmp_path / "data")
    whole = contents(file.parent)
    chance = SeededIds(7).random
    refused = 0

    async def look() -> bool:
        db = open_database(file.parent)
        try:
            await db.open()
        except StorageCorrupt:
            return True
        try:
            for sql in ("SELECT * FROM a__t", "SELECT * FROM a__t ORDER BY name", "SELECT count(*) FROM a__t"):
                await db.read(lambda r, sql=sql: r.all(sql), owner="a")  # type: ignore[misc]
        except sqlite3.OperationalError as error:
            assert "Could not decode to UTF-8" in str(error)  # noqa: PT017 - inside a text: no page shows that
        except StorageCorrupt:
            assert isinstance(db.fault, StorageCorrupt)
            with pytest.raises(StorageCorrupt):
                await db.write(fill(1), owner="a")
        finally:
            await db.close()
        return False

    for _ in range(40):
        damaged = bytearray(whole["hub.db"])
        places = [chance.randrange(len(damaged)) for _ in range(2)]
        places.append(chance.randrange(len(damaged) // 4096) * 4096 + chance.randrange(12))  # the head of a page
        for place in places:
            damaged[place] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        (file.parent / "hub.db-wal").write_bytes(whole["hub.db-wal"])
        (file.parent / "hub.db-shm").unlink(missing_ok=True)
        before = contents(file.parent)
        if asyncio.run(look()):
            refused += 1
            assert_kept(file.parent, before)
    assert refused > 0, "no flip was noticed: the check does not work"


def test_damage_that_shows_while_running_stops_all_writing_and_changes_no_byte(tmp_path: Path) -> None:
    file = make_file(tmp_path / "data")
    told: list[str] = []

    def everything(reader: Reader) -> object:
        return reader.all("SELECT * FROM a__t")

    async def main() -> dict[str, bytes]:
        db = open_database(file.parent)
        await db.open()
        db.on_fault = lambda fault: told.append(type(fault).__name__)
        await db.write(fill(2000), owner="a")
        with file.open("r+b") as handle:
            handle.seek(40960)
            handle.write(b"\xff" * 40960 * 4)
        damaged = contents(file.parent)
        with pytest.raises(StorageCorrupt, match="the file is damaged; stop the hub, keep the file, and run `hub"):
            await db.read(everything, owner="a")
        for n in range(3):
            with pytest.raises(StorageCorrupt, match="the file is damaged"):
                await db.write(fill(n), owner="a")
        assert told == ["StorageCorrupt"]
        await db.close()
        return damaged

    assert_kept(file.parent, asyncio.run(main()))


@pytest.mark.parametrize("kind", ["no folder", "a folder in its place", "no descriptors"])
def test_a_file_that_cannot_be_opened_is_told_as_such_and_nothing_stays_open(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "data"
    if kind != "no folder":
        folder.mkdir()
    if kind == "a folder in its place":
        (folder / "hub.db").mkdir()
    threads = threading.active_count()

    async def main() -> None:
        db = open_database(folder)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        held: list[int] = []
        if kind == "no descriptors":
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
            with suppress(OSError):
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
        try:
            with pytest.raises(StorageIOFailed):
                await db.open()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for descriptor in held:
                os.close(descriptor)
        await db.close()
        with pytest.raises(StorageError, match="is not open"):
            await db.write(fill(1))

    asyncio.run(main())
    assert threading.active_count() == threads
