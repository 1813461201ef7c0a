"""Watches over the ledger: it is verified at every start, and once it contradicts itself nothing more is posted.

What came after the last checkpoint is verified before anything is posted; everything before it in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hub.contracts.accounting import LedgerBroken
from hub.core import context as contexts
from hub.core.clock import Clock
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from hub.core.storage import Tx
from plugins.prepaid.gate.verify import ReadsVerification
from plugins.prepaid.journal.findings import Finding, Report
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posted
from plugins.prepaid.journal.sealing import last_checkpoint
from plugins.prepaid.journal.verify import verify, verify_in_pages

HOLD = "ledger_broken"
DETAILS_TOLD = 3
"""So many findings stand in the alarm; `hub ledger verify` lists them all."""


class LedgerStopped(HubError):
    """The ledger contradicts itself; nothing is posted until a person has looked."""


class Watch:
    """Whether the ledger holds; the journal asks it before every entry."""

    def __init__(self, hub: PluginHub) -> None:
        """Start with a ledger that nobody has doubted."""
        self._hub = hub
        self.broken: str | None = None
        """What is wrong, in a sentence; None while nothing is."""

    def refuse_if_broken(self) -> None:
        """Raise `LedgerStopped` when the ledger does not hold."""
        if self.broken is not None:
            raise LedgerStopped(
                f"the ledger contradicts itself, so nothing is posted: {self.broken}. Run `hub ledger verify`, and "
                "restore a backup from before, or ask for help; a restart alone mends nothing"
            )

    async def at_start(self) -> Report:
        """Verify what came after the last checkpoint, before anything is posted."""
        clock = self._hub.clock
        report = await self._hub.db.read(lambda reader: verify(reader, clock, last_checkpoint(reader)))
        self._judge(report.findings)
        return report

    async def in_background(self) -> None:
        """Verify everything, page by page, while the hub works; accepted reads too."""
        report = await verify_in_pages(self._hub.db, self._hub.clock)
        reads = ReadsVerification()
        while await self._hub.db.read(reads.page):
            await self._hub.clock.sleep(0)
        self._judge([*report.findings, *reads.report.findings])

    def _judge(self, findings: Iterable[Finding]) -> None:
        """Stop posting and alarm once something is found; what was found before stands."""
        found = [str(one) for one in findings]
        if not found or self.broken is not None:
            return
        more = f"; and {len(found) - DETAILS_TOLD} more" if len(found) > DETAILS_TOLD else ""
        self.broken = "; ".join(found[:DETAILS_TOLD]) + more
        self._hub.log.critical("the ledger contradicts itself, nothing is posted any more: %s", self.broken)
        self._hub.holds.place(HOLD, self.broken)
        self._hub.bus.publish(LedgerBroken(context=contexts.current(), findings=len(found), detail=self.broken))


class GuardedJournal(Journal):
    """A journal that writes nothing once its ledger is broken."""

    def __init__(self, clock: Clock, refuse_if_broken: Callable[[], object]) -> None:
        """Ask before every entry."""
        super().__init__(clock)
        self._refuse_if_broken = refuse_if_broken

    def post_many(self, tx: Tx, entries: Iterable[Entry]) -> list[Posted]:
        """Write entries in their order; none while the ledger is broken."""
        self._refuse_if_broken()
        return super().post_many(tx, entries)
