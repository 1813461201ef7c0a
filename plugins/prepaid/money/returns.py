"""Payments that their platform gave back, wholly or in part; told before or after the payment itself."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal import corrections
from plugins.prepaid.journal.chart import SUSPENSE, arrival, tenant_of
from plugins.prepaid.journal.records import Entry, Posting, corrected_entry
from plugins.prepaid.money import payments
from plugins.prepaid.money.desk import Desk, MoveRefused, NotEnough
from plugins.prepaid.money.payments import Payment


@dataclass(frozen=True, slots=True)
class Return:
    """What a platform tells of money that it gave back."""

    provider: str
    return_id: str
    transaction_id: str
    amount_minor: MinorUnits
    note: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What was done about it."""

    accounts: tuple[AccountId, ...]
    entry: int | None
    """None while it waits: for its payment to be told, or to become somebody's."""
    is_new: bool = True


def take_back(desk: Desk, tx: Tx, told: Return) -> Returned:
    """Note a return, once, and take its money from whoever has it; before its payment it waits."""
    desk.positive(told.amount_minor, "a return")
    known = tx.one(
        "SELECT * FROM prepaid__returns WHERE provider = ? AND return_id = ?", (told.provider, told.return_id)
    )
    if known is not None:
        if (known["transaction_id"], known["amount_minor"]) != (told.transaction_id, told.amount_minor):
            raise KeyReused(
                f"{told.provider} {told.return_id} was told before with another payment or amount; the first stands"
            )
        return Returned((), known["entry"], is_new=False)
    payment = payments.by_transaction(tx, told.provider, told.transaction_id)
    if payment is not None:
        _refuse_too_much(desk, tx, payment, told.amount_minor)
    tx.execute(
        "INSERT INTO prepaid__returns VALUES (?, ?, ?, ?, ?, NULL, ?)",
        (
            told.provider, told.return_id, told.transaction_id, told.amount_minor, told.note, desk.now_us(),
        ),
    )  # fmt: skip
    accounts = apply_waiting(desk, tx, payment) if payment is not None else ()
    entry = tx.value(
        "SELECT entry FROM prepaid__returns WHERE provider = ? AND return_id = ?", (told.provider, told.return_id)
    )
    assert entry is None or isinstance(entry, int)
    return Returned(accounts, entry)


def apply_waiting(desk: Desk, tx: Tx, payment: Payment) -> tuple[AccountId, ...]:
    """Post the returns that waited for a payment, now that it is known and somebody's; whose money moved.

    Suspended money stays until the whole of it was given back. What cannot be taken any more goes on waiting.
    """
    rows = tx.all(
        "SELECT return_id, amount_minor, note FROM prepaid__returns WHERE provider = ? AND transaction_id = ?"
        " AND entry IS NULL ORDER BY at_us, return_id",
        (payment.provider, payment.transaction_id),
    )
    if not rows or payment.entry is None or payment.state == "returned" or payment.currency != desk.currency:
        return ()
    if payment.state == "suspended" and sum(row["amount_minor"] for row in rows) != payment.amount_minor:
        return ()
    moved: dict[AccountId, None] = {}
    for row in rows:
        holders = _holders(tx, payment)
        if row["amount_minor"] > sum(holders.values()):
            continue
        seq = _post(desk, tx, payment, row["return_id"], row["amount_minor"], row["note"], holders)
        tx.execute(
            "UPDATE prepaid__returns SET entry = ? WHERE provider = ? AND return_id = ?",
            (seq, payment.provider, row["return_id"]),
        )
        moved |= dict.fromkeys(account for name in holders if (account := tenant_of(name)) is not None)
    if payment.state == "suspended":
        payments.leave_suspense(tx, payment, "returned", None, None)
    return tuple(moved)


def note_all_applied(tx: Tx, payment: Payment, entry: int) -> None:
    """The whole payment went back by an entry; what its platform gave back of it is in that."""
    tx.execute(
        "UPDATE prepaid__returns SET entry = ? WHERE provider = ? AND transaction_id = ? AND entry IS NULL",
        (entry, payment.provider, payment.transaction_id),
    )


def waiting(reader: Reader) -> list[Return]:
    """Returns whose money was not taken from anybody yet, oldest first."""
    rows = reader.all("SELECT * FROM prepaid__returns WHERE entry IS NULL ORDER BY at_us, return_id")
    return [
        Return(
            row["provider"], row["return_id"], row["transaction_id"], MinorUnits(row["amount_minor"]), row["note"]
        )
        for row in rows
    ]


def _refuse_too_much(desk: Desk, reader: Reader, payment: Payment, amount_minor: int) -> None:
    if payment.currency != desk.currency:
        raise MoveRefused(
            f"{payment} was paid in {payment.currency}, which these books cannot take back; use a refund"
        )
    told = reader.value(
        "SELECT coalesce(sum(amount_minor), 0) FROM prepaid__returns WHERE provider = ? AND transaction_id = ?"
        " AND entry IS NULL",
        (payment.provider, payment.transaction_id),
    )
    assert isinstance(told, int)
    left_minor = sum(_holders(reader, payment).values()) - told
    if amount_minor > left_minor:
        raise NotEnough(
            f"{payment}: {desk.text(amount_minor)} cannot be taken back, {desk.text(left_minor)} of it is left; "
            "nothing was changed"
        )


def _holders(reader: Reader, payment: Payment) -> dict[str, int]:
    """Where a payment's money stands now and how much: its account, another after a transfer, or suspense."""
    if payment.entry is None:
        return {}
    return {
        posting.account: -posting.amount_minor
        for posting in corrections.standing(reader, payment.entry)
        if posting.amount_minor < 0 and (posting.account == SUSPENSE or tenant_of(posting.account) is not None)
    }


def _post(
    desk: Desk, tx: Tx, payment: Payment, return_id: str, amount_minor: int, note: str, holders: dict[str, int]
) -> int:
    assert payment.entry is not None
    left, postings = amount_minor, []
    for name, has in holders.items():
        taken = min(left, has)
        if taken:
            postings.append(Posting(name, MinorUnits(taken)))
            left -= taken
    postings.append(Posting(arrival(payment.provider), MinorUnits(-amount_minor)))
    entry = Entry(
        "returned", f"return:{payment.provider}:{return_id}", desk.now_us(), tuple(postings),
        f"attempt:{payment.attempt}", corrected_entry(payment.entry), note,
    )  # fmt: skip
    return desk.journal.post(tx, entry).seq
