"""The proof of a statement: that its reads and entries stand in chains whose end was sealed and shown to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.core.codec import decode
from hub.core.storage import Reader
from plugins.prepaid.gate.reads import FIRST_LINK, AcceptedRead, read_from
from plugins.prepaid.journal.chain import Step
from plugins.prepaid.journal.sealing import proof as inclusion
from plugins.prepaid.statements.closing import closing_key
from plugins.prepaid.statements.evidence import Evidence, Frame, JournalEntry
from plugins.prepaid.statements.gathering import ENTRY_COLUMNS, entries_from
from plugins.prepaid.statements.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRow:
    """A seal over entries in a row, as it is chained."""

    n: int
    from_seq: int
    to_seq: int
    merkle_root: bytes
    at_us: int
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """A day's checkpoint, as it is chained; its hash is what people write down."""

    n: int
    day: str
    seq: int
    head_hash: bytes
    seals: int
    assertions: int
    closings: int
    heads: str
    at_us: int
    prev_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChain:
    """A run of an epoch's accepted reads without gaps, and the hash before the first."""

    prev_hash: bytes
    rows: tuple[AcceptedRead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What proves a statement beside its evidence; without a checkpoint nothing is sealed yet."""

    statement: str
    sha: bytes
    closing: JournalEntry | None
    """The entry of the journal that carries the hash of a closed statement."""
    checkpoint: CheckpointRow | None
    seals: tuple[SealRow, ...]
    """From the first that holds an entry of the statement to the last before the checkpoint."""
    steps: Mapping[str, tuple[Step, ...]]
    """For each entry the way from its hash to the root of its seal."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A statement with all that its bundle holds."""

    statement: Statement
    chains: Mapping[int, ReadChain]
    proof: Proof


def prove(reader: Reader, statement: Statement) -> Proven:
    """Gather the proof of a statement, by the first checkpoint that covers it."""
    evidence = statement.evidence
    closing = _closing(reader, evidence.frame)
    seqs = sorted({entry.seq for entry in evidence.entries} | ({closing.seq} if closing is not None else set()))
    checkpoint, read_heads = _checkpoint(reader, evidence, seqs)
    seals = () if checkpoint is None or not seqs else _seals(reader, seqs[0], checkpoint.seals)
    steps = {str(seq): _steps(reader, seq) for seq in seqs} if seals else {}
    proof = Proof(
        statement=evidence.frame.id, sha=statement.sha, closing=closing, checkpoint=checkpoint, seals=seals,
        steps=steps,
    )  # fmt: skip
    return Proven(
        statement, {epoch: _chain(reader, evidence, epoch, read_heads) for epoch in evidence.reads}, proof
    )


def _closing(reader: Reader, frame: Frame) -> JournalEntry | None:
    if frame.closed_us is None:
        return None
    rows = reader.all(
        f"SELECT {ENTRY_COLUMNS} FROM prepaid__journal j WHERE j.key = ?",  # noqa: S608 - our own columns
        (closing_key(frame.id),),
    )
    found = entries_from(reader, rows, frame.ledger_account)
    return found[0] if found else None


def _checkpoint(reader: Reader, evidence: Evidence, seqs: list[int]) -> tuple[CheckpointRow | None, dict[int, int]]:
    """The first checkpoint that covers all entries and reads, and the row of each epoch's last read under it."""
    rows = reader.all("SELECT * FROM prepaid__checkpoints WHERE seq >= ? ORDER BY n", (seqs[-1] if seqs else 0,))
    for row in rows:
        known = decode(row["heads"])
        heads: dict[int, int] = {}
        for epoch, reads in evidence.reads.items():
            head = known.get(f"reads/{epoch}")
            newest = max(read.id for read in reads)
            found = (
                None
                if head is None
                else reader.value(
                    "SELECT id FROM prepaid__reads WHERE epoch = ? AND id >= ? AND hash = ? ORDER BY id LIMIT 1",
                    (epoch, newest, bytes.fromhex(head)),
                )
            )
            if isinstance(found, int):
                heads[epoch] = found
        if heads.keys() == evidence.reads.keys():
            return CheckpointRow(**dict(row)), heads
    return None, {}


def _seals(reader: Reader, first_seq: int, last: int) -> tuple[SealRow, ...]:
    rows = reader.all("SELECT * FROM prepaid__seals WHERE to_seq >= ? AND n <= ? ORDER BY n", (first_seq, last))
    return tuple(SealRow(**dict(row)) for row in rows)


def _steps(reader: Reader, seq: int) -> tuple[Step, ...]:
    found = inclusion(reader, seq)
    return () if found is None else found.steps


def _chain(reader: Reader, evidence: Evidence, epoch: int, heads: Mapping[int, int]) -> ReadChain:
    """The run from the first read that is needed to the one that the checkpoint knows, or to the last needed."""
    needed = [read.id for read in evidence.reads[epoch]]
    rows = reader.all(
        "SELECT * FROM prepaid__reads WHERE epoch = ? AND id BETWEEN ? AND ? ORDER BY id",
        (epoch, min(needed), heads.get(epoch, max(needed))),
    )
    before = reader.value(
        "SELECT hash FROM prepaid__reads WHERE epoch = ? AND id < ? ORDER BY id DESC LIMIT 1", (epoch, min(needed))
    )
    return ReadChain(
        prev_hash=before if isinstance(before, bytes) else FIRST_LINK, rows=tuple(read_from(row) for row in rows)
    )
