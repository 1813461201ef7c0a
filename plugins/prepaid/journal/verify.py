"""Verifies the whole ledger, or what came after a checkpoint: chains, sums, balances, and who says otherwise.

It goes page by page, each in a snapshot of its own, so that neither readers nor the loop wait for it for long; what
is posted meanwhile is looked at too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from hub.core.clock import Clock
from hub.core.storage import Reader
from plugins.prepaid.journal.chain import GENESIS
from plugins.prepaid.journal.chained import ASSERTIONS, CHECKPOINTS, CLOSINGS, SEALS
from plugins.prepaid.journal.chained_check import ChainedCheck
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.projections import BalancesCheck, IndexesCheck
from plugins.prepaid.journal.sealing import Checkpoint, checkpoints
from plugins.prepaid.journal.walk import Walk

T = TypeVar("T")

_BESIDE = (SEALS, ASSERTIONS, CLOSINGS)


class Reads(Protocol):
    """Whatever runs a function on a snapshot: the plugin's database."""

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """Run a function on one consistent snapshot."""


def verify(reader: Reader, clock: Clock, since: Checkpoint | None = None) -> Report:
    """Verify in one snapshot, from a checkpoint or from the first entry."""
    verification = Verification(clock, since)
    while verification.page(reader):
        pass
    return verification.report


async def verify_in_pages(db: Reads, clock: Clock, since: Checkpoint | None = None) -> Report:
    """Verify while the hub goes on working; others get their turn between any two pages."""
    verification = Verification(clock, since)
    while await db.read(verification.page):
        await clock.sleep(0)
    return verification.report


class Verification:
    """One verification under way; `page` by page until it says False."""

    def __init__(self, clock: Clock, since: Checkpoint | None = None) -> None:
        """Begin behind a checkpoint, or at the first entry."""
        self.report = Report(since_seq=0 if since is None else since.seq)
        self._clock = clock
        self._since = since
        self._known: list[dict[str, tuple[int, bytes]]] = []
        """How far each chain had come at each checkpoint, and its head there."""
        self._parts = self._all_parts()
        self._part = next(self._parts)

    def page(self, reader: Reader) -> bool:
        """Look at the next piece; False once the report is complete."""
        began = self._clock.monotonic()
        name, page = self._part
        try:
            goes_on = page(reader)
        except (sqlite3.DatabaseError, TypeError, ValueError, AttributeError) as error:  # of cells that are damaged
            self.report.add("unreadable", f"{name} cannot be read further: {error}")
            goes_on = False
        if not goes_on:
            following = next(self._parts, None)
            if following is None:
                self.report.is_done = True
            else:
                self._part = following
        self.report.took_us += int((self._clock.monotonic() - began) * 1_000_000)
        return not self.report.is_done

    def _all_parts(self) -> Iterator[tuple[str, Callable[[Reader], bool]]]:
        report, since = self.report, self._since
        yield CHECKPOINTS.name, ChainedCheck(report, CHECKPOINTS, {}).page
        yield CHECKPOINTS.name, self._read_checkpoints
        for chain in _BESIDE:
            known = dict(each[chain.name] for each in self._known)
            begin = (0, GENESIS) if since is None else (getattr(since, chain.name), since.head(chain.name))
            yield chain.name, ChainedCheck(report, chain, known, begin).page
        walk = Walk(report, since)
        yield "journal", walk.page
        yield "balances", BalancesCheck(report, walk).page
        if since is None:
            yield "indexes", IndexesCheck(report, walk).page

    def _read_checkpoints(self, reader: Reader) -> bool:
        self._known = [
            {chain.name: (getattr(each, chain.name), each.head(chain.name)) for chain in _BESIDE}
            for each in checkpoints(reader)
        ]
        return False
