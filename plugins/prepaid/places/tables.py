"""Reads a table that people keep, CSV or XLSX, into rows of plain text; nothing in it is run."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Protocol

from hub.core.errors import HubError

ROWS_MAX = 50_000
COLUMNS_MAX = 100
CELL_LENGTH_MAX = 500
UNPACKED_BYTES_MAX = 200_000_000
"""What an XLSX file may unpack to: a small archive can hold a very large sheet."""

OWN_COLUMN = "#"
"""A heading that begins so is for the people who keep the table; its column is not read."""

_ZIP = b"PK\x03\x04"
_OLD_XLS = b"\xd0\xcf\x11\xe0"


class TableUnreadable(HubError):
    """A file that is no table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as the spreadsheet shows it, and its cells that hold something."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class _Cell(Protocol):
    @property
    def value(self) -> object: ...

    @property
    def number_format(self) -> object: ...


def read_table(name: str, content: bytes) -> Table:
    """The table in a file, by what the file holds and not by how it is called; raises `TableUnreadable`."""
    if content.startswith(_OLD_XLS):
        raise TableUnreadable(f"{name} is an XLS file of old; save it as XLSX, or as CSV UTF-8")
    lines = _from_xlsx(name, content) if content.startswith(_ZIP) else _from_csv(name, content)
    head: Sequence[str] | None = None
    rows: list[Row] = []
    for number, cells in lines:
        if head is None:
            if any(cells):
                head = _headings(name, cells)
            continue
        extra = [cell for cell in cells[len(head) :] if cell]
        if extra:
            raise TableUnreadable(f"{name}: row {number}: {extra[0]!r} stands beyond the last heading")
        filled = {
            column: cell
            for column, cell in zip(head, cells, strict=False)
            if cell and not column.startswith(OWN_COLUMN)
        }
        if filled:
            rows.append(Row(number, filled))
        if len(rows) > ROWS_MAX:
            raise TableUnreadable(f"{name} has more than {ROWS_MAX} rows; split it")
    if head is None:
        raise TableUnreadable(f"{name} is empty; its first row names the columns")
    return Table(name, tuple(column for column in head if not column.startswith(OWN_COLUMN)), tuple(rows))


def _headings(name: str, cells: Sequence[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    head = ["_".join(cell.casefold().split()) for cell in cells]
    for place, column in enumerate(head):
        if not column:
            raise TableUnreadable(f"{name}: column {place + 1} has no heading")
        if column in head[:place] and not column.startswith(OWN_COLUMN):
            raise TableUnreadable(f"{name}: the column {column!r} is there twice")
    return head


def _from_csv(name: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableUnreadable(f"{name}: line {line} is no UTF-8; save it as CSV UTF-8, or as XLSX") from None
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, [_plain(name, line, cell) for cell in _bounded(name, line, cells)]
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableUnreadable(f"{name}: line {line}: {error}") from None


def _from_xlsx(name: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # half a second of imports, which only those pay who bring such a file

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
        if unpacked > UNPACKED_BYTES_MAX:
            raise TableUnreadable(f"{name} unpacks to {unpacked} bytes; a table of this kind has far less")
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(max_row=ROWS_MAX + 2, max_col=COLUMNS_MAX + 1), 1):
            texts = [_xlsx_text(name, number, cell) for cell in cells]
            yield number, [_plain(name, number, one) for one in _bounded(name, number, texts)]
        book.close()
    except HubError:
        raise
    except Exception as error:
        raise TableUnreadable(f"{name} cannot be read as XLSX ({type(error).__name__}: {error})") from error


def _bounded(name: str, number: int, cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > COLUMNS_MAX:
        raise TableUnreadable(f"{name}: row {number} has more than {COLUMNS_MAX} columns")
    return cells


def _plain(name: str, number: int, cell: str) -> str:
    """A cell with single spaces; the apostrophe that keeps a spreadsheet from computing it is taken off."""
    text = " ".join(cell.split())
    if len(text) > CELL_LENGTH_MAX:
        raise TableUnreadable(f"{name}: row {number}: a cell is longer than {CELL_LENGTH_MAX} characters")
    if not text.isprintable():
        wrong = next(letter for letter in text if not letter.isprintable())
        raise TableUnreadable(f"{name}: row {number}: the character {wrong!a} cannot be kept; remove it")
    return text[1:] if text[:1] == "'" and text[1:2] in _COMPUTED else text


def _xlsx_text(name: str, number: int, cell: _Cell) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    if isinstance(value, time):
        raise TableUnreadable(f"{name}: row {number}: {value} is a time of day without a date")
    exact = Decimal(str(value))
    if "%" in str(cell.number_format):
        return f"{(exact * 100).normalize():f} %"
    return f"{exact.normalize():f}"


_COMPUTED = frozenset("=+-@'")
"""What a spreadsheet takes for a formula when a cell begins with it; an apostrophe before it makes it text."""


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table as CSV that spreadsheets open: with a mark of its encoding, and no cell that they would compute."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_as_text(row.get(column, "")) for column in columns])
    return f"\ufeff{out.getvalue()}"


def _as_text(cell: str) -> str:
    is_number = cell[:1] == "-" and cell[1:].replace(".", "", 1).isdecimal()
    return f"'{cell}" if cell[:1] in _COMPUTED and not is_number else cell
