"""Over its budget, the hub finds out whose code makes it grow, says so, and does nothing else."""

from __future__ import annotations

import logging
import mmap
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.core.guards import MemoryGrew, MemoryWatch
from hub.core.guards.memory import own_rss_bytes
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

MB = 1_000_000
FOLDER = Path(__file__).resolve().parents[3]

PLUGIN = """
import json
kept = []
def remember():
    kept.append(json.loads("[" + ",".join(str(n) for n in range(100_000, 110_000)) + "]"))
"""

CHILD = """
import asyncio, sys, tracemalloc
from hub.core.clock import SystemClock
from hub.core.guards import MemoryWatch
from hub.core.guards.memory import own_rss_bytes
sys.path.insert(0, sys.argv[1])
import leaky

async def main():
    told = []
    watch = MemoryWatch(
        SystemClock(), own_rss_bytes() / 1e6 + 5, lambda file: "leaky" if file == leaky.__file__ else None,
        told.append, check_s=0.1, window_s=2.0,
    )
    watching = asyncio.create_task(watch.run())
    while not told:
        leaky.remember()
        await asyncio.sleep(0.01)
    watching.cancel()
    print(told[0].owner, told[0].grown_bytes > 500_000, told[0].rss_bytes > told[0].budget_bytes,
          tracemalloc.is_tracing(), told[0].top_lines[0], sep="|")

asyncio.run(main())
"""


