"""Verifies the books against their own evidence: every month is rated, every closed statement derived again."""

from __future__ import annotations

from collections.abc import Iterator

from hub.contracts.ids import ContractId
from hub.core.errors import HubError
from hub.core.storage import Reader
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book, load_book
from plugins.prepaid.charging.charger import segments_of_period
from plugins.prepaid.charging.periods import PeriodRow
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.pricing import PeriodState, charges, rounded_minor
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.gathering import closed_statement


class DeepVerification:
    """One verification under way: a contract's months page by page, then each closed statement."""

    def __init__(self) -> None:
        """Begin at the first contract."""
        self.report = Report()
        self.segments = 0
        """How many were cut again."""
        self._book: Book | None = None
        self._work: Iterator[tuple[ContractId, str | None]] = iter(())

    def page(self, reader: Reader) -> bool:
        """Look at the next month or statement; False once the report is complete."""
        if self._book is None:
            self._book = load_book(reader)
            self._work = iter(list(_all_work(reader, self._book)))
        contract, period = next(self._work, (None, None))
        if contract is None:
            self.report.is_done = True
        elif period is None:
            self._check_statement(reader, contract)
        else:
            self._check_month(reader, self._book, contract, period)
        return not self.report.is_done

    def _check_month(self, reader: Reader, book: Book, contract: ContractId, period: str) -> None:
        """I5: what was posted is the rounded value of what the reads of the month come to."""
        row, timeline = periods.load(reader, contract, period), book.timelines[contract]
        try:
            state = PeriodState(timeline.plan(period))
            for segment in segments_of_period(reader, book, contract, period):
                state.fold(segment)
                self.segments += 1
            exact = charges(state, row.through_us, is_final=row.is_finished)
        except HubError as error:
            self.report.add("I5", f"{contract} {period} cannot be rated again: {error}")
            return
        derived: dict[str, int] = {
            component: minor
            for component, amount in exact.items()
            if (minor := rounded_minor(amount, timeline.scale, timeline.rounding))
        }
        self._compare(contract, period, derived, row, _posted(reader, contract, period))

    def _compare(
        self, contract: ContractId, period: str, derived: dict[str, int], row: PeriodRow, posted: dict[str, int]
    ) -> None:
        kept = {component: minor for component, minor in row.posted.items() if minor}
        for component in sorted(derived.keys() | kept.keys() | posted.keys()):
            reads, said, entries = (one.get(component, 0) for one in (derived, kept, posted))
            if not reads == said == entries:
                self.report.add(
                    "I5",
                    f"{contract} {period}: {component} comes to {reads} by its reads, {entries} was posted, the "
                    f"period says {said}",
                )

    def _check_statement(self, reader: Reader, statement: str) -> None:
        """I8: a closed statement gives the same bytes again."""
        row = repository.load(reader, statement)
        assert row is not None
        try:
            closed_statement(reader, row)
        except HubError as error:
            self.report.add("I8", str(error))


def _all_work(reader: Reader, book: Book) -> Iterator[tuple[ContractId, str | None]]:
    """Contracts with their months, then statements by their ids."""
    for contract in sorted(book.timelines):
        for period in periods.all_of(reader, contract):
            yield contract, period
    for row in repository.listed(reader):
        yield ContractId(row.id), None


def _posted(reader: Reader, contract: ContractId, period: str) -> dict[str, int]:
    """What the entries of a month posted of each component."""
    rows = reader.all(
        "SELECT json_extract(p.meta, '$.component') AS component, -sum(p.amount_minor) FROM prepaid__journal j"
        " JOIN prepaid__postings p ON p.entry = j.seq WHERE j.key >= ? AND j.key < ? AND p.meta <> ''"
        " GROUP BY component",
        (f"chg:{contract}:{period}:", f"chg:{contract}:{period};"),
    )
    return {row[0]: row[1] for row in rows if row[0] is not None and row[1]}
