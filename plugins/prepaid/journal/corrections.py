"""How a wrong entry is put right: by another entry that says which one it corrects, never by a change."""

from __future__ import annotations

from collections.abc import Sequence

from hub.contracts.units import MinorUnits, WattHours
from hub.core.durable import KeyReused
from hub.core.errors import NotFound
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import ENTRY_PREFIX, Entry, Posted, Posting, Unpostable, corrected_entry


def standing(reader: Reader, seq: int) -> tuple[Posting, ...]:
    """What an entry amounts to with all that corrects it, by account; nothing once it is reversed."""
    rows = reader.all(
        "SELECT account, sum(amount_minor), sum(qty_wh) FROM prepaid__postings WHERE entry = ?1 OR entry IN"
        " (SELECT seq FROM prepaid__journal WHERE corrects = ?2) GROUP BY account ORDER BY min(entry), min(n)",
        (seq, corrected_entry(seq)),
    )
    sums = ((row[0], MinorUnits(row[1]), None if row[2] is None else WattHours(row[2])) for row in rows)
    return tuple(Posting(*each) for each in sums if each[1] or each[2])


def reverse(journal: Journal, tx: Tx, seq: int, key: str, note: str, effective_us: int) -> Posted:
    """Undo what still stands of an entry; the same key undoes once, and answers the same again."""
    return _put_right(journal, tx, seq, "reversal", key, note, effective_us, ())


def correct(
    journal: Journal, tx: Tx, seq: int, key: str, note: str, effective_us: int, right: Sequence[Posting]
) -> Posted:
    """Post the difference between what stands of an entry and what it should have been."""
    return _put_right(journal, tx, seq, "correction", key, note, effective_us, right)


def _put_right(
    journal: Journal,
    tx: Tx,
    seq: int,
    kind: str,
    key: str,
    note: str,
    effective_us: int,
    right: Sequence[Posting],
) -> Posted:
    found = tx.one("SELECT corrects FROM prepaid__journal WHERE seq = ?", (seq,))
    if found is None:
        raise NotFound(f"there is no entry {seq} in the journal; nothing was corrected")
    target = str(found["corrects"] or "")
    if target.startswith(ENTRY_PREFIX):
        raise Unpostable(
            f"entry {seq} itself corrects entry {target.removeprefix(ENTRY_PREFIX)}; correct that one: "
            "all its corrections are taken into account"
        )
    known = tx.one("SELECT seq, kind, corrects, note FROM prepaid__journal WHERE key = ?", (key,))
    if known is not None:
        return _repeated(known, key, kind, corrected_entry(seq), note)
    postings = _difference(standing(tx, seq), right)
    if not postings:
        raise Unpostable(f"entry {seq} already amounts to what {key!r} would make of it; nothing was posted")
    entry = Entry(kind, key, effective_us, postings, corrects=corrected_entry(seq), note=note)
    return journal.post(tx, entry)


def _repeated(known: Row, key: str, kind: str, corrects: str, note: str) -> Posted:
    """What a correction comes to depends on the moment, so a repeat is known by what it is for."""
    if (known["kind"], known["corrects"], known["note"]) != (kind, corrects, note):
        raise KeyReused(
            f"ledger key {key!r} was used before, for entry {known['seq']} ({known['kind']}); nothing was written. "
            "A repeat must say the same; something else needs a key of its own"
        )
    return Posted(known["seq"], is_new=False)


def _difference(now: Sequence[Posting], right: Sequence[Posting]) -> tuple[Posting, ...]:
    amounts: dict[str, int] = {}
    energies: dict[str, int] = {}
    for sign, postings in ((1, right), (-1, now)):
        for account, amount_minor, qty_wh, _ in postings:
            amounts[account] = amounts.get(account, 0) + sign * amount_minor
            if qty_wh is not None:
                energies[account] = energies.get(account, 0) + sign * qty_wh
    return tuple(
        Posting(account, MinorUnits(amount), WattHours(energies[account]) if account in energies else None)
        for account, amount in amounts.items()
        if amount or energies.get(account)
    )
