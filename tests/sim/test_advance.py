"""`advance`: what is due in a span runs, with all its consequences, and nothing after it."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.clock import block_thread
from hub.sim import VirtualLoop, advance, run_virtual


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
