"""Closed periods and asserted balances: the points at which the ledger is held against the world outside."""

from __future__ import annotations

from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.core.errors import HubError
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.balances import balance
from plugins.prepaid.journal.chained import ASSERTIONS, CLOSINGS, append, head_of


class BalanceDiffers(HubError):
    """An account does not hold what somebody says that it holds."""


def close_period(tx: Tx, account: str, until_us: int, statement: str, at_us: int) -> None:
    """Let nothing more be dated before an instant on an account, unless it says what it corrects.

    The same statement closes once. A period that ends before one already closed is closed with it.
    """
    known = tx.one(
        "SELECT account, until_us FROM prepaid__closings WHERE account = ? AND statement = ?", (account, statement)
    )
    if known is not None:
        if known["until_us"] != until_us:
            raise KeyReused(
                f"{statement} closed {account} until {known['until_us']} before, not until {until_us}; "
                "nothing was written, make a new statement"
            )
        return
    seq, _ = head_of(tx, "journal")
    append(tx, CLOSINGS, [(account, until_us, seq, statement, at_us)])


def closed_until(reader: Reader, account: str) -> int | None:
    """The instant before which an account is closed; None when no statement was closed yet."""
    until_us = reader.value("SELECT max(until_us) FROM prepaid__closings WHERE account = ?", (account,))
    assert until_us is None or isinstance(until_us, int)
    return until_us


def assert_balance(tx: Tx, account: str, expected_minor: MinorUnits, at_us: int) -> None:
    """Write down that an account holds this much now, as counted or as the bank says; raises when it does not."""
    found = balance(tx, account)
    if found != expected_minor:
        raise BalanceDiffers(
            f"{account} holds {found} in the ledger and {expected_minor} outside; nothing was written. "
            "Find the entry that is missing or wrong, and post it"
        )
    seq, _ = head_of(tx, "journal")
    append(tx, ASSERTIONS, [(account, seq, expected_minor, at_us)])
