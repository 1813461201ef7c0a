"""Low space is told once, in time and with advice; a reserve is kept, and given away when there is nothing left."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import signal
from pathlib import Path

import pytest

from hub.core.clock import SystemClock
from hub.core.guards import Ballast, DiskSpace, DiskWatch
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

MB = 1_000_000
GB = 1000 * MB


class Disk:
    """A disk whose free space the test sets; the reserve on it takes up room, as it would."""

    def __init__(
        self, loop: VirtualLoop, folder: Path, *, total_bytes: int = 100 * GB, has_ballast: bool = True
    ) -> None:
        """Be nearly empty."""
        self.total_bytes = total_bytes
        self.free_without_ballast_bytes = total_bytes
        self.error: OSError | None = None
        self.looks = 0
        self.told: list[str] = []
        self.file = folder / "ballast"
        self.ballast = Ballast(self.file, usage=self.usage)
        self.watch = DiskWatch(
            folder,
            VirtualClock(loop),
            lambda space: self.told.append(f"low {space.free_bytes // MB}"),
            lambda space: self.told.append(f"ok {space.free_bytes // MB}"),
            ballast=self.ballast if has_ballast else None,
            usage=self.usage,
            check_s=30,
        )

    def usage(self, folder: Path) -> tuple[int, int, int]:
        """Total, used and free bytes."""
        self.looks += 1
        if self.error is not None:
            raise self.error
        free_bytes = max(0, self.free_without_ballast_bytes - self.file.exists() * 64 * MB)
        return self.total_bytes, self.total_bytes - free_bytes, free_bytes


@pytest.mark.parametrize(
    ("total_bytes", "free_bytes", "is_low"),
    [
        pytest.param(16 * GB, 1601 * MB, False, id="a card with more than a tenth free"),
        pytest.param(16 * GB, 1599 * MB, True, id="a card with less than a tenth free"),
        pytest.param(2000 * GB, 5001 * MB, False, id="a large disk with 0.25 % but years of room"),
        pytest.param(2000 * GB, 4999 * MB, True, id="a large disk with less than 5 GB"),
        pytest.param(2 * GB, 501 * MB, False, id="a small disk just above 500 MB"),
        pytest.param(2 * GB, 499 * MB, True, id="a small disk a quarter free, but below 500 MB"),
        pytest.param(400 * MB, 400 * MB, True, id="a disk too small for a hub"),
        pytest.param(0, 0, True, id="a disk that says it has no size"),
    ],
)
def test_what_counts_as_low(total_bytes: int, free_bytes: int, is_low: bool) -> None:
    assert DiskSpace(Path("/data"), free_bytes, total_bytes).is_below() is is_low


def test_low_is_told_once_and_ok_only_well_above_the_limit(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path, total_bytes=4 * GB, has_ballast=False)
        running = loop.create_task(disk.watch.run())
        for free_mb, told in [
            (600, []),
            (499, ["low 499"]),
            (300, []),
            (510, []),
            (599, []),
            (600, ["ok 600"]),
            (590, []),
            (499, ["low 499"]),
        ]:
            disk.told.clear()
            disk.free_without_ballast_bytes = free_mb * MB
            await advance(loop, 60)
            assert disk.told == told, free_mb
        running.cancel()

    run_virtual(main)


def test_making_the_reserve_does_not_raise_the_alarm(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path, total_bytes=4 * GB)
        for free_mb in (520, 560, 599):
            disk.free_without_ballast_bytes = free_mb * MB
            await disk.watch.check()
            assert not disk.ballast.is_there
        disk.free_without_ballast_bytes = 600 * MB
        await disk.watch.check()
        assert disk.ballast.is_there
        await disk.watch.check()
        assert disk.told == []

    run_virtual(main)


def test_a_full_disk_gives_its_reserve_away_and_gets_it_back_after_recovery(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path)
        running = loop.create_task(disk.watch.run())
        await advance(loop, 1)
        assert disk.file.stat().st_size == 64 * MB
        disk.free_without_ballast_bytes = 65 * MB  # with the reserve: 1 MB
        await advance(loop, 30)
        assert not disk.file.exists()
        await advance(loop, 600)
        assert not disk.file.exists()
        assert disk.told == ["low 1"]
        disk.free_without_ballast_bytes = 90 * GB
        await advance(loop, 30)
        assert disk.told == ["low 1", "ok 90000"]
        assert disk.ballast.is_there
        running.cancel()

    run_virtual(main)
    assert f"the disk of {tmp_path} is full; its reserve was given away, make room now" in caplog.messages


def test_whoever_meets_a_full_disk_gets_room_at_once(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path)
        await disk.watch.check()
        disk.free_without_ballast_bytes = 64 * MB
        assert await disk.watch.relieve() is True
        assert not disk.file.exists()
        assert disk.told == ["low 64"]
        assert await disk.watch.relieve() is False

    run_virtual(main)


def test_the_log_says_where_how_much_and_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path, total_bytes=32 * GB)
        disk.free_without_ballast_bytes = 312 * MB
        await disk.watch.check()

    run_virtual(main)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        f"disk low: 312 MB (1.0 %) are free on the disk of {tmp_path}; delete old backups and logs, or move the "
        "folder to a larger disk: once it is full, nothing new is recorded"
    )


def test_a_disk_that_does_not_answer_is_said_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(loop: VirtualLoop) -> None:
        disk = Disk(loop, tmp_path)
        running = loop.create_task(disk.watch.run())
        await advance(loop, 1)
        disk.error = OSError(errno.EIO, "Input/output error")
        await advance(loop, 300)
        assert disk.looks > 10
        assert disk.told == []
        assert disk.ballast.is_there
        disk.error = None
        await advance(loop, 60)
        running.cancel()

    run_virtual(main)
    assert caplog.messages == [
        f"the free space of {tmp_path} is unknown: [Errno 5] Input/output error; check the disk and its mount"
    ]


def test_a_simulated_day_takes_few_looks_at_the_real_disk(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> int:
        looks = 0

        def usage(folder: Path) -> tuple[int, int, int]:
            nonlocal looks
            looks += 1
            return 100 * GB, 0, 100 * GB

        watch = DiskWatch(tmp_path, VirtualClock(loop), print, print, usage=usage)
        running = loop.create_task(watch.run())
        await advance(loop, 86_400 - 1)
        running.cancel()
        return looks

    assert run_virtual(main) == 24


@pytest.mark.real_time
def test_a_real_disk_is_read_off_the_loop_and_carries_a_real_reserve(tmp_path: Path) -> None:
    async def main() -> None:
        ballast = Ballast(tmp_path / "ballast", 3)
        watch = DiskWatch(tmp_path, SystemClock(), print, print, ballast=ballast)
        space = await watch.check()
        assert space is not None
        assert 0 < space.free_bytes <= space.total_bytes
        assert watch.is_low or ballast.is_there
        assert not watch.is_low or not ballast.is_there

    asyncio.run(main())


def test_the_reserve_takes_up_real_blocks_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 3)
    assert not ballast.is_there
    assert ballast.create() is True
    status = (tmp_path / "ballast").stat()
    assert (status.st_size, oct(status.st_mode & 0o777)) == (3 * MB, "0o600")
    assert status.st_blocks * 512 >= 3 * MB
    assert ballast.release() is True
    assert not (tmp_path / "ballast").exists()
    assert ballast.release() is False


@pytest.mark.parametrize("left_behind_bytes", [0, 1000, 5 * MB], ids=["empty", "cut short", "of another size"])
def test_a_reserve_of_the_wrong_size_is_made_anew(tmp_path: Path, left_behind_bytes: int) -> None:
    (tmp_path / "ballast").write_bytes(b"x" * left_behind_bytes)
    ballast = Ballast(tmp_path / "ballast", 3)
    assert not ballast.is_there
    assert ballast.create() is True
    assert ballast.is_there


@pytest.mark.parametrize(
    ("free_bytes", "is_made"), [(6 * MB, True), (6 * MB - 1, False)], ids=["enough", "too little"]
)
def test_the_reserve_is_made_only_where_it_leaves_as_much_again(
    tmp_path: Path, free_bytes: int, is_made: bool
) -> None:
    ballast = Ballast(tmp_path / "ballast", 3, lambda folder: (100 * MB, 0, free_bytes))
    assert ballast.create() is is_made
    assert (tmp_path / "ballast").exists() is is_made


def test_a_reserve_that_cannot_be_made_leaves_nothing_behind_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "missing" / "ballast"
    assert Ballast(file, 3, lambda folder: (GB, 0, GB)).create() is False
    [message] = caplog.messages
    assert message == f"no reserve of 3 MB at {file}: [Errno 2] No such file or directory: '{file}'"


def test_a_disk_that_fills_up_while_the_reserve_is_made_is_left_as_it_was(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MB, hard))
    try:
        assert Ballast(tmp_path / "ballast", 3).create() is False
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []
