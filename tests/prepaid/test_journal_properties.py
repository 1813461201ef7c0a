"""Whatever is posted, repeated, reversed, corrected, sealed or refused in any order: the books stay right.

Beside the ledger stands the simplest model there is: a list of what was posted, and sums over it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from journal_stage import BAKERY, CASH, FILE, NOODLES, SCHEMA, Stage

from hub.contracts.units import MinorUnits, WattHours
from hub.core.durable import KeyReused
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop
from plugins.prepaid.journal import (
    Entry,
    PeriodClosed,
    Posted,
    Posting,
    Unbalanced,
    Unpostable,
    balance_at,
    balances,
    checkpoint,
    close_period,
    correct,
    history,
    last_checkpoint,
    proof,
    reverse,
    seal,
    verify,
    verify_proof,
)
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, VAT

T = TypeVar("T")
EXAMPLES, STEPS = {"quick": (12, 25), "ci": (60, 40), "full": (400, 60)}[os.environ.get("HUB_SUITE", "quick")]

ACCOUNTS = st.sampled_from([CASH, NOODLES, BAKERY, ENERGY_RECOVERY, VAT])
AMOUNTS = st.integers(-10_000, 10_000).map(MinorUnits)


@st.composite
def balanced(draw: st.DrawFn) -> tuple[Posting, ...]:
    """Some postings that sum to zero, also several on one account."""
    amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=5))
    amounts.append(MinorUnits(-sum(amounts)))
    energy = st.none() | st.integers(0, 9_999).map(WattHours)
    return tuple(Posting(draw(ACCOUNTS), amount, draw(energy)) for amount in amounts)


class Books(RuleBasedStateMachine):
    """The ledger and its model, side by side."""

    entries = Bundle("entries")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        loop = self.runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        clock = VirtualClock(loop)
        db = Database(Path(self.folder.name) / FILE, clock, runs_twice=True)
        self.run(db.open())
        self.run(db.migrate("prepaid", SCHEMA))
        self.stage = Stage(db, clock)
        self.posted: list[Entry] = []
        self.standing: dict[int, dict[str, int]] = {}
        self.closed: dict[str, int] = {}
        self.sealed = 0
        self.days = 0

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self.runner.run(wait())

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.run(self.stage.db.close())
            self.runner.close()
            self.folder.cleanup()

    @rule(target=entries, postings=balanced(), effective_us=st.integers(0, 100))
    def post(self, postings: tuple[Posting, ...], effective_us: int) -> object:
        entry = Entry("some", f"key {len(self.posted)} {effective_us} {postings}", effective_us, postings)
        late = any(effective_us < self.closed.get(posting.account, 0) for posting in postings)
        if any(entry.key == other.key for other in self.posted):
            late = False
        try:
            seq = self.run(self.stage.post(entry))[0]
        except PeriodClosed:
            assert late
            return multiple()
        assert not late
        self._note(seq, entry)
        self.standing[seq] = _summed(postings)
        return entry, seq

    @rule(entry=entries)
    def repeat(self, entry: tuple[Entry, int]) -> None:
        answer = self.run(self.stage.write(lambda tx: self.stage.journal.post(tx, entry[0])))
        assert answer == Posted(entry[1], is_new=False)

    @rule(entry=entries, postings=balanced())
    def reuse_the_key(self, entry: tuple[Entry, int], postings: tuple[Posting, ...]) -> None:
        other = entry[0]._replace(postings=(*postings, Posting(CASH, MinorUnits(0), WattHours(1))))
        if other.postings != entry[0].postings:
            with pytest.raises(KeyReused):
                self.run(self.stage.post(other))

    @rule(postings=balanced(), wrong=AMOUNTS.filter(bool))
    def fail_to_balance(self, postings: tuple[Posting, ...], wrong: MinorUnits) -> None:
        with pytest.raises(Unbalanced):
            self.run(self.stage.post(Entry("some", "wrong", 200, (*postings, Posting(CASH, wrong)))))

    @rule(entry=consumes(entries))
    def reverse(self, entry: tuple[Entry, int]) -> None:
        self._put_right(entry[1], (), f"reversal of {entry[1]}")

    @rule(entry=entries, right=balanced())
    def correct(self, entry: tuple[Entry, int], right: tuple[Posting, ...]) -> None:
        self._put_right(entry[1], right, f"correction {len(self.posted)}")

    def _put_right(self, seq: int, right: tuple[Posting, ...], key: str) -> None:
        journal = self.stage.journal
        work = (
            (lambda tx: correct(journal, tx, seq, key, "why", 100, right))
            if right
            else (lambda tx: reverse(journal, tx, seq, key, "why", 100))
        )
        before, after = self.standing[seq], _summed(right)
        difference = {
            account: after.get(account, 0) - before.get(account, 0) for account in before.keys() | after.keys()
        }
        try:
            made = self.run(self.stage.write(work))
        except Unpostable:
            assert not any(difference.values())
            return
        self._note(
            made.seq,
            Entry("x", key, 100, tuple(Posting(account, MinorUnits(each)) for account, each in difference.items())),
        )
        self.standing[seq] = after

    @rule(account=ACCOUNTS, until_us=st.integers(1, 60))
    def close(self, account: str, until_us: int) -> None:
        statement = f"statement {account} {until_us}"
        self.run(self.stage.write(lambda tx: close_period(tx, account, until_us, statement, 5)))
        self.closed[account] = max(until_us, self.closed.get(account, 0))

    @rule()
    def seal(self) -> None:
        made = self.run(self.stage.write(lambda tx: seal(tx, 5)))
        assert (made is None) == (self.sealed == len(self.posted))
        self.sealed = len(self.posted)

    @rule()
    def end_the_day(self) -> None:
        day = date(2026, 1, 1) + timedelta(days=self.days)
        self.days += 1
        made = self.run(self.stage.write(lambda tx: checkpoint(tx, day, 5, {})))
        assert made.seq == len(self.posted)
        self.sealed = len(self.posted)

    @invariant()
    def balances_are_the_sums_of_the_postings(self) -> None:
        if not hasattr(self, "stage"):
            return
        sums = _summed(tuple(posting for entry in self.posted for posting in entry.postings))
        found = self.run(self.stage.read(balances))
        assert {account: amount for account, amount in found.items() if amount} == {
            account: amount for account, amount in sums.items() if amount
        }
        assert sum(found.values()) == 0

    @rule(entry=entries)
    def look_back(self, entry: tuple[Entry, int]) -> None:
        seq = entry[1]
        sums = _summed(tuple(posting for each in self.posted[:seq] for posting in each.postings))
        account = entry[0].postings[0].account
        assert self.run(self.stage.read(lambda reader: balance_at(reader, account, seq=seq))) == sums[account]
        page = self.run(self.stage.read(lambda reader: history(reader, account, limit=1_000)))
        then = next(line for line in page.lines if line.seq <= seq)
        assert then.balance_minor == sums[account]
        shown = self.run(self.stage.read(lambda reader: proof(reader, seq)))
        assert (shown is not None) == (seq <= self.sealed)
        assert shown is None or verify_proof(shown.leaf, shown.steps, shown.seal.merkle_root)

    @rule()
    def verify(self) -> None:
        report = self.run(self.stage.report())
        assert report.is_clean, [str(finding) for finding in report.findings]
        assert report.entries == len(self.posted)
        since = self.run(self.stage.read(last_checkpoint))
        later = self.run(self.stage.read(lambda reader: verify(reader, self.stage.clock, since)))
        assert later.is_clean, [str(finding) for finding in later.findings]

    def _note(self, seq: int, entry: Entry) -> None:
        self.posted.append(entry)
        assert seq == len(self.posted), "numbers have no gaps"


def _summed(postings: tuple[Posting, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.account] = sums.get(posting.account, 0) + posting.amount_minor
    return sums


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)
