"""The virtual loop: exact jumps to the next timer, real sockets and signals, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time  # noqa: TID251 - real time
import warnings
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from loop_threads import executor_threads

from hub.core.clock import block_thread
from hub.sim import Deadlock, VirtualLoop, run_virtual

if TYPE_CHECKING:
    from hub.sim.loop import Events

T = TypeVar("T")

DAY_S = 86_400.0


def run_virtual_from(start_s: float, main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run with a clock that already reads `start_s`, where floats are coarser."""

    async def late(loop: VirtualLoop) -> T:
        loop._now = start_s
        return await main(loop)

    return run_virtual(late)


def test_thirty_days_of_sleep_take_no_real_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        start = time.perf_counter()  # noqa: TID251 - the claim is about real time
        await asyncio.sleep(30 * DAY_S)
        assert loop.time() == 30 * DAY_S
        return time.perf_counter() - start  # noqa: TID251

    assert run_virtual(main) < 1


def test_thirty_days_are_one_jump() -> None:
    """The standard loop wakes at least once a day; every hop would cost a pass over the heap."""

    async def main(loop: VirtualLoop) -> list[float]:
        stops: list[float] = []
        wait = loop._files._wait

        def noted(timeout: float | None) -> Events:
            events = wait(timeout)
            stops.append(loop.time())
            return events

        loop._files._wait = noted
        await asyncio.sleep(30 * DAY_S)
        return stops

    assert set(run_virtual(main)) == {30 * DAY_S}


def test_time_starts_at_zero_and_stands_still_while_something_is_ready() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        seen = [loop.time()]
        loop.call_later(1, lambda: None)
        for _ in range(1000):
            await asyncio.sleep(0)
            seen.append(loop.time())
        return seen

    assert set(run_virtual(main)) == {0.0}


@pytest.mark.parametrize("start_s", [0.0, 1e3, 9e6, 1.7e7, 1.8e9])
def test_a_timeout_fires_at_its_very_instant(start_s: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        for timeout_s in (5, 0.1, 1 / 3, 0.001, 1e-5):
            start = loop.time()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(3600), timeout_s)
            assert loop.time() == start + timeout_s

    run_virtual_from(start_s, main)


def test_wait_for_an_hour_with_a_limit_of_five_seconds_ends_at_exactly_five() -> None:
    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3600), 5)
        return loop.time()

    assert run_virtual(main) == 5.0


def test_of_two_limits_a_microsecond_apart_the_shorter_wins() -> None:
    async def main(loop: VirtualLoop) -> None:
        assert await asyncio.wait_for(asyncio.sleep(1.0, "done"), 1.000_002) == "done"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(1.000_002), 1.0)
        assert loop.time() == 2.0

    run_virtual(main)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("start_s", [0.0, 1.7e7, 1.8e9])
def test_four_hundred_days_of_timers_do_not_spin_at_any_start(start_s: float) -> None:
    async def main(loop: VirtualLoop) -> int:
        start, ticks = loop.time(), 0
        while loop.time() < start + 400 * DAY_S:
            await asyncio.sleep(3600.1)
            ticks += 1
        return ticks

    assert run_virtual_from(start_s, main) == 9600  # ceil(400 days / 3600.1 s)


def test_a_timer_at_infinity_is_no_timer() -> None:
    async def main(loop: VirtualLoop) -> None:
        loop.call_at(float("inf"), lambda: None)
        await loop.create_future()

    with pytest.raises(Deadlock, match="at virtual 0 s"):
        run_virtual(main)


def test_a_cancelled_timer_does_not_draw_time_to_itself() -> None:
    async def main(loop: VirtualLoop) -> float:
        loop.call_later(1, lambda: None).cancel()
        await asyncio.sleep(3)
        return loop.time()

    assert run_virtual(main) == 3.0


