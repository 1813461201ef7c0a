"""While ten thousand journal lines wait to be written: how long a top-up takes, and how late the loop is."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from itertools import count
from statistics import median

from bench import rows
from bench.ours.running import OWNER, Figures, with_hub
from bench.timing import Params, percentile, whole
from hub.core.durable import Journal
from hub.core.hub import Hub
from hub.core.storage import Migration, Tx

TICK_S = 0.001
STARTED_AT_ONCE = 500
_TABLES = f"""
{rows.TABLES};
CREATE TABLE bench__attempts (key TEXT PRIMARY KEY, account TEXT NOT NULL, amount_minor INTEGER NOT NULL) STRICT;
CREATE TABLE bench__intents (point TEXT PRIMARY KEY, desired TEXT NOT NULL, intent_seq INTEGER NOT NULL) STRICT;
"""


def topups(params: Params) -> Figures:
    """The delay of one top-up after another, each asked for while a burst is under way."""

    async def work(hub: Hub) -> Figures:
        await hub.kernel.db.migrate(OWNER, [Migration(1, "top-ups", _TABLES)])
        numbers = count()

        async def top_up() -> float:
            number = next(numbers)
            began = time.perf_counter()
            await hub.kernel.db.write(lambda tx: _settle(tx, number), owner=OWNER, origin="topups")
            return time.perf_counter() - began

        return await _figures(hub, params, top_up)

    return with_hub(params, work)


def loop_lag(params: Params) -> Figures:
    """How much later than asked a timer of a millisecond comes back, one after another."""

    async def work(hub: Hub) -> Figures:
        async def tick() -> float:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            return max(0.0, time.perf_counter() - began - TICK_S)

        return await _figures(hub, params, tick)

    return with_hub(params, work)


async def _figures(hub: Hub, params: Params, measure: Callable[[], Awaitable[float]]) -> Figures:
    """Several bursts, one after another; the highest value of each counts, and the worst of all is told too."""
    all_ms: list[float] = []
    highest_ms: list[float] = []
    bursts_ms: list[float] = []
    for _ in range(whole(params, "repetitions")):
        gc.collect()
        values_s, burst_s = await _during_burst(hub, whole(params, "journal_writes"), measure)
        all_ms += [value * 1e3 for value in values_s]
        highest_ms.append(max(values_s) * 1e3)
        bursts_ms.append(burst_s * 1e3)
    return {
        "p50_ms": median(all_ms),
        "p99_ms": percentile(all_ms, 0.99),
        "max_ms": median(highest_ms),
        "worst_ms": max(highest_ms),
        "samples": len(all_ms),
        "burst_ms": median(bursts_ms),
    }


async def _during_burst(
    hub: Hub, writes: int, measure: Callable[[], Awaitable[float]]
) -> tuple[list[float], float]:
    """Have all writes wait at once, and measure until the last one is on disk; how long that took."""
    journal = Journal(hub.kernel.db, hub.kernel.clock, "automation")
    values = [await measure()]  # before the burst, so that there is always one
    began = time.perf_counter()
    waiting: list[asyncio.Task[int]] = []
    for start in range(0, writes, STARTED_AT_ONCE):
        waiting += [asyncio.create_task(_journal(hub, journal, start + step)) for step in range(STARTED_AT_ONCE)]
        await asyncio.sleep(0)  # whoever starts ten thousand tasks in one go blocks the loop himself
    while not waiting[-1].done():
        values.append(await measure())
    await asyncio.gather(*waiting)
    return values, time.perf_counter() - began


async def _journal(hub: Hub, journal: Journal, step: int) -> int:
    record = {"step": f"actions/{step % 10}", "rule": f"rule-{step // 10}", "variables": {"balance": 100 + step}}
    return await hub.kernel.db.write(
        lambda tx: journal.append(tx, "runs", f"run-{step // 10}", record), owner="automation", origin="automation"
    )


def _settle(tx: Tx, number: int) -> int:
    """About what a top-up writes: the attempt, a posting with its balance, and the intent to restore."""
    account = f"account {number % 7}"
    tx.execute("INSERT INTO bench__attempts VALUES (?, ?, ?)", (f"topup-{number}", account, 10_000))
    for sql, values in rows.posting(number % 7, number):
        tx.execute(sql, values)
    balance_minor = tx.value("SELECT balance_minor FROM bench__balances WHERE account = ?", (account,))
    assert isinstance(balance_minor, int)
    tx.execute(
        "INSERT INTO bench__intents VALUES (?, 'on', 1) ON CONFLICT (point) DO UPDATE"
        " SET intent_seq = intent_seq + 1",
        (account,),
    )
    return balance_minor
