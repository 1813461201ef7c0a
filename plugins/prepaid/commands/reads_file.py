"""Reads a register series from CSV: `time,wh_total`, with all that is wrong in it at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.contracts.units import WattHours
from hub.core.clock import to_us
from hub.core.config import did_you_mean
from hub.core.errors import HubError
from plugins.prepaid.pricing import Interval

TIME, TOTAL, DEMAND, BAND = "time", "wh_total", "demand_w", "wh_"
_WHOLE = re.compile(r"[0-9]{1,15}")
_ERRORS_MAX = 100


class ReadsInvalid(HubError):
    """The file cannot be rated; the text has one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Read:
    """One row."""

    line: int
    at_us: int
    total_wh: int
    band_wh: Mapping[str, int]
    demand_w: int | None


@dataclass(slots=True)
class Reads:
    """A register series as pricing takes it."""

    intervals: list[Interval] = field(default_factory=list)
    demand_w: dict[int, int] = field(default_factory=dict)
    """Mean demand by the instant its measuring began: the row before."""


def load_reads(path: Path, time_zone: str) -> Reads:
    """The intervals between the rows of a file; raises `ReadsInvalid` with all that is wrong, by line.

    A time without a zone is local. In the hour that clocks repeat, the second pass begins where time would go back.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadsInvalid(f"{path}: cannot be read as UTF-8 text: {error}") from error
    reader = _Reader(path, ZoneInfo(time_zone))
    rows = list(reader.rows(text))
    if len(rows) < 2 and not reader.errors:
        reader.errors.append(f"{path}: {len(rows)} reads have no energy between them; at least two are needed")
    if reader.errors:
        raise ReadsInvalid("\n".join(reader.errors[:_ERRORS_MAX]))
    reads = Reads()
    for a, b in pairwise(rows):
        bands = {band: b.band_wh[band] - a.band_wh[band] for band in b.band_wh} or None
        wh = WattHours(b.total_wh - a.total_wh)
        reads.intervals.append(Interval(a.at_us, b.at_us, wh, a.line, b.line, bands))
        if b.demand_w is not None:
            reads.demand_w[a.at_us] = b.demand_w
    return reads


def instant_us(text: str, zone: ZoneInfo, after_us: int | None = None) -> int:
    """An instant from ISO text, local where it names no zone; raises ValueError with what is wrong."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-03-01T00:15:00+08:00 or 2026-03-01 00:15") from None
    if moment.tzinfo is not None:
        return to_us(moment)
    local = moment.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError(f"{text!r} does not exist in {zone.key}: clocks go forward over it")
    first_us = to_us(local)
    if after_us is not None and first_us <= after_us:
        return max(first_us, to_us(local.replace(fold=1)))
    return first_us


class _Reader:
    """Reads rows and notes what is wrong with them."""

    def __init__(self, path: Path, zone: ZoneInfo) -> None:
        self._path = path
        self._zone = zone
        self.errors: list[str] = []

    def rows(self, text: str) -> Iterator[Read]:
        lines = csv.reader(text.splitlines())
        head = [name.strip() for name in next(lines, [])]
        if not self._check_head(head):
            return
        before: Read | None = None
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                self._fault(lines.line_num, f"{len(cells)} cells, and the head has {len(head)}")
                continue
            read = self._read(lines.line_num, dict(zip(head, cells, strict=True)), before)
            if read is not None:
                before = read
                yield read

    def _check_head(self, head: list[str]) -> bool:
        missing = [name for name in (TIME, TOTAL) if name not in head]
        for name in missing:
            self._fault(1, f"there is no column {name!r}.{did_you_mean(name, head)} Needed: time,wh_total")
        for name in head:
            if name not in (TIME, TOTAL, DEMAND) and not name.startswith(BAND):
                self._fault(1, f"unknown column {name!r}; there are time, wh_total, demand_w and wh_<band>")
            elif head.count(name) > 1:
                self._fault(1, f"the column {name!r} is there twice")
        return not self.errors

    def _read(self, line: int, cells: Mapping[str, str], before: Read | None) -> Read | None:
        problems = len(self.errors)
        at_us = 0
        try:
            at_us = instant_us(cells[TIME], self._zone, before.at_us if before is not None else None)
        except ValueError as error:
            self._fault(line, str(error))
        total_wh = self._whole(line, TOTAL, cells[TOTAL])
        bands = {name: cell for name, cell in cells.items() if _is_band(name)}
        band_wh = {name[len(BAND) :]: self._whole(line, name, cell) for name, cell in bands.items()}
        demand = cells.get(DEMAND, "").strip()
        demand_w = self._whole(line, DEMAND, demand) if demand else None
        if len(self.errors) > problems:
            return None
        if before is not None and at_us <= before.at_us:
            self._fault(line, f"{cells[TIME].strip()} is not later than line {before.line}; sort the rows by time")
        if before is not None and total_wh < before.total_wh:
            falls = f"the register falls from {before.total_wh} to {total_wh} Wh"
            self._fault(line, f"{falls}; rate what follows a reset by itself")
        return Read(line, at_us, total_wh, band_wh, demand_w)

    def _whole(self, line: int, name: str, cell: str) -> int:
        text = cell.strip()
        if not _WHOLE.fullmatch(text):
            self._fault(line, f"{name} is {text!r}; expected whole Wh or W, 0 or more")
            return 0
        return int(text)

    def _fault(self, line: int, text: str) -> None:
        self.errors.append(f"{self._path}:{line}: {text}")


def _is_band(name: str) -> bool:
    return name.startswith(BAND) and name != TOTAL
