"""Balances: now, at an entry, before an instant, and how they came about."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from journal_stage import BAKERY, CASH, NOODLES, Stage, charge, play, topup

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from plugins.prepaid.journal import (
    BalanceDiffers,
    as_read,
    assert_balance,
    balance_at,
    balance_effective,
    chart,
    history,
    normal_side,
    tenant_of,
)


def test_the_balance_at_an_entry_starts_from_the_last_assertion(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        async def at(seq: int) -> int:
            return await stage.read(lambda reader: balance_at(reader, NOODLES, seq=seq))

        await stage.post(topup("t1", 500), charge("c1", 120), charge("c2", 1, BAKERY))
        before = [await at(seq) for seq in range(6)]
        assert before == [0, -500, -380, -380, -380, -380]
        await stage.write(lambda tx: assert_balance(tx, NOODLES, MinorUnits(-380), 9))
        await stage.post(charge("c3", 80))
        assert [await at(seq) for seq in range(6)] == [0, -500, -380, -380, -300, -300]

    play(tmp_path, scene)


def test_what_the_world_says_differently_is_not_written_down(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500))
        with pytest.raises(BalanceDiffers, match="asset:cash holds 500 in the ledger and 499 outside"):
            await stage.write(lambda tx: assert_balance(tx, CASH, MinorUnits(499), 9))
        assert (await stage.report()).assertions == 0

    play(tmp_path, scene)


def test_a_late_entry_counts_for_the_time_when_it_happened(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500, effective_us=1_000), charge("late", 120, effective_us=10))
        found = await stage.read(
            lambda reader: [balance_effective(reader, NOODLES, us) for us in (10, 11, 1_000, 1_001)]
        )
        assert found == [0, 120, 120, -380]

    play(tmp_path, scene)


def test_a_history_comes_in_pages_with_the_balance_after_each_posting(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 500), *[charge(f"c{number}", 10 + number) for number in range(4)])
        found: list[tuple[int, str, int, int]] = []
        cursor, pages = None, 0
        while pages == 0 or cursor is not None:
            page = await stage.read(partial(history, account=NOODLES, before=cursor, limit=2))
            found += [(line.seq, line.key, line.amount_minor, line.balance_minor) for line in page.lines]
            cursor, pages = page.older, pages + 1
        assert pages == 3
        assert found == [
            (5, "c3", 13, -454),
            (4, "c2", 12, -467),
            (3, "c1", 11, -479),
            (2, "c0", 10, -490),
            (1, "t1", -500, -500),
        ]
        line = (await stage.read(lambda reader: history(reader, NOODLES, limit=0))).lines[0]
        assert (line.kind, line.qty_wh, line.meta) == ("energy", 26, '{"band":"尖","component":"energy"}')
        assert (await stage.read(lambda reader: history(reader, "asset:bank"))).lines == ()

    play(tmp_path, scene)


def test_the_chart_knows_every_side_and_whose_money_it_is() -> None:
    account = AccountId("noodle_bar")
    assert as_read(chart.prepaid(account), -500) == 500
    assert as_read(chart.arrival("cash"), 500) == 500
    assert [chart.arrival(each) for each in ("cash", "bank", "wechat")] == [
        "asset:cash", "asset:bank", "asset:psp:wechat",
    ]  # fmt: skip
    ours = (
        chart.ENERGY_RECOVERY, chart.SERVICE_INCOME, chart.VAT, chart.SUSPENSE, chart.WRITTEN_OFF, chart.GOODWILL,
        chart.PSP_FEES, chart.OPENING, chart.ROUNDING, chart.shared("lifts"), chart.arrival("alipay"),
    )  # fmt: skip
    assert [tenant_of(each) for each in ours] == [None] * len(ours)
    assert {normal_side(each) for each in ours} == set(chart.Side)
    assert {tenant_of(chart.prepaid(account)), tenant_of(chart.deposit(account))} == {account}
