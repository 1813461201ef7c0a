"""What follows whenever an account's money moves: supply weighs it in the same commit, then people see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hub.contracts.ids import AccountId
from hub.contracts.supply import CreditEffect, Supply
from hub.core.clock import Clock
from hub.core.storage import Tx
from plugins.prepaid.charging.charger import Charged, changed_accounts
from plugins.prepaid.money.standing import Standing, standing


class MoneyWatch:
    """Called last in every transaction that moves money."""

    def __init__(self, clock: Clock, supply: Supply, show: Callable[[AccountId, Standing], object]) -> None:
        """Tell supply in the transaction, and `show` after its commit."""
        self._clock = clock
        self._supply = supply
        self._show = show

    def moved(self, tx: Tx, account: AccountId) -> CreditEffect:
        """An account's posted balance, limit or holds changed in this transaction."""
        now = standing(tx, account, self._clock.now_us())
        effect = self._supply.credit_changed(tx, account, now.spendable_minor)
        tx.on_commit(lambda: self._show(account, now))
        return effect

    def charged(self, tx: Tx, charged: Iterable[Charged]) -> None:
        """Some accounts were charged in this transaction."""
        for account in changed_accounts(charged):
            self.moved(tx, account)
