"""What must be true of the books whenever somebody looks at the file: after a death, or a loss of power."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from records import Records

from hub.core.clock import SystemClock
from hub.core.storage import Reader
from hub.core.storage.access import Access
from plugins.prepaid.charging.book import load_book
from plugins.prepaid.charging.verify import posted_as_folded
from plugins.prepaid.gate.verify import verify_reads
from plugins.prepaid.journal import verify


def promises(file: sqlite3.Connection, records: Records) -> Iterator[str]:
    """Every promise that the file breaks to those who were answered, and to itself."""
    verdict = file.execute("PRAGMA quick_check").fetchone()[0]
    if verdict != "ok":
        yield f"the file is damaged: {verdict}"
    file.row_factory = sqlite3.Row
    reader = Reader(file, Access(file), "prepaid")
    for finding in [*verify(reader, SystemClock()).findings, *verify_reads(reader).findings]:
        yield str(finding)
    yield from posted_as_folded(reader, load_book(reader))
    yield from _payments(reader, records)
    yield from _holds(reader, records)


def _payments(reader: Reader, records: Records) -> Iterator[str]:
    """Each acknowledged payment is in the ledger once, with its amount, on its account."""
    rows = reader.all(
        "SELECT p.transaction_id, p.account, p.amount_minor, -sum(l.amount_minor) AS posted, count(l.entry) AS n"
        " FROM prepaid__payments p LEFT JOIN prepaid__journal j ON j.key = 'pay:' || p.provider || ':'"
        " || p.transaction_id LEFT JOIN prepaid__postings l ON l.entry = j.seq"
        " AND l.account = 'liability:tenant:' || p.account || ':prepaid' GROUP BY p.transaction_id"
    )
    found = {row["transaction_id"]: row for row in rows}
    for key, asked in records.asked.items():
        if asked["kind"] != "pay":
            continue
        row = found.pop(key, None)
        if row is None and key in records.answered:
            yield f"{key}: acknowledged and lost"
        elif row is not None:
            stands = (row["account"], row["amount_minor"], row["posted"], row["n"])
            if stands != (asked["account"], asked["amount"], asked["amount"], 1):
                yield f"{key}: asked {asked}, stands as {stands}"
    if found:
        yield f"payments that nobody asked for: {sorted(found)[:3]}"
    if reader.value("SELECT count(*) FROM prepaid__journal WHERE kind = 'topup'") != len(rows):
        yield f"there are {len(rows)} payments, and another number of entries for them"


def _holds(reader: Reader, records: Records) -> Iterator[str]:
    """An acknowledged hold is there, and one whose end was acknowledged has ended."""
    ended = {row["key"]: bool(row["ended"]) for row in reader.all("SELECT key, ended FROM prepaid__holds")}
    for key, answer in records.answered.items():
        if answer == "held" and key not in ended:
            yield f"{key}: acknowledged and lost"
        if answer == "released" and not ended.get(key.removeprefix("release "), True):
            yield f"{key}: acknowledged, and the money is still set aside"
    early = [
        key
        for key, is_ended in ended.items()
        if is_ended and f"release {key}" not in records.asked and records.asked[key]["minutes"] > 60
    ]
    if early:
        yield f"holds that ended by themselves: {early[:3]}"
