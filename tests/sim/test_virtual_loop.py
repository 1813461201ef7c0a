"""The virtual loop: exact jumps, thread work that holds time still, hangs with a name, repeatable order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import Executor, Future
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from hub.core.clock import block_thread
from hub.sim import Deadlock, NeverIdle, Stalled, VirtualLoop, advance, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hub.sim.loop import Events

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
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

    assert run_virtual(main) < 0.05


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


def executor_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("virtual")]


def test_a_hundred_thread_jobs_hold_time_still() -> None:
    def job(number: int) -> int:
        block_thread(0.0005)
        return number

    async def main(loop: VirtualLoop) -> tuple[list[int], float]:
        loop.call_later(0.001, lambda: None)  # there is somewhere to run ahead to
        results = [await asyncio.wait_for(asyncio.to_thread(job, number), 0.01) for number in range(100)]
        return results, loop.time()

    assert run_virtual(main) == (list(range(100)), 0.0)


def test_time_stands_still_for_a_thread_whose_waiter_was_cancelled() -> None:
    gate, ends = threading.Event(), []

    def job() -> None:
        gate.wait(10)
        block_thread(0.02)
        ends.append("job")

    async def main(loop: VirtualLoop) -> list[str]:
        waiter = loop.run_in_executor(None, job)
        await asyncio.sleep(0)
        waiter.cancel()
        gate.set()
        await asyncio.sleep(3600)
        ends.append("hour")
        return ends

    assert run_virtual(main) == ["job", "hour"]


def test_a_flight_of_another_component_holds_time_still() -> None:
    async def main(loop: VirtualLoop) -> float:
        answered: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            block_thread(0.02)
            loop.call_soon_threadsafe(answered.set_result, "row")

        threading.Thread(target=work).start()
        with loop.flight("database read"):
            assert list(loop.in_flight) == ["database read"]
            assert await asyncio.wait_for(answered, 0.001) == "row"
        assert not loop.in_flight
        return loop.time()

    assert run_virtual(main) == 0.0


class SlowFuture(Future[str]):
    """A result whose callbacks come one after another with a pause, as when its thread is preempted."""

    def add_done_callback(self, fn: Callable[[Future[str]], object]) -> None:
        def later(work: Future[str]) -> None:
            fn(work)
            block_thread(0.02)

        super().add_done_callback(later)


class SlowExecutor(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = SlowFuture()
        threading.Thread(target=lambda: future.set_result(fn(*args, **kwargs))).start()
        return future


def test_time_stands_still_until_the_result_of_a_thread_is_in() -> None:
    def job() -> str:
        block_thread(0.02)
        return "row"

    async def main(loop: VirtualLoop) -> str:
        return await asyncio.wait_for(loop.run_in_executor(SlowExecutor(), job), 0.001)

    assert run_virtual(main) == "row"


def test_an_error_in_a_thread_reaches_its_waiter_and_lands() -> None:
    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        await asyncio.sleep(1)
        return loop.time()

    assert run_virtual(main) == 1.0


def test_the_default_executor_is_joined_in_real_time() -> None:
    """The standard's time limit for the join would run out at once in virtual time, with a warning."""
    started, ends = threading.Event(), []

    def job() -> None:
        started.set()
        block_thread(0.05)
        ends.append("job")

    async def main(loop: VirtualLoop) -> None:
        loop.run_in_executor(None, job).cancel()
        assert started.wait(10)

    run_virtual(main)
    assert ends == ["job"]
    assert executor_threads() == []


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def main(loop: VirtualLoop) -> None:
        async def poll_bus() -> None:
            await asyncio.Event().wait()

        loop.create_task(poll_bus(), name="bus 3")
        await asyncio.sleep(12.5)
        await asyncio.Queue[int]().get()

    with pytest.raises(Deadlock) as caught:
        run_virtual(main)
    text = str(caught.value)
    assert text.startswith("deadlock at virtual 12.5 s: no timer is set")
    assert "  Task-1: " in text
    assert "main (sim/test_virtual_loop.py:" in text
    assert "Queue.get (asyncio/queues.py:" in text
    assert "  bus 3: " in text
    assert "poll_bus (sim/test_virtual_loop.py:" in text
    assert "Event.wait (asyncio/locks.py:" in text
    assert "give the wait a timeout" in text


def test_a_deadlock_with_an_open_socket_says_that_nobody_outside_is_waited_for() -> None:
    async def main(loop: VirtualLoop) -> None:
        near, far = socket.socketpair()
        with near, far:
            near.settimeout(0)
            await loop.sock_recv(near, 1)

    with pytest.raises(Deadlock, match="Sockets or pipes are watched"):
        run_virtual(main)


