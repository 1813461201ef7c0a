"""Gathers a statement's evidence out of the books: what is final from its own tables, the rest from the frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.contracts.ids import AccountId
from hub.contracts.units import MinorUnits
from hub.core.errors import HubError, NotFound
from hub.core.storage import Reader, Row
from plugins.prepaid.gate.reads import AcceptedRead, read_from
from plugins.prepaid.journal.balances import balance_at
from plugins.prepaid.journal.chain import GENESIS
from plugins.prepaid.journal.chart import prepaid, tenant_of
from plugins.prepaid.journal.records import WrittenPosting
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.evidence import Evidence, Frame, JournalEntry
from plugins.prepaid.statements.plain import read
from plugins.prepaid.statements.repository import Closed
from plugins.prepaid.statements.statement import Statement, derive

_READS = (
    "SELECT {what} FROM prepaid__reads WHERE epoch = :epoch AND id <= :upto AND at_us >= coalesce("
    "(SELECT max(at_us) FROM prepaid__reads WHERE epoch = :epoch AND id <= :upto AND at_us <= :from), :from)"
    " AND at_us <= coalesce("
    "(SELECT min(at_us) FROM prepaid__reads WHERE epoch = :epoch AND id <= :upto AND at_us >= :until), :until)"
    " ORDER BY at_us"
)
_WHOLE = _READS.format(what="*")
_SPAN = _READS.format(what="min(at_us), max(at_us)")
ENTRY_COLUMNS = (
    "j.seq, j.effective_us, j.recorded_us, j.kind, j.key, j.payload_sha, j.ref, j.corrects, j.note, j.actor,"
    " j.context_id, (SELECT hash FROM prepaid__journal WHERE seq = j.seq - 1) AS prev_hash, j.hash"
)
_ENTRIES = (
    f"SELECT {ENTRY_COLUMNS} FROM prepaid__journal j WHERE j.seq IN (SELECT entry FROM prepaid__postings"  # noqa: S608
    " WHERE account = :account AND entry > :lower AND entry <= :upto) AND j.effective_us < :until"
    " AND NOT (j.effective_us < :opened AND j.seq <= :opened_seq)"
    f" UNION SELECT {ENTRY_COLUMNS} FROM prepaid__journal j WHERE j.key >= :first AND j.key < :after"
    " AND j.seq <= :upto ORDER BY 1"
)
_POSTINGS = (
    "SELECT p.entry, p.account, p.amount_minor, p.qty_wh, p.meta FROM json_each(?) wanted"
    " JOIN prepaid__postings p ON p.entry = wanted.value ORDER BY p.entry, p.n"
)


class StatementDiffers(HubError):
    """A closed statement that its evidence no longer gives: the books were changed behind the hub's back."""


@dataclass(frozen=True, slots=True)
class SiteMoney:
    """What statements say about the site."""

    name: str
    currency: str
    scale: int


def closed_statement(reader: Reader, row: Closed) -> Statement:
    """A closed statement, derived anew; raises `StatementDiffers` unless every byte is as it was."""
    statement = derive(evidence_of(reader, read(Frame, json.loads(row.frame), row.id)))
    if statement.sha != row.sha:
        raise StatementDiffers(
            f"statement {row.id} was closed as {row.sha.hex()[:16]} and derives as {statement.sha.hex()[:16]} now; "
            "reads, entries or tariffs were changed in the database: run `hub ledger verify`, and restore a backup"
        )
    return statement


def evidence_of(reader: Reader, frame: Frame) -> Evidence:
    """All that a frame names."""
    return Evidence(frame, reads_of(reader, frame), _documents(reader, frame), _entries(reader, frame))


def reads_of(reader: Reader, frame: Frame) -> dict[int, tuple[AcceptedRead, ...]]:
    """The accepted reads that the contract's part of the period rests on, by epoch, in order of time."""
    found: dict[int, dict[int, AcceptedRead]] = {}
    for term in frame.own_terms():
        from_us = max(term.start_us, frame.from_us)
        until_us = frame.to_us if term.end_us is None else min(frame.to_us, term.end_us)
        for epoch in frame.epochs:
            if epoch.point == term.point and from_us < until_us:
                for one in reads_between(reader, epoch.id, from_us, until_us, frame.upto_read):
                    found.setdefault(epoch.id, {})[one.id] = one
    return {
        epoch: tuple(sorted(reads.values(), key=lambda one: one.at_us)) for epoch, reads in sorted(found.items())
    }


