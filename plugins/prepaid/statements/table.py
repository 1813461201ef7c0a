"""A statement as a table: one line for each segment, component and posting, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.contracts.units import MinorUnits, major_units
from hub.core.clock import from_us
from plugins.prepaid.statements.flows import components_of
from plugins.prepaid.statements.statement import Statement

COLUMNS = (
    "line", "from", "to", "point_reads", "band", "season", "kwh", "split", "component", "amount", "entry", "kind",
    "key", "ref", "corrects", "note",
)  # fmt: skip
_FORMULA = frozenset("=+-@\t\r")


def csv_of(statement: Statement) -> str:
    """The statement as CSV; what people wrote is never taken for a formula."""
    written = io.StringIO()
    table = csv.DictWriter(written, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for row in _rows(statement):
        table.writerow(row)
    return written.getvalue()


def _rows(statement: Statement) -> Iterator[dict[str, str]]:
    frame = statement.evidence.frame
    zone = ZoneInfo(frame.time_zone)
    for one in statement.rated.segments:
        yield {
            "line": "segment", "from": _time(one.t0_us, zone), "to": _time(one.t1_us, zone),
            "point_reads": f"{one.read_a}-{one.read_b}", "band": one.band, "season": one.season,
            "kwh": f"{major_units(MinorUnits(one.wh), 3):f}", "split": one.split.value,
        }  # fmt: skip
    for component, minor in sorted(statement.rated.minor.items()):
        yield {"line": "component", "component": component, "amount": _money(statement, minor)}
    for entry in statement.evidence.entries:
        shared = {
            "from": _time(entry.effective_us, zone), "entry": str(entry.seq), "kind": entry.kind,
            "key": _safe(entry.key), "ref": _safe(entry.ref), "corrects": _safe(entry.corrects),
            "note": _safe(entry.note),
        }  # fmt: skip
        parts = list(components_of(entry))
        for component, minor in parts:
            yield {"line": "posting", **shared, "component": component, "amount": _money(statement, -minor)}
        if not parts:
            amount = -entry.amount_on(frame.ledger_account)
            yield {"line": "posting", **shared, "amount": _money(statement, amount)}


def _money(statement: Statement, minor: int) -> str:
    scale = statement.evidence.frame.scale
    return f"{major_units(MinorUnits(minor), scale):.{scale}f}"


def _time(at_us: int, zone: ZoneInfo) -> str:
    moment: datetime = from_us(at_us).astimezone(zone)
    return moment.isoformat()


def _safe(text: str | None) -> str:
    """Text that a spreadsheet shows and does not run."""
    if not text:
        return ""
    return f"'{text}" if text[0] in _FORMULA else text
