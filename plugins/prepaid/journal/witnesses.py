"""Who says independently what the journal must hold: seals, checkpoints, assertions and closed periods."""

from __future__ import annotations

from typing import Protocol

from hub.core.storage import Reader
from plugins.prepaid.journal.cells import Cells
from plugins.prepaid.journal.chain import GENESIS, merkle_root
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.records import corrects_before
from plugins.prepaid.journal.sealing import Checkpoint

_SEAL = "SELECT n, from_seq, to_seq, merkle_root FROM prepaid__seals WHERE n = ?"
_SAID = (
    "SELECT seq, n, account, amount_minor FROM prepaid__assertions WHERE seq > ?1 AND seq <= ?2"
    " UNION ALL SELECT seq, n, NULL, head_hash FROM prepaid__checkpoints WHERE seq > ?1 AND seq <= ?2"
)
_BEYOND = {
    "seals": "SELECT n FROM prepaid__seals WHERE to_seq > ? LIMIT 1",
    "checkpoints": "SELECT n FROM prepaid__checkpoints WHERE seq > ? LIMIT 1",
    "assertions": "SELECT n FROM prepaid__assertions WHERE seq > ? LIMIT 1",
    "closings": "SELECT n FROM prepaid__closings WHERE seq > ? LIMIT 1",
}


class Sums(Protocol):
    """What stands on the accounts at the entry that is heard."""

    def sum_of(self, reader: Reader, account: str) -> int:
        """The sum of an account's postings so far."""


class Witnesses:
    """Heard at every entry of the walk."""

    def __init__(self, report: Report, since: Checkpoint | None) -> None:
        """Call those that speak about entries behind a checkpoint."""
        self._report = report
        self._said: dict[int, list[Cells]] = {}
        self._heard_to = -1 if since is None else since.seq
        self._seal: Cells | None = None
        self._next_seal = 1 if since is None else since.seals + 1
        self._sealed_to = 0 if since is None else since.seq
        self._leaves: list[bytes] = []
        self._closings = 0
        self._closed: dict[str, list[tuple[int, int]]] = {}
        self._closed_until_us = 0

    def call(self, reader: Reader, sums: Sums, last: int) -> None:
        """Ask for everything that is said about the entries up to one."""
        for row in reader.all(_SAID, (self._heard_to, last)):
            self._said.setdefault(row[0], []).append(row)
        self._heard_to = last
        if 0 in self._said:
            self._weigh(reader, sums, 0, GENESIS)
        if self._seal is None:
            self._seal = reader.one(_SEAL, (self._next_seal,))
        closings = reader.one("SELECT coalesce(max(n), 0), coalesce(max(until_us), 0) FROM prepaid__closings")
        assert closings is not None
        if closings[0] != self._closings:
            self._closings, self._closed_until_us = closings
            self._closed.clear()

    def hear(self, reader: Reader, sums: Sums, row: Cells, postings: list[Cells]) -> None:
        """Hold an entry against everything that is said about it."""
        seq, effective_us, corrects, stored = row[0], row[1], row[7], row[11]
        if seq in self._said:
            self._weigh(reader, sums, seq, stored)
        if self._seal is not None:
            self._leaves.append(stored)
            if seq >= self._seal[2]:
                self._break(reader, seq)
        if corrects is None:
            if effective_us < self._closed_until_us:
                self._check_closed(reader, seq, effective_us, postings)
        elif not corrects_before(corrects, seq):
            self._report.add("I14", f"it corrects {corrects}, which is not before it", seq)

    def dismiss(self) -> None:
        """After the last of the entries: nothing may be said about one that was not there."""
        for seq, said in self._said.items():
            for row in said:
                self._report.add("I3", f"{_speaker(row)} speaks of this entry, which is missing", seq, row[2])
        self._said.clear()

    def beyond(self, reader: Reader, last: int) -> None:
        """At the end of the journal: nobody may speak of entries behind it."""
        for table, sql in _BEYOND.items():
            row = reader.one(sql, (last,))
            if row is not None:
                self._report.add("chain", f"{table} row {row[0]} speaks of entries behind the last", last)

    def _weigh(self, reader: Reader, sums: Sums, seq: int, stored: object) -> None:
        for row in self._said.pop(seq):
            account, said = row[2], row[3]
            if account is None:
                if said != stored:
                    self._report.add("I13", f"{_speaker(row)} knows it by another hash", seq)
                continue
            found = sums.sum_of(reader, account)
            self._report.assertions += 1
            if found != said:
                self._report.add("I3", f"{_speaker(row)} says {said}, the postings sum to {found}", seq, account)

    def _break(self, reader: Reader, seq: int) -> None:
        """Hold a seal against the entries under it, and take up the next one."""
        assert self._seal is not None
        n, first, last, root = self._seal
        hashes = [leaf for leaf in self._leaves if isinstance(leaf, bytes)]
        if (first, last) != (self._sealed_to + 1, seq) or not hashes or merkle_root(hashes) != root:
            self._report.add("I13", f"seal {n} over entries {first} to {last} does not fit them", seq)
        self._report.seals += 1
        self._leaves.clear()
        self._sealed_to, self._next_seal = last, n + 1
        self._seal = reader.one(_SEAL, (self._next_seal,))

    def _check_closed(self, reader: Reader, seq: int, effective_us: int, postings: list[Cells]) -> None:
        for account in {row[2] for row in postings}:
            closed = self._closed.get(account)
            if closed is None:
                rows = reader.all("SELECT seq, until_us FROM prepaid__closings WHERE account = ?", (account,))
                closed = self._closed[account] = [(row[0], row[1]) for row in rows]
            if any(closed_seq < seq and effective_us < until_us for closed_seq, until_us in closed):
                self._report.add(
                    "I14", "dated before a closed statement without saying what it corrects", seq, account
                )


def _speaker(row: Cells) -> str:
    return f"checkpoint {row[1]}" if row[2] is None else f"assertion {row[1]}"