def reads_between(reader: Reader, epoch: int, from_us: int, until_us: int, upto_read: int) -> list[AcceptedRead]:
    """The reads of an epoch between two instants and one on either side, of those up to a row."""
    rows = reader.all(_WHOLE, {"epoch": epoch, "upto": upto_read, "from": from_us, "until": until_us})
    return [read_from(row) for row in rows]


def span_between(reader: Reader, epoch: int, from_us: int, until_us: int, upto_read: int) -> tuple[int, int] | None:
    """When the first and the last of these reads were taken."""
    row = reader.one(_SPAN, {"epoch": epoch, "upto": upto_read, "from": from_us, "until": until_us})
    return None if row is None or row[0] is None else (row[0], row[1])


def balance_before(reader: Reader, account: AccountId, until_us: int, upto_seq: int, lower_seq: int) -> MinorUnits:
    """What the tenant had at an instant, by the entries up to one; those dated later are not before `lower_seq`."""
    later = reader.value(
        "SELECT sum(p.amount_minor) FROM prepaid__postings p JOIN prepaid__journal j ON j.seq = p.entry"
        " WHERE p.account = ? AND p.entry > ? AND p.entry <= ? AND j.effective_us >= ?",
        (prepaid(account), lower_seq, upto_seq, until_us),
    )
    assert later is None or isinstance(later, int)
    return MinorUnits((later or 0) - balance_at(reader, prepaid(account), seq=upto_seq))


def lower_seq_of(reader: Reader, frame: Frame) -> int:
    """An entry of the journal before which nothing stands that belongs to this statement."""
    name = frame.opening.statement
    before = None if name is None else repository.load(reader, name)
    return 0 if before is None else before.from_seq


def _documents(reader: Reader, frame: Frame) -> dict[str, str]:
    found = {}
    for sha in sorted({one.sha for one in frame.versions}):
        body = reader.value("SELECT body FROM prepaid__tariffs WHERE sha = ?", (sha,))
        if not isinstance(body, str):
            raise NotFound(f"tariff document {sha[:12]}, by which {frame.id} was charged, is not in the books")
        found[sha] = body
    return found


def _entries(reader: Reader, frame: Frame) -> tuple[JournalEntry, ...]:
    rows = reader.all(
        _ENTRIES,
        {
            "account": frame.ledger_account, "lower": lower_seq_of(reader, frame), "upto": frame.upto_seq,
            "until": frame.until_us, "opened": frame.opening.until_us, "opened_seq": frame.opening.seq,
            "first": frame.charge_keys, "after": f"{frame.charge_keys.removesuffix(':')};",
        },
    )  # fmt: skip
    return entries_from(reader, rows, frame.ledger_account)


def entries_from(reader: Reader, rows: Sequence[Row], account: str) -> tuple[JournalEntry, ...]:
    """Entries with their postings; of those that moved other tenants' money, only what they put on the account."""
    postings: dict[int, list[WrittenPosting]] = {row["seq"]: [] for row in rows}
    for posting in reader.all(_POSTINGS, (json.dumps(list(postings)),)):
        postings[posting[0]].append((posting[1], posting[2], posting[3], posting[4]))
    return tuple(_entry(row, postings[row["seq"]], account) for row in rows)


def _entry(row: Row, postings: Sequence[WrittenPosting], account: str) -> JournalEntry:
    is_withheld = any(tenant_of(posting[0]) not in (None, tenant_of(account)) for posting in postings)
    amount = sum(posting[1] for posting in postings if posting[0] == account)
    shown = ((account, amount, None, ""),) if is_withheld else tuple(postings)
    fields: Mapping[str, object] = dict(row)
    return JournalEntry(
        **{**fields, "prev_hash": row["prev_hash"] or GENESIS},  # type: ignore[arg-type]  # as the columns are
        postings=shown, is_withheld=is_withheld,
    )  # fmt: skip