def test_a_deadlock_of_many_tasks_names_the_first_twenty() -> None:
    async def main(loop: VirtualLoop) -> None:
        await asyncio.gather(*(asyncio.Event().wait() for _ in range(50)))

    with pytest.raises(Deadlock, match="and 31 more"):  # fifty waiters and main
        run_virtual(main)


def test_after_a_deadlock_tasks_are_cancelled_and_clean_up() -> None:
    log = []

    async def main(loop: VirtualLoop) -> None:
        try:
            await loop.create_future()
        finally:
            await asyncio.sleep(2)  # cleaning up may take its time
            log.append(loop.time())

    with pytest.raises(Deadlock):
        run_virtual(main)
    assert log == [2.0]


def test_a_deadlock_comes_out_of_a_bare_run_until_complete_and_the_loop_goes_on() -> None:
    loop = VirtualLoop()
    try:
        with pytest.raises(Deadlock):
            loop.run_until_complete(loop.create_future())
        assert loop.run_until_complete(asyncio.sleep(1, "fine")) == "fine"
    finally:
        loop.close()


def test_a_stall_names_the_work_in_flight_and_is_not_waited_for_again() -> None:
    gate, ends = threading.Event(), []

    def read_meter_forever() -> None:
        gate.wait(20)

    async def main(loop: VirtualLoop) -> None:
        try:
            with loop.flight("disk of hub.db"):
                await asyncio.to_thread(read_meter_forever)
        finally:
            await asyncio.sleep(60)
            ends.append(loop.time())

    start = time.perf_counter()  # noqa: TID251 - the stall limit is real time
    try:
        with pytest.raises(Stalled) as caught:
            run_virtual(main, stall_limit_s=0.4)
        assert time.perf_counter() - start >= 0.4  # noqa: TID251
    finally:
        gate.set()
        for thread in executor_threads():
            thread.join(10)
    assert ends == [60.0]
    text = str(caught.value)
    job = f"{__name__}.{read_meter_forever.__qualname__}"
    assert text.startswith(
        "stalled at virtual 0 s: work in other threads did not end within 0.4 s of real time: "
        f"disk of hub.db, {job}.\n"
    )
    assert "main (sim/test_virtual_loop.py:" in text


def test_a_thread_that_nobody_waits_for_stalls_the_end_of_the_run() -> None:
    gate, started = threading.Event(), threading.Event()

    def forgotten_upload() -> None:
        started.set()
        gate.wait(20)

    async def main(loop: VirtualLoop) -> None:
        loop.run_in_executor(None, forgotten_upload).cancel()
        assert started.wait(10)

    try:
        with pytest.raises(Stalled, match=r"forgotten_upload, the end of the default executor's threads\."):
            run_virtual(main, stall_limit_s=0.1)
    finally:
        gate.set()
        for thread in executor_threads():
            thread.join(10)


def test_what_never_lets_time_pass_is_named_and_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sim.loop._PASSES_WITHOUT_TIME_MAX", 1000)

    async def main(loop: VirtualLoop) -> None:
        async def spin() -> None:
            await asyncio.sleep(5)
            while True:  # noqa: ASYNC110 - the mistake under test
                await asyncio.sleep(0)

        loop.create_task(spin(), name="spinner")
        await advance(loop, 3600)

    with pytest.raises(NeverIdle, match=r"1,000 passes at virtual 5 s[^$]*spinner: [^$]*spin \("):
        run_virtual(main)


def test_many_passes_with_time_between_them_are_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sim.loop._PASSES_WITHOUT_TIME_MAX", 100)

    async def main(loop: VirtualLoop) -> float:
        for _ in range(50):
            for _ in range(90):
                await asyncio.sleep(0)
            await asyncio.sleep(1)
        return loop.time()

    assert run_virtual(main) == 50.0


def order_of_calls(count: int, seed: int | None) -> list[int]:
    async def main(loop: VirtualLoop) -> list[int]:
        calls: list[int] = []
        for number in range(count):
            loop.call_soon(calls.append, number)
        await advance(loop, 0)
        return calls

    return run_virtual(main, seed=seed)


def test_without_a_seed_calls_run_first_in_first_out() -> None:
    assert order_of_calls(500, None) == list(range(500))


def test_with_a_seed_every_call_runs_once_and_never_more_than_three_places_early() -> None:
    calls = order_of_calls(500, 7)
    assert sorted(calls) == list(range(500))
    assert calls != list(range(500))
    assert max(number - place for place, number in enumerate(calls)) == 3


def test_with_a_real_transport_a_seed_changes_no_order() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        near, far = socket.socketpair()
        calls: list[int] = []
        with near, far:
            loop.add_reader(near, lambda: None)
            for number in range(100):
                loop.call_soon(calls.append, number)
            await asyncio.sleep(1)
            loop.remove_reader(near)
        return calls

    assert run_virtual(main, seed=7) == list(range(100))


