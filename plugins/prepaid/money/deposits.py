"""Deposits: taken with a receipt, kept apart from prepaid money, given back, or used for what is owed."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.core.storage import Reader
from plugins.prepaid.journal.balances import balance as ledger_balance
from plugins.prepaid.journal.chart import arrival, deposit, prepaid
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.money.desk import Desk, MoveRefused, NotEnough
from plugins.prepaid.money.fields import NUMBER, PAID_BY, REASON, amount
from plugins.prepaid.money.moves import Asked, Done, register_move
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places.opening import slug


def register_deposits(desk: Desk) -> None:
    """Offer taking, giving back and using deposits."""
    money = amount(desk.scale)
    paid_by = vol.Optional("paid_by", default="cash")
    fields = {vol.Required("account"): slug}
    register_move(
        desk, action_name("account", "take_deposit"), lambda asked: _take(desk, asked),
        {
            **fields, vol.Required("amount"): money, vol.Required("receipt"): NUMBER, paid_by: PAID_BY,
            vol.Optional("reason", default="deposit"): REASON,
        },
        "Take a deposit in cash or by bank; the receipt number makes it happen once.", needs_key=False,
    )  # fmt: skip
    register_move(
        desk, action_name("account", "return_deposit"), lambda asked: _give_back(desk, asked),
        {**fields, vol.Optional("amount"): money, paid_by: PAID_BY, vol.Required("reason"): REASON},
        "Give a deposit back in cash or by bank, all of it unless an amount is given.",
    )  # fmt: skip
    register_move(
        desk, action_name("account", "use_deposit"), lambda asked: _use(desk, asked),
        {**fields, vol.Optional("amount"): money, vol.Required("reason"): REASON},
        "Use a deposit for what the account owes, as far as it goes unless an amount is given.",
    )  # fmt: skip


def deposited(reader: Reader, account: AccountId) -> MinorUnits:
    """The deposit that an account has left."""
    return MinorUnits(-ledger_balance(reader, deposit(account)))


def _take(desk: Desk, asked: Asked) -> Done:
    tx, account, amount_minor = asked.tx, asked.account(), asked.minor(desk)
    paid_by, receipt = asked.data["paid_by"], asked.data["receipt"]
    desk.positive(amount_minor, "a deposit")
    known = tx.one("SELECT * FROM prepaid__deposits WHERE paid_by = ? AND receipt = ?", (paid_by, receipt))
    if known is not None:
        if (known["account"], known["amount_minor"]) != (account, amount_minor):
            raise KeyReused(
                f"the deposit {paid_by} {receipt} was taken from {known['account']}, "
                f"{desk.text(known['amount_minor'])}; the first stands, look at both"
            )
        return Done(amount_minor=amount_minor, accounts=(account,), entry=known["entry"], is_new=False)
    desk.open_account(tx, account)
    came_in = arrival(paid_by)
    postings = (Posting(came_in, amount_minor), Posting(deposit(account), MinorUnits(-amount_minor)))
    entry = Entry(
        "deposit", f"deposit:{paid_by}:{receipt}", desk.now_us(), postings, f"move:{asked.id}", note=asked.reason
    )
    seq = desk.journal.post(tx, entry).seq
    tx.execute(
        "INSERT INTO prepaid__deposits VALUES (?, ?, ?, ?, ?)", (paid_by, receipt, account, amount_minor, seq)
    )
    return Done(amount_minor=amount_minor, accounts=(account,), entry=seq)


def _give_back(desk: Desk, asked: Asked) -> Done:
    account = asked.account()
    amount_minor = _some_of(desk, asked, deposited(asked.tx, account))
    return _post(desk, asked, account, amount_minor, "deposit_returned", arrival(asked.data["paid_by"]))


def _use(desk: Desk, asked: Asked) -> Done:
    account = asked.account()
    debt_minor = standing(asked.tx, account, desk.now_us()).debt_minor
    has_minor = deposited(asked.tx, account)
    amount_minor = _some_of(desk, asked, has_minor, MinorUnits(min(has_minor, debt_minor)))
    if amount_minor > debt_minor:
        raise MoveRefused(
            f"{account} owes {desk.text(debt_minor)}, less than {desk.text(amount_minor)}; nothing was changed"
        )
    return _post(desk, asked, account, amount_minor, "deposit_used", prepaid(account))


def _some_of(
    desk: Desk, asked: Asked, has_minor: MinorUnits, default_minor: MinorUnits | None = None
) -> MinorUnits:
    """How much of a deposit is meant; more than there is raises."""
    account = asked.account()
    desk.account(asked.tx, account)
    whole_minor = has_minor if default_minor is None else default_minor
    amount_minor = asked.minor(desk) if "amount" in asked.data else whole_minor
    if has_minor <= 0:
        raise NotEnough(f"{account} has no deposit; nothing was changed")
    if "amount" not in asked.data and amount_minor <= 0:
        raise MoveRefused(f"{account} owes nothing; nothing was changed")
    desk.positive(amount_minor, "a move")
    if amount_minor > has_minor:
        raise NotEnough(
            f"{account} has a deposit of {desk.text(has_minor)}, less than {desk.text(amount_minor)}; "
            "nothing was changed"
        )
    return amount_minor


def _post(desk: Desk, asked: Asked, account: AccountId, amount_minor: MinorUnits, kind: str, to: str) -> Done:
    postings = (Posting(deposit(account), amount_minor), Posting(to, MinorUnits(-amount_minor)))
    entry = Entry(kind, f"move:{asked.id}", desk.now_us(), postings, f"move:{asked.id}", note=asked.reason)
    seq = desk.journal.post(asked.tx, entry).seq
    left = desk.major(deposited(asked.tx, account))
    return Done(amount_minor=amount_minor, accounts=(account,), entry=seq, shown={"deposit": left})
