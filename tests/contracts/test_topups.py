"""Top-ups: exactly once whoever tells, suspense for what is nobody's, and an attempt on record for everything."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from contract_stage import Stage, play

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.topups import (
    AmountNotPositive,
    OrderState,
    OutstandingState,
    PaymentProvider,
    Settled,
    SettledAs,
    Settlement,
    SettlementConflict,
    SettlementConflicted,
    SettlementSuspended,
    SuspenseReason,
    ToppedUp,
    TopupRefused,
    Topups,
    UnknownAccount,
    Via,
)
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.testing.fakes import FakeProvider, FakeSupply, FakeTopups, Faults

ANNA, NOBODY = AccountId("anna"), AccountId("nobody")
STALL = PointId("stall")
PAID = Settlement(
    provider="fake_pay", transaction_id="tx-1", order_id="order-1", account=ANNA, amount_minor=MinorUnits(10_000),
    currency="CNY", paid_us=1_790_000_000_000_000, via=Via.CALLBACK,
)  # fmt: skip
CASH = replace(PAID, provider="cash", transaction_id="receipt-1", order_id=None, via=Via.COUNTER)


async def make(stage: Stage, supply: FakeSupply | None = None) -> FakeTopups:
    fake = FakeTopups(stage.db, stage.clock, None, stage.events.append, supply)
    await fake.open()
    await fake.add_account(ANNA)
    return fake


async def settle(stage: Stage, topups: Topups, settlement: Settlement) -> Settled:
    return await stage.db.write(lambda tx: topups.settle(tx, settlement))


def test_one_payment_told_by_everybody_at_once_is_credited_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        told = [replace(PAID, via=via) for via in (Via.CALLBACK, Via.QUERY, Via.BILL)] * 10
        settled = await asyncio.gather(*(settle(stage, fake, one) for one in told))
        assert Counter(one.outcome for one in settled) == {SettledAs.CREDITED: 1, SettledAs.ALREADY: 29}
        assert await fake.balance(ANNA) == 10_000
        assert len(stage.of(ToppedUp)) == 1
        assert len(await fake.attempts()) == 30

    play(tmp_path, scene)


def test_many_payments_at_once_lose_none(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        told = [replace(CASH, transaction_id=f"receipt-{n}", amount_minor=MinorUnits(100)) for n in range(50)]
        await asyncio.gather(*(settle(stage, fake, one) for one in told))
        assert await fake.balance(ANNA) == 5_000

    play(tmp_path, scene)


def test_a_bill_that_knows_no_account_is_the_same_payment(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        await settle(stage, fake, PAID)
        billed = replace(PAID, via=Via.BILL, account=None, order_id=None)
        assert (await settle(stage, fake, billed)).outcome is SettledAs.ALREADY

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(replace(PAID, amount_minor=MinorUnits(10_001)), id="another amount"),
        pytest.param(replace(PAID, account=NOBODY), id="another account"),
        pytest.param(replace(PAID, order_id="order-2"), id="another order"),
        pytest.param(replace(PAID, currency="USD"), id="another currency"),
        pytest.param(replace(PAID, transaction_id="tx-2"), id="the order paid by another transaction"),
    ],
)
def test_a_used_key_with_another_payload_is_a_conflict_and_an_alarm(tmp_path: Path, told: Settlement) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        await settle(stage, fake, PAID)
        settled = await settle(stage, fake, told)
        assert settled.outcome is SettledAs.REFUSED
        with pytest.raises(SettlementConflict, match="told before with another amount, account or order"):
            settled.require()
        assert await fake.balance(ANNA) == 10_000
        assert [event.key for event in stage.of(SettlementConflicted)] == ["fake_pay"]
        assert await fake.attempts() == [("callback", "credited"), ("callback", "refused")]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param(replace(PAID, account=None), SuspenseReason.NO_ACCOUNT, id="nobody named"),
        pytest.param(replace(PAID, account=NOBODY), SuspenseReason.UNKNOWN_ACCOUNT, id="unknown account"),
        pytest.param(replace(PAID, currency="USD"), SuspenseReason.CURRENCY_DIFFERS, id="another currency"),
    ],
)
def test_money_a_platform_holds_is_suspended_and_never_refused(
    tmp_path: Path, told: Settlement, reason: SuspenseReason
) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        settled = await settle(stage, fake, told)
        assert (settled.outcome, settled.suspended_for, settled.account) == (SettledAs.SUSPENDED, reason, None)
        assert settled.require() is settled
        assert (await settle(stage, fake, replace(told, via=Via.BILL))).outcome is SettledAs.ALREADY
        assert [event.reason for event in stage.of(SettlementSuspended)] == [reason]
        assert await fake.balance(ANNA) == 0

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        pytest.param(replace(CASH, account=NOBODY), UnknownAccount, "nothing was taken", id="unknown account"),
        pytest.param(replace(CASH, amount_minor=MinorUnits(0)), AmountNotPositive, "by refund", id="zero"),
        pytest.param(replace(PAID, amount_minor=MinorUnits(-5)), AmountNotPositive, "by refund", id="negative"),
    ],
)
def test_a_refused_top_up_changes_nothing_but_its_attempt(
    tmp_path: Path, told: Settlement, error: type[TopupRefused], text: str
) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        settled = await settle(stage, fake, told)
        with pytest.raises(error, match=text):
            settled.require()
        assert await fake.attempts() == [(told.via.value, "refused")]
        assert (await fake.balance(ANNA), stage.events) == (0, [])

    play(tmp_path, scene)


def test_the_restore_commits_with_the_credit_or_not_at_all(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        supply = FakeSupply(stage.db, stage.clock, None, stage.events.append)
        await supply.open()
        await supply.add_point(STALL, ANNA, reconnect_minor=MinorUnits(10_500))
        await supply.decide(STALL, OffReason.CREDIT, is_off=True)
        fake = await make(stage, supply)
        assert (await settle(stage, fake, PAID)).missing_minor == 500

        def settle_and_fail(tx: object) -> None:
            fake.settle(tx, CASH)  # type: ignore[arg-type]
            raise RuntimeError("disk")

        with pytest.raises(RuntimeError, match="disk"):
            await stage.db.write(settle_and_fail)
        assert await fake.balance(ANNA) == 10_000
        assert len(stage.of(IntentChanged)) == 1
        settled = await settle(stage, fake, CASH)
        assert (settled.balance_minor, settled.missing_minor) == (20_000, 0)
        assert [event.intent.desired for event in stage.of(IntentChanged)] == [Desired.OPEN, Desired.CLOSED]

    play(tmp_path, scene)


def test_held_money_is_not_spendable_until_released_or_expired(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        await settle(stage, fake, PAID)
        ends_us = stage.after_us(60)

        async def hold(amount: int, key: str) -> None:
            await stage.db.write(lambda tx: fake.hold(tx, ANNA, MinorUnits(amount), key, ends_us))

        await hold(8_000, "refund-1")
        await hold(8_000, "refund-1")
        with pytest.raises(KeyReused, match="hold 'refund-1' is for 8000 on anna"):
            await hold(7_000, "refund-1")
        with pytest.raises(TopupRefused, match="anna has 2000 to spend; 2001 cannot be held"):
            await hold(2_001, "refund-2")
        for _ in range(2):
            await stage.db.write(lambda tx: fake.release(tx, "refund-1"))
        await hold(10_000, "refund-3")
        await stage.clock.sleep(61)
        ends_us = stage.after_us(60)
        await hold(10_000, "refund-4")

    play(tmp_path, scene)


def test_outstanding_is_none_only_when_every_provider_said_so_in_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)

        async def ask() -> OutstandingState:
            return (await fake.outstanding(ANNA, stage.after_us(5))).state

        assert await ask() is OutstandingState.NONE, "no provider"
        first, second = FakeProvider(stage.clock), FakeProvider(stage.clock, Faults(absent=True))
        provider: PaymentProvider = first
        fake.add_provider(provider)
        withdraw = fake.add_provider(second)
        assert await ask() is OutstandingState.UNKNOWN
        first.open_until_us[ANNA] = stage.after_us(120)
        answer = await fake.outstanding(ANNA, stage.after_us(5))
        assert (answer.state, answer.until_us) == (OutstandingState.PENDING, first.open_until_us[ANNA])
        withdraw()
        await stage.clock.sleep(121)
        assert await ask() is OutstandingState.NONE
        first.faults.delay_s = 9
        assert await ask() is OutstandingState.UNKNOWN
        first.faults.delay_s = 0
        fake.faults.fail_next = 1
        assert [await ask(), await ask()] == [OutstandingState.UNKNOWN, OutstandingState.NONE]

    play(tmp_path, scene)


def test_a_provider_tells_of_orders_and_bills_a_day_when_it_is_over(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        provider = FakeProvider(stage.clock)
        assert (await provider.query("order-1")).state is OrderState.OPEN
        paid = replace(PAID, paid_us=stage.clock.now_us())
        provider.paid["order-1"] = paid
        assert (await provider.query("order-1")).settlement == paid
        assert await provider.bill(date(2026, 3, 2)) is None
        await stage.clock.sleep(86_400)
        assert await provider.bill(date(2026, 3, 2)) == (paid,)
        provider.faults.fail_next = 1
        assert (await provider.query("order-1")).state is OrderState.UNKNOWN

    play(tmp_path, scene)
