"""What was acknowledged is there, once and whole; one bad function harms nobody else; nobody waits for ever."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.core import context as contexts
from hub.core.clock import SystemClock, block_thread
from hub.core.context import Context
from hub.core.storage import (
    ConstraintViolated,
    Database,
    Reader,
    StorageClosed,
    StorageError,
    StorageIOFailed,
    StorageOverloaded,
    StorageRefused,
    Tx,
)
from hub.core.storage import database as module
from hub.core.storage.groups import GROUP_MAX, FairQueue, Write

Play = Callable[..., Any]


def insert(v: int, name: str | None = None) -> Callable[[Tx], int]:
    """A write of one row."""
    return lambda tx: tx.execute("INSERT INTO a__t (v, name) VALUES (?, ?)", (v, name))


def values(reader: Reader) -> list[int]:
    """What was written, in order."""
    return [row[0] for row in reader.all("SELECT v FROM a__t ORDER BY id")]


async def outcomes(*works: Awaitable[Any]) -> list[Any]:
    """Each one's result, or the name of what it raised."""
    found = await asyncio.gather(*works, return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else one for one in found]


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


def test_writes_that_wait_share_one_commit_of_at_most_a_thousand(play: Play, points: list[str]) -> None:
    async def scene(db: Database) -> None:
        points.clear()
        await asyncio.gather(*(db.write(insert(n), owner="a") for n in range(2500)))
        assert await db.read(values, owner="a") == list(range(2500))

    play(scene)
    commits = points.count("storage.after_commit")
    assert 3 <= commits <= 100, "three groups, or some more when their time ran out"


def test_a_group_of_waiting_writes_is_exactly_one_commit(play: Play, points: list[str]) -> None:
    async def scene(db: Database) -> None:
        points.clear()
        await asyncio.gather(*(db.write(insert(n), owner="a") for n in range(20)))

    play(scene)
    assert points.count("storage.after_commit") == 1


@pytest.mark.parametrize("runs_twice", [False, True])
@pytest.mark.parametrize("place", [0, 5, 9])
@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        pytest.param(insert(1, "taken"), "ConstraintViolated", id="a unique key"),
        pytest.param(lambda tx: 1 // 0, "ZeroDivisionError", id="its own error"),
        pytest.param(lambda tx: next(iter([])), "RuntimeError", id="StopIteration, which no future takes"),
        pytest.param(lambda tx: exec("raise SystemExit"), "RuntimeError", id="an attempt to end the process"),
        pytest.param(
            lambda tx: exec("import asyncio; raise asyncio.CancelledError"),
            "RuntimeError",
            id="a cancel not its own",
        ),
        pytest.param(
            lambda tx: tx.execute("INSERT INTO a__nope VALUES (1)"), "OperationalError", id="a wrong text"
        ),
        pytest.param(lambda tx: tx.execute("DELETE FROM b__t"), "StorageRefused", id="another plugin's table"),
        pytest.param(
            lambda tx: tx.execute("INSERT OR ROLLBACK INTO a__t (name) VALUES ('taken')"),
            "StorageRefused",
            id="a clause that undoes the whole transaction",
        ),
        pytest.param(
            lambda tx: tx.execute("INSERT INTO a__t (v, parent) VALUES (1, 999)"),
            "ConstraintViolated",
            id="a deferred key that speaks up at COMMIT",
        ),
    ],
)
def test_one_bad_write_fails_alone(
    play: Play, bad: Callable[[Tx], object], expected: str, place: int, runs_twice: bool
) -> None:
    async def scene(db: Database) -> None:
        await db.write(insert(-1, "taken"), owner="a")
        writes: list[Callable[[Tx], object]] = [insert(n) for n in range(9)]
        writes.insert(place, bad)
        found = await outcomes(*(db.write(write, owner="a") for write in writes))
        assert found == [1] * place + [expected] + [1] * (9 - place)
        assert await db.read(values, owner="a") == [-1, *range(9)]
        assert db.fault is None, "none of this says anything about the disk"
        await gap_free(db)

    play(scene, runs_twice=runs_twice)


async def gap_free(db: Database) -> list[int]:
    """The change sequence, which has no gap and ends where the counter stands."""
    found = [row[0] for row in await db.read(lambda r: r.all("SELECT change_seq FROM core__changes ORDER BY 1"))]
    assert found == list(range(1, len(found) + 1))
    assert await db.read(lambda r: r.value("SELECT change_seq FROM core__sequence")) == len(found)
    return found


def test_a_function_that_swallows_the_loss_of_its_transaction_commits_nothing_of_itself(play: Play) -> None:
    def sly(tx: Tx) -> None:
        tx.execute("INSERT INTO a__t (v) VALUES (1)")
        for sql in ("INSERT OR ROLLBACK INTO a__t (name) VALUES ('taken')", "INSERT INTO a__t (v) VALUES (2)"):
            with suppress(StorageError):
                tx.execute(sql)

    async def scene(db: Database) -> None:
        await db.write(insert(-1, "taken"), owner="a")
        found = await outcomes(
            db.write(insert(10), owner="a"), db.write(sly, owner="a"), db.write(insert(11), owner="a")
        )
        assert found == [1, "StorageRefused", 1]
        assert await db.read(values, owner="a") == [-1, 10, 11]

    play(scene)


def test_the_error_of_a_statement_may_be_handled_inside_the_function(play: Play) -> None:
    def careful(tx: Tx) -> str:
        tx.execute("INSERT INTO a__t (v, name) VALUES (1, 'x')")
        try:
            tx.execute("INSERT INTO a__t (v, name) VALUES (2, 'x')")
        except ConstraintViolated as error:
            return str(error)
        return "no error"

    async def scene(db: Database) -> None:
        assert await db.write(careful, owner="a") == "UNIQUE constraint failed: a__t.name"
        assert await db.read(values, owner="a") == [1]

    play(scene)


