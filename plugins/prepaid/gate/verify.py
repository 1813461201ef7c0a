"""Verifies the accepted reads: chains, totals, indexes, and that their energy reached the contracts whole.

Page by page, each in a snapshot of its own: nobody waits for it, and what is accepted meanwhile is looked at too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from hub.core.codec import decode, encode
from hub.core.storage import Reader
from plugins.prepaid.charging.book import Book, load_book
from plugins.prepaid.gate.energy import energy_kept, overheld
from plugins.prepaid.gate.judge import Nature
from plugins.prepaid.gate.reads import FIRST_LINK, AcceptedRead, link, read_from
from plugins.prepaid.journal.cells import MIX_MASK, Cells, read_span
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.sealing import last_checkpoint
from plugins.prepaid.places.records import Epoch
from plugins.prepaid.places.repository import epoch_from

PAGE_READS = 500
"""How many reads are looked at in one go: some milliseconds."""

FOREVER_US = 1 << 62

_IDS = "SELECT id FROM prepaid__reads WHERE id > ? ORDER BY id LIMIT ?"
_READS = "SELECT * FROM prepaid__reads"
_CHARGED = (
    "SELECT CAST(substr(ref, 6) AS INTEGER) FROM prepaid__journal"
    " WHERE kind = 'charge' AND (ref GLOB 'read:*' OR ref GLOB 'late:*') ORDER BY seq DESC LIMIT 1"
)
_BY_TIME = "SELECT * FROM prepaid__reads WHERE epoch = ? AND at_us >= ? ORDER BY at_us LIMIT ?"
_PLACES = (
    "SELECT epoch, at_us, id FROM prepaid__reads INDEXED BY prepaid__reads_time"
    " WHERE (epoch, at_us) > (?, ?) ORDER BY epoch, at_us LIMIT ?"
)
_CHAINED = (
    "SELECT epoch, id FROM prepaid__reads INDEXED BY prepaid__reads_chain"
    " WHERE (epoch, id) > (?, ?) ORDER BY epoch, id LIMIT ?"
)


class ReadsVerification:
    """One verification under way; `page` by page until it says False."""

    def __init__(self) -> None:
        """Begin at the first read."""
        self.report = Report()
        self.reads = 0
        """How many were looked at."""
        self._walk = _Walk(self.report)
        self._parts = self._all_parts()
        self._page = next(self._parts)

    def page(self, reader: Reader) -> bool:
        """Look at the next piece; False once the report is complete."""
        try:
            goes_on = self._page(reader)
        except (sqlite3.DatabaseError, TypeError, ValueError, AttributeError) as error:  # of cells that are damaged
            self.report.add("unreadable", f"accepted reads cannot be read further: {error}")
            goes_on = False
        if not goes_on:
            following = next(self._parts, None)
            self.report.is_done = following is None
            self._page = self._page if following is None else following
        self.reads = self._walk.reads
        return not self.report.is_done

    def _all_parts(self) -> Iterator[Callable[[Reader], bool]]:
        yield self._walk.page
        yield _IndexCheck(self.report, self._walk, _PLACES, (-FOREVER_US, -FOREVER_US), "time").page
        yield _IndexCheck(self.report, self._walk, _CHAINED, (-FOREVER_US, -FOREVER_US), "chain").page
        if self.report.findings:
            return  # what reads say of energy counts only when they are whole
        energy = _EnergyCheck(self.report)
        yield energy.begin
        yield energy.page


def verify_reads(reader: Reader) -> Report:
    """Verify all accepted reads in one snapshot."""
    verification = ReadsVerification()
    while verification.page(reader):
        pass
    return verification.report


class _Walk:
    """Goes through the rows in the order in which they were written; each epoch's chain grows on the way."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._id = 0
        self._heads: dict[int, bytes] = {}
        self._epochs: dict[int, Epoch | None] = {}
        self._known: dict[str, bytes] | None = None
        """Heads that the last checkpoint wrote down, and that were not met yet."""
        self.reads = 0
        self.places_mix = self.chained_mix = 0
        """What the indexes must hold, as sums of hashes."""

    @property
    def last_id(self) -> int:
        """The last row that was walked."""
        return self._id

    def page(self, reader: Reader) -> bool:
        """Look at the next rows; False once the end is reached."""
        if self._known is None:
            self._known = _known_heads(reader)
        ids = [row[0] for row in reader.all(_IDS, (self._id, PAGE_READS))]
        if ids:
            rows, _ = read_span(reader, self._report, "accepted reads", _READS, "id", ids)
            if [row[0] for row in rows] != ids:
                self._report.add("chain", f"accepted reads {ids[0]} to {ids[-1]} do not stand in their order")
            for row in rows:
                self._row(reader, row)
        if len(ids) == PAGE_READS:
            return True
        charged = reader.one(_CHARGED)
        if charged is not None and charged[0] > self._id:
            self._report.add("chain", f"the ledger charges for read {charged[0]}; the last one here is {self._id}")
        for name in sorted(self._known):
            self._report.add("I13", f"{name}: the head that the last checkpoint knows is nowhere in its chain")
        return False

    def _row(self, reader: Reader, row: Cells) -> None:
        number = row[0]
        if number != self._id + 1:
            self._report.add("chain", f"accepted reads {self._id + 1} to {number - 1} are missing")
        self._id = number
        self.reads += 1
        try:
            read = read_from(row)  # type: ignore[arg-type]  # rows of a reader, taken by name
            computed = link(self._heads.get(read.epoch, FIRST_LINK), read)
            is_plain = row["words"] == encode(list(read.words))  # type: ignore[call-overload]
            total_wh = self._total_wh(reader, read)
        except (TypeError, ValueError, AttributeError) as error:
            self._report.add("unreadable", f"no accepted read can be made of row {number}: {error}")
            return
        if computed != read.hash or not is_plain:
            self._report.add("chain", f"read {number}: its hash does not follow from it and the read before")
        if total_wh != read.total_wh:
            self._report.add(
                "I4", f"read {number}: it says {read.total_wh} Wh, its raw count and epoch make {total_wh}"
            )
        self._heads[read.epoch] = read.hash
        if self._known and self._known.get(name := f"reads/{read.epoch}") == read.hash:
            del self._known[name]
        self.places_mix = (self.places_mix + hash((read.epoch, read.at_us, number))) & MIX_MASK
        self.chained_mix = (self.chained_mix + hash((read.epoch, number))) & MIX_MASK

    def _total_wh(self, reader: Reader, read: AcceptedRead) -> int | None:
        """The energy that the raw count stands for by its epoch; None when there is no such epoch."""
        if read.epoch not in self._epochs:
            row = reader.one("SELECT * FROM prepaid__epochs WHERE id = ?", (read.epoch,))
            self._epochs[read.epoch] = None if row is None else epoch_from(row)
        epoch = self._epochs[read.epoch]
        if epoch is None or epoch.scale != read.scale:
            return None
        nature = Nature(
            open_raw=epoch.open_raw, scale=epoch.scale, ratio=epoch.ratio, modulus_raw=epoch.modulus_raw,
            power_max_w=0,
        )  # fmt: skip
        return nature.total_wh(read.raw, read.wraps)


