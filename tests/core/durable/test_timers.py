"""A timer fires once, at its time or as soon as there is a hub, whatever its handler, the clock or the disk do."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from durable_stage import SECOND, Failing, Stage, note, perform

from hub.core import context as contexts
from hub.core.context import Context
from hub.core.durable import Timer
from hub.core.storage import StorageFull, Tx


def test_a_timer_fires_once_at_its_time(tmp_path: Path) -> None:
    fired: list[float] = []

    async def scene(stage: Stage) -> None:
        def handler(tx: Tx, timer: Timer) -> None:
            note(tx, timer)
            tx.on_commit(lambda: fired.append(stage.clock.monotonic()))
            assert (timer.late_us, timer.payload) == (0, {"n": 1})

        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        await stage.set("a", 10.5, n=1)
        await stage.advance(86_400)
        assert await stage.effects() == ["a"]
        assert await stage.rows("timers") == []

    perform(tmp_path, scene)
    assert fired == [10.5]


@pytest.mark.parametrize("away_s", [0.0, 5.0, 3600.0])
def test_a_timer_survives_a_restart_and_says_how_late_it_is(tmp_path: Path, away_s: float) -> None:
    late: list[int] = []

    def handler(tx: Tx, timer: Timer) -> None:
        note(tx, timer)
        tx.on_commit(lambda: late.append(timer.late_us))

    async def scene(stage: Stage) -> None:
        await stage.timers.load()
        await stage.set("a", 10)
        await stage.again(away_s)
        stage.timers.handle("t", handler, owner="p")
        assert await stage.timers.load() == 1
        await stage.advance(10)
        assert await stage.effects() == ["a"]
        await stage.again()
        assert await stage.timers.load() == 0

    perform(tmp_path, scene)
    assert late == [round(max(0.0, away_s - 10) * SECOND)]


def test_a_moved_timer_fires_at_its_new_time_only_and_a_cancelled_one_never(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        for key in ("later", "sooner", "cancelled"):
            await stage.set(key, 10)
        await stage.set("later", 30)
        await stage.set("sooner", 5)
        assert await stage.db.write(lambda tx: stage.timers.cancel(tx, "t", "cancelled", owner="p"))
        assert not await stage.db.write(lambda tx: stage.timers.cancel(tx, "t", "cancelled", owner="p"))
        for at, expected in (
            (7, ["sooner"]),
            (22, ["sooner"]),
            (2, ["sooner", "later"]),
            (99, ["sooner", "later"]),
        ):
            await stage.advance(at)
            assert await stage.effects() == expected

    perform(tmp_path, scene)


def test_a_timer_set_in_a_transaction_that_fails_was_never_set(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()

        def fn(tx: Tx) -> None:
            stage.timers.set(tx, "t", "a", stage.clock.now_us(), owner="p")
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await stage.db.write(fn)
        await stage.advance(60)
        assert await stage.effects() == []

    perform(tmp_path, scene)


@pytest.mark.parametrize("offset_s", [0, -5, 1])
def test_a_timer_that_sets_itself_again_in_its_handler_fires_again(tmp_path: Path, offset_s: int) -> None:
    async def scene(stage: Stage) -> None:
        def handler(tx: Tx, timer: Timer) -> None:
            note(tx, timer)
            left = timer.payload["left"]
            if left:
                due_us = timer.due_us + offset_s * SECOND
                stage.timers.set(tx, "t", timer.key, due_us, {"left": left - 1}, owner="p")

        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        await stage.set("a", 10, left=3)
        await stage.advance(60)
        assert await stage.effects() == ["a"] * 4
        assert await stage.rows("timers") == []

    perform(tmp_path, scene)


def test_a_timer_set_by_a_handler_for_the_same_instant_runs_its_own_handler(tmp_path: Path) -> None:
    """SQLite gives the row id of a deleted timer to the next one, so nothing may hang on it."""

    async def scene(stage: Stage) -> None:
        def first(tx: Tx, timer: Timer) -> None:
            tx.execute("INSERT INTO p__effects (what) VALUES ('first')")
            stage.timers.set(tx, "second", "other", timer.due_us, owner="p")

        def second(tx: Tx, timer: Timer) -> None:
            tx.execute("INSERT INTO p__effects (what) VALUES ('second')")

        stage.timers.handle("t", first, owner="p")
        stage.timers.handle("second", second, owner="p")
        await stage.timers.load()
        await stage.set("a", 10)
        await stage.advance(60)
        assert await stage.effects() == ["first", "second"]
        assert await stage.rows("timers") == []

    perform(tmp_path, scene)


def test_a_handler_that_raises_is_tried_again_after_growing_pauses_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[tuple[float, int]] = []

    async def scene(stage: Stage) -> None:
        def handler(tx: Tx, timer: Timer) -> None:
            note(tx, timer)
            tries.append((stage.clock.monotonic(), timer.attempts))
            if timer.attempts < 3:
                raise ValueError("not yet")

        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        await stage.set("a", 0)
        await stage.set("other", 1)
        await stage.advance(0.5)
        ((attempts, error),) = [row for row in await stage.rows("timers", "attempts, last_error") if row[0]]
        assert (attempts, error) == (1, "ValueError: not yet")
        await stage.advance(60)
        assert sorted(await stage.effects()) == ["a", "other"]

    perform(tmp_path, scene)
    assert [attempt for _, attempt in tries if attempt == 3] == [3] * 4, "both, and each of them rehearsed"
    assert "timer p/t (a) failed, attempt 1, again in 1 s: ValueError: not yet" in caplog.text


def test_a_timer_moved_while_its_handler_fails_keeps_its_new_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fired: list[float] = []

        def handler(tx: Tx, timer: Timer) -> None:
            fired.append(stage.clock.monotonic())
            if timer.payload["bad"]:
                raise ValueError("no")

        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        await stage.set("a", 10, bad=True)
        await stage.advance(10)
        await stage.set("a", 100, bad=False)
        await stage.advance(1000)
        assert set(fired) == {10.0, 110.0}
        assert await stage.rows("timers") == []

    perform(tmp_path, scene)


def test_a_timer_whose_plugin_is_away_waits_for_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        withdraw = stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        await stage.set("a", 10)
        await stage.set("cancelled", 10)
        await stage.set("moved", 10)
        withdraw()
        await stage.advance(3600)
        assert await stage.effects() == []
        await stage.db.write(lambda tx: stage.timers.cancel(tx, "t", "cancelled", owner="p"))
        await stage.set("moved", 50)
        stage.timers.handle("t", note, owner="p")
        await stage.advance(1)
        assert await stage.effects() == ["a"]
        await stage.advance(50)
        assert await stage.effects() == ["a", "moved"]

    perform(tmp_path, scene)


def test_a_plugin_stopped_in_the_middle_of_a_firing_neither_loses_nor_repeats_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for turns in range(12):
            withdraw = stage.timers.handle("t", note, owner="p")
            if turns == 0:
                await stage.timers.load()
            await stage.set(f"k{turns:02}", 0)
            for _ in range(turns):
                await asyncio.sleep(0)
            await stage.supervisor.end("p")
            withdraw()
            await stage.advance(5)
        stage.timers.handle("t", note, owner="p")
        await stage.advance(5)
        assert sorted(await stage.effects()) == [f"k{turns:02}" for turns in range(12)]
        assert stage.supervisor.running("p") == []

    perform(tmp_path, scene)


def test_a_timer_fires_after_the_store_has_recovered(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        await stage.set("a", 10)
        with Failing(stage, StorageFull("full")):
            await stage.advance(120)
            assert await stage.effects() == []
        await stage.advance(10)
        assert await stage.effects() == ["a"]
        assert await stage.rows("timers") == []

    perform(tmp_path, scene)


def test_a_store_that_cannot_be_read_is_not_asked_without_a_pause(tmp_path: Path) -> None:
    reads: list[int] = []

    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        await stage.set("a", 10)
        read = stage.db.read

        async def fail(*_: object, **__: object) -> None:
            reads.append(1)
            raise StorageFull("no")

        stage.db.read = fail  # type: ignore[method-assign, assignment]
        await stage.advance(20)
        stage.db.read = read  # type: ignore[method-assign]
        await stage.advance(20)
        assert await stage.effects() == ["a"]

    perform(tmp_path, scene)
    assert 1 <= len(reads) <= 15


@pytest.mark.parametrize(
    ("step_s", "fires_after_s"),
    [
        pytest.param(0, 3600, id="no step"),
        pytest.param(1800, 1800, id="put forward: sooner"),
        pytest.param(7200, 0, id="put forward beyond it: now"),
        pytest.param(-3600, 7200, id="put back: later"),
    ],
)
def test_a_timer_is_due_by_the_wall_clock_when_that_steps(
    tmp_path: Path, step_s: float, fires_after_s: float
) -> None:
    fired: list[float] = []

    async def scene(stage: Stage) -> None:
        def handler(tx: Tx, timer: Timer) -> None:
            tx.on_commit(lambda: fired.append(stage.clock.monotonic()))

        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        await stage.set("a", 3600)
        stage.clock.step(step_s)
        stage.timers.rearm()
        await stage.advance(86_400)

    perform(tmp_path, scene)
    assert fired == [fires_after_s]


def test_a_handler_runs_under_a_cause_that_came_from_whoever_set_the_timer(tmp_path: Path) -> None:
    found: list[Context] = []

    def handler(tx: Tx, timer: Timer) -> None:
        assert tx.context == timer.context
        tx.on_commit(lambda: found.append(contexts.current()))

    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", handler, owner="p")
        await stage.timers.load()
        with contexts.use(Context("c-1", "user:7")):
            await stage.set("a", 1)
        await stage.advance(5)

    perform(tmp_path, scene)
    assert [(cause.actor, cause.parent_id) for cause in found] == [("user:7", "c-1")]


def test_an_asynchronous_handler_is_refused_and_a_hidden_one_loses_no_timer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(tx: Tx, timer: Timer) -> None:
        pass

    async def scene(stage: Stage) -> None:
        with pytest.raises(
            ValueError, match=r"p: the handler of timer 't' must be a plain function fn\(tx, timer\)"
        ):
            stage.timers.handle("t", handler, owner="p")
        stage.timers.handle("t", lambda tx, timer: handler(tx, timer), owner="p")
        with pytest.raises(ValueError, match="p handles its timer 't' already"):
            stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        await stage.set("a", 1)
        await stage.advance(2)
        assert len(await stage.rows("timers")) == 1

    with caplog.at_level(logging.ERROR):
        perform(tmp_path, scene)
    assert "is asynchronous; a transaction is a plain function" in caplog.text


def test_timers_of_the_same_name_and_key_of_two_owners_do_not_mix(tmp_path: Path) -> None:
    fired: list[str] = []

    async def scene(stage: Stage) -> None:
        for owner in ("p", "q"):

            def handler(tx: Tx, timer: Timer, owner: str = owner) -> None:
                tx.on_commit(lambda: fired.append(f"{owner} for {timer.owner}"))

            stage.timers.handle("t", handler, owner=owner)
        await stage.timers.load()
        due_us = stage.clock.now_us()
        for owner in ("p", "q"):
            await stage.db.write(
                lambda tx, owner=owner: stage.timers.set(tx, "t", "a", due_us, owner=owner)  # type: ignore[misc]
            )
        await stage.advance(1)

    perform(tmp_path, scene)
    assert sorted(fired) == ["p for p", "q for q"]


def test_a_timer_moved_again_and_again_takes_no_more_memory(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        for n in range(500):
            await stage.set("a", 86_400 + n)
        assert len(stage.timers._due) < 100
        await stage.advance(2 * 86_400)
        assert await stage.effects() == ["a"]

    perform(tmp_path, scene)


def test_timers_set_before_loading_fire_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.set("early", 5)
        loading = asyncio.ensure_future(stage.timers.load())
        await stage.set("meanwhile", 5)
        await loading
        await stage.advance(60)
        assert sorted(await stage.effects()) == ["early", "meanwhile"]

    perform(tmp_path, scene)


def test_a_thousand_timers_of_one_instant_all_fire(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.timers.handle("t", note, owner="p")
        await stage.timers.load()
        await asyncio.gather(*(stage.set(f"{n:04}", 60) for n in range(1000)))
        await stage.advance(60)
        assert sorted(await stage.effects()) == [f"{n:04}" for n in range(1000)]

    perform(tmp_path, scene)
