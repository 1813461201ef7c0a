"""A blocked loop is named within half a second: the plugin, the function, the line; nobody is named for less."""

from __future__ import annotations

import asyncio
import logging
import re
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hub.core.bus import Bus, Event
from hub.core.clock import SystemClock, block_thread
from hub.core.guards import LoopBlocked, Watchdog, who_runs
from hub.core.ids import SystemIds
from hub.core.supervisor import Supervisor
from hub.sim import VirtualClock, VirtualLoop, run_virtual

CLOCK = SystemClock()
pytestmark = pytest.mark.real_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    """Something to listen to."""


@dataclass
class Seen:
    """What the watchdog told, when, and on which thread."""

    watchdog: Watchdog
    bus: Bus
    supervisor: Supervisor
    told: list[tuple[float, str, LoopBlocked]] = field(default_factory=list)

    @property
    def at_once(self) -> list[LoopBlocked]:
        """The first calls, made while the loop was blocked."""
        return [block for _, _, block in self.told if block.lasted_s is None]

    @property
    def after(self) -> list[LoopBlocked]:
        """The second calls, made when it was over."""
        return [block for _, _, block in self.told if block.lasted_s is not None]


@contextmanager
def watching(owner_of_file: Callable[[str], str | None] = lambda file: None) -> Iterator[Seen]:
    supervisor = Supervisor(CLOCK, SystemIds())
    bus = Bus(supervisor.spawn)

    def on_block(block: LoopBlocked) -> None:
        seen.told.append((CLOCK.monotonic(), threading.current_thread().name, block))

    watchdog = Watchdog(asyncio.get_running_loop(), CLOCK, on_block, who_runs(bus, owner_of_file))
    seen = Seen(watchdog, bus, supervisor)
    watchdog.start()
    try:
        yield seen
    finally:
        watchdog.stop()


def spin(seconds: float) -> None:
    end_s = CLOCK.monotonic() + seconds
    while CLOCK.monotonic() < end_s:
        pass


def call_into_c(seconds: float) -> None:
    block_thread(seconds)


def run_a_child(seconds: float) -> None:
    subprocess.run([sys.executable, "-c", f"import time; time.sleep({seconds})"], check=True, capture_output=True)


def wait_in_own_selector(seconds: float) -> None:
    selectors.DefaultSelector().select(seconds)


async def as_plugin_task(seen: Seen, work: Callable[[], object]) -> None:
    async def run() -> None:
        await asyncio.sleep(0)
        work()

    await seen.supervisor.spawn("leaky", "poll", run())
    await asyncio.sleep(0.2)  # the end of a block is told at the watchdog's next look


@pytest.mark.parametrize(
    ("block", "length_s"), [(spin, 1.0), (call_into_c, 1.0), (run_a_child, 0.6), (wait_in_own_selector, 0.6)]
)
def test_a_block_names_plugin_and_function_within_half_a_second(
    block: Callable[[float], None], length_s: float
) -> None:
    async def main() -> None:
        with watching() as seen:
            await asyncio.sleep(0.15)
            began_s = CLOCK.monotonic()
            await as_plugin_task(seen, lambda: block(length_s))
        [(told_s, thread, report), (_, thread_after, after)] = seen.told
        assert told_s - began_s < 0.5
        assert (report.owner, report.function, report.file) == ("leaky", block.__qualname__, __file__)
        assert report.line in range(block.__code__.co_firstlineno, block.__code__.co_firstlineno + 5)
        assert any("in run" in line for line in report.stack)
        assert thread == "watchdog"
        assert report.lasted_s is None
        assert thread_after == threading.current_thread().name
        assert after.lasted_s == pytest.approx(length_s, abs=0.3)

    asyncio.run(main())


def test_code_that_holds_the_interpreter_is_named_once_it_lets_go() -> None:
    def match_badly() -> None:
        count = 22
        began_s = CLOCK.monotonic()
        while CLOCK.monotonic() - began_s < 0.6:  # the time doubles with each letter; the last match takes the most
            began_s = CLOCK.monotonic()
            re.match(r"(a+)+$", "a" * count + "b")
            count += 1

    async def main() -> None:
        with watching() as seen:
            await as_plugin_task(seen, match_badly)
        assert {block.owner for block in seen.at_once} == {"leaky"}
        assert any("match_badly" in block.function for block in seen.at_once)

    asyncio.run(main())


def test_the_log_says_who_where_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with watching() as seen:
            await as_plugin_task(seen, lambda: call_into_c(0.4))

    with caplog.at_level(logging.WARNING, "hub.core.guards.watchdog"):
        asyncio.run(main())
    error, end = caplog.records
    line = call_into_c.__code__.co_firstlineno + 1
    assert error.levelno == logging.ERROR
    assert error.getMessage().startswith(
        f"the event loop is blocked by plugin leaky in call_into_c ({__file__}:{line}); "
        "move blocking work to a thread: await asyncio.to_thread(...)\n"
    )
    assert re.fullmatch(
        r"the event loop runs again after 0\.[3-9]\d s; it was blocked by plugin leaky in call_into_c \(.*\)",
        end.getMessage(),
    )


