"""Refunds: the money is set aside at once, paid out by somebody, and then posted, or the refund is void.

The hold expires by itself; the refund stays open, because whether the money left is for a person to say.
"""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.journal.chart import arrival, prepaid
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.money.desk import Desk, NoSuchMoney, NotEnough, TooLate
from plugins.prepaid.money.fields import EACH_ID, PAID_BY, REASON, amount
from plugins.prepaid.money.holds import Holds
from plugins.prepaid.money.moves import Asked, Done, register_move
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places.opening import slug

HOLD_DEFAULT_DAYS = 14
DAY_US = 86_400_000_000


class Refunds:
    """Money on its way out."""

    def __init__(self, desk: Desk, holds: Holds) -> None:
        """Offer the refund's three steps."""
        self._desk = desk
        self._holds = holds
        register_move(
            desk, action_name("account", "refund"), self._begin,
            {
                vol.Required("account"): slug, vol.Required("amount"): amount(desk.scale),
                vol.Required("reason"): REASON, vol.Optional("paid_by", default="bank"): PAID_BY,
                vol.Optional("hold_days", default=HOLD_DEFAULT_DAYS): vol.All(int, vol.Range(min=1, max=366)),
            },
            "Begin a refund: the money is set aside and can no longer be used; pay it out, then say so.",
        )  # fmt: skip
        ending = {vol.Required("refund"): EACH_ID, vol.Required("reason"): REASON}
        register_move(
            desk, action_name("account", "refund_paid"), self._paid, ending,
            "Say that a refund was paid out: it leaves the account.", needs_key=False,
        )  # fmt: skip
        register_move(
            desk, action_name("account", "refund_void"), self._void, ending,
            "Say that a refund was not paid out: its money can be used again.", needs_key=False,
        )  # fmt: skip

    def begin(
        self, tx: Tx, id: int, account: AccountId, amount_minor: MinorUnits, paid_by: str, reason: str,  # noqa: A002
        hold_until_us: int,
    ) -> None:  # fmt: skip
        """Set a refund's money aside; raises when the account has less of its own."""
        desk = self._desk
        desk.positive(amount_minor, "a refund")
        desk.account(tx, account)
        own_minor = standing(tx, account, desk.now_us()).own_minor
        if amount_minor > own_minor:
            raise NotEnough(
                f"{account} has {desk.text(own_minor)} of its own, not {desk.text(amount_minor)}; "
                "nothing was changed"
            )
        self._holds.hold(tx, account, amount_minor, _hold_key(id), hold_until_us)
        tx.execute(
            "INSERT INTO prepaid__refunds VALUES (?, ?, ?, ?, ?, 'open', ?, NULL, ?, NULL)",
            (id, account, amount_minor, paid_by, reason, hold_until_us, desk.now_us()),
        )

    def end_paid(self, tx: Tx, id: int, reason: str) -> int:  # noqa: A002 - the field's own word
        """Post a refund that was paid out, even when the account has less by now: the money is gone. The entry."""
        row = self._open(tx, id)
        account, amount_minor = AccountId(row["account"]), MinorUnits(row["amount_minor"])
        postings = (
            Posting(prepaid(account), amount_minor), Posting(arrival(row["paid_by"]), MinorUnits(-amount_minor)),
        )  # fmt: skip
        entry = Entry("refund", f"refund:{id}", self._desk.now_us(), postings, f"refund:{id}", note=reason)
        seq = self._desk.journal.post(tx, entry).seq
        self._end(tx, id, "paid", seq)
        return seq

    def _begin(self, asked: Asked) -> Done:
        account, amount_minor = asked.account(), asked.minor(self._desk)
        until_us = self._desk.now_us() + asked.data["hold_days"] * DAY_US
        self.begin(asked.tx, asked.id, account, amount_minor, asked.data["paid_by"], asked.reason, until_us)
        return Done(amount_minor=amount_minor, accounts=(account,), shown={"refund": asked.id})

    def _paid(self, asked: Asked) -> Done:
        refund = asked.data["refund"]
        row = self._row(asked, refund)
        done = Done(amount_minor=row["amount_minor"], accounts=(AccountId(row["account"]),), entry=row["entry"])
        if row["state"] == "paid":
            return Done(amount_minor=done.amount_minor, accounts=done.accounts, entry=done.entry, is_new=False)
        entry = self.end_paid(asked.tx, refund, asked.reason)
        return Done(amount_minor=done.amount_minor, accounts=done.accounts, entry=entry)

    def _void(self, asked: Asked) -> Done:
        refund = asked.data["refund"]
        row = self._row(asked, refund)
        accounts = (AccountId(row["account"]),)
        if row["state"] == "void":
            return Done(amount_minor=row["amount_minor"], accounts=accounts, is_new=False)
        self._open(asked.tx, refund)
        self._end(asked.tx, refund, "void", None)
        return Done(amount_minor=row["amount_minor"], accounts=accounts)

    def _row(self, asked: Asked, refund: int) -> Row:
        row = asked.tx.one("SELECT * FROM prepaid__refunds WHERE id = ?", (refund,))
        if row is None or not asked.call.principal.sees("account", row["account"]):
            raise NoSuchMoney(f"there is no refund {refund}; see `hub account suspense list`")
        return row

    def _open(self, tx: Tx, refund: int) -> Row:
        row = tx.one("SELECT * FROM prepaid__refunds WHERE id = ?", (refund,))
        if row is None:
            raise NoSuchMoney(f"there is no refund {refund}; see `hub account suspense list`")
        if row["state"] != "open":
            raise TooLate(f"refund {refund} is {row['state']} already; nothing was changed")
        return row

    def _end(self, tx: Tx, refund: int, state: str, entry: int | None) -> None:
        tx.execute(
            "UPDATE prepaid__refunds SET state = ?, entry = ?, ended_us = ? WHERE id = ?",
            (state, entry, self._desk.now_us(), refund),
        )
        self._holds.end(tx, _hold_key(refund))


def open_refunds(reader: Reader) -> list[Row]:
    """Refunds that nobody has said to be paid or void, oldest first."""
    return reader.all("SELECT * FROM prepaid__refunds WHERE state = 'open' ORDER BY id")


def _hold_key(refund: int) -> str:
    return f"prepaid:refund:{refund}"
