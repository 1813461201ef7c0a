"""What an account can spend: the posted balance and its credit limit, less what is set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.contracts.ids import AccountId
from hub.contracts.supply import CreditEffect
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.balances import balance as ledger_balance
from plugins.prepaid.journal.chart import prepaid

MoneyMoved = Callable[[Tx, AccountId], CreditEffect]
"""Called last in every transaction that moves an account's money: supply weighs it, people see it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's money, all of it posted."""

    balance_minor: MinorUnits
    credit_limit_minor: MinorUnits
    held_minor: MinorUnits

    @property
    def spendable_minor(self) -> MinorUnits:
        """What can still be used before power is at stake."""
        return MinorUnits(self.balance_minor + self.credit_limit_minor - self.held_minor)

    @property
    def own_minor(self) -> MinorUnits:
        """What the tenant has and nobody else was promised: credit is lent, and never paid out."""
        return MinorUnits(self.balance_minor - self.held_minor)

    @property
    def debt_minor(self) -> MinorUnits:
        """What the tenant owes; zero with money in hand."""
        return MinorUnits(max(0, -self.balance_minor))


def balance(reader: Reader, account: AccountId) -> MinorUnits:
    """The posted balance as people read it: what the tenant has."""
    return MinorUnits(-ledger_balance(reader, prepaid(account)))


def standing(reader: Reader, account: AccountId, now_us: int) -> Standing:
    """An account's money; the limit of an unknown account is zero."""
    row = reader.one(
        "SELECT coalesce((SELECT credit_limit_minor FROM prepaid__accounts WHERE id = ?), 0),"
        " coalesce((SELECT sum(amount_minor) FROM prepaid__holds WHERE account = ? AND ended = 0"
        " AND expires_us > ?), 0)",
        (account, account, now_us),
    )
    assert row is not None
    return Standing(balance(reader, account), MinorUnits(row[0]), MinorUnits(row[1]))
