"""Writes that wait share a COMMIT: in order, fairly, without gaps, and one bad one harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from storage_stage import Play, insert, outcomes, values

from hub.core import context as contexts
from hub.core import faultpoints
from hub.core.context import Context
from hub.core.storage import (
    ConstraintViolated,
    Database,
    StorageError,
    StorageFull,
    StorageIOFailed,
    StorageOverloaded,
    Tx,
)
from hub.core.storage import database as module
from hub.core.storage.groups import GROUP_MAX, FairQueue, Write


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
            db.write(lambda tx: tx.change_seq // 0, owner="a"),
            db.write(insert(99), owner="a"),
            db.write(lambda tx: tx.all("SELECT * FROM a__t"), owner="a"),
        )
        found = await gap_free(db)
        assert len(found) == 1 + 4 + 1 + 1 + 1, "rows that failed, and writes that changed nothing, take no number"
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


@pytest.mark.parametrize("lasts", [False, True])
def test_a_fault_between_separate_transactions_fails_none_that_is_on_disk(play: Play, lasts: bool) -> None:
    orphan = "INSERT INTO a__t (v, parent) VALUES (3, 999)"
    """Speaks up at COMMIT only, so that the group is run apart: its third commit is the first write's own."""
    commits = 0
    called: list[int] = []
    faults: list[str] = []

    def full(name: str) -> None:
        nonlocal commits
        if name == "storage.before_commit":
            commits += 1
            if commits == 4 or (lasts and commits > 4):
                raise StorageFull("full")

    def noted(v: int) -> Callable[[Tx], int]:
        def write(tx: Tx) -> int:
            tx.on_commit(lambda: called.append(v))
            return insert(v)(tx)

        return write

    async def scene(db: Database) -> tuple[list[object], list[int]]:
        db.on_fault = lambda fault: faults.append(type(fault).__name__)
        faultpoints.install(full)
        try:
            writes = (noted(1), noted(2), lambda tx: tx.execute(orphan))
            answers = await outcomes(*(db.write(write, owner="a") for write in writes))
        finally:
            faultpoints.install(None)
        return answers, await db.read(values, owner="a")

    answers, found = play(scene)
    if lasts:
        assert (answers, found, called) == ([1, "StorageFull", "StorageFull"], [1], [1])
        assert faults == ["StorageFull"]
    else:
        assert (answers, found, called) == ([1, 1, "ConstraintViolated"], [1, 2], [1, 2])
