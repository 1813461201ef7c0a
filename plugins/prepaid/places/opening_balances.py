"""The balances that accounts were brought along with: ledger entries like any other, each made once."""

from __future__ import annotations

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.chart import OPENING, prepaid, tenant_of
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posting

KIND = "opening"
KEY, KEY_END = "open:", "open;"
"""All keys of opening entries lie between these two."""


def post_opening(tx: Tx, journal: Journal, account: AccountId, minor: MinorUnits, at_us: int) -> None:
    """Post what an account has from before; the same again changes nothing, another amount raises `KeyReused`."""
    postings = (Posting(OPENING, minor), Posting(prepaid(account), MinorUnits(-minor)))
    journal.post(tx, Entry(KIND, f"{KEY}{account}", at_us, postings))


def opening_balances(reader: Reader) -> dict[AccountId, MinorUnits]:
    """What each account was opened with; accounts without an opening entry are not in it."""
    rows = reader.all(
        "SELECT p.account, p.amount_minor FROM prepaid__journal j JOIN prepaid__postings p ON p.entry = j.seq"
        " WHERE j.key >= ? AND j.key < ? AND p.account <> ?",
        (KEY, KEY_END, OPENING),
    )
    found: dict[AccountId, MinorUnits] = {}
    for name, minor in rows:
        account = tenant_of(name)
        if account is not None:
            found[account] = MinorUnits(-minor)
    return found
