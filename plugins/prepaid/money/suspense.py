"""Money that came in and is nobody's yet: a person, or a later telling, says whose, or it goes back."""

from __future__ import annotations

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.storage import Tx
from plugins.prepaid.journal.chart import SUSPENSE, arrival, prepaid
from plugins.prepaid.journal.records import Entry, MetaValue, Posting, corrected_entry
from plugins.prepaid.money import payments
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.payments import Payment
from plugins.prepaid.money.returns import apply_waiting, note_all_applied


def assign(
    desk: Desk, tx: Tx, payment: Payment, account: AccountId, note: str, worth_minor: MinorUnits | None = None
) -> int:
    """Credit suspended money to an account; the entry. Foreign money comes into the books at its worth."""
    ref = f"attempt:{payment.attempt}"
    if payment.entry is None:
        assert worth_minor is not None
        told: dict[str, MetaValue] = {"told_amount_minor": payment.amount_minor, "told_currency": payment.currency}
        postings = (
            Posting(arrival(payment.provider), worth_minor, meta=told),
            Posting(prepaid(account), MinorUnits(-worth_minor)),
        )
        entry = Entry(
            "topup", f"pay:{payment.provider}:{payment.transaction_id}", desk.now_us(), postings, ref, note=note
        )
    else:
        postings = (
            Posting(SUSPENSE, payment.amount_minor), Posting(prepaid(account), MinorUnits(-payment.amount_minor)),
        )  # fmt: skip
        # It corrects the entry that brought the money, so that both are seen, and undone, as one.
        entry = Entry(
            "assigned", f"assign:{payment.provider}:{payment.transaction_id}", desk.now_us(), postings, ref,
            corrected_entry(payment.entry), note,
        )  # fmt: skip
    seq = desk.journal.post(tx, entry).seq
    payments.leave_suspense(tx, payment, "assigned", account, seq)
    now = payments.by_attempt(tx, payment.attempt)
    assert now is not None
    apply_waiting(desk, tx, now)
    return seq


def give_back(desk: Desk, tx: Tx, payment: Payment, note: str) -> int | None:
    """Send suspended money back to where it came from; the entry, if it ever was in the books."""
    seq = None
    if payment.entry is not None:
        postings = (
            Posting(SUSPENSE, payment.amount_minor),
            Posting(arrival(payment.provider), MinorUnits(-payment.amount_minor)),
        )
        key = f"giveback:{payment.provider}:{payment.transaction_id}"
        ref, corrects = f"attempt:{payment.attempt}", corrected_entry(payment.entry)
        seq = desk.journal.post(tx, Entry("returned", key, desk.now_us(), postings, ref, corrects, note)).seq
        note_all_applied(tx, payment, seq)
    payments.leave_suspense(tx, payment, "returned", None, None)
    return seq