def test_a_leaking_plugin_of_a_real_process_is_named_with_the_line_that_leaks(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(PLUGIN)
    (tmp_path / "child.py").write_text(CHILD)
    result = subprocess.run(
        [sys.executable, tmp_path / "child.py", tmp_path],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        env={"PYTHONPATH": str(FOLDER)},
    )
    owner, has_grown, is_over, still_traces, top_line = result.stdout.strip().split("|")
    assert (owner, has_grown, is_over, still_traces) == ("leaky", "True", "True", "False")
    assert top_line.startswith(f"{tmp_path / 'leaky.py'}:5: ")


class Process:
    """A process whose memory the test sets, with plugins that grow while time passes."""

    def __init__(self, loop: VirtualLoop, budget_mb: float = 100) -> None:
        """Be within the budget, without plugins."""
        self.clock = VirtualClock(loop)
        self.rss_mb = 50.0
        self.reads = 0
        self.told: list[MemoryGrew] = []
        self.kept: list[object] = []
        self.owners: dict[str, str] = {}
        self.watch = MemoryWatch(
            self.clock, budget_mb, self.owners.get, self.told.append, read_rss_bytes=self._read_rss_bytes
        )
        self.running = loop.create_task(self.watch.run())

    def _read_rss_bytes(self) -> int:
        self.reads += 1
        return round(self.rss_mb * MB)

    def add_plugin(self, name: str, bytes_per_s: int, *, keeps: bool = True) -> None:
        """A plugin in a file of its own that allocates each second, and keeps it or not."""
        file = f"/plugins/{name}.py"
        self.owners[file] = name
        scope: dict[str, Callable[[], object]] = {}
        exec(compile(f"def take():\n    return bytearray({bytes_per_s})\n", file, "exec"), scope)

        def tick() -> None:
            taken = scope["take"]()
            if keeps:
                self.kept.append(taken)
            self.clock.call_later(1.0, tick)

        self.clock.call_later(0.5, tick)


def test_within_the_budget_nothing_is_traced_and_nobody_named() -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.add_plugin("growing", 100_000)
        for _ in range(20):
            await advance(loop, 9)
            assert not tracemalloc.is_tracing()
        assert process.reads == 6
        assert process.told == []

    run_virtual(main)


def test_over_the_budget_who_grows_is_named_and_who_does_not_is_not() -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.add_plugin("growing", 50_000)
        process.add_plugin("busy", 200_000, keeps=False)
        process.add_plugin("small", 1000)
        process.rss_mb = 101
        await advance(loop, 35)
        assert tracemalloc.is_tracing()
        await advance(loop, 10)
        assert not tracemalloc.is_tracing()
        [grew] = process.told
        assert (grew.owner, grew.rss_bytes, grew.budget_bytes, grew.window_s) == (
            "growing",
            101 * MB,
            100 * MB,
            10.0,
        )
        assert grew.grown_bytes == pytest.approx(500_000, rel=0.05)
        assert [line.rpartition(": ")[0] for line in grew.top_lines] == ["/plugins/growing.py:2"]

    run_virtual(main)


def test_two_growing_plugins_are_both_named_the_larger_first() -> None:
    async def main(loop: VirtualLoop) -> list[str | None]:
        process = Process(loop)
        process.add_plugin("second", 20_000)
        process.add_plugin("first", 50_000)
        process.rss_mb = 101
        await advance(loop, 60)
        return [grew.owner for grew in process.told]

    assert run_virtual(main) == ["first", "second"]


def test_the_log_says_who_how_much_where_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.add_plugin("growing", 50_000)
        process.rss_mb = 130
        await advance(loop, 60)

    run_virtual(main)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert re.sub(r"\b50\d kB", "500 kB", record.getMessage()) == (
        "the hub uses 130 MB of memory, its budget is 100 MB; plugin growing grew by 500 kB in 10 s, most at "
        "/plugins/growing.py:2: 500 kB; restart or disable the plugin, and report it to its author"
    )


def test_it_is_counted_how_often_on_end_somebody_grew() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        process = Process(loop)
        process.add_plugin("growing", 50_000)
        process.rss_mb = 101
        await advance(loop, 1500)
        process.rss_mb = 99
        await advance(loop, 60)
        process.rss_mb = 101
        await advance(loop, 60)
        return [grew.in_a_row for grew in process.told]

    assert run_virtual(main) == [1, 2, 3, 1]


def test_fast_growth_ends_the_window_early() -> None:
    async def main(loop: VirtualLoop) -> MemoryGrew:
        process = Process(loop)
        process.add_plugin("fast", 9 * MB)
        process.rss_mb = 101
        await advance(loop, 60)
        return process.told[0]

    grew = run_virtual(main)
    assert grew.owner == "fast"
    assert grew.window_s <= 3.0


def test_growth_of_nobody_known_is_said_once_until_all_is_well_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.rss_mb = 101
        await advance(loop, 3600)
        assert [grew.owner for grew in process.told] == [None]
        process.rss_mb = 99
        await advance(loop, 60)
        process.rss_mb = 101
        await advance(loop, 3600)
        assert [grew.owner for grew in process.told] == [None, None]

    run_virtual(main)
    assert caplog.records[0].getMessage() == (
        "the hub uses 101 MB of memory, its budget is 100 MB, and no plugin's code was seen to grow within 10 s: "
        "the growth is over, slow, or in native code; disable plugins one by one to find it, or raise the budget"
    )


@pytest.mark.parametrize(
    ("more_mb", "times"), [(0.0, 6), (20.0, 85)], ids=["every ten minutes", "at once when it goes on growing"]
)
def test_memory_that_stays_high_is_traced_now_and_then(more_mb: float, times: int) -> None:
    async def main(loop: VirtualLoop) -> int:
        process = Process(loop)
        process.add_plugin("growing", 10_000)
        process.rss_mb = 101
        for _ in range(3600 // 30):
            await advance(loop, 30)
            process.rss_mb += more_mb
        return len(process.told)

    assert run_virtual(main) == pytest.approx(times, abs=1)


def test_a_cancelled_watch_leaves_no_tracing_behind() -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.rss_mb = 101
        await advance(loop, 35)
        assert tracemalloc.is_tracing()
        process.running.cancel()
        await advance(loop, 1)
        assert not tracemalloc.is_tracing()

    run_virtual(main)


def test_tracing_that_somebody_else_started_goes_on() -> None:
    async def main(loop: VirtualLoop) -> None:
        process = Process(loop)
        process.add_plugin("growing", 50_000)
        process.rss_mb = 101
        await advance(loop, 60)
        assert [grew.owner for grew in process.told] == ["growing"]
        assert tracemalloc.is_tracing()

    tracemalloc.start(5)
    try:
        run_virtual(main)
    finally:
        tracemalloc.stop()


def test_in_virtual_time_the_real_memory_is_not_watched() -> None:
    async def main(loop: VirtualLoop) -> None:
        await MemoryWatch(VirtualClock(loop), 1, lambda file: None, lambda grew: None).run()

    run_virtual(main)  # returns, or the test times out


def test_the_own_memory_is_read_in_bytes() -> None:
    before_bytes = own_rss_bytes()
    with mmap.mmap(-1, 30 * MB) as memory:
        memory.write(b"x" * (30 * MB))
        assert own_rss_bytes() - before_bytes > 29 * MB
