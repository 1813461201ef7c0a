"""What was posted wrongly is put right by entries that say what they correct, never twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from journal_stage import BAKERY, CASH, NOODLES, Stage, charge, play, topup

from hub.contracts.units import MinorUnits, WattHours
from hub.core.durable import KeyReused
from hub.core.errors import NotFound
from plugins.prepaid.journal import (
    Posted,
    Posting,
    Unpostable,
    balances,
    close_period,
    correct,
    reverse,
    standing,
)
from plugins.prepaid.journal.chart import ENERGY_RECOVERY


def posting(account: str, amount: int, qty_wh: int | None = None) -> Posting:
    return Posting(account, MinorUnits(amount), None if qty_wh is None else WattHours(qty_wh))


def test_a_reversal_takes_back_money_and_energy_and_names_its_entry(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500), charge("c1", 120))
        posted = await stage.write(lambda tx: reverse(stage.journal, tx, 2, "rev", "wrong shop", 3_000))
        assert posted == Posted(3, is_new=True)
        row = await stage.read(lambda reader: reader.one("SELECT * FROM prepaid__journal WHERE seq = 3"))
        assert row is not None
        assert (row["kind"], row["corrects"], row["note"], row["effective_us"]) == (
            "reversal", "entry:2", "wrong shop", 3_000,
        )  # fmt: skip
        assert await stage.read(balances) == {CASH: 500, ENERGY_RECOVERY: 0, NOODLES: -500}
        used = await stage.read(lambda reader: reader.value("SELECT sum(qty_wh) FROM prepaid__postings"))
        assert used == 0
        assert await stage.read(lambda reader: standing(reader, 2)) == ()

    play(tmp_path, scene)


def test_a_correction_posts_the_difference_to_what_is_right(tmp_path: Path) -> None:
    right = (posting(BAKERY, 100, 200), posting(NOODLES, 20, 40), posting(ENERGY_RECOVERY, -120))

    async def scene(stage: Stage) -> None:
        await stage.post(charge("c1", 120))
        await stage.write(lambda tx: correct(stage.journal, tx, 1, "fix", "shared meter", 3_000, right))
        assert await stage.read(balances) == {BAKERY: 100, ENERGY_RECOVERY: -120, NOODLES: 20}
        assert sorted(await stage.read(lambda reader: standing(reader, 1)), key=str) == sorted(right, key=str)
        await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "void", 4_000))
        assert await stage.read(balances) == {BAKERY: 0, ENERGY_RECOVERY: 0, NOODLES: 0}
        assert (await stage.report()).is_clean

    play(tmp_path, scene)


def test_energy_alone_can_be_corrected(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(charge("c1", 120))
        right = (posting(NOODLES, 120, 250), posting(ENERGY_RECOVERY, -120))
        await stage.write(lambda tx: correct(stage.journal, tx, 1, "fix", "misread", 3_000, right))
        (line,) = await stage.read(lambda reader: reader.all("SELECT * FROM prepaid__postings WHERE entry = 2"))
        assert (line["account"], line["amount_minor"], line["qty_wh"]) == (NOODLES, 0, 10)

    play(tmp_path, scene)


def test_a_repeat_is_the_same_reversal_even_at_another_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500))
        await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "void", 3_000))
        again = await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "void", 9_000))
        assert again == Posted(2, is_new=False)
        with pytest.raises(KeyReused, match=r"'rev' was used before, for entry 2 \(reversal\)"):
            await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "another reason", 3_000))

    play(tmp_path, scene)


def test_a_reversal_may_reach_into_a_closed_period(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(charge("c1", 120))
        await stage.write(lambda tx: close_period(tx, NOODLES, 5_000, "s1", 5))
        await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "void", 2_000))
        assert (await stage.report()).is_clean

    play(tmp_path, scene)


def test_what_cannot_be_corrected_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500))
        with pytest.raises(NotFound, match="no entry 7 in the journal; nothing was corrected"):
            await stage.write(lambda tx: reverse(stage.journal, tx, 7, "r", "void", 3_000))
        await stage.write(lambda tx: reverse(stage.journal, tx, 1, "rev", "void", 3_000))
        with pytest.raises(Unpostable, match="entry 1 already amounts to what 'again' would make of it"):
            await stage.write(lambda tx: reverse(stage.journal, tx, 1, "again", "void", 3_000))
        with pytest.raises(Unpostable, match="entry 2 itself corrects entry 1; correct that one"):
            await stage.write(lambda tx: reverse(stage.journal, tx, 2, "r", "void", 3_000))

    play(tmp_path, scene)
