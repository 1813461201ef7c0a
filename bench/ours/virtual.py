"""Virtual time: how many timers a second of real time can fire."""

from __future__ import annotations

import asyncio
import time

from bench.ours.running import Figures
from bench.timing import Params, whole
from hub.sim import VirtualLoop, run_virtual


def wakeups(params: Params) -> Figures:
    """Many sleepers, each of a period of its own, through many periods."""
    sleepers, rounds = whole(params, "sleepers"), whole(params, "rounds")

    async def sleeper(number: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(60 + number / 100)

    async def all_sleepers(_: VirtualLoop) -> None:
        await asyncio.gather(*(sleeper(number) for number in range(sleepers)))

    began = time.perf_counter()
    run_virtual(all_sleepers)
    return {"wakeups_per_s": sleepers * rounds / (time.perf_counter() - began)}
