"""Cash and transfers at the counter, once for each receipt; and the receipts themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest
from money_stage import ANNA, BERT, PAID, Till, at_the_till, money

from hub.contracts.ids import TenantId
from hub.core.actions import InvalidCall
from hub.core.errors import HubError
from hub.core.principals import OWNER, Principal
from hub.core.storage import Tx
from plugins.prepaid.money.receipt_page import COLUMNS
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Tenant


async def cash(till: Till, amount: str = "100.00", key: str | None = None, **data: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await till.call("topup.cash", key, account=ANNA, amount=money(amount), **data)
    return answer


def test_the_same_receipt_credits_once_and_another_content_is_refused(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        answers = [await cash(till, receipt="4711") for _ in range(2)]
        answers.append(await cash(till, "90.00", receipt="4711"))
        assert [answer["outcome"] for answer in answers] == ["credited", "already", "refused"]
        assert (answers[0]["receipt"], answers[0]["balance"]) == ("4711", money("100.00"))
        assert (answers[2]["error_type"], "amount 90.00, before 100.00" in answers[2]["error"]) == (
            "SettlementConflict", True,
        )  # fmt: skip
        assert await till.balance() == 10_000
        assert len(await till.rows("attempts")) == 3

    at_the_till(tmp_path, scene)


def test_a_receipt_number_that_the_hub_makes_is_never_given_twice(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        first, again, second = [await cash(till, key=key) for key in ("k1", "k1", "k2")]
        assert (first["receipt"], again, second["receipt"]) == ("HUB-000001", first, "HUB-000002")
        bank = await till.call("topup.bank", "k3", account=ANNA, amount=money("1.00"))
        assert bank["receipt"] == "HUB-000003"
        assert (await cash(till, receipt="HUB-000001"))["outcome"] == "already"
        made_up = await cash(till, receipt="HUB-000009")
        assert "HUB- are made by the hub" in made_up["error"]
        assert await till.balance() == 20_100

    at_the_till(tmp_path, scene)


def test_without_a_receipt_or_a_key_nothing_makes_it_happen_once(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        answer = await cash(till)
        assert (answer["outcome"], answer["error_type"]) == ("refused", "TopupRefused")
        assert "give a receipt number, or call with a key" in answer["error"]
        assert await till.rows("attempts", "outcome") == [("refused",)]
        assert await till.books() == {}

    at_the_till(tmp_path, scene)


def test_a_transfer_counts_from_when_it_was_paid(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        answer = await till.call(
            "topup.bank", account=ANNA, amount=money("5.00"), receipt="B1", paid="2026-03-01T08:00+08:00"
        )
        assert answer["outcome"] == "credited"
        assert await till.rows("journal", "effective_us") == [(PAID.paid_us - 4 * 3_600_000_000,)]
        assert (await till.books())["asset:bank"] == 500

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("case", "data", "said"),
    [
        ("too many decimals", {"amount": money("1.234")}, "no amount of a currency with 2 decimals"),
        ("an absurd amount", {"amount": money("1e30")}, "is no real amount"),
        ("a blank receipt", {"receipt": "  "}, "got only spaces"),
        ("half a character", {"receipt": "\ud800"}, "cannot be kept"),
        ("a control character", {"receipt": "a\x00b"}, "cannot be kept"),
        ("no currency", {"currency": "RENMINBI"}, "currency: length of value must be at most 3"),
    ],
)
def test_what_no_book_can_hold_is_no_call(tmp_path: Path, case: str, data: dict[str, Any], said: str) -> None:
    async def scene(till: Till) -> None:
        given = {"account": ANNA, "amount": money("1"), "receipt": "1", **data}
        with pytest.raises(InvalidCall, match=said):
            await till.call("topup.cash", **given)
        assert await till.rows("attempts") == []

    at_the_till(tmp_path, scene)


RECEIPT = """\
               Test site
                 Top-up
