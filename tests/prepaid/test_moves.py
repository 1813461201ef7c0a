"""Money moved by people: refused with a reason and on record, or done once; wrong entries undone by entries."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from money_stage import ANNA, BERT, PAID, Till, at_the_till, money

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.units import MinorUnits
from hub.core.errors import NotAllowed
from hub.core.principals import OWNER, Principal
from hub.core.storage import ConstraintViolated
from plugins.prepaid.journal.chart import GOODWILL, WRITTEN_OFF, prepaid

WALLET = "asset:psp:fake_pay"
FULL = {WALLET: 10_000, prepaid(ANNA): -10_000}


async def do(till: Till, action: str, key: str | None = "k", **data: Any) -> dict[str, Any]:
    if "amount" in data:
        data["amount"] = money(data["amount"])
    answer: dict[str, Any] = await till.call(action, key=key, **{"reason": "because", **data})
    return answer


def test_goodwill_is_credit_at_the_landlords_cost(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        answer = await do(till, "account.goodwill", account=ANNA, amount="5.00")
        assert (answer["outcome"], answer["balance"], answer["amount"]) == ("done", money("5.00"), money("5.00"))
        assert await till.books() == {GOODWILL: 500, prepaid(ANNA): -500}
        assert await till.rows("moves", "kind, account, amount_minor, reason, outcome, entry, actor") == [
            ("account.goodwill", ANNA, 500, "because", "done", 1, "system")
        ]
        assert await do(till, "account.goodwill", account=ANNA, amount="5.00") == answer, "the same key"
        assert await till.balance() == 500
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_transfer_is_one_entry_on_both_accounts(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        stall = PointId("stall")
        await till.supply.add_point(stall, BERT, reconnect_minor=MinorUnits(1))
        await till.supply.decide(stall, OffReason.CREDIT, is_off=True)
        intents = till.harness.capture(IntentChanged)
        await till.settle(PAID)
        answer = await do(till, "account.transfer", account=ANNA, to=BERT, amount="40.00")
        assert (answer["outcome"], answer["account"], answer["balance"]) == ("done", ANNA, money("60.00"))
        assert await till.books() == {WALLET: 10_000, prepaid(ANNA): -6_000, prepaid(BERT): -4_000}
        assert [event.intent.desired for event in intents] == [Desired.CLOSED]
        assert await till.rows("postings", "entry, account, amount_minor") == [
            (1, WALLET, 10_000), (1, prepaid(ANNA), -10_000), (2, prepaid(ANNA), 4_000), (2, prepaid(BERT), -4_000),
        ]  # fmt: skip

    at_the_till(tmp_path, scene)


def test_a_wrong_top_up_moves_on_even_when_it_was_used(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await till.charge(ANNA, 9_000, "c1")
        moving = {"account": ANNA, "to": BERT, "amount": "100.00"}
        refused = await do(till, "account.transfer", key="k1", **moving)
        assert "anna has 10.00 CNY of its own, not 100.00 CNY" in refused["error"]
        done = await do(till, "account.transfer", key="k2", entry=1, **moving)
        assert (done["outcome"], done["balance"]) == ("done", money("-90.00"))
        assert await till.balance(BERT) == 10_000
        again = await do(till, "account.transfer", key="k3", entry=1, **moving)
        assert "entry 1 has 0.00 CNY standing on anna" in again["error"]
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_refund_is_held_then_paid_out(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        begun = await do(till, "account.refund", account=ANNA, amount="30.00")
        assert (begun["balance"], await till.spendable()) == (money("100.00"), 7_000)
        refund = begun["refund"]
        assert [row["refund"] for row in (await till.ask("suspense.list"))["refunds"]] == [refund]
        paid = await do(till, "account.refund_paid", key="p1", refund=refund)
        assert (paid["outcome"], paid["balance"], await till.spendable()) == ("done", money("70.00"), 7_000)
        assert await till.books() == {WALLET: 10_000, "asset:bank": -3_000, prepaid(ANNA): -7_000}
        assert (await do(till, "account.refund_paid", key="p2", refund=refund))["outcome"] == "already"
        void = await do(till, "account.refund_void", key="v1", refund=refund)
        assert f"refund {refund} is paid already" in void["error"]
        assert (await till.ask("suspense.list"))["refunds"] == []
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_void_refund_gives_the_money_back_to_use(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        refund = (await do(till, "account.refund", account=ANNA, amount="100.00"))["refund"]
        assert await till.spendable() == 0
        more = await do(till, "account.refund", key="k2", account=ANNA, amount="0.01")
        assert "anna has 0.00 CNY of its own" in more["error"]
        assert (await do(till, "account.refund_void", key="v1", refund=refund))["outcome"] == "done"
        assert (await do(till, "account.refund_void", key="v2", refund=refund))["outcome"] == "already"
        assert (await till.spendable(), await till.books()) == (10_000, FULL)

    at_the_till(tmp_path, scene)


def test_a_refund_that_outlives_its_hold_is_still_posted_when_it_was_paid(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        refund = (await do(till, "account.refund", account=ANNA, amount="100.00", hold_days=1))["refund"]
        await till.harness.advance("25 hours")
        assert await till.spendable() == 10_000
        [row] = (await till.ask("suspense.list"))["refunds"]
        assert row["is_held"] is False
        await till.charge(ANNA, 4_000, "c1")
        paid = await do(till, "account.refund_paid", key="p1", refund=refund)
        assert (paid["outcome"], paid["balance"]) == ("done", money("-40.00"))

    at_the_till(tmp_path, scene)


def test_a_debt_is_written_off_and_no_more_than_that(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        assert "anna owes nothing" in (await do(till, "account.write_off", account=ANNA))["error"]
        await till.charge(ANNA, 1_234, "c1")
        too_much = await do(till, "account.write_off", key="k2", account=ANNA, amount="12.35")
        assert "anna owes 12.34 CNY, less than 12.35 CNY" in too_much["error"]
        await till.open_account(ANNA, is_open=False)
        done = await do(till, "account.write_off", key="k3", account=ANNA)
        assert (done["amount"], done["balance"]) == (money("12.34"), money("0.00"))
        assert (await till.books())[WRITTEN_OFF] == 1_234

    at_the_till(tmp_path, scene)


def test_a_deposit_is_taken_once_used_for_debt_and_given_back(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        take = {"account": ANNA, "amount": "100.00", "receipt": "D1"}
        assert (await do(till, "account.take_deposit", key=None, **take))["outcome"] == "done"
        assert (await do(till, "account.take_deposit", key=None, **take))["outcome"] == "already"
        other = await do(till, "account.take_deposit", key=None, **{**take, "amount": "90.00"})
        assert (other["error_type"], "the first stands" in other["error"]) == ("KeyReused", True)
        assert await till.balance() == 0, "a deposit is not prepaid money"
        nothing = await do(till, "account.use_deposit", key="u0", account=ANNA)
        assert "anna owes nothing" in nothing["error"]
        await till.charge(ANNA, 3_000, "c1")
        used = await do(till, "account.use_deposit", key="u1", account=ANNA)
        assert (used["amount"], used["balance"], used["deposit"]) == (money("30.00"), money("0.00"), money("70.00"))
        much = await do(till, "account.return_deposit", key="r1", account=ANNA, amount="70.01")
        assert "has a deposit of 70.00 CNY, less than 70.01 CNY" in much["error"]
        back = await do(till, "account.return_deposit", key="r2", account=ANNA)
        assert (back["amount"], back["deposit"]) == (money("70.00"), money("0.00"))
        assert "anna has no deposit" in (await do(till, "account.return_deposit", key="r3", account=ANNA))["error"]
        assert (await till.books())["asset:cash"] == 3_000
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_reversed_top_up_may_leave_a_debt_and_trips_nobody_by_itself(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.supply.add_point(PointId("stall"), ANNA)
        intents = till.harness.capture(IntentChanged)
        await till.settle(PAID)
        await till.charge(ANNA, 4_000, "c1")
        done = await do(till, "account.reverse", entry=1)
        assert (done["outcome"], done["balance"]) == ("done", money("-40.00"))
        assert intents == []
        assert (WALLET in await till.books()) is False
        assert await till.rows("journal", "corrects, note") == [(None, None), (None, None), ("entry:1", "because")]
        assert len(await till.rows("payments", "attempt")) == 1, "a reversal deletes no payment"
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_correction_posts_the_difference(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.call("topup.cash", account=ANNA, amount=money("100.00"), receipt="1")
        done = await do(till, "account.correct", key="k1", entry=1, amount="10.00")
        assert (done["outcome"], done["balance"]) == ("done", money("10.00"))
        assert await till.books() == {"asset:cash": 1_000, prepaid(ANNA): -1_000}
        same = await do(till, "account.correct", key="k2", entry=1, amount="10.00")
        zero = await do(till, "account.correct", key="k3", entry=1, amount="0")
        assert ("is 10.00 CNY already" in same["error"], "reverse it instead" in zero["error"]) == (True, True)
        await do(till, "account.reverse", key="k4", entry=1)
        assert await till.books() == {}
        await till.check()

    at_the_till(tmp_path, scene)


REVERSALS = [
    ("what was reversed", 1, "TooLate", r"entry 1 was reversed already: entry 4 by system"),
    ("a reversal", 4, "MoveRefused", "entry 4 itself corrects entry 1"),
    ("a charge", 2, "MoveRefused", r"entry 2 is a charge \(energy\)"),
    ("suspended money", 3, "MoveRefused", "entry 3 is in suspense; assign it to an account, or return it"),
    ("nothing", 9, "NoSuchMoney", "there is no entry 9"),
]


@pytest.mark.parametrize(("case", "entry", "kind", "error"), REVERSALS, ids=[row[0] for row in REVERSALS])
def test_what_cannot_be_reversed_says_why(tmp_path: Path, case: str, entry: int, kind: str, error: str) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await till.charge(ANNA, 4_000, "c1")
        await till.settle(replace(PAID, transaction_id="tx-2", order_id="o-2", account=None))
        assert (await do(till, "account.reverse", key="k0", entry=1))["outcome"] == "done"
        before = await till.books()
        answer = await do(till, "account.reverse", key="k1", entry=entry)
        assert (answer["outcome"], answer["error_type"]) == ("refused", kind)
        assert re.search(error, answer["error"])
        assert await till.books() == before

    at_the_till(tmp_path, scene)


REFUSALS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("goodwill of nothing", "account.goodwill", {"amount": "0"}, "AmountNotPositive", "of 0.00 CNY was not made"),
    ("goodwill below zero", "account.goodwill", {"amount": "-1"}, "AmountNotPositive", "above zero"),
    (
        "goodwill for nobody",
        "account.goodwill",
        {"amount": "1", "account": "anne"},
        "UnknownAccount",
        "mean 'anna'",
    ),
    ("goodwill for a closed", "account.goodwill", {"amount": "1", "account": "bert"}, "AccountClosed", "is closed"),
    ("goodwill without key", "account.goodwill", {"amount": "1", "key": None}, "MoveRefused", "with a key"),
    ("transfer to itself", "account.transfer", {"amount": "1", "to": "anna"}, "MoveRefused", "to itself"),
    ("transfer to a closed", "account.transfer", {"amount": "1", "to": "bert"}, "AccountClosed", "bert is closed"),
    ("transfer of nothing", "account.transfer", {"amount": "0", "to": "bert"}, "AmountNotPositive", "transfer"),
    (
        "transfer of a charge",
        "account.transfer",
        {"amount": "1", "to": "carl", "entry": 2},
        "MoveRefused",
        "entry 2",
    ),
    ("refund of too much", "account.refund", {"amount": "60.01"}, "NotEnough", "has 60.00 CNY of its own"),
    ("refund below zero", "account.refund", {"amount": "-1"}, "AmountNotPositive", "a refund of -1.00 CNY"),
    ("refund of nobody's", "account.refund_paid", {"refund": 7}, "NoSuchMoney", "no refund 7"),
    (
        "deposit of nothing",
        "account.take_deposit",
        {"amount": "0", "receipt": "1"},
        "AmountNotPositive",
        "a deposit",
    ),
]


@pytest.mark.parametrize(("case", "action", "data", "kind", "error"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refused_move_changes_nothing_but_its_record(
    tmp_path: Path, case: str, action: str, data: dict[str, Any], kind: str, error: str
) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(BERT, is_open=False)
        await till.open_account(AccountId("carl"))
        await till.settle(PAID)
        await till.charge(ANNA, 4_000, "c1")
        before = await till.books()
        named = {} if "refund" in data else {"account": ANNA}
        answer = await do(till, action, **{**named, **data})
        assert (answer["outcome"], answer["error_type"]) == ("refused", kind), answer
        assert error in answer["error"]
        assert await till.books() == before
        assert await till.rows("moves", "kind, outcome, error") == [(action, "refused", answer["error"])]
        assert await till.spendable() == 6_000

    at_the_till(tmp_path, scene)


def test_a_move_takes_its_own_permission_and_sees_its_own_accounts_only(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        clerk = Principal("user:clerk", frozenset({"account.refund"}))
        with pytest.raises(NotAllowed, match=r"account\.goodwill"):
            await till.call("account.goodwill", "k", clerk, account=ANNA, amount=money("1"), reason="x")
        scoped = Principal("user:bert", OWNER.permissions, {"account": frozenset({BERT})})
        given = {"account": ANNA, "to": BERT, "amount": money("1"), "reason": "mine"}
        for action, data in (
            ("account.transfer", given), ("account.reverse", {"entry": 1, "reason": "x"}),
            ("topup.cash", {"account": ANNA, "amount": money("1"), "receipt": "1"}),
        ):  # fmt: skip
            answer = await till.call(action, "k", scoped, **data)
            assert answer["outcome"] == "refused"
            assert "there is no" in answer["error"]
        assert await till.books() == FULL
        assert {row[0] for row in await till.rows("moves", "actor")} == {"user:bert"}

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE prepaid__moves SET reason = 'other'",
        "DELETE FROM prepaid__moves",
        "DELETE FROM prepaid__refunds",
        "UPDATE prepaid__refunds SET amount_minor = 1",
        "UPDATE prepaid__refunds SET state = 'open', entry = NULL, ended_us = NULL",
        "UPDATE prepaid__holds SET ended = 0",
        "UPDATE prepaid__holds SET amount_minor = 1",
        "DELETE FROM prepaid__holds",
    ],
)
def test_what_was_asked_for_and_done_stays_on_record(tmp_path: Path, sql: str) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        refund = (await do(till, "account.refund", account=ANNA, amount="30.00"))["refund"]
        await do(till, "account.refund_paid", key="p1", refund=refund)
        with pytest.raises(ConstraintViolated, match=r"append-only|kept for ever|only ends|the end of it"):
            await till.write(lambda tx: tx.execute(sql))

    at_the_till(tmp_path, scene)