def test_timeout_event_queue_and_task_group_work() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[float, str]]:
        log: list[tuple[float, str]] = []
        event, queue = asyncio.Event(), asyncio.Queue[str](maxsize=1)

        async def producer() -> None:
            for item in ("a", "b", "end"):
                await asyncio.sleep(10)
                await queue.put(item)
            event.set()

        async def consumer() -> None:
            while (item := await queue.get()) != "end":
                log.append((loop.time(), item))

        async with asyncio.TaskGroup() as group:
            group.create_task(producer())
            group.create_task(consumer())
            await event.wait()
            log.append((loop.time(), "event"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await queue.get()
        log.append((loop.time(), "timeout"))
        return log

    assert run_virtual(main) == [(10.0, "a"), (20.0, "b"), (30.0, "event"), (32.5, "timeout")]


def test_a_failing_task_group_cancels_its_other_tasks() -> None:
    async def main(loop: VirtualLoop) -> float:
        async def fail() -> None:
            await asyncio.sleep(7)
            raise KeyError("meter 7")

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - a group is a block
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(3600))
                group.create_task(fail())
        assert caught.group_contains(KeyError, match="meter 7")
        return loop.time()

    assert run_virtual(main) == 7.0


def test_the_loop_works_in_debug_mode() -> None:
    async def main(loop: VirtualLoop) -> float:
        loop.set_debug(True)
        await asyncio.sleep(60)
        return await loop.run_in_executor(None, loop.time)

    assert run_virtual(main) == 60.0


def test_real_socket_streams_echo_without_false_timeouts() -> None:
    async def main(loop: VirtualLoop) -> float:
        near, far = socket.socketpair()
        near_reader, near_writer = await asyncio.open_connection(sock=near)
        far_reader, far_writer = await asyncio.open_connection(sock=far)

        async def echo() -> None:
            while line := await far_reader.readline():
                await asyncio.sleep(0.1)
                far_writer.write(line)
            far_writer.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(echo())
            for number in range(200):
                near_writer.write(b"%d\n" % number)
                assert await asyncio.wait_for(near_reader.readline(), 0.5) == b"%d\n" % number
            near_writer.close()
        await near_writer.wait_closed()
        await far_writer.wait_closed()
        return loop.time()

    assert run_virtual(main) == pytest.approx(200 * 0.1)


def test_a_signal_is_heard_though_nothing_else_is_watched() -> None:
    async def main(loop: VirtualLoop) -> str:
        heard = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, heard.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(heard.wait(), 5)
        return "heard"

    assert run_virtual(main) == "heard"


def test_what_main_leaves_behind_is_cancelled() -> None:
    ends = []

    async def straggler() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def main(loop: VirtualLoop) -> str:
        loop.create_task(straggler())
        await asyncio.sleep(1)
        return "done"

    assert run_virtual(main) == "done"
    assert ends == ["cancelled"]


def test_an_error_of_main_comes_out() -> None:
    async def main(_loop: VirtualLoop) -> None:
        await asyncio.sleep(1)
        raise LookupError("no such meter")

    with pytest.raises(LookupError, match="no such meter"):
        run_virtual(main)


def test_a_closed_loop_leaves_no_descriptor_no_thread_and_no_resource_warning() -> None:
    async def main(loop: VirtualLoop) -> VirtualLoop:
        assert executor_threads() == []
        await asyncio.to_thread(block_thread, 0.001)
        await asyncio.sleep(1)
        return loop

    open_before = len(os.listdir("/proc/self/fd"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop = run_virtual(main)
        assert loop.is_closed()
        assert len(os.listdir("/proc/self/fd")) == open_before
        assert executor_threads() == []
        del loop
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_with_nothing_to_watch_no_system_call_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(loop: VirtualLoop) -> tuple[int, int, int]:
        polls = 0
        real_select = loop._files.real.select

        def counted(timeout: float | None = None) -> Events:
            nonlocal polls
            polls += 1
            return real_select(timeout)

        monkeypatch.setattr(loop._files.real, "select", counted)
        for _ in range(100):
            await asyncio.sleep(1)
        alone = polls
        near, far = socket.socketpair()
        with near, far:
            loop.add_reader(near, lambda: None)
            for _ in range(100):
                await asyncio.sleep(1)
            loop.remove_reader(near)
        watched = polls - alone
        for _ in range(100):
            await asyncio.sleep(1)
        return alone, watched, polls - alone - watched

    alone, watched, alone_again = run_virtual(main)
    assert (alone, alone_again) == (0, 0)
    assert watched >= 100


def timer_wakeups_per_s(*, watches_socket: bool, tasks: int = 100, wakeups: int = 2000) -> float:
    """Timer wakeups per real second; a watched socket switches the fast path off."""

    async def main(loop: VirtualLoop) -> float:
        async def tick(offset_s: float) -> None:
            await asyncio.sleep(offset_s)
            for _ in range(wakeups):
                await asyncio.sleep(60)

        near, far = socket.socketpair()
        with near, far:
            if watches_socket:
                loop.add_reader(near, lambda: None)
            start = time.perf_counter()  # noqa: TID251 - a speed is about real time
            await asyncio.gather(*(tick(0.01 * number) for number in range(tasks)))
            took_s = time.perf_counter() - start  # noqa: TID251
            loop.remove_reader(near)
        return tasks * wakeups / took_s

    return run_virtual(main)


if __name__ == "__main__":
    for watches_socket in (True, False):
        figure = timer_wakeups_per_s(watches_socket=watches_socket)
        sys.stdout.write(f"fast path {'off' if watches_socket else 'on'}: {figure:,.0f} timer wakeups/s\n")
