"""Many tasks post the same keys at once: each key is posted once, and every task hears where it stands."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from journal_stage import CASH, FILE, NOODLES, SCHEMA, Stage, play, topup

from hub.core.clock import SystemClock
from hub.core.durable import KeyReused
from hub.core.storage import Database
from plugins.prepaid.journal import Posted, balances

TASKS = 20
KEYS = {"quick": 1_000, "ci": 1_000, "full": 10_000}[os.environ.get("HUB_SUITE", "quick")]


async def race(stage: Stage) -> list[list[Posted]]:
    """Every task posts every key, each beginning at another one."""

    async def task(number: int) -> list[Posted]:
        keys = ((position + number * KEYS // TASKS) % KEYS for position in range(KEYS))
        return [await stage.write(partial(stage.journal.post, entry=topup(f"t{key}", 100 + key))) for key in keys]

    return await asyncio.gather(*map(task, range(TASKS)))


async def check(stage: Stage, answers: list[list[Posted]]) -> None:
    new = Counter(posted.seq for task in answers for posted in task if posted.is_new)
    assert sorted(new.elements()) == list(range(1, KEYS + 1))
    heard = Counter(posted.seq for task in answers for posted in task)
    assert heard == dict.fromkeys(range(1, KEYS + 1), TASKS)
    total = sum(100 + key for key in range(KEYS))
    assert await stage.read(balances) == {CASH: total, NOODLES: -total}
    report = await stage.report()
    assert report.is_clean
    assert report.entries == KEYS


@pytest.mark.long
def test_each_key_is_posted_once_on_real_threads(tmp_path: Path) -> None:
    async def main() -> None:
        clock = SystemClock()
        db = Database(tmp_path / FILE, clock)
        await db.open()
        await db.migrate("prepaid", SCHEMA)
        stage = Stage(db, clock)
        await check(stage, await race(stage))
        await db.close()

    asyncio.run(main())


def test_a_key_used_for_something_else_sinks_no_other_post_of_its_group(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t0", 1))
        answers = await asyncio.gather(
            *[stage.post(topup(f"t{number}", 5)) for number in range(5)], return_exceptions=True
        )
        assert isinstance(answers[0], KeyReused)
        assert answers[1:] == [[2], [3], [4], [5]]
        assert (await stage.report()).is_clean

    play(tmp_path, scene)
