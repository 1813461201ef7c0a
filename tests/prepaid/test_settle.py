"""A payment is credited exactly once, whoever tells of it, how often, and in whatever order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from money_stage import ANNA, BERT, NOBODY, PAID, PAID_US, Till, at_the_till

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.topups import (
    AmountNotPositive,
    SettledAs,
    Settlement,
    SettlementConflict,
    SettlementConflicted,
    SettlementSuspended,
    SuspenseReason,
    ToppedUp,
    TopupRefused,
    UnknownAccount,
    Via,
)
from hub.contracts.units import MinorUnits
from hub.core.storage import ConstraintViolated, Tx
from plugins.prepaid.journal import close_period
from plugins.prepaid.journal.chart import SUSPENSE, arrival, prepaid
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR

CASH = replace(PAID, provider="cash", transaction_id="receipt-1", order_id=None, via=Via.COUNTER)
STALL = PointId("stall")
WALLET = "asset:psp:fake_pay"


def test_one_payment_told_by_everybody_at_once_is_credited_once(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        events = till.harness.capture(ToppedUp)
        told = [replace(PAID, via=via) for via in (Via.CALLBACK, Via.QUERY, Via.BILL)] * 7
        settled = await asyncio.gather(*(till.settle(one) for one in told))
        assert Counter(one.outcome for one in settled) == {SettledAs.CREDITED: 1, SettledAs.ALREADY: 20}
        assert {one.balance_minor for one in settled} == {10_000}
        assert await till.balance() == 10_000
        assert [event.amount_minor for event in events] == [10_000]
        assert len(await till.rows("attempts")) == 21
        assert await till.books() == {WALLET: 10_000, prepaid(ANNA): -10_000}
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_bill_that_knows_neither_account_nor_order_is_the_same_payment(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        billed = replace(PAID, via=Via.BILL, account=None, order_id=None)
        assert (await till.settle(billed)).outcome is SettledAs.ALREADY
        assert await till.balance() == 10_000

    at_the_till(tmp_path, scene)


def test_an_order_that_is_learned_late_cannot_be_paid_by_another_transaction(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(replace(PAID, order_id=None))
        await till.settle(PAID)
        other = await till.settle(replace(PAID, transaction_id="tx-2"))
        assert isinstance(other.error, SettlementConflict)
        assert await till.balance() == 10_000

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param(replace(PAID, amount_minor=MinorUnits(10_001)), "amount 100.01, before 100.00", id="amount"),
        pytest.param(replace(PAID, account=BERT), "account bert, before anna", id="account"),
        pytest.param(replace(PAID, order_id="order-2"), "order order-2, before order-1", id="order"),
        pytest.param(replace(PAID, currency="USD"), "currency USD, before CNY", id="currency"),
        pytest.param(replace(PAID, transaction_id="tx-2"), "transaction tx-2, before tx-1", id="order paid twice"),
    ],
)
def test_a_used_key_with_another_payload_is_a_conflict_and_an_alarm(
    tmp_path: Path, told: Settlement, said: str
) -> None:
    async def scene(till: Till) -> None:
        alarms = till.harness.capture(SettlementConflicted)
        await till.settle(PAID)
        settled = await till.settle(told)
        assert settled.outcome is SettledAs.REFUSED
        with pytest.raises(
            SettlementConflict, match=f"as attempt 1 with another content: {said}. The first stands"
        ):
            settled.require()
        assert await till.books() == {WALLET: 10_000, prepaid(ANNA): -10_000}
        assert [(one.key, said in one.detail) for one in alarms] == [("fake_pay", True)]
        assert await till.rows("attempts", "outcome") == [("credited",), ("refused",)]

    at_the_till(tmp_path, scene)


def test_a_transaction_and_an_order_of_two_payments_are_no_third_telling(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await till.settle(replace(PAID, transaction_id="tx-2", order_id="order-2"))
        mixed = await till.settle(replace(PAID, order_id="order-2"))
        assert isinstance(mixed.error, SettlementConflict)

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("told", "reason", "books"),
    [
        pytest.param(
            replace(PAID, account=None), SuspenseReason.NO_ACCOUNT, {WALLET: 10_000, SUSPENSE: -10_000}, id="nobody"
        ),
        pytest.param(
            replace(PAID, account=NOBODY), SuspenseReason.UNKNOWN_ACCOUNT, {WALLET: 10_000, SUSPENSE: -10_000},
            id="unknown account",
        ),
        pytest.param(
            replace(PAID, account=BERT), SuspenseReason.ACCOUNT_CLOSED, {WALLET: 10_000, SUSPENSE: -10_000},
            id="closed account",
        ),
        pytest.param(
            replace(PAID, currency="USD"), SuspenseReason.CURRENCY_DIFFERS, {}, id="foreign money is in no sum"
        ),
    ],
)  # fmt: skip
def test_money_a_platform_holds_is_suspended_and_never_refused(
    tmp_path: Path, told: Settlement, reason: SuspenseReason, books: dict[str, int]
) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(BERT, is_open=False)
        events = till.harness.capture(SettlementSuspended)
        settled = await till.settle(told)
        assert (settled.outcome, settled.suspended_for, settled.account) == (SettledAs.SUSPENDED, reason, None)
        assert settled.require() is settled
        assert (await till.settle(replace(told, via=Via.BILL))).outcome is SettledAs.ALREADY
        assert [event.reason for event in events] == [reason]
        assert await till.books() == books

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        pytest.param(
            replace(CASH, account=NOBODY), UnknownAccount, "no account 'nobody'; nothing was credited", id="unknown"
        ),
        pytest.param(
            replace(CASH, account=AccountId("ana")), UnknownAccount, "Did you mean 'anna'", id="a slip"
        ),
        pytest.param(replace(CASH, account=None), UnknownAccount, "no account was named", id="no account"),
        pytest.param(replace(CASH, account=BERT), TopupRefused, "account bert is closed", id="closed"),
        pytest.param(replace(CASH, currency="USD"), TopupRefused, "takes CNY, not USD", id="currency"),
        pytest.param(replace(CASH, amount_minor=MinorUnits(0)), AmountNotPositive, "a top-up of 0.00 CNY", id="0"),
        pytest.param(replace(PAID, amount_minor=MinorUnits(-5)), AmountNotPositive, "by a refund", id="negative"),
        pytest.param(replace(PAID, amount_minor=MinorUnits(2**70)), TopupRefused, "no such amount", id="absurd"),
        pytest.param(replace(PAID, transaction_id=""), TopupRefused, "has no number", id="no number"),
    ],
)  # fmt: skip
def test_a_refused_top_up_changes_nothing_but_its_attempt(
    tmp_path: Path, told: Settlement, error: type[TopupRefused], text: str
) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(BERT, is_open=False)
        events = till.harness.capture(ToppedUp)
        settled = await till.settle(told)
        with pytest.raises(error, match=text):
            settled.require()
        stored = max(-AMOUNT_MAX_MINOR, min(told.amount_minor, AMOUNT_MAX_MINOR))
        assert await till.rows("attempts", "via, amount_minor, outcome, error") == [
            (told.via.value, stored, "refused", str(settled.error))
        ]
        assert (await till.books(), await till.rows("payments"), events) == ({}, [], [])

    at_the_till(tmp_path, scene)


def test_the_restore_commits_with_the_credit_or_not_at_all(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        intents = till.harness.capture(IntentChanged)
        await till.supply.add_point(STALL, ANNA, reconnect_minor=MinorUnits(10_500))
        await till.supply.decide(STALL, OffReason.CREDIT, is_off=True)
        assert (await till.settle(PAID)).missing_minor == 500

        def settle_and_fail(tx: Tx) -> None:
            till.topups.settle(tx, CASH)
            raise RuntimeError("disk")

        with pytest.raises(RuntimeError, match="disk"):
            await till.write(settle_and_fail)
        assert (await till.balance(), len(await till.rows("attempts"))) == (10_000, 1)
        assert len(intents) == 1
        settled = await till.settle(CASH)
        assert (settled.balance_minor, settled.missing_minor) == (20_000, 0)
        assert [event.intent.desired for event in intents] == [Desired.OPEN, Desired.CLOSED]

    at_the_till(tmp_path, scene)


def test_what_was_paid_is_what_is_told_also_when_it_goes_into_a_debt(tmp_path: Path) -> None:
    """Of a payment of 100.00 on a debt of 30.00, not the debt that is left is the amount paid."""

    async def scene(till: Till) -> None:
        events = till.harness.capture(ToppedUp)
        await till.charge(ANNA, 3_000, "c1")
        settled = await till.settle(PAID)
        assert (settled.amount_minor, settled.balance_minor) == (10_000, 7_000)
        assert (events.last().amount_minor, events.last().balance_minor) == (10_000, 7_000)

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("case", "paid_us", "counts_us"),
    [
        ("when it was paid", PAID_US, PAID_US),
        ("never in the future", 2**60, None),
        ("not before what is closed, though it was paid before", PAID_US - 10 * 86_400_000_000, PAID_US - 1),
    ],
)
def test_a_payment_counts_when_it_was_paid_but_not_in_a_closed_period(
    tmp_path: Path, case: str, paid_us: int, counts_us: int | None
) -> None:
    async def scene(till: Till) -> None:
        await till.write(lambda tx: close_period(tx, prepaid(ANNA), PAID_US - 1, "statement-1", PAID_US))
        settled = await till.settle(replace(PAID, paid_us=paid_us))
        assert settled.outcome is SettledAs.CREDITED, case
        now_us = till.harness.clock.now_us()
        assert await till.rows("journal", "effective_us") == [(now_us if counts_us is None else counts_us,)]
        assert await till.rows("payments", "paid_us") == [(paid_us,)]

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE prepaid__attempts SET outcome = 'credited'",
        "DELETE FROM prepaid__attempts",
        "DELETE FROM prepaid__payments",
        "UPDATE prepaid__payments SET amount_minor = 1",
        "UPDATE prepaid__payments SET account = 'bert'",
        "UPDATE prepaid__payments SET order_id = 'order-9'",
        "UPDATE prepaid__payments SET state = 'suspended', account = NULL",
    ],
)
def test_what_was_told_cannot_be_changed_or_deleted(tmp_path: Path, sql: str) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        with pytest.raises(ConstraintViolated, match=r"append-only|kept for ever|never changes"):
            await till.write(lambda tx: tx.execute(sql))

    at_the_till(tmp_path, scene)


def test_payments_survive_a_restart_and_are_still_known(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await till.harness.restart()
        assert (await till.settle(PAID)).outcome is SettledAs.ALREADY
        assert await till.balance() == 10_000
        assert arrival("fake_pay") == WALLET

    at_the_till(tmp_path, scene)
