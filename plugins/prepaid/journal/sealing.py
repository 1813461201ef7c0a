"""Seals over batches of entries, and the daily checkpoint over all of them: what is shown, printed and anchored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from hub.core.codec import decode, encode
from hub.core.errors import NotFound
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.chain import GENESIS, Step, merkle_proof, merkle_root
from plugins.prepaid.journal.chained import ASSERTIONS, CHECKPOINTS, CLOSINGS, SEALS, append, head_of

SEAL_ENTRIES_MAX = 2_000
"""The most entries under one seal: sealing them takes some milliseconds of the writer."""


_SELECT = "SELECT n, day, seq, head_hash, seals, assertions, closings, heads, hash FROM prepaid__checkpoints"


@dataclass(frozen=True, slots=True)
class Seal:
    """The root over the hashes of some entries in a row."""

    n: int
    from_seq: int
    to_seq: int
    merkle_root: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry with this hash stands under a seal."""

    seq: int
    leaf: bytes
    steps: tuple[Step, ...]
    seal: Seal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of all chains at the end of a day; its hash stands for everything before it."""

    n: int
    day: str
    seq: int
    head_hash: bytes
    seals: int
    assertions: int
    closings: int
    heads: str
    """The heads of the chains beside the journal, and of those that others keep, as JSON."""
    hash: bytes

    def head(self, chain: str) -> bytes:
        """The head that a chain had; a chain that had nothing yet stood at its beginning."""
        found = decode(self.heads).get(chain)
        return GENESIS if found is None else bytes.fromhex(found)

    @property
    def short(self) -> str:
        """The part of the hash that people compare, as printed on statements."""
        return self.hash.hex()[:12]


def seal(tx: Tx, at_us: int) -> Seal | None:
    """Seal the entries that no seal covers yet, up to `SEAL_ENTRIES_MAX` of them; None when there are none."""
    sealed = tx.value("SELECT max(to_seq) FROM prepaid__seals") or 0
    assert isinstance(sealed, int)
    leaves = _hashes(tx, sealed + 1, sealed + SEAL_ENTRIES_MAX)
    if not leaves:
        return None
    first, last, root = sealed + 1, sealed + len(leaves), merkle_root(leaves)
    n, head = append(tx, SEALS, [(first, last, root, at_us)])
    return Seal(n, first, last, root, head)


def proof(reader: Reader, seq: int) -> Proof | None:
    """The proof that an entry stands under its seal; None while it is not sealed."""
    row = reader.one(
        "SELECT n, from_seq, to_seq, merkle_root, hash FROM prepaid__seals WHERE to_seq >= ?"
        " ORDER BY to_seq LIMIT 1",
        (seq,),
    )
    if row is None or seq < 1:
        known = reader.one("SELECT 1 FROM prepaid__journal WHERE seq = ?", (seq,))
        if known is None:
            raise NotFound(f"there is no entry {seq} in the journal; nothing can be proven of it")
        return None
    under = Seal(*row)
    leaves = _hashes(reader, under.from_seq, under.to_seq)
    place = seq - under.from_seq
    return Proof(seq, leaves[place], merkle_proof(leaves, place), under)


def checkpoint(tx: Tx, day: date, at_us: int, extra_heads: Mapping[str, bytes]) -> Checkpoint:
    """Seal what is left and write down the state of all chains, once per day; a repeat answers the first.

    Balances that changed since the last checkpoint are asserted, so that the next start need not go further back.
    `extra_heads` are the heads of chains that others keep, such as the accepted reads of each epoch.
    """
    known = _checkpoint(tx, "day = ?", day.isoformat())
    if known is not None:
        return known
    last = last_checkpoint(tx)
    while seal(tx, at_us) is not None:
        pass
    seq, head_hash = head_of(tx, "journal")
    changed = tx.all(
        "SELECT account, ?, amount_minor, ? FROM prepaid__balances WHERE last_seq > ? ORDER BY account",
        (seq, at_us, 0 if last is None else last.seq),
    )
    assertions, assertions_head = append(tx, ASSERTIONS, [tuple(row) for row in changed])
    seals, seals_head = head_of(tx, SEALS.name)
    closings, closings_head = head_of(tx, CLOSINGS.name)
    heads = {"seals": seals_head, "assertions": assertions_head, "closings": closings_head, **extra_heads}
    text = encode({name: head.hex() for name, head in heads.items()})
    append(tx, CHECKPOINTS, [(day.isoformat(), seq, head_hash, seals, assertions, closings, text, at_us)])
    made = last_checkpoint(tx)
    assert made is not None
    return made


def checkpoints(reader: Reader) -> list[Checkpoint]:
    """All of them, oldest first: one for each day."""
    return [Checkpoint(*row) for row in reader.all(f"{_SELECT} ORDER BY n")]


def last_checkpoint(reader: Reader) -> Checkpoint | None:
    """The newest checkpoint."""
    return _checkpoint(reader, "n = (SELECT max(n) FROM prepaid__checkpoints)")


def _checkpoint(reader: Reader, condition: str, *values: str) -> Checkpoint | None:
    row = reader.one(f"{_SELECT} WHERE {condition}", values)
    return None if row is None else Checkpoint(*row)


def _hashes(reader: Reader, first: int, last: int) -> list[bytes]:
    rows = reader.all("SELECT hash FROM prepaid__journal WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last))
    return [row[0] for row in rows]
