"""What a run has done so far is there after a crash, in order, and gone once the run is over."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from durable_stage import Stage, perform

from hub.core.durable import Journal
from hub.core.storage import Tx


def test_open_runs_come_back_in_the_order_in_which_they_began_with_their_lines(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        lines = [("r2", {"step": 1}), ("r1", {"step": 1}), ("r2", {"step": 2, "amount": Decimal("1.50")})]
        for run, record in lines:
            await stage.db.write(lambda tx, run=run, record=record: stage.journal.append(tx, "rule", run, record))  # type: ignore[misc]
            await stage.advance(1)
        await stage.again(60)
        runs = await stage.journal.open_runs("rule")
        assert list(runs) == ["r2", "r1"]
        assert [entry.record for entry in runs["r2"]] == [{"step": 1}, {"step": 2, "amount": Decimal("1.50")}]
        assert [entry.seq for entry in runs["r2"]] == sorted(entry.seq for entry in runs["r2"])
        assert runs["r2"][1].at_us - runs["r2"][0].at_us == 2_000_000

    perform(tmp_path, scene)


def test_a_closed_run_is_forgotten_in_the_transaction_that_ends_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def begin(tx: Tx) -> None:
            for run in ("a", "b"):
                stage.journal.append(tx, "rule", run, {})
                stage.journal.append(tx, "rule", run, {})

        def end_badly(tx: Tx) -> None:
            stage.journal.close(tx, "rule", "a")
            raise ValueError("no")

        await stage.db.write(begin)
        with pytest.raises(ValueError, match="no"):
            await stage.db.write(end_badly)
        assert list(await stage.journal.open_runs("rule")) == ["a", "b"]
        assert await stage.db.write(lambda tx: stage.journal.close(tx, "rule", "a")) == 2
        assert list(await stage.journal.open_runs("rule")) == ["b"]

    perform(tmp_path, scene)


def test_streams_and_owners_do_not_mix(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        other = Journal(stage.db, stage.clock, "q")
        for journal, stream in ((stage.journal, "x"), (stage.journal, "y"), (other, "x")):
            await stage.db.write(
                lambda tx, journal=journal, stream=stream: journal.append(tx, stream, "r", {"of": stream})  # type: ignore[misc]
            )
        assert await stage.db.write(lambda tx: stage.journal.close(tx, "x", "r")) == 1
        assert await stage.journal.open_runs("x") == {}
        assert list(await stage.journal.open_runs("y")) == ["r"]
        assert list(await other.open_runs("x")) == ["r"]

    perform(tmp_path, scene)
