"""The order of the virtual loop: first in first out, or shuffled by a seed that repeats in any process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextvars import ContextVar, copy_context
from pathlib import Path

import pytest

from hub.sim import VirtualLoop, advance, run_virtual

ROOT = Path(__file__).parents[2]


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
