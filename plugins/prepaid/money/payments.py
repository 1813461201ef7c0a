"""The rows of payments: one for each payment however often it is told, and one for each telling."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.ids import AccountId
from hub.contracts.topups import SettledAs, Settlement, SuspenseReason, TopupRefused
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR


@dataclass(frozen=True, slots=True)
class Payment:
    """What is known of one payment."""

    provider: str
    transaction_id: str
    order_id: str | None
    account: AccountId | None
    """Whose it became; None while it is nobody's."""
    told_account: AccountId | None
    amount_minor: MinorUnits
    currency: str
    paid_us: int
    state: str
    suspended_for: SuspenseReason | None
    entry: int | None
    """Where it came into the ledger; None for money of another currency, which these books cannot hold."""
    attempt: int
    """The attempt that brought it; people name suspended money by it."""

    @property
    def owner(self) -> AccountId | None:
        """Whom another telling must name, if it names anybody."""
        return self.told_account or self.account

    def __str__(self) -> str:
        """How people find it at the provider."""
        return f"{self.provider} {self.transaction_id}"


def told_before(reader: Reader, settlement: Settlement) -> list[Payment]:
    """The payments known under a settlement's transaction or order: usually none or one, two in a conflict."""
    rows = reader.all(
        "SELECT * FROM prepaid__payments WHERE provider = ? AND (transaction_id = ? OR order_id = ?)",
        (settlement.provider, settlement.transaction_id, settlement.order_id),
    )
    return [_payment(row) for row in rows]


def by_attempt(reader: Reader, attempt: int) -> Payment | None:
    """The payment that an attempt brought."""
    row = reader.one("SELECT * FROM prepaid__payments WHERE attempt = ?", (attempt,))
    return None if row is None else _payment(row)


def by_transaction(reader: Reader, provider: str, transaction_id: str) -> Payment | None:
    """The payment that a provider numbers so."""
    row = reader.one(
        "SELECT * FROM prepaid__payments WHERE provider = ? AND transaction_id = ?", (provider, transaction_id)
    )
    return None if row is None else _payment(row)


def by_number(reader: Reader, transaction_id: str) -> list[Payment]:
    """The payments of any provider with that number."""
    rows = reader.all(
        "SELECT * FROM prepaid__payments WHERE transaction_id = ? ORDER BY attempt", (transaction_id,)
    )
    return [_payment(row) for row in rows]


def suspended(reader: Reader) -> list[Payment]:
    """Money that came in and is nobody's yet, oldest first."""
    rows = reader.all("SELECT * FROM prepaid__payments WHERE state = 'suspended' ORDER BY attempt")
    return [_payment(row) for row in rows]


def note_attempt(
    tx: Tx, settlement: Settlement, outcome: SettledAs, error: TopupRefused | None, now_us: int
) -> int:
    """Write down that somebody told of a payment, and what came of it; the attempt's number."""
    amount_minor = max(-AMOUNT_MAX_MINOR, min(settlement.amount_minor, AMOUNT_MAX_MINOR))  # the text has it whole
    row = tx.one(
        "INSERT INTO prepaid__attempts (provider, transaction_id, order_id, account, amount_minor, currency,"
        " paid_us, via, document_sha, note, outcome, error, at_us, actor, context_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            settlement.provider, settlement.transaction_id, settlement.order_id, settlement.account, amount_minor,
            settlement.currency, settlement.paid_us, settlement.via.value, settlement.document_sha,
            settlement.note, outcome.value, None if error is None else str(error), now_us, tx.context.actor,
            tx.context.id,
        ),
    )  # fmt: skip
    assert row is not None
    return int(row[0])


def note_payment(
    tx: Tx, settlement: Settlement, entry: int | None, attempt: int, suspended_for: SuspenseReason | None = None
) -> Payment:
    """Write down a payment that was told for the first time: credited, or suspended for a reason."""
    is_credited = suspended_for is None
    tx.execute(
        "INSERT INTO prepaid__payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            settlement.provider, settlement.transaction_id, settlement.order_id,
            settlement.account if is_credited else None, settlement.account, settlement.amount_minor,
            settlement.currency, settlement.paid_us, "credited" if is_credited else "suspended",
            None if suspended_for is None else suspended_for.value, entry, attempt,
        ),
    )  # fmt: skip
    noted = by_attempt(tx, attempt)
    assert noted is not None
    return noted


def learn(tx: Tx, payment: Payment, settlement: Settlement) -> None:
    """Keep the order and the account that an earlier telling did not name: later ones are held against them."""
    if (payment.order_id, payment.told_account) == (
        payment.order_id or settlement.order_id, payment.told_account or settlement.account,
    ):  # fmt: skip
        return
    tx.execute(
        "UPDATE prepaid__payments SET order_id = coalesce(order_id, ?), told_account = coalesce(told_account, ?)"
        " WHERE provider = ? AND transaction_id = ?",
        (settlement.order_id, settlement.account, payment.provider, payment.transaction_id),
    )


def leave_suspense(tx: Tx, payment: Payment, state: str, account: AccountId | None, entry: int | None) -> None:
    """Suspended money was `assigned` to an account, or `returned`."""
    tx.execute(
        "UPDATE prepaid__payments SET state = ?, account = ?, entry = coalesce(entry, ?)"
        " WHERE provider = ? AND transaction_id = ? AND state = 'suspended'",
        (state, account, entry, payment.provider, payment.transaction_id),
    )


def _payment(row: Row) -> Payment:
    return Payment(
        row["provider"], row["transaction_id"], row["order_id"],
        None if row["account"] is None else AccountId(row["account"]),
        None if row["told_account"] is None else AccountId(row["told_account"]), MinorUnits(row["amount_minor"]),
        row["currency"], row["paid_us"], row["state"],
        None if row["suspended_for"] is None else SuspenseReason(row["suspended_for"]), row["entry"],
        row["attempt"],
    )  # fmt: skip
