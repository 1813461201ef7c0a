"""What every function that moves money works with, and the refusals that they share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hub.contracts.ids import AccountId
from hub.contracts.topups import AmountNotPositive, UnknownAccount
from hub.contracts.units import MinorUnits, major_units
from hub.core.config import did_you_mean
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from hub.core.principals import OWNER, Principal
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.periods import closed_until
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR
from plugins.prepaid.money.standing import MoneyMoved
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account


class MoveRefused(HubError):
    """Money that was not moved; nothing changed but the attempt on record."""


class NotEnough(MoveRefused):
    """There is less than what was asked for."""


class AccountClosed(MoveRefused):
    """A closed account takes no more money."""


class NoSuchMoney(MoveRefused):
    """Nothing of that number is on record."""


class TooLate(MoveRefused):
    """It was done, undone or ended before."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The journal, the currency, and who must hear of money that moved."""

    hub: PluginHub
    journal: Journal
    currency: str
    scale: int
    moved: MoneyMoved

    def now_us(self) -> int:
        """The instant of what happens now."""
        return self.hub.clock.now_us()

    def text(self, amount_minor: int) -> str:
        """An amount as people read it: `12.34 CNY`."""
        return f"{self.major(amount_minor):f} {self.currency}"

    def major(self, amount_minor: int) -> Decimal:
        """An amount in major units, exact."""
        return major_units(MinorUnits(amount_minor), self.scale)

    def account(self, reader: Reader, name: AccountId, principal: Principal = OWNER) -> Account:
        """An account; one that is not there, or that the principal may not see, raises `UnknownAccount`."""
        found = repository.account(reader, name) if principal.sees("account", name) else None
        if found is None:
            hint = did_you_mean(name, (one.id for one in repository.accounts(reader, principal)))
            raise UnknownAccount(f"there is no account {name!r}; nothing was changed.{hint}")
        return found

    def open_account(self, reader: Reader, name: AccountId, principal: Principal = OWNER) -> Account:
        """An account that takes money; a closed one raises `AccountClosed`."""
        found = self.account(reader, name, principal)
        if not found.is_open:
            raise AccountClosed(f"account {name} is closed; nothing was changed. Open it first, or use another")
        return found

    def positive(self, amount_minor: MinorUnits, what: str) -> None:
        """Refuse an amount that is not above zero, or that no ledger holds."""
        if amount_minor <= 0:
            raise AmountNotPositive(f"{what} of {self.text(amount_minor)} was not made; give an amount above zero")
        if amount_minor > AMOUNT_MAX_MINOR:
            raise MoveRefused(f"{what} of {self.text(amount_minor)} was not made: no such amount is real")

    def effective_us(self, tx: Tx, paid_us: int, *ledger_accounts: str) -> int:
        """When something told counts: when it happened, but not in the future nor in a closed period."""
        closed_us = max(closed_until(tx, account) or 0 for account in ledger_accounts)
        return max(min(paid_us, self.now_us()), closed_us)
