"""Money in: one function credits it, whoever brings the news, and it does so once.

The money plugin provides `TOPUPS` and owns attempts, credits, suspense and holds. Callers are the counter, batch
imports, and payment plugins on a callback, an order query or a bill; a callback is only a hint that is allowed to
be fast, the query and the bill are the truth, and all of them end in `settle`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Protocol

from hub.contracts.ids import AccountId
from hub.contracts.units import ZERO, MinorUnits
from hub.core.bus import Event
from hub.core.errors import HubError
from hub.core.services import ServiceKey
from hub.core.storage import Tx


class Via(Enum):
    """How the news of a payment came."""

    COUNTER = "counter"
    """A clerk took cash, or saw a bank transfer."""
    BATCH = "batch"
    CALLBACK = "callback"
    QUERY = "query"
    BILL = "bill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One payment as its channel tells it. The same payment may be told many times, each with its own `via`."""

    provider: str
    """`cash`, `bank`, `batch`, or the name of a payment plugin."""
    transaction_id: str
    """The provider's own number, unique with the provider: a receipt number, `{file_sha}:{row}`, ..."""
    order_id: str | None = None
    """Our order that was paid; unique with the provider as well. None where there is no order."""
    account: AccountId | None
    """Whom the money is for; None when the provider cannot tell, which ends in suspense."""
    amount_minor: MinorUnits
    currency: str
    """ISO 4217."""
    paid_us: int
    via: Via
    document_sha: str | None = None
    """The SHA-256 of the signed message or file this rests on."""
    note: str = ""

    def is_same_payment(
        self, amount_minor: MinorUnits, currency: str, account: AccountId | None, order_id: str | None
    ) -> bool:
        """Whether what was told before under this transaction or order agrees with this; if not, it is a conflict.

        A bill may know less than a callback: an account or order that one of the two does not name is no conflict.
        """
        accounts, orders = {self.account, account} - {None}, {self.order_id, order_id} - {None}
        is_same_money = (self.amount_minor, self.currency) == (amount_minor, currency)
        return is_same_money and len(accounts) < 2 and len(orders) < 2


class SettledAs(Enum):
    """What became of a settlement."""

    CREDITED = "credited"
    ALREADY = "already"
    """This payment was credited or suspended before; nothing changed."""
    SUSPENDED = "suspended"
    """The money is real but not anybody's yet: it is in the suspense account, for a person."""
    REFUSED = "refused"
    """Nothing changed; `Settled.error` says why, and the attempt is on record."""


class SuspenseReason(Enum):
    """Why money that has come in was not credited."""

    NO_ACCOUNT = "no_account"
    UNKNOWN_ACCOUNT = "unknown_account"
    AMOUNT_DIFFERS = "amount_differs"
    """Not the amount of its order."""
    CURRENCY_DIFFERS = "currency_differs"
    ACCOUNT_CLOSED = "account_closed"


class TopupRefused(HubError):
    """A top-up that was not made; nothing changed but its attempt on record."""


class AmountNotPositive(TopupRefused):
    """A top-up of zero or less; money goes out by a refund."""


class UnknownAccount(TopupRefused):
    """There is no such account, and the money is still in the clerk's hand."""


class SettlementConflict(TopupRefused):
    """The transaction was told before with another amount, account or order: an alarm, never waved through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What `settle` did."""

    outcome: SettledAs
    attempt_id: str
    """The attempt's own row: there is one for each call, whatever came of it."""
    account: AccountId | None
    amount_minor: MinorUnits
    balance_minor: MinorUnits | None = None
    """The posted balance right after; None unless the account is known."""
    missing_minor: MinorUnits = ZERO
    """What the account still lacks until its power comes back: the payer is told at once."""
    suspended_for: SuspenseReason | None = None
    error: TopupRefused | None = None

    def require(self) -> Settled:
        """This, unless it was refused: then raise the typed error. Call it after the commit, never inside."""
        if self.error is not None:
            raise self.error
        return self


class OutstandingState(Enum):
    """Whether a payment for an account may be under way."""

    NONE = "none"
    PENDING = "pending"
    UNKNOWN = "unknown"
    """A provider could not say: no ground for a trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """The answer to: has this account perhaps paid a moment ago?"""

    state: OutstandingState
    until_us: int | None = None
    """With PENDING: when the last open order ends, paid or not."""
    detail: str = ""


class OrderState(Enum):
    """What a provider says of one of our orders."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """No answer, or one that proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """A provider's answer about one order."""

    state: OrderState
    settlement: Settlement | None = None
    """With PAID: what to settle."""


class PaymentProvider(Protocol):
    """A payment platform, as the money plugin asks it. A platform that fails raises nothing: it is UNKNOWN."""

    @property
    def name(self) -> str:
        """The `provider` of its settlements."""

    async def outstanding(self, account: AccountId) -> Outstanding:
        """Ask the platform about the account's open orders, and settle those that turn out to be paid first."""

    async def query(self, order_id: str) -> OrderAnswer:
        """Ask the platform about one order."""

    async def bill(self, day: date) -> tuple[Settlement, ...] | None:
        """Every payment of one day by the platform's bill, via `BILL`; None while there is no bill yet."""


class Topups(Protocol):
    """The door for money. Functions with a `tx` are synchronous and take part in the caller's transaction."""

    def settle(self, tx: Tx, settlement: Settlement) -> Settled:
        """Credit one payment exactly once, whoever tells of it and how often.

        Writes the attempt's row first, then the credit under its unique keys (provider and transaction, provider
        and order), the posting, and through `Supply.credit_changed` the intents: all in this transaction. It
        does not raise for what payments do, since a raise would take the attempt's row with it: `REFUSED`
        carries the typed error for the caller to raise after the commit. Money a platform already holds is never
        refused for a wrong account, amount or currency, but suspended. `ToppedUp` and its like follow the commit.
        """

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside that is promised elsewhere, such as a refund under way; it is no longer spendable.

        The same key holds once (`KeyReused` for another amount). An expired hold lifts itself. Raises
        `UnknownAccount`, or `TopupRefused` when the account has less.
        """

    def release(self, tx: Tx, key: str) -> None:
        """End a hold; no error when it has ended already."""

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Ask every provider, within the deadline: PENDING if any is, else UNKNOWN if any is, else NONE.

        Called by supply before each trip. Without a provider it is NONE. Raises nothing.
        """

    def add_provider(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on; the result takes it out. Called in a payment plugin's set-up."""


TOPUPS: ServiceKey[Topups] = ServiceKey("topups.topups")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToppedUp(Event):
    """Money was credited; its intents are committed with it."""

    account: AccountId
    amount_minor: MinorUnits
    currency: str
    balance_minor: MinorUnits
    missing_minor: MinorUnits
    provider: str
    attempt_id: str

    @property
    def key(self) -> str:
        """The account."""
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSuspended(Event):
    """Money came in that is nobody's yet: a person must say whose."""

    attempt_id: str
    provider: str
    amount_minor: MinorUnits
    currency: str
    reason: SuspenseReason

    @property
    def key(self) -> str:
        """The provider."""
        return self.provider


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementConflicted(Event):
    """A transaction was told again with another content: an alarm."""

    attempt_id: str
    provider: str
    transaction_id: str
    detail: str

    @property
    def key(self) -> str:
        """The provider."""
        return self.provider
