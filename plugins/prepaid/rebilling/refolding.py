"""Brings charged months in line with the tariffs that hold for them now: what differs is posted, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hub.contracts.ids import ContractId
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.pricing import PricingError


class Stale(NamedTuple):
    """A charged month that was counted under other tariff versions than hold now."""

    contract: ContractId
    period: str


def stale(reader: Reader, book: Book, code: str) -> list[Stale]:
    """The charged months of a tariff code that were counted under other versions; found again after a crash too."""
    rows = reader.all(
        "SELECT p.contract, p.period, json_extract(p.state, '$.plan') FROM prepaid__periods p"
        " JOIN prepaid__contracts c ON c.id = p.contract WHERE c.tariff = ? AND p.state <> ''"
        " ORDER BY p.contract, p.period",
        (code,),
    )
    return [Stale(row[0], row[1]) for row in rows if _fingerprint(book, row[0], row[1]) not in (None, row[2])]


def refold(tx: Tx, charger: Charger, some: Sequence[Stale], why: str, now_us: int) -> list[Charged]:
    """Fold some months anew, and post the differences with the dates of their month."""
    book = charger.current_book(tx)
    charged: list[Charged] = []
    for contract, period in some:
        plan = book.timelines[contract].plan(period)
        charged += charger.refold(tx, book, contract, period, why, min(now_us, plan.end_us - 1))
    return charged


def charged_beyond(reader: Reader, code: str, instant_us: int) -> list[ContractId]:
    """The contracts of a tariff code that were charged beyond an instant."""
    rows = reader.all(
        "SELECT DISTINCT p.contract FROM prepaid__periods p JOIN prepaid__contracts c ON c.id = p.contract"
        " WHERE c.tariff = ? AND p.through_us > ? ORDER BY p.contract",
        (code, instant_us),
    )
    return [row[0] for row in rows]


def _fingerprint(book: Book, contract: ContractId, period: str) -> str | None:
    timeline = book.timelines.get(contract)
    if timeline is None:
        return None
    try:
        return timeline.plan(period).fingerprint
    except PricingError:
        return None
