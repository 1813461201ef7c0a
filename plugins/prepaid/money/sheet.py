"""What a batch file must look like: which columns it has, and how many rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from hub.core.config import did_you_mean
from hub.core.errors import HubError
from plugins.prepaid.places.tables import TableUnreadable, read_table

ROWS_MAX = 5_000
"""A batch is one transaction: this many take a second or two, in which nothing else is written."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a file must have, and those that it may have."""

    wanted: tuple[str, ...]
    optional: tuple[str, ...]


TOPUP_COLUMNS = Columns(("account", "amount"), ("currency", "reference", "note"))
LIMIT_COLUMNS = Columns(("account", "credit_limit"), ("note",))


class SheetUnreadable(HubError):
    """A file that is no table of the kind that is wanted; all that is wrong with it is named."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row by its number in the file, and its cells by column; empty ones are empty text."""

    number: int
    cells: dict[str, str]


def read_sheet(name: str, content: bytes, columns: Columns) -> list[SheetRow]:
    """The rows of a CSV or XLSX file that has the wanted columns, perhaps the optional ones, and no others."""
    try:
        table = read_table(name, content)
    except TableUnreadable as error:
        raise SheetUnreadable(str(error)) from None
    errors = [f"{name}: {error}" for error in _wrong_columns(table.columns, columns)]
    if len(table.rows) > ROWS_MAX:
        errors.append(f"{name}: {len(table.rows)} rows, more than {ROWS_MAX}; split it")
    if not table.rows:
        errors.append(f"{name}: there are no rows below the columns")
    if errors:
        raise SheetUnreadable("\n".join(errors))
    return [
        SheetRow(row.number, {column: row.cells.get(column, "") for column in table.columns}) for row in table.rows
    ]


def _wrong_columns(found: Sequence[str], columns: Columns) -> Iterable[str]:
    known: Collection[str] = (*columns.wanted, *columns.optional)
    for column in found:
        if column not in known:
            yield f"unknown column {column!r}.{did_you_mean(column, known) or ' Known: ' + ', '.join(known)}"
    for column in columns.wanted:
        if column not in found:
            yield f"there is no column {column!r}; the first row names the columns"
