"""Whatever a task does to itself, it is named and counted, the others go on, and it ends with its owner."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable

import pytest

from hub.core.ids import SeededIds
from hub.core.supervisor import Backoff, Supervisor, TaskFailed
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

PLAIN = Backoff(jitter=0.0)


class Scene:
    """A supervisor in virtual time and the failures it told."""

    def __init__(self, loop: VirtualLoop) -> None:
        """Start with no tasks."""
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.supervisor = Supervisor(self.clock, SeededIds(1))
        self.told: list[TaskFailed] = []
        self.supervisor.on_failure = self.told.append
        self.starts: list[float] = []

    def keep(self, work: Callable[[], Awaitable[object]], backoff: Backoff = PLAIN) -> asyncio.Task[object]:
        """Keep work of the plugin `p` running, noting when it was started."""

        async def start() -> None:
            self.starts.append(round(self.clock.monotonic(), 6))
            await work()

        return self.supervisor.keep("p", "work", start, backoff)


def scene(body: Callable[[Scene], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        await body(Scene(loop))

    run_virtual(main)


async def _raise() -> None:
    raise ValueError("no")


async def _exit() -> None:
    sys.exit(3)


async def _await_something_cancelled() -> None:
    other = asyncio.ensure_future(asyncio.sleep(1))
    other.cancel()
    await other


async def _raise_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise())


async def _never_end() -> None:
    await asyncio.Event().wait()


FAULTS = pytest.mark.parametrize(
    ("work", "error"),
    [
        pytest.param(_raise, ValueError, id="raises"),
        pytest.param(_exit, SystemExit, id="calls sys.exit"),
        pytest.param(_await_something_cancelled, asyncio.CancelledError, id="awaits what somebody cancelled"),
        pytest.param(_raise_a_group, ExceptionGroup, id="raises a group"),
    ],
)


@FAULTS
def test_a_failing_task_is_logged_and_told_and_the_others_go_on(
    work: Callable[[], Awaitable[None]], error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def body(s: Scene) -> None:
        other = s.supervisor.spawn("other", "idle", _never_end())

        async def run() -> None:
            await work()

        task = s.supervisor.spawn("p", "work", run())
        await advance(s.loop, 1)
        assert task.done()
        assert [(each.owner, each.name, type(each.error)) for each in s.told] == [("p", "work", error)]
        assert not other.done()
        assert s.supervisor.running("p") == []

    scene(body)
    assert caplog.messages[0].startswith(f"task work of p failed: {error.__name__}: ")


@FAULTS
def test_a_kept_task_starts_again_however_it_failed(
    work: Callable[[], Awaitable[None]], error: type[BaseException]
) -> None:
    async def body(s: Scene) -> None:
        s.keep(work)
        await advance(s.loop, 1 + 2 + 4)
        assert s.starts == [0, 1, 3, 7]
        assert {type(each.error) for each in s.told} == {error}

    scene(body)


def test_pauses_grow_to_the_cap_and_start_over_after_a_long_good_run() -> None:
    async def body(s: Scene) -> None:
        runs_s = iter([0, 0, 0, 0, 0, 61, 0])

        async def work() -> None:
            await asyncio.sleep(next(runs_s, 0))
            await _raise()

        s.keep(work, Backoff(first_s=10, factor=3, cap_s=60, jitter=0))
        await advance(s.loop, 500)
        pauses = [after - before for before, after in zip(s.starts, s.starts[1:], strict=False)]
        assert pauses[:8] == [10, 30, 60, 60, 60, 61 + 10, 30, 60]

    scene(body)


@pytest.mark.parametrize(
    ("attempt", "low_s", "high_s"), [(1, 0.9, 1.1), (3, 3.6, 4.4), (7, 54, 66), (10**9, 54, 66)], ids=str
)
def test_a_pause_is_jittered_around_its_step_and_never_overflows(attempt: int, low_s: float, high_s: float) -> None:
    ids = SeededIds(3)
    pauses = [Backoff().pause_s(attempt, ids) for _ in range(200)]
    assert low_s <= min(pauses) < max(pauses) <= high_s
    assert len(set(pauses)) > 100


def test_a_kept_task_that_returns_is_done() -> None:
    async def body(s: Scene) -> None:
        task = s.keep(lambda: asyncio.sleep(5))
        await advance(s.loop, 100)
        assert task.done()
        assert s.starts == [0]
        assert s.told == []

    scene(body)


def test_a_broken_listener_for_failures_ends_no_kept_task(caplog: pytest.LogCaptureFixture) -> None:
    async def body(s: Scene) -> None:
        def broken(failure: TaskFailed) -> None:
            raise RuntimeError("the listener is broken")

        s.supervisor.on_failure = broken
        s.keep(_raise)
        await advance(s.loop, 3)
        assert s.starts == [0, 1, 3]

    scene(body)
    assert "whoever is told of failed tasks failed; the tasks go on" in caplog.messages


def test_tasks_carry_owner_and_name_for_whoever_looks_at_the_loop() -> None:
    async def body(s: Scene) -> None:
        seen: list[str] = []

        async def look() -> None:
            task = asyncio.current_task()
            assert task is not None
            seen.append(task.get_name())

        s.supervisor.spawn("p", "poll bus 1", look())
        s.supervisor.spawn("q", "b", _never_end())
        s.supervisor.spawn("q", "a", _never_end())
        await advance(s.loop, 0)
        assert seen == ["p/poll bus 1"]
        assert s.supervisor.running("q") == ["q/a", "q/b"]
        assert s.supervisor.running("nobody") == []

    scene(body)


def test_ending_an_owner_cancels_all_of_its_tasks_and_nobody_elses() -> None:
    async def body(s: Scene) -> None:
        mine = [s.supervisor.spawn("p", f"t{number}", _never_end()) for number in range(3)]
        mine.append(s.keep(_raise))
        mine.append(s.supervisor.watch("p", "watched", _never_end()))
        other = s.supervisor.spawn("other", "t", _never_end())
        await advance(s.loop, 0.5)
        assert await s.supervisor.end("p") == []
        assert all(task.cancelled() for task in mine)
        assert not other.done()
        assert len(s.told) == 1  # the kept task's own failure; a cancellation is none
        assert s.supervisor.running("p") == []
        assert await s.supervisor.end("p") == []
        assert await s.supervisor.end("nobody") == []

    scene(body)


def test_a_task_that_will_not_end_is_named_after_the_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def body(s: Scene) -> None:
        release = asyncio.Event()

        async def stubborn() -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        task = s.supervisor.spawn("p", "stubborn", stubborn())
        s.supervisor.spawn("p", "meek", _never_end())
        await advance(s.loop, 0)
        began_s = s.clock.monotonic()
        assert await s.supervisor.end("p", wait_s=5) == ["p/stubborn"]
        assert s.clock.monotonic() - began_s == 5.0
        release.set()
        await task

    scene(body)
    assert caplog.messages == ["task p/stubborn did not end within 5 s of being cancelled; it is left behind"]


def test_a_kept_task_that_answers_a_cancellation_with_an_error_ends_all_the_same() -> None:
    async def body(s: Scene) -> None:
        async def work() -> None:
            try:
                await _never_end()
            except asyncio.CancelledError:
                raise ValueError("closing failed") from None

        task = s.keep(work)
        await advance(s.loop, 1)
        assert await s.supervisor.end("p") == []
        assert task.done()
        assert s.starts == [0]
        assert [str(each.error) for each in s.told] == ["closing failed"]

    scene(body)


def test_a_task_that_a_cancelled_task_starts_is_ended_too() -> None:
    async def body(s: Scene) -> None:
        async def work() -> None:
            try:
                await _never_end()
            finally:
                s.supervisor.spawn("p", "late", _never_end())

        s.supervisor.spawn("p", "early", work())
        await advance(s.loop, 0)
        assert await s.supervisor.end("p") == []
        assert s.supervisor.running("p") == []

    scene(body)


def test_tasks_that_start_each_other_for_ever_do_not_hang_the_end() -> None:
    async def body(s: Scene) -> None:
        is_over = False

        async def work() -> None:
            try:
                await _never_end()
            finally:
                if not is_over:
                    s.supervisor.spawn("p", "hydra", work())

        s.supervisor.spawn("p", "hydra", work())
        await advance(s.loop, 0)
        assert await s.supervisor.end("p") == ["p/hydra"]
        is_over = True
        await s.supervisor.end("p")

    scene(body)


def test_a_task_may_end_its_own_owner_and_lives_on() -> None:
    async def body(s: Scene) -> None:
        other = s.supervisor.spawn("p", "other", _never_end())
        left: list[list[str]] = []

        async def quit_all() -> None:
            left.append(await s.supervisor.end("p"))
            left.append(s.supervisor.running("p"))

        began_s = s.clock.monotonic()
        await s.supervisor.spawn("p", "quitter", quit_all())
        assert left == [[], ["p/quitter"]]
        assert other.cancelled()
        assert s.clock.monotonic() == began_s

    scene(body)


def test_a_task_cancelled_before_its_first_step_leaves_no_coroutine_behind() -> None:
    async def body(s: Scene) -> None:
        for start in (s.supervisor.spawn, s.supervisor.watch):
            start("p", "work", _never_end()).cancel()
        await advance(s.loop, 0)
        gc.collect()  # an un-awaited coroutine would warn, and a warning is an error here

    scene(body)


def test_the_error_of_a_watched_task_is_the_callers() -> None:
    async def body(s: Scene) -> None:
        async def seven() -> int:
            return 7

        assert await s.supervisor.watch("p", "seven", seven()) == 7
        with pytest.raises(ValueError, match="no"):
            await s.supervisor.watch("p", "work", _raise())
        assert s.told == []

    scene(body)


def test_a_supervised_task_is_kept_alive_by_its_supervisor() -> None:
    async def body(s: Scene) -> None:
        done: list[str] = []

        async def work() -> None:
            await asyncio.get_running_loop().create_future()

        async def wait_then_note() -> None:
            try:
                await work()
            finally:
                done.append("collected")

        s.supervisor.spawn("p", "held", wait_then_note())
        await advance(s.loop, 1)
        gc.collect()
        assert done == []
        assert s.supervisor.running("p") == ["p/held"]

    scene(body)


def test_a_kept_task_that_awaits_something_cancelled_after_a_group_failed_starts_again() -> None:
    """A failing group leaves the task marked as cancelled on some versions of Python; nobody cancelled it."""

    async def body(s: Scene) -> None:
        works = iter([_raise_a_group, _await_something_cancelled, _never_end])
        task = s.keep(lambda: next(works)())
        await advance(s.loop, 10)
        assert s.starts == [0, 1, 3]
        assert not task.done()

    scene(body)
