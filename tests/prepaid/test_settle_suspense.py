"""Suspended money finds its account, or goes back; and platforms give payments back, early, late or in part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from money_stage import ANNA, BERT, NOBODY, PAID, Till, at_the_till, money

from hub.contracts.axes import OffReason
from hub.contracts.ids import PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.topups import SettledAs, SettlementConflict, ToppedUp, Via
from hub.contracts.units import MinorUnits
from hub.core.principals import OWNER, Principal
from plugins.prepaid.journal.chart import SUSPENSE, prepaid

NAMELESS = replace(PAID, account=None, order_id=None, via=Via.BILL)
DOLLARS = replace(PAID, currency="USD")
WALLET = "asset:psp:fake_pay"


def test_a_person_assigns_suspended_money_and_power_comes_back_with_it(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        stall = PointId("stall")
        await till.supply.add_point(stall, ANNA, reconnect_minor=MinorUnits(1))
        await till.supply.decide(stall, OffReason.CREDIT, is_off=True)
        intents, events = till.harness.capture(IntentChanged), till.harness.capture(ToppedUp)
        suspended = await till.settle(replace(PAID, account=NOBODY))
        attempt = int(suspended.attempt_id)
        answer = await till.call("suspense.assign", attempt=attempt, account=ANNA, reason="she showed the app")
        assert (answer["outcome"], answer["balance"]) == ("done", money("100.00"))
        assert [event.intent.desired for event in intents] == [Desired.CLOSED]
        assert [(event.account, event.attempt_id) for event in events] == [(ANNA, "1")]
        assert await till.books() == {WALLET: 10_000, prepaid(ANNA): -10_000}
        again = await till.call("suspense.assign", attempt=attempt, account=ANNA, reason="once more")
        other = await till.call("suspense.assign", attempt=attempt, account=BERT, reason="no, his")
        assert (again["outcome"], other["outcome"], other["error_type"]) == ("already", "refused", "TooLate")
        assert "is assigned to anna already" in other["error"]
        assert await till.balance() == 10_000
        await till.check()

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize("told", [replace(PAID, account=ANNA), replace(PAID, account=NOBODY)])
def test_assigned_money_told_again_under_either_name_is_the_same_payment(tmp_path: Path, told: object) -> None:
    async def scene(till: Till) -> None:
        suspended = await till.settle(replace(PAID, account=NOBODY))
        await till.call("suspense.assign", attempt=int(suspended.attempt_id), account=ANNA, reason="hers")
        settled = await till.settle(told)  # type: ignore[arg-type]
        assert (settled.outcome, settled.account, settled.balance_minor) == (SettledAs.ALREADY, ANNA, 10_000)
        other = await till.settle(replace(PAID, account=BERT))
        assert isinstance(other.error, SettlementConflict)

    at_the_till(tmp_path, scene)


def test_a_bill_before_its_callback_waits_for_the_name_that_the_callback_brings(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        events = till.harness.capture(ToppedUp)
        assert (await till.settle(NAMELESS)).outcome is SettledAs.SUSPENDED
        assert (await till.settle(PAID)).outcome is SettledAs.CREDITED
        assert (await till.settle(NAMELESS)).outcome is SettledAs.ALREADY
        assert [event.amount_minor for event in events] == [10_000]
        assert await till.books() == {WALLET: 10_000, prepaid(ANNA): -10_000}

    at_the_till(tmp_path, scene)


def test_a_name_that_is_no_account_leaves_the_money_in_suspense(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(NAMELESS)
        assert (await till.settle(replace(PAID, account=NOBODY))).outcome is SettledAs.ALREADY
        assert await till.books() == {WALLET: 10_000, SUSPENSE: -10_000}

    at_the_till(tmp_path, scene)


def test_suspended_money_goes_back_once(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        attempt = int((await till.settle(NAMELESS)).attempt_id)
        answers = [await till.call("suspense.return", attempt=attempt, reason="unknown payer") for _ in range(2)]
        assert [answer["outcome"] for answer in answers] == ["done", "already"]
        late = await till.call("suspense.assign", attempt=attempt, account=ANNA, reason="hers after all")
        assert (late["outcome"], late["error_type"]) == ("refused", "TooLate")
        assert (await till.settle(PAID)).outcome is SettledAs.ALREADY, "a name does not bring it back"
        assert await till.books() == {}
        await till.check()

    at_the_till(tmp_path, scene)


def test_foreign_money_comes_into_the_books_at_its_worth(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        attempt = int((await till.settle(DOLLARS)).attempt_id)
        fields: dict[str, Any] = {"attempt": attempt, "account": ANNA, "reason": "at the rate of the day"}
        without = await till.call("suspense.assign", **fields)
        assert "paid in USD; say what it is worth in CNY" in without["error"]
        await till.call("suspense.assign", **fields, worth=money("712.30"))
        assert await till.books() == {WALLET: 71_230, prepaid(ANNA): -71_230}
        assert (await till.settle(DOLLARS)).outcome is SettledAs.ALREADY

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("case", "fields", "error"),
    [
        ("no such attempt", {"attempt": 99, "account": "anna"}, "attempt 99 brought no money"),
        ("no such account", {"attempt": 1, "account": "nobody"}, "there is no account 'nobody'"),
        ("a closed account", {"attempt": 1, "account": "bert"}, "account bert is closed"),
        ("worth of our own money", {"attempt": 1, "account": "anna", "worth": "5"}, "leave `worth` out"),
    ],
)
def test_a_refused_assignment_leaves_only_its_record(
    tmp_path: Path, case: str, fields: dict[str, Any], error: str
) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(BERT, is_open=False)
        await till.settle(NAMELESS)
        answer = await till.call("suspense.assign", **fields, reason="try")
        assert answer["outcome"] == "refused"
        assert error in answer["error"]
        assert await till.books() == {WALLET: 10_000, SUSPENSE: -10_000}
        [(kind, outcome, noted, reason)] = await till.rows("moves", "kind, outcome, error, reason")
        assert (kind, outcome, noted, reason) == ("suspense.assign", "refused", answer["error"], "try"), case

    at_the_till(tmp_path, scene)


async def give_back(till: Till, amount: str, number: str = "r-1") -> dict[str, object]:
    answer: dict[str, object] = await till.call(
        "topup.returned",
        provider="fake_pay",
        transaction="tx-1",
        return_id=number,
        amount=money(amount),
        reason="x",
    )
    return answer


def test_a_payment_that_was_given_back_leaves_the_account_once(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        assert [(await give_back(till, "30.00"))["outcome"] for _ in range(2)] == ["done", "already"]
        assert await till.books() == {WALLET: 7_000, prepaid(ANNA): -7_000}
        assert (await give_back(till, "40.00"))["error_type"] == "KeyReused"
        too_much = await give_back(till, "70.01", "r-2")
        assert "100.00" not in str(too_much["error"])
        assert "70.01 CNY cannot be taken back, 70.00 CNY of it is left" in str(too_much["error"])
        assert (await till.settle(PAID)).outcome is SettledAs.ALREADY
        assert await till.balance() == 7_000
        await till.check()

    at_the_till(tmp_path, scene)


def test_a_return_that_is_told_before_its_payment_waits_for_it(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        early = await give_back(till, "100.00")
        assert (early["outcome"], early["is_waiting"]) == ("done", True)
        assert [row["return_id"] for row in (await till.ask("suspense.list"))["returns"]] == ["r-1"]
        settled = await till.settle(PAID)
        assert (settled.outcome, settled.balance_minor) == (SettledAs.CREDITED, 0)
        assert (await till.ask("suspense.list"))["returns"] == []
        assert await till.books() == {}

    at_the_till(tmp_path, scene)


def test_a_return_of_all_of_suspended_money_ends_it_and_one_of_a_part_waits(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(NAMELESS)
        assert (await give_back(till, "40.00"))["is_waiting"] is True
        assert await till.books() == {WALLET: 10_000, SUSPENSE: -10_000}
        assert "60.00 CNY of it is left" in str((await give_back(till, "60.01", "r-3"))["error"])
        assert (await give_back(till, "60.00", "r-2"))["is_waiting"] is False
        assert await till.books() == {}
        assert (await till.ask("suspense.list"))["suspended"] == []

    at_the_till(tmp_path, scene)


def test_money_that_was_moved_on_is_taken_back_from_whoever_has_it(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        [entry] = await till.rows("journal", "seq")
        await till.call(
            "account.transfer", key="k", account=ANNA, to=BERT, amount=money("100.00"), entry=entry[0], reason="his"
        )
        answer = await give_back(till, "100.00")
        assert answer["account"] == BERT
        assert await till.books() == {}

    at_the_till(tmp_path, scene)


def test_a_reversed_top_up_cannot_be_taken_back_once_more(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await till.call("account.reverse", entry=1, reason="wrong")
        assert "0.00 CNY of it is left" in str((await give_back(till, "100.00"))["error"])
        assert (await till.settle(PAID)).outcome is SettledAs.ALREADY
        assert await till.books() == {}

    at_the_till(tmp_path, scene)


def test_people_see_what_waits_and_tenants_do_not(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(replace(PAID, account=NOBODY))
        [row] = (await till.ask("suspense.list"))["suspended"]
        assert (row["attempt"], row["amount"], row["told_account"], row["reason"]) == (
            1, money("100.00"), NOBODY, "unknown_account",
        )  # fmt: skip
        tenant = Principal("user:anna", OWNER.permissions, {"account": frozenset({ANNA})})
        assert (await till.ask("suspense.list", tenant))["suspended"] == []

    at_the_till(tmp_path, scene)
