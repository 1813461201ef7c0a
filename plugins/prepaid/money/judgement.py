"""What is to become of a payment that somebody tells of: decided before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.topups import (
    AmountNotPositive,
    SettledAs,
    Settlement,
    SettlementConflict,
    SuspenseReason,
    TopupRefused,
    UnknownAccount,
    Via,
)
from hub.core.config import did_you_mean
from hub.core.principals import OWNER
from hub.core.storage import Reader
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.payments import Payment, told_before
from plugins.prepaid.places import repository

IN_HAND = frozenset({Via.COUNTER, Via.BATCH})
"""Money that can still be refused: it is in the clerk's hand, or in a file that nobody has acted on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, with what led to it."""

    outcome: SettledAs
    known: Payment | None = None
    """The payment as it was told before."""
    suspended_for: SuspenseReason | None = None
    error: TopupRefused | None = None


def judge(desk: Desk, reader: Reader, settlement: Settlement) -> Verdict:
    """Decide about one telling of a payment."""
    before = told_before(reader, settlement)
    known = next((one for one in before if one.transaction_id == settlement.transaction_id), None)
    error = _refusal(desk, settlement) or _conflict(desk, settlement, before)
    if error is not None:
        return Verdict(SettledAs.REFUSED, known, error=error)
    if known is not None:
        is_named = _names_at_last(desk, reader, settlement, known)
        return Verdict(SettledAs.CREDITED if is_named else SettledAs.ALREADY, known)
    reason = _doubt(desk, reader, settlement)
    if reason is None:
        return Verdict(SettledAs.CREDITED)
    if settlement.via in IN_HAND:
        return Verdict(SettledAs.REFUSED, error=_refused_in_hand(desk, reader, settlement, reason))
    return Verdict(SettledAs.SUSPENDED, suspended_for=reason)


def _refusal(desk: Desk, settlement: Settlement) -> TopupRefused | None:
    """Why nothing may be done, whoever it is for."""
    amount = f"{desk.major(settlement.amount_minor):f} {settlement.currency}"
    if settlement.amount_minor <= 0:
        return AmountNotPositive(
            f"a top-up of {amount} was not made; give an amount above zero, money goes out by a refund"
        )
    if settlement.amount_minor > AMOUNT_MAX_MINOR:
        return TopupRefused(f"a top-up of {amount} was not made: no such amount is real")
    if not settlement.transaction_id:
        return TopupRefused(f"a top-up of {amount} by {settlement.provider} has no number; nothing was credited")
    return None


def _conflict(desk: Desk, settlement: Settlement, before: list[Payment]) -> SettlementConflict | None:
    """What this telling says otherwise than an earlier one under the same transaction or order."""
    for known in before:
        # Whom a person gave it to is right as well, whatever name the money came under.
        owner = known.account if settlement.account == known.account else known.owner
        is_same = settlement.is_same_payment(known.amount_minor, known.currency, owner, known.order_id)
        if is_same and known.transaction_id == settlement.transaction_id:
            continue
        told: dict[str, tuple[object, object]] = {
            "transaction": (known.transaction_id, settlement.transaction_id),
            "amount": (desk.major(known.amount_minor), desk.major(settlement.amount_minor)),
            "currency": (known.currency, settlement.currency),
            "account": (owner, settlement.account),
            "order": (known.order_id, settlement.order_id),
        }
        differing = "; ".join(
            f"{name} {now}, before {then}"
            for name, (then, now) in told.items()
            if now is not None and then is not None and now != then
        )
        return SettlementConflict(
            f"{settlement.provider} {settlement.transaction_id} was told before as attempt {known.attempt} with "
            f"another content: {differing}. The first stands and nothing was changed; look at both"
        )
    return None


def _names_at_last(desk: Desk, reader: Reader, settlement: Settlement, known: Payment) -> bool:
    """Whether this telling says whose suspended money it is that came without a name."""
    return (
        known.state == "suspended"
        and known.suspended_for is SuspenseReason.NO_ACCOUNT
        and known.told_account is None
        and _doubt(desk, reader, settlement) is None
    )


def _doubt(desk: Desk, reader: Reader, settlement: Settlement) -> SuspenseReason | None:
    """Why money would not be credited; its currency comes first, as foreign money is not posted at all."""
    if settlement.currency != desk.currency:
        return SuspenseReason.CURRENCY_DIFFERS
    if settlement.account is None:
        return SuspenseReason.NO_ACCOUNT
    account = repository.account(reader, settlement.account)
    if account is None:
        return SuspenseReason.UNKNOWN_ACCOUNT
    return None if account.is_open else SuspenseReason.ACCOUNT_CLOSED


def _refused_in_hand(desk: Desk, reader: Reader, settlement: Settlement, reason: SuspenseReason) -> TopupRefused:
    """What the clerk is told, whose money is still in the hand."""
    if reason is SuspenseReason.ACCOUNT_CLOSED:
        return TopupRefused(f"account {settlement.account} is closed; nothing was credited")
    if reason is SuspenseReason.CURRENCY_DIFFERS:
        return TopupRefused(f"this site takes {desk.currency}, not {settlement.currency}; nothing was credited")
    if reason is SuspenseReason.NO_ACCOUNT:
        return UnknownAccount("no account was named; nothing was credited")
    hint = did_you_mean(str(settlement.account), (one.id for one in repository.accounts(reader, OWNER)))
    return UnknownAccount(f"there is no account {settlement.account!r}; nothing was credited.{hint}")
