"""The double-entry journal: entries that sum to zero, each under its own key, written once and never changed."""

from __future__ import annotations

from collections.abc import Mapping

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.clock import Clock
from hub.core.storage import Reader, Tx

ENERGY_RECOVERY = "clearing:energy_recovery"


def prepaid(account: AccountId) -> str:
    """The ledger account of a tenant's prepaid money."""
    return f"liability:{account}:prepaid"


def cash_of(provider: str) -> str:
    """The ledger account where a provider's money arrives."""
    return f"asset:{provider}"


class Unbalanced(AssertionError):
    """Postings that do not sum to zero: a bug, never written."""


class Ledger:
    """Writes entries inside the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        """Date entries by a clock."""
        self._clock = clock

    def post(self, tx: Tx, key: str, kind: str, postings: Mapping[str, int]) -> int:
        """Write one entry; its sequence number. A key that was used before violates its constraint."""
        if sum(postings.values()) != 0:
            raise Unbalanced(
                f"entry {key}: postings sum to {sum(postings.values())}, not to zero: {dict(postings)}"
            )
        row = tx.one(
            "INSERT INTO prepaid__journal (seq, key, kind, at_us, context_id, actor) VALUES"
            " ((SELECT coalesce(max(seq), 0) + 1 FROM prepaid__journal), ?, ?, ?, ?, ?) RETURNING seq",
            (key, kind, self._clock.now_us(), tx.context.id, tx.context.actor),
        )
        assert row is not None
        tx.many(
            "INSERT INTO prepaid__postings VALUES (?, ?, ?)",
            [(row[0], account, amount) for account, amount in postings.items()],
        )
        return int(row[0])


def balance(reader: Reader, account: AccountId) -> MinorUnits:
    """The posted balance: what the tenant has, which is what the landlord owes."""
    total = reader.value(
        "SELECT coalesce(sum(amount_minor), 0) FROM prepaid__postings WHERE account = ?", (prepaid(account),)
    )
    assert isinstance(total, int)
    return MinorUnits(-total)
