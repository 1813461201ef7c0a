"""Receipts: what a person gets in the hand for money, derived from the ledger each time it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.contracts.ids import AccountId
from hub.core.clock import from_us
from hub.core.principals import Principal
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.journal import corrections
from plugins.prepaid.journal.balances import balance_at
from plugins.prepaid.journal.chart import deposit, prepaid, tenant_of
from plugins.prepaid.journal.records import corrected_entry
from plugins.prepaid.money import payments
from plugins.prepaid.money.desk import Desk, MoveRefused, NoSuchMoney
from plugins.prepaid.money.payments import Payment
from plugins.prepaid.places import repository

MADE_BY_HUB = "HUB-"
SHORT_HASH_LETTERS = 16
KINDS = frozenset({"topup", "assigned", "goodwill", "refund", "deposit", "deposit_returned"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One movement of money of one account; amounts are as people read them."""

    kind: str
    number: str
    site: str
    account: AccountId
    tenant: str
    language: str
    at: datetime
    currency: str
    scale: int
    amount_minor: int
    repaid_minor: int
    """How much of it went into what was owed before."""
    balance_minor: int
    """Prepaid money right after it; of a deposit, the deposit."""
    paid_by: str
    entry: int
    short_hash: str
    """The entry's place in the chain: the ledger that has another one there is not the one that was paid into."""
    is_reversed: bool


def next_number(tx: Tx) -> str:
    """A receipt number made by the hub: gap-free, and never given twice."""
    row = tx.one(
        "INSERT INTO prepaid__receipt_numbers VALUES ('hub', 1)"
        " ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n"
    )
    assert row is not None
    return f"{MADE_BY_HUB}{row['n']:06d}"


def find_receipt(desk: Desk, reader: Reader, principal: Principal, id: str) -> Receipt:  # noqa: A002
    """The receipt of a number (`cash:4711` where two providers have it), or of an entry (`entry:17`)."""
    word, colon, rest = id.partition(":")
    if colon and word == "entry" and rest.isascii() and rest.isdecimal() and len(rest) < 19:
        found = _of_entry(desk, reader, int(rest))
    else:
        known = payments.by_number(reader, id)
        if not known and colon:
            one = payments.by_transaction(reader, word, rest)
            known = [] if one is None else [one]
        if len(known) > 1:
            names = ", ".join(f"{one.provider}:{one.transaction_id}" for one in known)
            raise MoveRefused(f"there are several receipts {id!r}; say which: {names}")
        found = _of_payment(desk, reader, known[0]) if known else _of_deposit(desk, reader, id)
    if found is None or not principal.sees("account", found.account):
        raise NoSuchMoney(f"there is no receipt {id!r}; give its number, or `entry:` and the entry's number")
    return found


def _of_payment(desk: Desk, reader: Reader, payment: Payment) -> Receipt | None:
    if payment.account is None or payment.entry is None:
        raise MoveRefused(f"{payment} is {payment.state}: it was credited to nobody, so there is no receipt")
    row = reader.one(
        "SELECT j.* FROM prepaid__journal j JOIN prepaid__postings p ON p.entry = j.seq WHERE p.account = ?"
        " AND (j.seq = ? OR j.corrects = ?) AND j.kind IN ('topup', 'assigned') ORDER BY j.seq LIMIT 1",
        (prepaid(payment.account), payment.entry, corrected_entry(payment.entry)),
    )
    return None if row is None else _receipt(desk, reader, row, payment.account, payment, payment.entry)


def _of_deposit(desk: Desk, reader: Reader, number: str) -> Receipt | None:
    row = reader.one("SELECT entry FROM prepaid__deposits WHERE receipt = ? ORDER BY entry LIMIT 1", (number,))
    return None if row is None else _of_entry(desk, reader, row["entry"])


def _of_entry(desk: Desk, reader: Reader, seq: int) -> Receipt | None:
    row = reader.one("SELECT * FROM prepaid__journal WHERE seq = ?", (seq,))
    if row is None or row["kind"] not in KINDS:
        return None
    posting = reader.one(
        "SELECT account FROM prepaid__postings WHERE entry = ? AND account LIKE 'liability:tenant:%' ORDER BY n",
        (seq,),
    )
    account = None if posting is None else tenant_of(posting["account"])
    if account is None:
        return None
    ref = str(row["ref"] or "")
    payment = payments.by_attempt(reader, int(ref.removeprefix("attempt:"))) if ref.startswith("attempt:") else None
    return _receipt(desk, reader, row, account, payment, seq if payment is None else payment.entry or seq)


def _receipt(
    desk: Desk, reader: Reader, row: Row, account: AccountId, payment: Payment | None, root: int
) -> Receipt:
    seq, kind = row["seq"], row["kind"]
    ledger_account = deposit(account) if kind.startswith("deposit") else prepaid(account)
    amount = reader.value(
        "SELECT sum(amount_minor) FROM prepaid__postings WHERE entry = ? AND account = ?", (seq, ledger_account)
    )
    assert isinstance(amount, int)
    after = -balance_at(reader, ledger_account, seq=seq)
    before = after + amount
    known = repository.account(reader, account)
    tenant = None if known is None else repository.tenant(reader, known.tenant)
    taken = reader.one("SELECT * FROM prepaid__deposits WHERE entry = ?", (seq,))
    if payment is not None:
        number, paid_by = payment.transaction_id, payment.provider
    elif taken is not None:
        number, paid_by = taken["receipt"], taken["paid_by"]
    else:
        number, paid_by = f"entry:{seq}", ""
    return Receipt(
        kind=kind, number=number, site=desk.hub.site.name, account=account,
        tenant=account if tenant is None else tenant.name, language="en" if tenant is None else tenant.language,
        at=from_us(row["recorded_us"]).astimezone(desk.hub.site.time_zone), currency=desk.currency,
        scale=desk.scale, amount_minor=abs(amount), repaid_minor=max(0, min(-amount, -before)),
        balance_minor=after, paid_by=paid_by, entry=seq, short_hash=row["hash"].hex()[:SHORT_HASH_LETTERS],
        is_reversed=not corrections.standing(reader, root),
    )  # fmt: skip
