"""Whether what was posted is what the accepted reads come to: every period is folded anew, and compared (I5)."""

from __future__ import annotations

from collections.abc import Iterator

from hub.contracts.ids import ContractId
from hub.core.storage import Reader
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import segments_of_period
from plugins.prepaid.charging.periods import PeriodRow
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.pricing import PeriodState, charges, differences

_POSTED = (
    "SELECT count(*), coalesce(sum(p.amount_minor), 0) FROM prepaid__journal j"
    " JOIN prepaid__postings p ON p.entry = j.seq AND p.account = ? WHERE j.key >= ? AND j.key < ?"
)


def posted_as_folded(reader: Reader, book: Book) -> Iterator[str]:
    """Where a period's postings, its stored state and its accepted reads contradict each other."""
    for contract in sorted(book.timelines):
        for period, row in periods.all_of(reader, contract).items():
            for what in _contradictions(reader, book, contract, period, row):
                yield f"{contract} {period}: {what}"


def _contradictions(reader: Reader, book: Book, contract: ContractId, period: str, row: PeriodRow) -> Iterator[str]:
    timeline = book.timelines[contract]
    state = PeriodState(timeline.plan(period))
    for segment in segments_of_period(reader, book, contract, period):
        state.fold(segment)
    due = differences(charges(state, row.through_us, is_final=row.is_finished), row.posted, timeline)
    if due:
        yield f"folding its reads anew would post {due}"
    if row.state != state.to_json().decode():
        yield "its stored state is not what its reads fold to"
    key = f"chg:{contract}:{period}:"
    entries = reader.one(_POSTED, (prepaid(book.contracts[contract].account), key, f"{key[:-1]};"))
    assert entries is not None
    posted = (row.postings, sum(row.posted.values()))
    if tuple(entries) != posted:
        yield f"its row says {posted[0]} entries of {posted[1]}, the ledger has {entries[0]} of {entries[1]}"