RACE = """
import asyncio, sys
from hub.sim import run_virtual

async def main(loop):
    order = []
    async def worker(name):
        try:
            for step in range(3):
                await asyncio.sleep(0.25 * (step % 2))
                order.append(name)
            await asyncio.sleep(3600)
        finally:
            order.append(name.upper())
    async def fail():
        await asyncio.sleep(60)
        raise ValueError
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(worker(f"w{number}."))
            group.create_task(fail())
    except* ValueError:
        order.append(asyncio.current_task().get_name())
    return order

seed = None if sys.argv[1] == "none" else int(sys.argv[1])
sys.stdout.write("".join(run_virtual(main, seed=seed)))
"""


def race(seed: str, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RACE, seed],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


@pytest.mark.parametrize("seed", ["1", "none"])
def test_the_same_seed_gives_the_same_order_in_other_processes(seed: str) -> None:
    first = race(seed, "1")
    assert first.count("w") == 900
    assert first.count("W") == 300  # so many that addresses would show in the order of a set
    assert race(seed, "2") == first
    assert race(seed, "3") == first


def test_another_seed_gives_another_order() -> None:
    assert len({race(seed, "1") for seed in ("1", "2", "none")}) == 3


def test_a_task_runs_in_the_context_it_was_given() -> None:
    cause: ContextVar[str] = ContextVar("cause")
    context = copy_context()
    context.run(cause.set, "top-up 17")

    async def read() -> str:
        return cause.get("none")

    async def main(loop: VirtualLoop) -> tuple[str, str]:
        return await loop.create_task(read(), context=context), await loop.create_task(read())

    assert run_virtual(main) == ("top-up 17", "none")


def test_names_of_tasks_start_anew_with_every_loop() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        tasks = [loop.create_task(asyncio.sleep(0)) for _ in range(2)]
        tasks.append(loop.create_task(asyncio.sleep(0), name="bus 1"))
        return [task.get_name() for task in tasks]

    assert run_virtual(main) == run_virtual(main) == ["Task-2", "Task-3", "bus 1"]


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


def test_advance_runs_what_is_due_in_the_span_and_returns_at_its_very_end() -> None:
    async def main(loop: VirtualLoop) -> None:
        fired: list[float] = []
        for when in (0.0, 1.0, 9.999, 10.0, 10.000_01, 11.0):
            loop.call_at(when, fired.append, when)
        await advance(loop, 10)
        assert loop.time() == 10.0
        assert fired == [0.0, 1.0, 9.999, 10.0]
        await advance(loop, 0)
        assert (loop.time(), len(fired)) == (10.0, 4)
        await advance(loop, 1)
        assert (loop.time(), fired[4:]) == (11.0, [10.000_01, 11.0])

    run_virtual(main)


def test_advance_ends_exactly_though_another_timer_is_within_the_clock_resolution() -> None:
    async def main(loop: VirtualLoop) -> None:
        loop.call_at(10.0 - 4e-7, lambda: None)
        await advance(loop, 10)
        assert loop.time() == 10.0

    run_virtual(main)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_advance_returns_after_the_last_consequence_of_its_last_instant(seed: int | None) -> None:
    async def main(loop: VirtualLoop) -> None:
        ends: list[str] = []
        queue = asyncio.Queue[int]()

        async def chain() -> None:
            await asyncio.sleep(5)
            for hop in range(300):
                await queue.put(hop)
                await asyncio.sleep(0)
            loop.call_later(0, ends.append, "timer of no delay")
            ends.append("chain")
            await asyncio.sleep(0.001)
            ends.append("too far")

        async def drain() -> None:
            while await queue.get() < 299:
                pass
            ends.append("drain")

        tasks = [asyncio.create_task(chain()), asyncio.create_task(drain())]
        await advance(loop, 5)
        assert sorted(ends) == ["chain", "drain", "timer of no delay"]
        await advance(loop, 1)
        assert all(task.done() for task in tasks)

    run_virtual(main, seed=seed)


def test_advance_waits_for_thread_work_of_its_last_instant() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        ends: list[str] = []

        async def job() -> None:
            await asyncio.sleep(5)
            await asyncio.to_thread(block_thread, 0.02)
            ends.append("job")

        task = asyncio.create_task(job())
        await advance(loop, 5)
        assert loop.time() == 5.0
        assert task.done()
        return ends

    assert run_virtual(main) == ["job"]


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_advance_refuses_a_span_that_is_no_span(seconds: float) -> None:
    with pytest.raises(ValueError, match="finite number of seconds, 0 or more"):
        run_virtual(lambda loop: advance(loop, seconds))


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
