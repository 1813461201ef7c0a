"""The journal as a text that `hledger` reads: an accountant checks our books with foreign software.

An entry is dated by the day on which it was written down, so that the order of entries is the order of days, also
where the clock was set back; when it happened stands in a tag. Asserted balances become balance assertions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, tzinfo

from hub.contracts.units import MinorUnits, major_units
from hub.core.clock import from_us
from hub.core.storage import Reader, Row
from plugins.prepaid.journal.chart import Side, normal_side

PAGE_ENTRIES = 1_000

_ENTRIES = (
    "SELECT seq, effective_us, recorded_us, kind, key, ref, corrects, note, actor FROM prepaid__journal"
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)
_TYPES = {"asset": "A", "liability": "L", "equity": "E", "income": "R", "expense": "X"}


@dataclass(frozen=True, slots=True)
class Currency:
    """How amounts are written: a symbol such as CNY, and its decimals."""

    symbol: str
    scale: int

    def text(self, amount_minor: int) -> str:
        """An amount as hledger reads it, always with all decimals."""
        return f"{major_units(MinorUnits(amount_minor), self.scale):.{self.scale}f} {self.symbol}"


def export(reader: Reader, currency: Currency, zone: tzinfo) -> Iterator[str]:
    """The whole journal, line by line, in one snapshot."""
    yield f"commodity 1000.{'0' * currency.scale} {currency.symbol}"
    yield from (_declared(row[0]) for row in reader.all("SELECT account FROM prepaid__balances ORDER BY account"))
    seq, day = 0, date.min
    while True:
        entries = reader.all(_ENTRIES, (seq, PAGE_ENTRIES))
        if not entries:
            return
        first, seq = seq, entries[-1]["seq"]
        postings = _by_entry(
            reader.all(
                "SELECT entry, account, amount_minor, qty_wh, meta FROM prepaid__postings"
                " WHERE entry > ? AND entry <= ? ORDER BY entry, n",
                (first, seq),
            )
        )
        asserted = _by_entry(
            reader.all(
                "SELECT seq, account, amount_minor FROM prepaid__assertions WHERE seq > ? AND seq <= ? ORDER BY n",
                (first, seq),
            )
        )
        for entry in entries:
            day = max(day, from_us(entry["recorded_us"]).astimezone(zone).date())
            yield ""
            yield from _transaction(entry, day, postings[entry["seq"]], currency, zone)
            if entry["seq"] in asserted:
                yield from _assertions(day, asserted[entry["seq"]], currency)


def _declared(account: str) -> str:
    kind = _TYPES.get(account.partition(":")[0]) or ("L" if normal_side(account) is Side.CREDIT else "A")
    return f"account {account}  ; type: {kind}"


def _transaction(entry: Row, day: date, postings: Iterable[Row], currency: Currency, zone: tzinfo) -> Iterator[str]:
    yield f"{day} * ({entry['seq']}) {_line(entry['kind']).replace(';', ',')}"
    yield f"    ; effective: {from_us(entry['effective_us']).astimezone(zone).isoformat()}"
    for name in ("key", "ref", "corrects", "note", "actor"):
        if entry[name] is not None:
            yield f"    ; {name}: {_line(entry[name])}"
    for posting in postings:
        energy = "" if posting["qty_wh"] is None else f"  ; wh: {posting['qty_wh']}"
        yield f"    {posting['account']}  {currency.text(posting['amount_minor'])}{energy}"
        if posting["meta"]:
            yield f"    ; meta: {_line(posting['meta'])}"


def _assertions(day: date, asserted: Iterable[Row], currency: Currency) -> Iterator[str]:
    yield ""
    yield f"{day} * asserted balances"
    for row in asserted:
        yield f"    {row['account']}  {currency.text(0)} = {currency.text(row['amount_minor'])}"


def _by_entry(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _line(text: str) -> str:
    """A text that stays on its line, whatever somebody wrote into it."""
    return " ".join(text.split())
