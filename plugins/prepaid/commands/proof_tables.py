"""Tables of statements, balances and bills: boxes in a terminal, aligned columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from unicodedata import east_asian_width

import click

from plugins.prepaid.commands.reaching import plain


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings; nothing in a cell moves the cursor."""
    cells = [["-" if cell is None else " ".join(plain(cell).split()) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    lines = [list(columns), *cells]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
