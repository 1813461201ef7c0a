"""Threads and hangs in the virtual loop: thread work holds time still, and a hang says who waits where."""

from __future__ import annotations

import asyncio
import socket
import threading
import time  # noqa: TID251 - real time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest
from loop_threads import executor_threads

from hub.core.clock import block_thread
from hub.sim import Deadlock, NeverIdle, Stalled, VirtualLoop, advance, run_virtual


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
    assert "main (sim/test_virtual_hangs.py:" in text
    assert "Queue.get (asyncio/queues.py:" in text
    assert "  bus 3: " in text
    assert "poll_bus (sim/test_virtual_hangs.py:" in text
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
    assert "main (sim/test_virtual_hangs.py:" in text


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
