"""The rows of a batch, judged all at once before any of them counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits, minor_units
from hub.core.codec import digest
from hub.core.config import did_you_mean
from hub.core.principals import Principal
from hub.core.storage import Reader
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account

_AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong, and in which cell."""

    row: int
    column: str
    error: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row that is right."""

    row: int
    account: Account
    amount_minor: MinorUnits
    reference: str
    note: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a batch amounts to, and everything that is wrong with it."""

    rows: tuple[BatchRow, ...]
    errors: tuple[RowError, ...]

    @property
    def sum_minor(self) -> MinorUnits:
        """What the right rows come to."""
        return MinorUnits(sum(row.amount_minor for row in self.rows))

    @property
    def content_sha(self) -> str:
        """What the batch says, whatever its file is called, in whatever order and format."""
        return digest(sorted([row.account.id, row.amount_minor, row.reference] for row in self.rows))


def judge_rows(
    desk: Desk, reader: Reader, principal: Principal, rows: Sequence[Mapping[str, Any]], column: str
) -> Judged:
    """Judge the rows of top-ups (`amount`) or of limits (`credit_limit`)."""
    accounts = {one.id: one for one in repository.accounts(reader, principal)}
    right: list[BatchRow] = []
    errors: list[RowError] = []
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        number = row["row"]
        wrong = [RowError(number, *one) for one in _wrong(desk, accounts, row, column)]
        if wrong:
            errors += wrong
            continue
        amount_minor = minor_units(Decimal(row[column]), desk.scale)
        reference = row.get("reference", "")
        is_limit = column == "credit_limit"
        same = (row["account"],) if is_limit else (row["account"], amount_minor, reference)
        if same in seen:
            twice = (
                f"{row['account']} has a limit in row {seen[same]} already"
                if is_limit
                else f"the same as row {seen[same]}; give both a `reference` of their own if both are meant"
            )
            errors.append(RowError(number, "account", twice))
            continue
        seen[same] = number
        account = accounts[AccountId(row["account"])]
        right.append(BatchRow(number, account, amount_minor, reference, row.get("note", "")))
    return Judged(tuple(right), tuple(errors))


def _wrong(
    desk: Desk, accounts: Mapping[AccountId, Account], row: Mapping[str, Any], column: str
) -> Iterator[tuple[str, str]]:
    """Column and error of everything that is wrong in one row."""
    name = row["account"]
    account = accounts.get(AccountId(name))
    if not name:
        yield "account", "no account is named"
    elif account is None:
        yield "account", f"there is no account {name!r}.{did_you_mean(name, accounts)}"
    elif not account.is_open:
        yield "account", f"account {name} is closed"
    currency = row.get("currency", "")
    if currency and currency != desk.currency:
        yield "currency", f"this site takes {desk.currency}, not {currency!r}"
    text = row[column]
    if not _AMOUNT.fullmatch(text):
        yield column, f"{text!r} is no amount; write it as 1234.50, without thousands separators or currency"
        return
    try:
        amount_minor = minor_units(Decimal(text), desk.scale)
    except ValueError as error:
        yield column, str(error)
        return
    if amount_minor > AMOUNT_MAX_MINOR:
        yield column, f"{text} is no real amount"
    elif column == "amount" and amount_minor <= 0:
        yield column, f"{text} is not above zero; money goes out by a refund"
    elif amount_minor < 0:
        yield column, f"{text} is below zero"
