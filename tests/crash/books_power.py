"""Loss of power as files see it: what a recorded run wrote, and what a disk may hold of it after a cut.

A small library around the C library's file calls writes down what SQLite does to the hub's files, in order. After a
cut, everything synced is there; of what was written since, each sector of 512 bytes is there, torn, or not, and a
file's name is there once its folder was synced. Shared memory is gone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - only its type: whoever calls brings a seeded one

SECTOR_BYTES = 512
_HEAD = struct.Struct("<ccqI")

NAMES = {b"d": "data/hub.db", b"w": "data/hub.db-wal", b"a": "outside.jsonl"}
"""The files that are watched, below the site's folder; the last says what was acknowledged."""

SHIM = Path(__file__).with_suffix(".c")
"""The library that writes the record, in C."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call that changed a file: created, written, truncated, unlinked or synced."""

    what: bytes
    file: bytes
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Inode:
    """One file's contents: what is surely on the disk, and what has been done to it since."""

    durable: bytes = b""
    whole: bytearray = field(default_factory=bytearray)
    """What readers see while there is power."""
    pending: list[Step] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Do a step."""
        if step.what == b"s":
            self.durable = bytes(self.whole)
            self.pending.clear()
            return
        apply(self.whole, step.offset, step)
        self.pending.append(step)

    def after_cut(self, chance: Random) -> bytes:
        """What the disk may hold of it when power goes now."""
        image = bytearray(self.durable)
        kept = chance.choice((0.0, 0.05, 0.5, 0.95, 1.0))
        for step in self.pending:
            if step.what == b"t":
                if chance.random() < kept:
                    apply(image, step.offset, step)
                continue
            for begin, sector in _sectors(step):
                luck = chance.random()
                if luck < kept:
                    apply(image, begin, Step(b"w", step.file, begin, sector))
                elif luck < kept + 0.02:
                    torn = sector[: chance.randrange(len(sector))]
                    apply(image, begin, Step(b"w", step.file, begin, torn))
        return bytes(image)


class Disk:
    """The watched files, step by step."""

    def __init__(self) -> None:
        """Begin with an empty folder."""
        self._names: dict[bytes, Inode] = {}
        self._durable_names: dict[bytes, Inode] = {}
        self._renamed: list[tuple[bytes, Inode | None]] = []
        """What happened to names since the folder was synced."""
        self.said = bytearray()
        """What was acknowledged; the world outside has a disk of its own."""

    def take(self, step: Step) -> None:
        """Do a step."""
        if step.file == b"a":
            self.said += step.data
        elif step.file == b"f":
            if step.what == b"s":
                self._durable_names = dict(self._names)
                self._renamed.clear()
        elif step.what == b"u":
            self._name(step.file, None)
        elif step.file not in self._names:
            self._name(step.file, Inode())
            self._names[step.file].take(step) if step.what != b"c" else None
        elif step.what != b"c":
            self._names[step.file].take(step)

    def whole(self) -> dict[bytes, bytes]:
        """The files as readers see them while there is power."""
        return {name: bytes(inode.whole) for name, inode in self._names.items()}

    def after_cut(self, chance: Random) -> dict[bytes, bytes]:
        """The files as they may be when power goes now; changes of names take effect in their order."""
        names = dict(self._durable_names)
        for name, inode in self._renamed[: chance.randint(0, len(self._renamed))]:
            names.pop(name, None)
            if inode is not None:
                names[name] = inode
        return {name: inode.after_cut(chance) for name, inode in names.items()}

    def _name(self, name: bytes, inode: Inode | None) -> None:
        self._names.pop(name, None)
        if inode is not None:
            self._names[name] = inode
        self._renamed.append((name, inode))


def apply(content: bytearray, offset: int, step: Step) -> None:
    """Write or truncate; what lies between the end and the offset becomes zeros."""
    if step.what == b"t":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(step.data)] = step.data


def _sectors(step: Step) -> Iterator[tuple[int, bytes]]:
    """The pieces of a write that reach the disk together."""
    begin, end = step.offset, step.offset + len(step.data)
    while begin < end:
        until = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield begin, step.data[begin - step.offset : until - step.offset]
        begin = until


def steps_of(record: Path) -> list[Step]:
    """What was recorded."""
    raw, place, found = record.read_bytes(), 0, []
    while place < len(raw):
        what, file, offset, length = _HEAD.unpack_from(raw, place)
        place += _HEAD.size
        data = raw[place : place + length] if what == b"w" else b""
        place += len(data)
        found.append(Step(what, file, offset, data))
    return found


def write_image(folder: Path, files: dict[bytes, bytes], said: bytes) -> None:
    """Lay out a site as it is found after the cut."""
    for name, path in NAMES.items():
        (folder / path).unlink(missing_ok=True)
        if name in files:
            (folder / path).write_bytes(files[name])
    (folder / "data" / "hub.db-shm").unlink(missing_ok=True)
    (folder / NAMES[b"a"]).write_bytes(said)
