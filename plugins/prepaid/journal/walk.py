"""The walk over the journal: every entry's hashes and sum, and on the way what stood on each account."""

from __future__ import annotations

from typing import Any

from hub.core.storage import Reader
from plugins.prepaid.journal.cells import MIX_MASK, Cells, read_span
from plugins.prepaid.journal.chain import GENESIS, link
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.records import payload_sha, row_payload
from plugins.prepaid.journal.sealing import Checkpoint
from plugins.prepaid.journal.witnesses import Witnesses

PAGE_ENTRIES = 500
"""How many entries are looked at in one go: some milliseconds."""

_SEQS = "SELECT seq FROM prepaid__journal WHERE seq > ? ORDER BY seq LIMIT ?"
_ENTRIES = (
    "SELECT seq, effective_us, recorded_us, kind, key, payload_sha, ref, corrects, note, actor, context_id, hash"
    " FROM prepaid__journal"
)
_POSTINGS = "SELECT entry, n, account, amount_minor, qty_wh, meta FROM prepaid__postings"


class Walk:
    """Goes through the journal page by page, each page in a snapshot of its own."""

    def __init__(self, report: Report, since: Checkpoint | None) -> None:
        """Begin behind a checkpoint, or at the first entry."""
        self._report = report
        self._since = since
        self.seq = 0 if since is None else since.seq
        """The last entry that was walked."""
        self._head = GENESIS if since is None else since.head_hash
        self._sums: dict[str, int] = {}
        self.last_seqs: dict[str, int] = {}
        """The last entry that touched each account, of those that were walked."""
        self.is_whole = True
        """False when the walk could not read everything: its sums say nothing then."""
        self.keys_mix = self.places_mix = 0
        """What the indexes must hold, as sums of hashes: keys, and places of postings by account."""
        self._witnesses = Witnesses(report, since)

    def page(self, reader: Reader) -> bool:
        """Look at the next entries; False once the end is reached, where the head must be."""
        seqs = [row[0] for row in reader.all(_SEQS, (self.seq, PAGE_ENTRIES))]
        is_last = len(seqs) < PAGE_ENTRIES
        if seqs:
            self._look_at(reader, seqs)
        if is_last:
            self._end(reader)
        return not is_last

    def sum_of(self, reader: Reader, account: str) -> int:
        """What the walk adds up to on an account, from what was asserted of it before the walk began."""
        known = self._sums.get(account)
        if known is None:
            known = self._sums[account] = self._base(reader, account)
        return known

    def last_seq(self, account: str, otherwise: int) -> int:
        """The last entry on an account; what another says when the walk has met none and began at a checkpoint."""
        return self.last_seqs.get(account, otherwise if self._since is not None else 0)

    def _base(self, reader: Reader, account: str) -> int:
        if self._since is None:
            return 0
        row = reader.one(
            "SELECT amount_minor FROM prepaid__assertions WHERE account = ? AND seq <= ? AND n <= ?"
            " ORDER BY seq DESC LIMIT 1",
            (account, self._since.seq, self._since.assertions),
        )
        return 0 if row is None else row[0]

    def _look_at(self, reader: Reader, seqs: list[int]) -> None:
        # Postings of missing entries are looked for too, unless a damaged number pretends that there are billions.
        span = range(self.seq + 1, seqs[-1] + 1) if seqs[-1] - self.seq <= 2 * PAGE_ENTRIES else seqs
        entries, are_read = read_span(reader, self._report, "journal", _ENTRIES, "seq", seqs)
        postings, are_read_too = read_span(reader, self._report, "postings", _POSTINGS, "entry", span)
        self.is_whole = self.is_whole and are_read and are_read_too
        by_entry: dict[int, list[Cells]] = {}
        for posting in postings:
            by_entry.setdefault(posting[0], []).append(posting)
        self._witnesses.call(reader, self, seqs[-1])
        for row in entries:
            self._entry(reader, row, by_entry.pop(row[0], []))
        for entry in by_entry:
            self._report.add("chain", "postings without their entry", entry)
        self.seq = seqs[-1]
        self._witnesses.dismiss()
        self._report.entries += len(entries)
        self._report.postings += len(postings)

    def _entry(self, reader: Reader, row: Cells, postings: list[Cells]) -> None:
        (seq, effective_us, recorded_us, kind, key, payload, ref, corrects, note, actor, context_id, stored) = row
        report = self._report
        if seq != self.seq + 1:
            report.add("chain", f"entries {self.seq + 1} to {seq - 1} are missing", seq)
        self.seq = seq
        try:
            body = row_payload(seq, recorded_us, key, actor, context_id, payload)
            rows: list[Any] = [posting[2:] for posting in postings]
            asked = payload_sha(kind, effective_us, ref, corrects, note, rows)
            total = self._add_up(reader, seq, postings)
        except (TypeError, ValueError, AttributeError) as error:
            report.add("unreadable", f"no entry can be made of it: {error}", seq)
            self.is_whole = False
            self._head = stored if isinstance(stored, bytes) else GENESIS
            return
        if total != 0 or not postings:
            report.add("I1", f"{len(postings)} postings sum to {total}, not to zero", seq)
        if asked != payload:
            report.add("chain", "what was posted is not what its hash says", seq)
        computed = link(self._head, body)
        if computed != stored:
            report.add("chain", "its hash does not follow from the entry and the hash before it", seq)
        self._head = stored if isinstance(stored, bytes) else computed
        self.keys_mix = (self.keys_mix + hash((key, seq))) & MIX_MASK
        self._witnesses.hear(reader, self, row, postings)

    def _add_up(self, reader: Reader, seq: int, postings: list[Cells]) -> int:
        total = 0
        for n, (_, number, account, amount_minor, _, _) in enumerate(postings):
            if number != n:
                self._report.add("chain", f"posting {n} is numbered {number}", seq)
            total += amount_minor
            known = self._sums.get(account)
            self._sums[account] = (self.sum_of(reader, account) if known is None else known) + amount_minor
            self.last_seqs[account] = seq
            self.places_mix = (self.places_mix + hash((account, seq, number))) & MIX_MASK
        return total

    def _end(self, reader: Reader) -> None:
        """Nothing may lie behind the last entry, and the head must be its hash."""
        behind = reader.value("SELECT entry FROM prepaid__postings WHERE entry > ? LIMIT 1", (self.seq,))
        if isinstance(behind, int):
            self._report.add("chain", "postings without their entry", behind)
        head = reader.all("SELECT n, hash FROM prepaid__heads WHERE chain = 'journal'")
        if [tuple(row) for row in head] != [(self.seq, self._head)]:
            stands = f"it says {head[0][0]}" if head else "it is missing"
            self._report.add("chain", f"the journal's head does not stand at its last entry ({stands})", self.seq)
        self._witnesses.beyond(reader, self.seq)
