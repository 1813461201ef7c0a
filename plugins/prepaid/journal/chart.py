"""The chart of accounts: every place where money can stand, what its balance means, and whose it is."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.errors import HubError

ENERGY_RECOVERY = "clearing:energy_recovery"
"""Tenants' energy credits it, the utility's bill debits it; what stays is loss or margin."""
SERVICE_INCOME = "income:service"
"""Fixed and daily charges."""
VAT = "liability:vat"
SUSPENSE = "suspense:unidentified"
"""Money that arrived and belongs to somebody whom nobody has found yet."""
WRITTEN_OFF = "expense:written_off"
GOODWILL = "expense:goodwill"
PSP_FEES = "expense:psp_fees"
OPENING = "equity:opening"
"""The other side of balances that were brought along from an earlier system."""
ROUNDING = "rounding"
"""Stays at zero: whatever stands here, some sum was rounded on two paths."""


class Side(Enum):
    """On which side an account's balance normally stands."""

    DEBIT = 1
    CREDIT = -1


_SIDES = {
    "asset": Side.DEBIT,
    "expense": Side.DEBIT,
    "rounding": Side.DEBIT,
    "liability": Side.CREDIT,
    "income": Side.CREDIT,
    "equity": Side.CREDIT,
    "clearing": Side.CREDIT,
    "suspense": Side.CREDIT,
}
_NAME = re.compile(r"[a-z0-9_]+(:[a-z0-9_]+)*")
_TENANTS = re.compile(r"liability:tenant:([a-z0-9_]+):(?:prepaid|deposit)")


class UnknownLedgerAccount(HubError):
    """A name that is no account of the chart."""


def prepaid(account: AccountId) -> str:
    """A tenant's prepaid money, owed to them until it is used; it may go into debit down to the credit limit."""
    return f"liability:tenant:{account}:prepaid"


def deposit(account: AccountId) -> str:
    """A tenant's deposit."""
    return f"liability:tenant:{account}:deposit"


def arrival(provider: str) -> str:
    """Where a provider's money arrives: the till for `cash`, the bank for `bank`, else the platform's wallet."""
    return f"asset:{provider}" if provider in {"cash", "bank"} else f"asset:psp:{provider}"


def shared(pool: str) -> str:
    """A pool of shared costs on its way to those who share it."""
    return f"clearing:shared:{pool}"


@lru_cache(maxsize=65_536)
def normal_side(account: str) -> Side:
    """On which side an account's balance normally stands; a name outside the chart raises."""
    side = _SIDES.get(account.partition(":")[0])
    if side is None or _NAME.fullmatch(account) is None:
        raise UnknownLedgerAccount(
            f"{account!r} is no account of the ledger: names are lower-case words joined by colons, and begin with "
            f"one of {', '.join(sorted(_SIDES))}; take them from plugins/prepaid/journal/chart.py"
        )
    return side


def as_read(account: str, amount_minor: int) -> MinorUnits:
    """A sum of postings as people read it: positive on the account's normal side."""
    return MinorUnits(amount_minor * normal_side(account).value)


def tenant_of(account: str) -> AccountId | None:
    """Whose money stands on an account; None for the landlord's own."""
    found = _TENANTS.fullmatch(account)
    return None if found is None else AccountId(found[1])
