"""Tables and fields for people: boxes in a terminal, aligned columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from unicodedata import east_asian_width

import click

from plugins.prepaid.commands.reaching import plain


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings."""
    cells = [[cell_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    lines = [list(columns), *cells]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def print_fields(one: Mapping[str, object], names: Sequence[str]) -> None:
    """The named fields of a record, one a line."""
    width = max(_width(name) for name in names)
    for name in names:
        click.echo(f"{name}{' ' * (width - _width(name))}  {cell_text(one.get(name))}")


def cell_text(value: object) -> str:
    """A value as people read it in a cell, on one line."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell_text(each) for each in value) or "-"
    return " ".join(plain(value).split())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _width(text: str) -> int:
    """How many columns a text takes: Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