def test_a_listener_called_inline_is_named_instead_of_the_task_that_published() -> None:
    def hear(event: Rang) -> None:
        call_into_c(0.4)

    async def main() -> None:
        with watching() as seen:
            seen.bus.subscribe(Rang, hear, owner="slow_listener")
            await as_plugin_task(seen, lambda: seen.bus.publish(Rang()))
        assert [block.owner for block in seen.at_once] == ["slow_listener"]

    asyncio.run(main())


def test_the_owner_of_the_file_is_named_even_in_a_task_of_somebody_else() -> None:
    async def main() -> None:
        with watching(lambda file: "this_plugin" if file == __file__ else None) as seen:
            await as_plugin_task(seen, lambda: call_into_c(0.4))
        assert [block.owner for block in seen.at_once] == ["this_plugin"]

    asyncio.run(main())


def test_a_bare_callback_is_named_by_function_as_code_of_no_known_plugin() -> None:
    async def main() -> None:
        with watching() as seen:
            asyncio.get_running_loop().call_soon(call_into_c, 0.4)
            await asyncio.sleep(0.5)
        [block] = seen.at_once
        assert (block.owner, block.function) == (None, "call_into_c")
        assert str(block).startswith("code of no known plugin in call_into_c (")

    asyncio.run(main())


def test_each_block_is_told_once_and_counted_once() -> None:
    async def main() -> None:
        with watching() as seen:
            for _ in range(2):
                await as_plugin_task(seen, lambda: call_into_c(0.45))
        assert len(seen.at_once) == len(seen.after) == 2

    asyncio.run(main())


async def _sleep() -> None:
    await asyncio.sleep(0.5)


async def _many_short_turns() -> None:
    end_s = CLOCK.monotonic() + 0.5
    while CLOCK.monotonic() < end_s:
        spin(0.01)
        await asyncio.sleep(0)


async def _short_block() -> None:
    spin(0.12)
    await asyncio.sleep(0.5)


async def _thread_sleeps() -> None:
    await asyncio.to_thread(block_thread, 0.5)


@pytest.mark.parametrize("work", [_sleep, _many_short_turns, _short_block, _thread_sleeps])
def test_nobody_is_named_while_the_loop_turns(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        with watching() as seen:
            await work()
        assert seen.told == []

    asyncio.run(main())


def test_an_idle_loop_is_not_woken() -> None:
    class Counting(asyncio.SelectorEventLoop):
        """Counts its turns."""

        turns = 0

        def _run_once(self) -> None:
            self.turns += 1
            super()._run_once()  # type: ignore[misc]

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Counting)
        with watching():
            before = loop.turns
            await asyncio.sleep(1.0)
            return loop.turns - before

    with asyncio.Runner(loop_factory=Counting) as runner:
        assert runner.run(main()) <= 3  # the sleep's own, and not 10 or 20 of a heartbeat


def test_stopping_ends_the_thread_and_closes_an_open_block() -> None:
    async def main() -> None:
        with watching() as seen:
            await asyncio.sleep(0)
            call_into_c(0.6)
            seen.watchdog.stop()  # before the watchdog could see the loop turn again
            assert "watchdog" not in {thread.name for thread in threading.enumerate()}
            [first, last] = [block for _, _, block in seen.told]
            assert first.lasted_s is None
            assert last.lasted_s == pytest.approx(0.6, abs=0.3)
            seen.watchdog.stop()
        assert len(seen.told) == 2

    asyncio.run(main())


def test_a_failing_report_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[LoopBlocked] = []

    def on_block(block: LoopBlocked) -> None:
        calls.append(block)
        if len(calls) == 1:
            raise ValueError("the listener is broken")

    async def main() -> None:
        watchdog = Watchdog(asyncio.get_running_loop(), CLOCK, on_block, lambda task, files: "leaky")
        watchdog.start()
        for _ in range(2):
            await asyncio.sleep(0.2)
            call_into_c(0.4)
        await asyncio.sleep(0.2)
        watchdog.stop()

    asyncio.run(main())
    assert len([block for block in calls if block.lasted_s is None]) == 2
    assert "the watchdog failed; it goes on" in caplog.text


def test_a_loop_that_is_closed_ends_the_watch() -> None:
    watchdogs: list[Watchdog] = []

    async def main() -> None:
        watchdogs.append(Watchdog(asyncio.get_running_loop(), CLOCK, lambda block: None, lambda task, files: None))
        watchdogs[0].start()

    asyncio.run(main())
    thread = watchdogs[0]._thread
    assert thread is not None
    thread.join(1.0)
    assert not thread.is_alive()


def test_in_virtual_time_there_is_no_thread() -> None:
    async def main(loop: VirtualLoop) -> int:
        before = threading.active_count()
        watchdog = Watchdog(loop, VirtualClock(loop), lambda block: None, lambda task, files: None)
        watchdog.start()
        more = threading.active_count() - before
        watchdog.stop()
        return more

    assert run_virtual(main) == 0