def test_an_error_that_a_function_makes_up_is_its_own_and_not_the_stores(play: Play) -> None:
    def lie(tx: Tx) -> None:
        raise StorageIOFailed("the disk of another database")

    async def scene(db: Database) -> None:
        assert await outcomes(db.write(insert(1), owner="a"), db.write(lie, owner="a")) == [1, "StorageIOFailed"]
        assert db.fault is None

    play(scene)


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


def test_every_function_runs_twice_when_asked_and_counts_once(play: Play) -> None:
    runs: list[int] = []

    def fn(tx: Tx) -> int:
        runs.append(tx.change_seq)
        return tx.execute("INSERT INTO a__t (v) VALUES (1)")

    async def scene(db: Database) -> None:
        await db.write(fn, owner="a")
        assert await db.read(values, owner="a") == [1]
        await gap_free(db)

    play(scene, runs_twice=True)
    assert runs == [1, 1]


def test_an_impure_function_shows_when_it_runs_twice(play: Play) -> None:
    counter = iter(range(10))

    async def scene(db: Database) -> None:
        await db.write(lambda tx: insert(next(counter))(tx), owner="a")
        assert await db.read(values, owner="a") == [1], "the rehearsal took 0"

    play(scene, runs_twice=True)


@pytest.mark.parametrize("runs_twice", [False, True])
def test_the_change_sequence_has_no_gaps_and_says_who(play: Play, runs_twice: bool) -> None:
    async def scene(db: Database) -> None:
        with contexts.use(Context("c-1", "user:7", "c-0")):
            seq = await db.write(lambda tx: (insert(1)(tx), tx.change_seq)[1], owner="a")
        await outcomes(
            *(db.write(insert(n, "same" if n % 3 else None), owner="a") for n in range(12)),
            db.write(lambda tx: tx.change_seq, owner="a"),
            db.write(lambda tx: tx.all("SELECT * FROM a__t"), owner="a"),
        )
        found = await gap_free(db)
        assert len(found) == 1 + 4 + 1 + 1, "rows that failed, and writes that changed nothing, take no number"
        row = await db.read(lambda r: r.one("SELECT * FROM core__changes WHERE change_seq = ?", (seq,)))
        assert row is not None
        assert tuple(row)[2:] == ("a", "c-1", "user:7", "c-0")

    play(scene, runs_twice=runs_twice)


def test_fifty_top_ups_at_once_give_all_the_money(play: Play) -> None:
    def top_up(tx: Tx) -> None:
        balance = tx.value("SELECT v FROM a__t WHERE name = 'purse'")
        assert isinstance(balance, int)
        tx.execute("UPDATE a__t SET v = ? WHERE name = 'purse'", (balance + 100,))

    async def scene(db: Database) -> None:
        await db.write(insert(0, "purse"), owner="a")
        await asyncio.gather(*(db.write(top_up, owner="a", origin=f"client {n}") for n in range(50)))
        assert await db.read(lambda r: r.value("SELECT v FROM a__t"), owner="a") == 5000

    play(scene)


def test_writes_of_one_origin_commit_in_the_order_in_which_they_were_asked_for(play: Play) -> None:
    async def scene(db: Database) -> None:
        await asyncio.gather(*(db.write(insert(n), owner="a", origin=f"o{n % 3}") for n in range(300)))
        found = await db.read(values, owner="a")
        for origin in range(3):
            assert [v for v in found if v % 3 == origin] == list(range(origin, 300, 3))

    play(scene)


def test_a_burst_of_one_origin_delays_another_by_one_group_at_most(play: Play, points: list[str]) -> None:
    async def scene(db: Database) -> int:
        burst = [asyncio.ensure_future(db.write(insert(n), owner="a", origin="journal")) for n in range(10_000)]
        await burst[0]
        points.clear()
        await db.write(insert(-1), owner="a", origin="top-up")
        groups = points.count("storage.after_commit")
        await asyncio.gather(*burst)
        return groups

    assert play(scene) <= 2, "the group under way, and its own"


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


def test_when_too_much_waits_only_the_origin_that_floods_is_refused(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", GROUP_MAX)

    async def scene(db: Database) -> None:
        flood = [asyncio.ensure_future(db.write(insert(n), owner="a")) for n in range(GROUP_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(StorageOverloaded, match="1000 writes wait already; the disk may hang, try again"):
            await db.write(insert(-1), owner="a")
        assert await db.write(insert(-2), owner="a", origin="top-up") == 1
        await asyncio.gather(*flood)

    play(scene)


def test_a_group_that_ran_out_of_time_keeps_its_order_and_starves_nobody() -> None:
    async def main() -> list[str]:
        queue = FairQueue()
        loop = asyncio.get_running_loop()
        for origin in "abcde":
            for _ in range(2):
                queue.put(Write(lambda tx: 0, origin, origin, contexts.SYSTEM, loop.create_future()))
        served: list[str] = []
        while queue.size:
            group = queue.take()
            served.append(group[0].origin)  # every time, only one write was done in time
            queue.put_back(group[1:])
        return served

    assert asyncio.run(main()) == list("abcdeabcde")


def test_more_origins_than_a_group_holds_all_get_their_turn() -> None:
    async def main() -> None:
        queue = FairQueue()
        loop = asyncio.get_running_loop()
        for n in range(3000):
            for _ in range(2):
                queue.put(Write(lambda tx: 0, "a", str(n), contexts.SYSTEM, loop.create_future()))
        firsts = [write.origin for _ in range(3) for write in queue.take()]
        assert firsts == [str(n) for n in range(3000)]

    asyncio.run(main())


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
