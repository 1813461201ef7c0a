"""Batches of top-ups and limits: all errors at once, all rows or none, and each file once."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from money_stage import ANNA, BERT, NOBODY, Till, at_the_till, money

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.topups import ToppedUp
from hub.contracts.units import MinorUnits
from hub.core.principals import OWNER, Principal
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.money.sheet import LIMIT_COLUMNS, ROWS_MAX, TOPUP_COLUMNS, SheetUnreadable, read_sheet
from plugins.prepaid.places import repository

GOOD = "account,amount,note\nanna,100.00,March\nbert,50.5,\n"


async def send(
    till: Till, content: str | bytes, name: str = "march.csv", action: str = "topup.batch", **more: Any
) -> dict[str, Any]:
    """What the verb does with a file."""
    raw = content.encode() if isinstance(content, str) else content
    columns = LIMIT_COLUMNS if action == "account.batch_limits" else TOPUP_COLUMNS
    rows = [{"row": row.number, **row.cells} for row in read_sheet(name, raw, columns)]
    answer: dict[str, Any] = await till.call(action, file=sha256(raw).hexdigest(), name=name, rows=rows, **more)
    return answer


def xlsx(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_dry_run_says_what_would_happen_and_changes_nothing(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        answer = await send(till, GOOD)
        assert (answer["outcome"], answer["rows"], answer["sum"]) == ("dry_run", 2, money("150.50"))
        assert answer["lines"][1] == {
            "row": 3, "account": BERT, "amount": money("50.50"), "balance_before": money("0.00"),
        }  # fmt: skip
        for table in ("batches", "attempts", "payments", "journal", "moves"):
            assert await till.rows(table) == [], table

    at_the_till(tmp_path, scene)


def test_an_applied_batch_credits_each_row_once_and_restores_power(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.supply.add_point(PointId("stall"), ANNA, reconnect_minor=MinorUnits(1))
        await till.supply.decide(PointId("stall"), OffReason.CREDIT, is_off=True)
        intents, events = till.harness.capture(IntentChanged), till.harness.capture(ToppedUp)
        answer = await send(till, GOOD, apply=True)
        assert answer["outcome"] == "applied"
        assert await till.books() == {"asset:psp:batch": 15_050, prepaid(ANNA): -10_000, prepaid(BERT): -5_050}
        sha = sha256(GOOD.encode()).hexdigest()
        assert await till.rows("payments", "transaction_id, account") == [(f"{sha}:2", ANNA), (f"{sha}:3", BERT)]
        assert await till.rows("journal", "note") == [("March",), (None,)]
        assert [event.account for event in events] == [ANNA, BERT]
        assert [event.intent.desired for event in intents] == [Desired.CLOSED]
        await till.check()

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize(
    ("case", "content", "name"),
    [
        ("the same file", GOOD, "march.csv"),
        ("under another name", GOOD, "april.csv"),
        ("in another order", "amount,account\n50.50,bert\n100,anna\n", "other.csv"),
        ("as a spreadsheet", xlsx(("Account", "Amount"), ("anna", 100), ("bert", 50.5)), "march.xlsx"),
    ],
)
def test_the_same_batch_again_changes_nothing_and_says_so(
    tmp_path: Path, case: str, content: str | bytes, name: str
) -> None:
    async def scene(till: Till) -> None:
        await send(till, GOOD, apply=True)
        books = await till.books()
        again = await send(till, content, name, apply=True)
        assert again["outcome"] == "already", case
        [before] = again["before"]
        assert (before["name"], before["rows"], before["by"]) == ("march.csv", 2, "system")
        assert await till.books() == books
        assert len(await till.rows("batches")) == 1
        meant = await send(till, content, name, apply=True, again="they pay for two months")
        assert meant["outcome"] == "applied"
        third = await send(till, content, name, apply=True, again="and for a third")
        assert third["outcome"] == "applied"
        assert await till.balance() == 30_000
        assert [row[0] for row in await till.rows("batches", "again")] == [
            None, "they pay for two months", "and for a third",
        ]  # fmt: skip

    at_the_till(tmp_path, scene)


def test_twenty_who_send_the_same_file_at_once_credit_it_once(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        accounts = [AccountId(f"a{n}") for n in range(50)]
        for account in accounts:
            await till.open_account(account)
        content = "account,amount\n" + "".join(f"{account},10\n" for account in accounts)
        answers = await asyncio.gather(*(send(till, content, apply=True) for _ in range(20)))
        assert Counter(answer["outcome"] for answer in answers) == {"applied": 1, "already": 19}
        assert (await till.books())["asset:psp:batch"] == 50_000

    at_the_till(tmp_path, scene)


WRONG = """\
account,amount,currency,reference
anna,100.00,,
anne,1,,
bert,1,,
,1,,
anna,0,,
anna,-5,,
anna,1.234,,
anna,"1,000.00",,
anna,1,USD,
anna,100,CNY,
anna,100,,second
nobody,x,EUR,
"""
ERRORS = [
    (3, "account", "there is no account 'anne'. Did you mean 'anna'?"),
    (4, "account", "account bert is closed"),
    (5, "account", "no account is named"),
    (6, "amount", "0 is not above zero; money goes out by a refund"),
    (7, "amount", "-5 is not above zero; money goes out by a refund"),
    (8, "amount", "1.234 is no amount of a currency with 2 decimals; write it exactly"),
    (9, "amount", "'1,000.00' is no amount; write it as 1234.50, without thousands separators or currency"),
    (10, "currency", "this site takes CNY, not 'USD'"),
    (11, "account", "the same as row 2; give both a `reference` of their own if both are meant"),
    (13, "account", "there is no account 'nobody'."),
    (13, "currency", "this site takes CNY, not 'EUR'"),
    (13, "amount", "'x' is no amount; write it as 1234.50, without thousands separators or currency"),
]


@pytest.mark.parametrize("is_applied", [False, True])
def test_all_errors_are_said_at_once_with_row_and_column(tmp_path: Path, is_applied: bool) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(BERT, is_open=False)
        answer = await send(till, WRONG, apply=is_applied)
        assert answer["outcome"] == "refused"
        assert [(one["row"], one["column"], one["error"]) for one in answer["errors"]] == ERRORS
        assert (await till.books(), await till.rows("batches"), await till.rows("attempts")) == ({}, [], [])
        moves = await till.rows("moves", "kind, outcome, error")
        assert [move[:2] for move in moves] == ([("topup.batch", "refused")] if is_applied else [])
        assert all(str(move[2]).startswith("12 errors, the first in row 3, account") for move in moves)

    at_the_till(tmp_path, scene)


def test_a_batch_that_repeats_rows_of_another_is_warned_of(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await send(till, GOOD, apply=True)
        longer = await send(till, GOOD + "anna,1.00,\n", "march2.csv")
        assert (longer["outcome"], len(longer["warnings"])) == ("dry_run", 2)
        assert longer["warnings"][0] == "row 2: anna got 100.00 CNY by a batch on 2026-03-02 08:00 as well"
        till.harness.clock.step(32 * 86_400)
        assert (await send(till, GOOD + "anna,1.00,\n", "march2.csv"))["warnings"] == []

    at_the_till(tmp_path, scene)


def test_a_scoped_clerk_tops_up_the_own_accounts_only(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        scoped = Principal("user:bert", OWNER.permissions, {"account": frozenset({BERT})})
        answer = await send(till, GOOD, apply=True, principal=scoped)
        assert [error["row"] for error in answer["errors"]] == [2]

    at_the_till(tmp_path, scene)


LIMITS = "account;credit_limit\nanna;200\nbert;0\n"


def test_limits_are_set_from_a_file_once_and_bring_power_back(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.charge(ANNA, 3_000, "c1")
        await till.supply.add_point(PointId("stall"), ANNA, reconnect_minor=MinorUnits(1))
        await till.supply.decide(PointId("stall"), OffReason.CREDIT, is_off=True)
        intents = till.harness.capture(IntentChanged)
        dry = await send(till, LIMITS, action="account.batch_limits")
        assert dry["lines"][0] == {
            "row": 2, "account": ANNA, "credit_limit": money("200.00"), "limit_before": money("0.00"),
        }  # fmt: skip
        version = await till.rows("book")
        assert (await till.spendable(), intents) == (-3_000, [])
        assert (await send(till, LIMITS, action="account.batch_limits", apply=True))["outcome"] == "applied"
        assert await till.spendable() == 17_000
        assert [event.intent.desired for event in intents] == [Desired.CLOSED]
        assert await till.rows("book") != version, "whoever keeps the book in mind must look again"
        await till.open_account(ANNA)
        again = await send(till, LIMITS, action="account.batch_limits", apply=True)
        assert (again["outcome"], await till.spendable()) == ("already", -3_000)
        await send(till, LIMITS, action="account.batch_limits", apply=True, again="reset by mistake")
        assert await till.spendable() == 17_000
        tenant = await till.read(lambda reader: repository.account(reader, ANNA))
        assert tenant is not None
        assert tenant.name == ANNA

    at_the_till(tmp_path, scene)


def test_wrong_limits_are_all_named(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        content = "account,credit_limit\nanna,-1\nanna,5\nanna,6\nnobody,1\n"
        answer = await send(till, content, action="account.batch_limits", apply=True)
        assert [(one["row"], one["error"]) for one in answer["errors"]] == [
            (2, "-1 is below zero"), (4, "anna has a limit in row 3 already"), (5, "there is no account 'nobody'."),
        ]  # fmt: skip
        assert NOBODY == "nobody"

    at_the_till(tmp_path, scene)


SHEETS: list[tuple[str, str | bytes, str]] = [
    ("nothing", "", "march.csv is empty"),
    ("no rows", "account,amount\n", "there are no rows below the columns"),
    ("a column missing", "account\nanna\n", "there is no column 'amount'"),
    ("a column written wrongly", "account,amonut\nanna,1\n", "unknown column 'amonut'. Did you mean 'amount'?"),
    ("too many rows", "account,amount\n" + "anna,1\n" * (ROWS_MAX + 1), "5001 rows, more than 5000; split it"),
    ("a broken spreadsheet", b"PK\x03\x04junk", "cannot be read as XLSX"),
]


@pytest.mark.parametrize(("case", "content", "error"), SHEETS, ids=[row[0] for row in SHEETS])
def test_a_file_that_is_no_batch_says_what_is_wrong(case: str, content: str | bytes, error: str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(SheetUnreadable) as raised:
        read_sheet("march.csv", raw, TOPUP_COLUMNS)
    assert error in str(raised.value)


def test_numbers_of_a_spreadsheet_are_what_was_typed() -> None:
    content = xlsx(("account", "amount"), ("a1", 0.1), ("a2", 1234567.89), (1001, 100), ("a4", "7.50"))
    rows = read_sheet("a.xlsx", content, TOPUP_COLUMNS)
    assert [(row.number, row.cells["account"], row.cells["amount"]) for row in rows] == [
        (2, "a1", "0.1"), (3, "a2", "1234567.89"), (4, "1001", "100"), (5, "a4", "7.50"),
    ]  # fmt: skip
