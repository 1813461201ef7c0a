"""The journal: entries that sum to zero, each under its own key, chained, written once and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.core.clock import Clock
from hub.core.durable import KeyReused
from hub.core.storage import SqlValue, Tx
from plugins.prepaid.journal.chain import link
from plugins.prepaid.journal.records import (
    Entry,
    PeriodClosed,
    Posted,
    Unpostable,
    WrittenPosting,
    corrects_before,
    payload_sha,
    row_payload,
    written,
)

_LOOK = (
    "SELECT h.n, h.hash, j.seq, j.payload_sha, (SELECT max(until_us) FROM prepaid__closings)"
    " FROM prepaid__heads h LEFT JOIN prepaid__journal j ON j.key = ? WHERE h.chain = 'journal'"
)
"""Everything that decides about an entry, in one statement."""
_JOURNAL = "INSERT INTO prepaid__journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_POSTING = "INSERT INTO prepaid__postings VALUES (?, ?, ?, ?, ?, ?)"
_BALANCE = (
    "INSERT INTO prepaid__balances VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE"
    " SET amount_minor = amount_minor + excluded.amount_minor, last_seq = excluded.last_seq"
)
_HEAD = "UPDATE prepaid__heads SET n = ?, hash = ? WHERE chain = 'journal'"
_CLOSED = "SELECT until_us, statement FROM prepaid__closings WHERE account = ? AND until_us > ? LIMIT 1"


class Journal:
    """Writes entries inside the caller's transaction, which is one of the plugin's own (`hub.db.join`)."""

    def __init__(self, clock: Clock) -> None:
        """Date what is written down by a clock."""
        self._clock = clock

    def post(self, tx: Tx, entry: Entry) -> Posted:
        """Write one entry, once: a repeat answers where it stands.

        Raises `Unbalanced` or `Unpostable` for what cannot be posted, `PeriodClosed` for what is dated before a
        closed statement without saying what it corrects, and `KeyReused` for another payload under a used key.
        """
        return self.post_many(tx, (entry,))[0]

    def post_many(self, tx: Tx, entries: Iterable[Entry]) -> list[Posted]:
        """Write entries in their order; all of them, or none when one is refused."""
        batch = _Batch(tx, self._clock.now_us())
        try:
            answers = [batch.add(entry) for entry in entries]
        except UnicodeEncodeError as error:
            half = error.object[error.start : error.end]
            raise Unpostable(f"{half!r} is half a character, as broken text has; nothing was posted") from None
        batch.write()
        return answers


class _Batch:
    """Entries on their way into one transaction: judged and chained one by one, written together."""

    __slots__ = ("_balances", "_fresh", "_head", "_journal", "_postings", "_recorded_us", "_seq", "_tx")

    def __init__(self, tx: Tx, recorded_us: int) -> None:
        self._tx = tx
        self._recorded_us = recorded_us
        self._seq = 0
        self._head = b""
        self._journal: list[tuple[SqlValue, ...]] = []
        self._postings: list[tuple[SqlValue, ...]] = []
        self._balances: list[tuple[str, int, int]] = []
        self._fresh: dict[str, tuple[int, bytes]] = {}

    def add(self, entry: Entry) -> Posted:
        """Judge an entry and give it its place, unless it has one."""
        kind, key, effective_us, _, ref, corrects, note = entry
        rows = written(entry)
        payload = payload_sha(kind, effective_us, ref, corrects, note, rows)
        found = self._tx.one(_LOOK, (key,))
        assert found is not None
        head_seq, head, known_seq, known_payload, closed_until_us = found
        if known_seq is None and key in self._fresh:
            known_seq, known_payload = self._fresh[key]
        if known_seq is not None:
            if known_payload != payload:
                raise _reused(entry, known_seq)
            return Posted(known_seq, is_new=False)
        if closed_until_us is not None and corrects is None and effective_us < closed_until_us:
            _refuse_closed(self._tx, entry, rows)
        if not self._journal:
            self._seq, self._head = head_seq, head
        self._seq = seq = self._seq + 1
        if corrects is not None and not corrects_before(corrects, seq):
            raise Unpostable(f"entry {key}: there is no {corrects!r} to correct; nothing was posted")
        cause = self._tx.context
        body = row_payload(seq, self._recorded_us, key, cause.actor, cause.id, payload)
        self._head = link(self._head, body)
        written_down = (cause.actor, cause.id, self._head)
        self._journal.append(
            (seq, effective_us, self._recorded_us, kind, key, payload, ref, corrects, note, *written_down)
        )
        for n, (account, amount_minor, qty_wh, meta) in enumerate(rows):
            self._postings.append((seq, n, account, amount_minor, qty_wh, meta))
            self._balances.append((account, amount_minor, seq))
        self._fresh[key] = (seq, payload)
        return Posted(seq, is_new=True)

    def write(self) -> None:
        """Put what was added into the tables."""
        if self._journal:
            self._tx.many(_JOURNAL, self._journal)
            self._tx.many(_POSTING, self._postings)
            self._tx.many(_BALANCE, self._balances)
            self._tx.execute(_HEAD, (self._seq, self._head))


def _reused(entry: Entry, seq: int) -> KeyReused:
    return KeyReused(
        f"ledger key {entry.key!r} was used before, for entry {seq} with another content; nothing was written. "
        "A repeat must say the same; something else needs a key of its own"
    )


def _refuse_closed(tx: Tx, entry: Entry, rows: Sequence[WrittenPosting]) -> None:
    for account in {row[0] for row in rows}:
        closed = tx.one(_CLOSED, (account, entry.effective_us))
        if closed is not None:
            raise PeriodClosed(
                f"entry {entry.key} is dated {entry.effective_us}, but {account} is closed until "
                f"{closed['until_us']} by {closed['statement']}; say what it corrects"
            )
