"""Reading rows that may be damaged: what cannot be read is found, and what can is read all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias

from hub.core.storage import Reader
from plugins.prepaid.journal.findings import Report

# Damage may put anything into a cell: rows are taken as they come and judged, never trusted.
Cells: TypeAlias = "Sequence[Any]"

MIX_MASK = (1 << 64) - 1
"""Sums of hashes, cut to this, tell whether an index holds what its table holds."""


def read_span(
    reader: Reader, report: Report, table: str, select: str, column: str, seqs: Sequence[int]
) -> tuple[list[Cells], bool]:
    """The rows of some entries, one by one where they cannot be read together; and whether all could be read."""
    try:
        return list(reader.all(f"{select} WHERE {column} BETWEEN ? AND ? ORDER BY 1, 2", (seqs[0], seqs[-1]))), True
    except sqlite3.DatabaseError:
        found: list[Cells] = []
    for seq in seqs:
        try:
            found += reader.all(f"{select} WHERE {column} = ? ORDER BY 1, 2", (seq,))
        except sqlite3.DatabaseError as error:
            report.add("unreadable", f"{table}: {error}", seq)
    return found, False
