"""Old rows go by the time that has really passed: no step of the wall clock makes them old."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from hub.core.housekeeping import CHANGES_KEPT_US, FIRST_PURGE_S, PURGE_S
from hub.core.storage import Tx
from hub.sim import VirtualLoop, advance
from hub.testing import HubHarness

DAY_S = 86_400
DAY_US = DAY_S * 1_000_000


async def keys(hub: HubHarness) -> list[str]:
    """The keys that the hub still knows."""
    return [
        row[0]
        for row in await hub.kernel.db.read(lambda r: r.all("SELECT key FROM core__action_keys ORDER BY key"))
    ]


async def put_key(hub: HubHarness, key: str, age_us: int) -> None:
    """Leave the record of a call of that age."""
    at_us = hub.kernel.clock.now_us() - age_us
    await hub.kernel.db.write(
        lambda tx: tx.execute(
            "INSERT INTO core__action_keys VALUES ('a.b', ?, '', 'done', '', NULL, ?, 'c', 'a')", (key, at_us)
        )
    )


async def horizon_us(hub: HubHarness) -> int | None:
    """How far the purge has come."""
    value = await hub.kernel.db.read(lambda r: r.value("SELECT value FROM core__meta WHERE name = 'purge_horizon'"))
    return None if value is None else int(value)


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_a_step_forward_of_the_wall_clock_forgets_no_key(
    virtual_loop: VirtualLoop, hub: HubHarness, is_confirmed: bool
) -> None:
    async def scene() -> None:
        await advance(virtual_loop, FIRST_PURGE_S + 10)
        await put_key(hub, "new", 0)
        before_us = hub.kernel.clock.now_us()
        clock: Any = hub.kernel.clock
        clock.step(500 * DAY_S)
        await advance(virtual_loop, 60)
        if is_confirmed:
            hub.kernel.holds.look_again = lambda: None
            for reason in list(hub.kernel.holds.reasons):
                hub.kernel.holds.lift(reason)
        await advance(virtual_loop, 2 * PURGE_S)
        assert await keys(hub) == ["new"]
        found_us = await horizon_us(hub)
        assert found_us is not None
        assert found_us <= before_us + 3 * PURGE_S * 1_000_000

    virtual_loop.run_until_complete(scene())


def test_old_keys_are_forgotten_soon_after_the_start(virtual_loop: VirtualLoop, hub: HubHarness) -> None:
    async def scene() -> None:
        await put_key(hub, "old", 1000 * DAY_US)
        await put_key(hub, "new", 0)
        await advance(virtual_loop, FIRST_PURGE_S + 10)
        assert await keys(hub) == ["new"]

    virtual_loop.run_until_complete(scene())


def test_nothing_is_forgotten_while_the_site_is_on_hold(virtual_loop: VirtualLoop, hub: HubHarness) -> None:
    async def scene() -> None:
        await put_key(hub, "old", 1000 * DAY_US)
        hub.kernel.holds.place("test", "held")
        await advance(virtual_loop, FIRST_PURGE_S + PURGE_S)
        assert await keys(hub) == ["old"]
        hub.kernel.holds.lift("test")
        await advance(virtual_loop, PURGE_S)
        assert await keys(hub) == []

    virtual_loop.run_until_complete(scene())


def test_old_changes_go_from_the_oldest_on_past_those_of_a_clock_that_ran_ahead(
    virtual_loop: VirtualLoop, hub: HubHarness
) -> None:
    async def scene() -> None:
        now_us = hub.kernel.clock.now_us()
        old_us = now_us - CHANGES_KEPT_US - DAY_US
        ages = [old_us, now_us + 900 * DAY_US, old_us + 1, now_us - DAY_US, old_us]

        def fill(tx: Tx) -> None:
            tx.execute("DELETE FROM core__changes")
            for seq, at_us in enumerate(ages, -10):
                tx.execute("INSERT INTO core__changes VALUES (?, ?, 'p', 'c', 'a', NULL)", (seq, at_us))

        await hub.kernel.db.write(fill)
        await advance(virtual_loop, FIRST_PURGE_S + 10)
        found = await hub.kernel.db.read(
            lambda r: r.all("SELECT change_seq FROM core__changes WHERE change_seq < 0 ORDER BY change_seq")
        )
        assert [row[0] for row in found] == [-7, -6]

    virtual_loop.run_until_complete(scene())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT rowid FROM core__action_keys WHERE at_us < 1 LIMIT 1000",
        "SELECT id FROM core__outbox WHERE state <> 'pending' AND created_us < 1 LIMIT 1000",
        "DELETE FROM core__changes WHERE change_seq <= 1",
    ],
)
def test_what_a_purge_asks_is_found_by_an_index(hub: HubHarness, sql: str) -> None:
    with closing(sqlite3.connect(hub.kernel.db.path)) as connection:
        plan = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))
    assert "SEARCH" in plan
    assert "SCAN" not in plan
