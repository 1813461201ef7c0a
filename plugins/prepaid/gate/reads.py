"""Accepted reads on disk: what was read, whole, and the chain that proves that nobody changed it since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hub.contracts.units import WattHours
from hub.core.codec import decode, encode
from hub.core.storage import Reader, Row, Tx

FIRST_LINK = hashlib.sha256(b"hub accepted reads").digest()
"""What an epoch's first read is chained to."""


class Basis(Enum):
    """What a read stands for."""

    OPENING = "opening"
    """The first of its epoch: energy counts from here."""
    ACTUAL = "actual"
    BOUNDARY = "boundary"
    REQUESTED = "requested"
    FINAL = "final"
    """The last of its epoch, or of a contract."""
    ENTERED = "entered"
    """Typed in by a person who read the display."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRead:
    """A register of one epoch at one instant, as it counts for money."""

    id: int = 0
    epoch: int
    at_us: int
    raw: int
    wraps: int = 0
    total_wh: WattHours
    """Energy since the epoch's start."""
    basis: Basis
    words: tuple[int, ...] = ()
    scale: int
    serial: str | None = None
    frame_sha: str = ""
    received_us: int
    band_wh: Mapping[str, int] | None = None
    """What the meter's own band registers said in the same frame, since the epoch's start."""
    hash: bytes = b""

    def record(self) -> dict[str, object]:
        """What the chain covers and a proof shows: everything but the row's own number."""
        return {
            "epoch": self.epoch, "at_us": self.at_us, "raw": self.raw, "wraps": self.wraps,
            "total_wh": self.total_wh, "basis": self.basis.value, "words": list(self.words), "scale": self.scale,
            "serial": self.serial, "frame_sha": self.frame_sha, "received_us": self.received_us,
            "band_wh": None if self.band_wh is None else dict(self.band_wh),
        }  # fmt: skip


def link(previous: bytes, read: AcceptedRead) -> bytes:
    """The chain's next value."""
    return hashlib.sha256(previous + encode(read.record()).encode()).digest()


def add(tx: Tx, read: AcceptedRead, head: bytes) -> int:
    """Write an accepted read at the end of its epoch's chain, behind its head; the number of its row."""
    number = next_id(tx)
    add_all(tx, [(number, read, head)])
    return number


def next_id(reader: Reader) -> int:
    """The number of the next row."""
    highest = reader.value("SELECT coalesce(max(id), 0) FROM prepaid__reads")
    assert isinstance(highest, int)
    return highest + 1


def add_all(tx: Tx, chained: Sequence[tuple[int, AcceptedRead, bytes]]) -> None:
    """Write accepted reads under their numbers, each at the end of its epoch's chain, behind the head given."""
    tx.many(
        "INSERT INTO prepaid__reads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number, read.epoch, read.at_us, read.raw, read.wraps, read.total_wh, read.basis.value,
                encode(list(read.words)), read.scale, read.serial, read.frame_sha, read.received_us,
                None if read.band_wh is None else encode(read.band_wh), link(head, read),
            )
            for number, read, head in chained
        ],
    )  # fmt: skip


def last(reader: Reader, epoch: int) -> AcceptedRead | None:
    """The newest accepted read of an epoch, by its instant."""
    row = reader.one("SELECT * FROM prepaid__reads WHERE epoch = ? ORDER BY at_us DESC LIMIT 1", (epoch,))
    return None if row is None else read_from(row)


def at(reader: Reader, epoch: int, at_us: int) -> AcceptedRead | None:
    """The accepted read of an instant."""
    row = reader.one("SELECT * FROM prepaid__reads WHERE epoch = ? AND at_us = ?", (epoch, at_us))
    return None if row is None else read_from(row)


def newest(reader: Reader, epoch: int) -> tuple[AcceptedRead | None, bytes]:
    """The newest accepted read of an epoch, by its instant, and the head of the epoch's chain."""
    row = reader.one(
        "SELECT *, (SELECT hash FROM prepaid__reads WHERE epoch = ? ORDER BY id DESC LIMIT 1) AS head"
        " FROM prepaid__reads WHERE epoch = ? ORDER BY at_us DESC LIMIT 1",
        (epoch, epoch),
    )
    return (None, FIRST_LINK) if row is None else (read_from(row), row["head"])


def neighbours(reader: Reader, epoch: int, at_us: int) -> tuple[AcceptedRead | None, AcceptedRead | None]:
    """The accepted reads right before and right after an instant."""
    before = reader.one(
        "SELECT * FROM prepaid__reads WHERE epoch = ? AND at_us < ? ORDER BY at_us DESC LIMIT 1", (epoch, at_us)
    )
    after = reader.one(
        "SELECT * FROM prepaid__reads WHERE epoch = ? AND at_us > ? ORDER BY at_us LIMIT 1", (epoch, at_us)
    )
    return (None if before is None else read_from(before), None if after is None else read_from(after))


def of_epoch(reader: Reader, epoch: int, from_us: int, until_us: int) -> list[AcceptedRead]:
    """The reads that an epoch's intervals between two instants rest on: those within, and one on either side."""
    rows = reader.all(
        "SELECT * FROM prepaid__reads WHERE epoch = ? AND at_us >="
        " coalesce((SELECT max(at_us) FROM prepaid__reads WHERE epoch = ? AND at_us <= ?), ?) AND at_us <="
        " coalesce((SELECT min(at_us) FROM prepaid__reads WHERE epoch = ? AND at_us >= ?), ?) ORDER BY at_us",
        (epoch, epoch, from_us, from_us, epoch, until_us, until_us),
    )
    return [read_from(row) for row in rows]


def heads(reader: Reader) -> dict[str, bytes]:
    """The end of each epoch's chain, for the daily checkpoint."""
    rows = reader.all(
        "SELECT epoch, hash FROM prepaid__reads WHERE id IN (SELECT max(id) FROM prepaid__reads GROUP BY epoch)"
    )
    return {f"reads/{row['epoch']}": row["hash"] for row in rows}


def broken_links(reader: Reader, epoch: int) -> list[int]:
    """The rows of an epoch whose hash is not what their content and the row before make it."""
    broken = []
    previous = FIRST_LINK
    for row in reader.all("SELECT * FROM prepaid__reads WHERE epoch = ? ORDER BY id", (epoch,)):
        read = read_from(row)
        if link(previous, read) != read.hash:
            broken.append(read.id)
        previous = read.hash
    return broken


def note_attempt(
    tx: Tx,
    point: str,
    register: str,
    at_us: int,
    raw: int,
    frame_sha: str,
    decision: str,
    reason: str,
    seen_us: int,
) -> None:
    """Put on record what was not accepted, and why."""
    tx.execute(
        "INSERT INTO prepaid__read_attempts (point, register, at_us, raw, frame_sha, decision, reason, seen_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (point, register, at_us, raw, frame_sha, decision, reason, seen_us),
    )


def read_from(row: Row) -> AcceptedRead:
    """The accepted read that a row holds."""
    return AcceptedRead(
        id=row["id"], epoch=row["epoch"], at_us=row["at_us"], raw=row["raw"], wraps=row["wraps"],
        total_wh=WattHours(row["total_wh"]), basis=Basis(row["basis"]), words=tuple(decode(row["words"])),
        scale=row["scale"], serial=row["serial"], frame_sha=row["frame_sha"], received_us=row["received_us"],
        band_wh=None if row["band_wh"] is None else decode(row["band_wh"]), hash=row["hash"],
    )  # fmt: skip
