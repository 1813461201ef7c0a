"""Checks one of the small chained tables: numbers without gaps, hashes that follow, and the head at the end."""

from __future__ import annotations

from collections.abc import Mapping

from hub.core.storage import Reader
from plugins.prepaid.journal.cells import Cells
from plugins.prepaid.journal.chain import GENESIS, link
from plugins.prepaid.journal.chained import Chain, chained_payload
from plugins.prepaid.journal.findings import Report

PAGE_ROWS = 2_000


class ChainedCheck:
    """Goes through one table page by page."""

    def __init__(
        self, report: Report, chain: Chain, known: Mapping[int, bytes], begin: tuple[int, bytes] = (0, GENESIS)
    ) -> None:
        """Begin behind a row whose hash is known; `known` are hashes that checkpoints wrote down, by number."""
        self._report = report
        self._chain = chain
        self._known = known
        self._n, self._head = begin

    def page(self, reader: Reader) -> bool:
        """Look at the next rows; False once the end is reached."""
        rows = reader.all(f"{self._chain.select} WHERE n > ? ORDER BY n LIMIT ?", (self._n, PAGE_ROWS))
        for row in rows:
            self._row(tuple(row))
        if len(rows) == PAGE_ROWS:
            return True
        head = reader.all("SELECT n, hash FROM prepaid__heads WHERE chain = ?", (self._chain.name,))
        if [tuple(each) for each in head] != [(self._n, self._head)]:
            self._report.add("chain", f"the head of {self._chain.name} does not stand at its last row, {self._n}")
        if max(self._known, default=0) > self._n:
            known = max(self._known)
            self._report.add("I13", f"{self._chain.name}: a checkpoint knows {known} rows, there are {self._n}")
        return False

    def _row(self, row: Cells) -> None:
        n, *values, prev, stored = row
        name = self._chain.name
        if n != self._n + 1:
            self._report.add("chain", f"{name} rows {self._n + 1} to {n - 1} are missing")
        computed = link(self._head, chained_payload(n, values))
        if prev != self._head or computed != stored:
            self._report.add("chain", f"{name} row {n}: its hash does not follow from it and the row before")
        self._n, self._head = n, stored if isinstance(stored, bytes) else computed
        if self._known.get(n, self._head) != self._head:
            self._report.add("I13", f"{name} row {n}: a checkpoint knows it by another hash")
