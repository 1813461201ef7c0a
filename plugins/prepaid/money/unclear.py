"""Unclear money for people: who suspended money belongs to, and what a platform gave back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from hub.contracts.naming import action_name
from hub.contracts.topups import ToppedUp
from hub.contracts.units import MinorUnits, minor_units
from hub.core.clock import from_us
from hub.core.principals import Principal
from hub.core.storage import Reader
from plugins.prepaid.money import payments, refunds, returns
from plugins.prepaid.money.desk import Desk, MoveRefused, NoSuchMoney, TooLate
from plugins.prepaid.money.fields import EACH_ID, NUMBER, REASON, amount
from plugins.prepaid.money.moves import Asked, Done, register_move
from plugins.prepaid.money.payments import Payment
from plugins.prepaid.money.standing import balance
from plugins.prepaid.money.suspense import assign, give_back
from plugins.prepaid.places.opening import slug


def register_unclear(desk: Desk) -> None:
    """Offer what people do about unclear money, and the list of it."""
    fields = {vol.Required("attempt"): EACH_ID, vol.Required("reason"): REASON}
    register_move(
        desk, action_name("suspense", "assign"), lambda asked: _assign(desk, asked),
        {**fields, vol.Required("account"): slug, vol.Optional("worth"): amount(desk.scale)},
        "Credit suspended money to the account it is for; foreign money by what it is worth.", needs_key=False,
    )  # fmt: skip
    register_move(
        desk, action_name("suspense", "return"), lambda asked: _return(desk, asked), fields,
        "Say that suspended money went back to whoever paid it.", needs_key=False,
    )  # fmt: skip
    register_move(
        desk, action_name("topup", "returned"), lambda asked: _returned(desk, asked),
        {
            vol.Required("provider"): slug, vol.Required("transaction"): NUMBER, vol.Required("return_id"): NUMBER,
            vol.Required("amount"): amount(desk.scale), vol.Required("reason"): REASON,
        },
        "Take back what a platform gave back of a payment; told before the payment, it waits for it.",
        needs_key=False,
    )  # fmt: skip

    async def answer(principal: Principal, params: Mapping[str, Any]) -> object:
        if "account" in principal.scopes:
            return {"suspended": [], "returns": [], "refunds": []}
        return await desk.hub.db.read(lambda reader: unclear(desk, reader))

    desk.hub.answer(
        "suspense.list", answer, description="Money that waits for a person: suspended, given back, on its way out."
    )


def unclear(desk: Desk, reader: Reader) -> dict[str, object]:
    """All money that waits for a person."""
    return {
        "suspended": [
            {
                "attempt": one.attempt, "provider": one.provider, "transaction": one.transaction_id,
                "order": one.order_id, "amount": desk.major(one.amount_minor), "currency": one.currency,
                "told_account": one.told_account, "paid": from_us(one.paid_us),
                "reason": None if one.suspended_for is None else one.suspended_for.value,
            }
            for one in payments.suspended(reader)
        ],
        "returns": [
            {
                "provider": one.provider, "transaction": one.transaction_id, "return_id": one.return_id,
                "amount": desk.major(one.amount_minor), "note": one.note,
            }
            for one in returns.waiting(reader)
        ],
        "refunds": [
            {
                "refund": row["id"], "account": row["account"], "amount": desk.major(row["amount_minor"]),
                "paid_by": row["paid_by"], "reason": row["reason"], "began": from_us(row["began_us"]),
                "is_held": row["hold_until_us"] > desk.now_us(),
            }
            for row in refunds.open_refunds(reader)
        ],
    }  # fmt: skip


def _assign(desk: Desk, asked: Asked) -> Done:
    account = asked.account()
    payment = _suspended(asked)
    if payment.state == "assigned" and payment.account == account:
        return Done(amount_minor=payment.amount_minor, accounts=(account,), is_new=False)
    _refuse_ended(payment)
    desk.open_account(asked.tx, account)
    worth_minor = payment.amount_minor
    is_foreign = payment.currency != desk.currency
    if is_foreign != ("worth" in asked.data):
        raise MoveRefused(
            f"{payment} was paid in {payment.currency}; say what it is worth in {desk.currency} as `worth`"
            if is_foreign
            else f"{payment} was paid in {desk.currency}: it is worth what it is, leave `worth` out"
        )
    if is_foreign:
        worth_minor = minor_units(asked.data["worth"], desk.scale)
        desk.positive(worth_minor, "a top-up")
    entry = assign(desk, asked.tx, payment, account, asked.reason, worth_minor if is_foreign else None)
    _tell(desk, asked, payment, worth_minor)
    return Done(amount_minor=worth_minor, accounts=(account,), entry=entry)


def _tell(desk: Desk, asked: Asked, payment: Payment, worth_minor: MinorUnits) -> None:
    """Let whoever waits for the money know."""
    tx, account = asked.tx, asked.account()
    effect = desk.moved(tx, account)
    event = ToppedUp(
        context=tx.context, account=account, amount_minor=worth_minor, currency=desk.currency,
        balance_minor=balance(tx, account), missing_minor=effect.missing_minor, provider=payment.provider,
        attempt_id=str(payment.attempt),
    )  # fmt: skip
    tx.on_commit(lambda: desk.hub.bus.publish(event))


def _return(desk: Desk, asked: Asked) -> Done:
    payment = _suspended(asked)
    if payment.state == "returned":
        return Done(amount_minor=payment.amount_minor, is_new=False)
    _refuse_ended(payment)
    entry = give_back(desk, asked.tx, payment, asked.reason)
    return Done(amount_minor=payment.amount_minor, entry=entry)


def _returned(desk: Desk, asked: Asked) -> Done:
    data = asked.data
    told = returns.Return(data["provider"], data["return_id"], data["transaction"], asked.minor(desk), asked.reason)
    done = returns.take_back(desk, asked.tx, told)
    return Done(
        amount_minor=told.amount_minor, accounts=done.accounts, entry=done.entry, is_new=done.is_new,
        shown={"is_waiting": done.entry is None},
    )  # fmt: skip


def _suspended(asked: Asked) -> Payment:
    payment = payments.by_attempt(asked.tx, asked.data["attempt"])
    if payment is None:
        raise NoSuchMoney(f"attempt {asked.data['attempt']} brought no money; see `hub account suspense list`")
    return payment


def _refuse_ended(payment: Payment) -> None:
    if payment.state != "suspended":
        whose = "" if payment.account is None else f" to {payment.account}"
        raise TooLate(f"{payment} is {payment.state}{whose} already; nothing was changed")
