"""A write is whole or was never made, its callbacks come before its answer, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from storage_stage import Play, insert, outcomes, values

from hub.core import context as contexts
from hub.core.clock import SystemClock, block_thread
from hub.core.context import Context
from hub.core.storage import (
    Database,
    Reader,
    StorageClosed,
    StorageRefused,
    Tx,
)
from hub.core.storage import database as module


def test_a_write_returns_its_result_and_a_reader_sees_it(play: Play) -> None:
    async def scene(db: Database) -> None:
        assert await db.write(insert(7), owner="a") == 1
        assert await db.read(values, owner="a") == [7]

    play(scene)


def test_what_was_written_is_there_after_closing_and_opening_again(play: Play) -> None:
    async def scene(db: Database) -> None:
        await db.write(insert(7), owner="a")

    async def again(db: Database) -> list[int]:
        found: list[int] = await db.read(values, owner="a")
        return found

    play(scene)
    assert play(again) == [7]


def test_callbacks_run_in_commit_order_and_before_any_waiter_goes_on(play: Play) -> None:
    happened: list[str] = []

    def noting(n: int) -> Callable[[Tx], None]:
        def fn(tx: Tx) -> None:
            tx.execute("INSERT INTO a__t (v) VALUES (?)", (n,))
            tx.on_commit(lambda: happened.append(f"callback {n}"))

        return fn

    async def one(db: Database, n: int) -> None:
        await db.write(noting(n), owner="a")
        happened.append(f"waiter {n}")

    async def scene(db: Database) -> None:
        await asyncio.gather(*(one(db, n) for n in range(3)))

    play(scene)
    assert happened == ["callback 0", "callback 1", "callback 2", "waiter 0", "waiter 1", "waiter 2"]


def test_a_callback_finds_its_write_on_disk(play: Play) -> None:
    seen: list[asyncio.Task[list[int]]] = []

    async def scene(db: Database) -> None:
        def fn(tx: Tx) -> None:
            tx.execute("INSERT INTO a__t (v) VALUES (5)")
            tx.on_commit(lambda: seen.append(asyncio.ensure_future(db.read(values, owner="a"))))

        await db.write(fn, owner="a")
        assert await seen[0] == [5]

    play(scene)


def test_a_write_that_fails_or_is_rehearsed_calls_nobody_back(play: Play) -> None:
    called: list[str] = []

    def fn(tx: Tx) -> None:
        tx.on_commit(lambda: called.append("failed"))
        tx.execute("INSERT INTO a__t (v, name) VALUES (1, 'taken')")

    def good(tx: Tx) -> None:
        tx.on_commit(lambda: called.append("good"))

    async def scene(db: Database) -> None:
        await db.write(insert(0, "taken"), owner="a")
        await outcomes(db.write(good, owner="a"), db.write(fn, owner="a"))

    play(scene, runs_twice=True)
    assert called == ["good"]


def test_a_raising_callback_is_logged_and_the_others_still_run(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[int] = []

    def fn(tx: Tx) -> None:
        tx.on_commit(lambda: 1 // 0)
        tx.on_commit(lambda: exec("import asyncio; raise asyncio.CancelledError"))
        tx.on_commit(lambda: called.append(1))

    async def scene(db: Database) -> None:
        await db.write(fn, owner="a")
        await db.write(insert(1), owner="a")

    play(scene)
    assert called == [1]
    assert caplog.text.count("a: a callback after commit failed; the write itself is on disk") == 2


def test_a_callback_runs_under_the_cause_of_its_own_write(play: Play) -> None:
    found: list[str] = []

    def fn(tx: Tx) -> None:
        tx.on_commit(lambda: found.append(contexts.current().id))

    async def one(db: Database, cause: str) -> None:
        with contexts.use(Context(cause, "user:1")):
            await db.write(fn, owner="a")

    async def scene(db: Database) -> None:
        await asyncio.gather(one(db, "first"), one(db, "second"))

    play(scene)
    assert found == ["first", "second"]


def test_a_cancelled_waiter_does_not_cancel_its_write(play: Play) -> None:
    async def scene(db: Database) -> None:
        waiter = asyncio.ensure_future(db.write(insert(1), owner="a"))
        bad = asyncio.ensure_future(db.write(lambda tx: 1 // 0, owner="a"))
        await asyncio.sleep(0)
        waiter.cancel()
        bad.cancel()
        await db.write(insert(2), owner="a")
        assert waiter.cancelled()
        assert await db.read(values, owner="a") == [1, 2]

    play(scene)
    gc.collect()  # an error that nobody fetched would be reported now


def test_a_function_that_is_asynchronous_is_refused(play: Play) -> None:
    async def fn(tx: Tx) -> None:
        tx.execute("INSERT INTO a__t (v) VALUES (1)")

    async def read(reader: Reader) -> None:
        reader.all("SELECT 1")

    async def scene(db: Database) -> None:
        refused = "is asynchronous; a transaction is a plain function"
        with pytest.raises(TypeError, match=refused):
            await (await db.write(fn, owner="a"))
        with pytest.raises(TypeError, match=refused):
            await (await db.read(read, owner="a"))
        assert await db.read(values, owner="a") == []

    play(scene, runs_twice=True)
    gc.collect()  # a coroutine that nobody awaited would be reported now


def test_a_transaction_kept_beyond_its_function_does_nothing_more(play: Play) -> None:
    kept: list[Any] = []

    def keep_views(tx: Tx) -> None:
        kept.extend([tx, tx.bound_to("b")])

    async def scene(db: Database) -> None:
        await db.write(keep_views, owner="a")
        await db.read(kept.append, owner="a")
        for over in (*kept, kept[0].bound_to("a")):
            with pytest.raises(StorageClosed, match="this transaction is over; use `tx` inside its function only"):
                over.one("SELECT 1")

    play(scene)


def test_no_raw_connection_is_within_reach(play: Play) -> None:
    import sqlite3

    def reachable(thing: object) -> list[str]:
        return [
            name
            for name in dir(thing)
            if not name.startswith("_") and isinstance(getattr(thing, name), (sqlite3.Connection, sqlite3.Cursor))
        ]

    async def scene(db: Database) -> None:
        assert await db.write(reachable, owner="a") == []
        assert await db.write(lambda tx: reachable(tx.bound_to("b")), owner="a") == []
        assert await db.read(reachable, owner="a") == []
        assert reachable(db) == []

    play(scene)


def test_a_read_is_one_snapshot_though_writes_go_on(tmp_path: Path) -> None:
    began, may_go_on = threading.Event(), threading.Event()

    def slow(reader: Reader) -> tuple[object, object]:
        first = reader.value("SELECT count(*) FROM core__changes")
        began.set()
        assert may_go_on.wait(10)
        return first, reader.value("SELECT count(*) FROM core__changes")

    async def main() -> None:
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        reading = asyncio.ensure_future(db.read(slow))
        await asyncio.to_thread(began.wait, 10)
        await db.write(lambda tx: tx.change_seq)
        may_go_on.set()
        assert await reading == (0, 0)
        assert await db.read(lambda r: r.value("SELECT count(*) FROM core__changes")) == 1
        await db.close()

    asyncio.run(main())


def test_a_cancelled_read_leaves_its_connection_to_nobody_before_it_has_ended(tmp_path: Path) -> None:
    may_go_on = threading.Event()

    def slow(reader: Reader) -> None:
        assert may_go_on.wait(10)
        reader.all("SELECT * FROM core__changes")

    async def main() -> None:
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        for _ in range(module.READERS):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(db.read(slow), 0.01)
        later = [asyncio.ensure_future(db.read(lambda r: r.value("SELECT 7"))) for _ in range(4)]
        await asyncio.wait(later, timeout=0.02)
        assert not any(task.done() for task in later), "both connections are still in use"
        may_go_on.set()
        assert await asyncio.gather(*later) == [7] * 4
        await db.close()

    asyncio.run(main())


def test_the_loop_goes_on_while_the_writer_is_stuck(tmp_path: Path) -> None:
    async def main() -> float:
        clock = SystemClock()
        db = Database(tmp_path / "hub.db", clock)
        await db.open()
        stuck = asyncio.ensure_future(db.write(lambda tx: block_thread(0.5)))
        longest, last = 0.0, clock.monotonic()
        while not stuck.done():
            await asyncio.sleep(0.01)
            now = clock.monotonic()
            longest, last = max(longest, now - last), now
        await db.close()
        return longest

    assert asyncio.run(main()) < 0.1


def test_closing_commits_what_waits_and_refuses_what_comes_later(play: Play) -> None:
    async def scene(db: Database) -> None:
        waiting = [asyncio.ensure_future(db.write(insert(n), owner="a")) for n in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(db.close())
        await asyncio.sleep(0)
        with pytest.raises(StorageClosed, match=r"closing; this write was not made|is not open"):
            await db.write(insert(9), owner="a")
        assert await asyncio.gather(*waiting) == [1, 1, 1]
        await closing
        await db.close()
        with pytest.raises(StorageClosed, match="is not open"):
            await db.read(values, owner="a")

    play(scene)
    assert play(lambda db: db.read(values, owner="a")) == [0, 1, 2]


def test_a_listener_of_faults_that_raises_stops_nothing(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    def listen(_: object) -> None:
        raise ValueError("a bad listener")

    async def scene(db: Database) -> None:
        db.on_committed = listen
        assert await db.write(insert(1), owner="a") == 1
        assert await db.write(insert(2), owner="a") == 1

    with caplog.at_level(logging.ERROR):
        play(scene)
    assert "hub.db: a listener failed" in caplog.text


def test_a_statement_of_another_owner_is_refused_by_name(play: Play) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(StorageRefused) as refusal:
            await db.write(lambda tx: tx.execute("DELETE FROM b__t"), owner="a")
        assert str(refusal.value) == (
            "plugin 'a' may not touch table 'b__t'; its own are named 'a__...', "
            "and other plugins are reached through their services"
        )

    play(scene)


def test_slow_reads_of_plugins_and_a_copy_keep_no_read_of_the_core_waiting(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slow(reader: Reader) -> None:
        go_on.wait(10)

    async def main() -> None:
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        slow_ones = [asyncio.ensure_future(db.read(slow, owner=owner)) for owner in "abcabc"]
        try:
            await asyncio.sleep(0)
            assert await asyncio.wait_for(db.read(lambda reader: reader.value("SELECT 7")), 5) == 7
            await asyncio.wait_for(db.copy_to(tmp_path / "copy.db"), 5)
            assert not any(one.done() for one in slow_ones)
        finally:
            go_on.set()
            await asyncio.gather(*slow_ones)
            await db.close()

    asyncio.run(main())
    assert (tmp_path / "copy.db").exists()


def test_closing_waits_for_a_copy_whose_caller_went(tmp_path: Path) -> None:
    async def main() -> None:
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        copying = asyncio.ensure_future(db.copy_to(tmp_path / "copy.db"))
        await asyncio.sleep(0)
        copying.cancel()
        await db.close()
        assert (tmp_path / "copy.db").exists()

    asyncio.run(main())
