"""The folder lock: one process at a time, named, and let go of by whatever end that process has."""

import fcntl
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from hub.core.lock import FolderInUse, FolderLock, FolderUnusable

pytestmark = pytest.mark.real_time


def hold(folder: Path, line: Connection) -> None:
    lock = FolderLock(folder)
    lock.acquire()
    line.send("held")
    line.recv()
    lock.release()
    line.send("released")
    line.recv()


@pytest.fixture
def other(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Another process that holds the lock of a folder."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    process = context.Process(target=hold, args=(tmp_path / "data", theirs))
    process.start()
    assert mine.recv() == "held"
    yield process, mine
    process.kill()
    process.join()
    mine.close()


def test_a_folder_in_use_is_refused_and_its_holder_named(other, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    process, _ = other
    lock = FolderLock(tmp_path / "data")
    with pytest.raises(FolderInUse, match=rf"is in use by process {process.pid} \(.+\); stop that hub first"):
        lock.acquire()
    assert lock.is_held_elsewhere()
    assert lock.holder().startswith(f"process {process.pid} (")


def test_a_killed_holder_leaves_the_folder_free(other, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    process, _ = other
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    lock = FolderLock(tmp_path / "data")
    assert not lock.is_held_elsewhere()
    lock.acquire()
    assert lock.holder().startswith(f"process {os.getpid()} (")
    lock.release()


def test_a_released_folder_names_nobody(other, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    _, line = other
    line.send("release")
    assert line.recv() == "released"
    lock = FolderLock(tmp_path / "data")
    assert lock.holder() == ""
    lock.acquire()
    lock.release()
    lock.release()  # twice is harmless


def test_asking_who_holds_the_folder_refuses_no_start(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()
    asked = os.open(tmp_path / "hub.lock", os.O_RDONLY)
    fcntl.flock(asked, fcntl.LOCK_SH)  # what `is_held_elsewhere` holds for a moment
    end = threading.Timer(0.03, os.close, [asked])
    end.start()
    lock.acquire()
    end.join()
    lock.release()


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "site" / "data")
    lock.acquire()
    assert (tmp_path / "site" / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "site" / "data" / "hub.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize(
    ("case", "prepare"),
    [
        ("a file stands there", lambda path: path.write_text("")),
        ("it leads nowhere", lambda path: path.symlink_to("/nowhere/at/all")),
        ("the lock is a folder", lambda path: (path / "hub.lock").mkdir(parents=True)),
    ],
)
def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path, case: str, prepare: object) -> None:
    prepare(tmp_path / "data")  # type: ignore[operator]
    with pytest.raises(FolderUnusable, match=r"data folder .*/data cannot be used: .+; give its owner"):
        FolderLock(tmp_path / "data").acquire()


def test_a_failed_acquire_leaks_no_descriptor(other, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(FolderInUse):
            FolderLock(tmp_path / "data").acquire()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_long_command_line_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/hub", "action", "call", "x" * 5000, "two\nlines"])
    lock = FolderLock(tmp_path)
    lock.acquire()
    assert len((tmp_path / "hub.lock").read_bytes()) <= 200
    assert lock.holder().endswith(")")
    lock.release()