----------------------------------------
Receipt                             4711
Time                 2026-03-02 08:00:00
Account                             anna
Tenant                     anna & Co <1>
Paid by                             cash
----------------------------------------
Amount                        100.00 CNY
of it for debt                 30.00 CNY
of it as credit                70.00 CNY
Balance after                  70.00 CNY
Ledger entry                           2
Chain                   {hash}
----------------------------------------
"""


def width(line: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)


async def text(till: Till, number: str, principal: Principal = OWNER) -> str:
    return str((await till.ask("account.receipt", principal, receipt=number))["text"])


def test_a_receipt_says_what_was_paid_what_it_repaid_and_where_it_stands_in_the_chain(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.charge(ANNA, 3_000, "c1")
        await cash(till, receipt="4711")
        await cash(till, "5.00", receipt="4712")
        chain = str((await till.rows("journal", "lower(hex(hash))"))[1][0])
        shown = RECEIPT.format(hash=chain[:16])
        assert await text(till, "4711") == shown
        assert await text(till, "cash:4711") == await text(till, "entry:2") == shown
        page = (await till.ask("account.receipt", receipt="4711"))["html"]
        for word in ("<td>4711</td>", "anna &amp; Co &lt;1&gt;", "<td>30.00 CNY</td>", chain[:16], 'lang="en"'):
            assert word in page

    at_the_till(tmp_path, scene)


def test_a_payment_of_less_than_the_debt_repays_itself_and_not_the_debt(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.charge(ANNA, 3_000, "c1")
        await cash(till, "5.00", receipt="4711")
        shown = await text(till, "4711")
        for line in ("of it for debt                  5.00 CNY", "of it as credit                 0.00 CNY"):
            assert line in shown
        assert "Balance after                 -25.00 CNY" in shown

    at_the_till(tmp_path, scene)


def test_a_receipt_of_what_was_reversed_says_so(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await cash(till, receipt="4711")
        assert "REVERSED" not in await text(till, "4711")
        await till.call("account.reverse", entry=1, reason="the wrong shop")
        assert "*** REVERSED ***" in await text(till, "4711")

    at_the_till(tmp_path, scene)


def test_a_receipt_speaks_the_tenants_language_and_no_line_is_too_wide(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        name = "上海市浦东新区世纪大道一千二百号环球美食广场兰州牛肉拉面馆"

        def rename(tx: Tx) -> None:
            repository.save_tenant(tx, Tenant(id=TenantId(ANNA), name=name, language="zh"))

        await till.write(rename)
        await cash(till, receipt="R" * 100)
        shown = await text(till, "R" * 100)
        assert "充值" in shown
        assert "".join(shown.split()).count(name) == 1
        assert max(map(width, shown.splitlines())) == COLUMNS

    at_the_till(tmp_path, scene)


def test_deposits_refunds_and_assigned_payments_have_receipts_too(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.call("account.take_deposit", account=ANNA, amount=money("50.00"), receipt="D1")
        shown = await text(till, "D1")
        assert "Deposit after                  50.00 CNY" in shown
        await till.settle(replace(PAID, account=None))
        with pytest.raises(HubError, match="fake_pay tx-1 is suspended: it was credited to nobody"):
            await text(till, "tx-1")
        await till.call("suspense.assign", attempt=1, account=BERT, reason="his")
        assert "Balance after                 100.00 CNY" in await text(till, "tx-1")
        begun = await till.call("account.refund", "k", account=BERT, amount=money("20"), reason="x")
        paid = await till.call("account.refund_paid", refund=begun["refund"], reason="x")
        assert "Refund" in await text(till, f"entry:{paid['entry']}")

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize("number", ["", "4712", "cash:9", "entry:1", "entry:9", "entry:x", "entry:9" * 20])
def test_a_receipt_that_is_not_there_says_how_to_ask(tmp_path: Path, number: str) -> None:
    async def scene(till: Till) -> None:
        await till.charge(ANNA, 3_000, "c1")
        with pytest.raises(HubError, match=r"there is no receipt .*; give its number, or `entry:`"):
            await text(till, number)

    at_the_till(tmp_path, scene)


def test_a_tenant_sees_the_own_receipts_only_and_two_of_a_number_are_told_apart(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await cash(till, receipt="1")
        await till.call("topup.bank", account=BERT, amount=money("2.00"), receipt="1")
        with pytest.raises(HubError, match="several receipts '1'; say which: cash:1, bank:1"):
            await text(till, "1")
        bert = Principal("user:bert", OWNER.permissions, {"account": frozenset({BERT})})
        assert "2.00 CNY" in await text(till, "bank:1", bert)
        with pytest.raises(HubError, match="there is no receipt 'cash:1'"):
            await text(till, "cash:1", bert)

    at_the_till(tmp_path, scene)