class _IndexCheck:
    """Holds an index against the rows that were walked: a read that it does not find would not be charged."""

    def __init__(self, report: Report, walk: _Walk, select: str, after: tuple[int, ...], name: str) -> None:
        self._report = report
        self._walk = walk
        self._select = select
        self._after = after
        self._name = name
        self._mix = 0

    def page(self, reader: Reader) -> bool:
        rows = [tuple(row) for row in reader.all(self._select, (*self._after, PAGE_READS))]
        for row in rows:
            # By type first: damage can make another type of a number.
            if any(type(cell) is not int for cell in row) or row[: len(self._after)] <= self._after:
                self._report.add("index", f"the index of reads by {self._name} is damaged: rebuild it (REINDEX)")
                return False
            self._after = row[: len(self._after)]
            if row[-1] <= self._walk.last_id:
                self._mix = (self._mix + hash(row)) & MIX_MASK
        if len(rows) == PAGE_READS:
            return True
        wanted = self._walk.places_mix if self._name == "time" else self._walk.chained_mix
        if self._mix != wanted:
            self._report.add("index", f"the index of reads by {self._name} differs from them: rebuild it (REINDEX)")
        return False


class _EnergyCheck:
    """Goes through the epochs, each in order of time, and holds what the contracts get against the registers."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._book: Book | None = None
        self._epochs: list[Epoch] = []
        self._from_us = -FOREVER_US

    def begin(self, reader: Reader) -> bool:
        self._book = load_book(reader)
        self._epochs = [epoch_from(row) for row in reader.all("SELECT * FROM prepaid__epochs ORDER BY id DESC")]
        for point, terms in self._book.terms.items():
            for what in overheld(point, terms):
                self._report.add("I6", what)
        return False

    def page(self, reader: Reader) -> bool:
        if not self._epochs:
            return False
        epoch = self._epochs[-1]
        assert self._book is not None
        rows = reader.all(_BY_TIME, (epoch.id, self._from_us, PAGE_READS))
        accepted = [read_from(row) for row in rows]
        for rule, what in energy_kept(self._book, epoch.point, accepted):
            self._report.add(rule, f"epoch {epoch.id} of {epoch.point}: {what}")
        if len(rows) == PAGE_READS:
            self._from_us = accepted[-1].at_us
        else:
            self._epochs.pop()
            self._from_us = -FOREVER_US
        return True


def _known_heads(reader: Reader) -> dict[str, bytes]:
    made = last_checkpoint(reader)
    if made is None:
        return {}
    return {name: bytes.fromhex(head) for name, head in decode(made.heads).items() if name.startswith("reads/")}
