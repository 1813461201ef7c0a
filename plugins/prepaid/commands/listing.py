"""Records for people: tables and fields with times as the reader's clock shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from plugins.prepaid.commands import printing
from plugins.prepaid.commands.reaching import plain


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings."""
    printing.print_table(columns, [[cell_text(cell) for cell in row] for row in rows])


def print_fields(record: Mapping[str, object], names: Sequence[str]) -> None:
    """Some fields of a record, one a line; those without a value are left out."""
    shown = [name for name in names if record.get(name) not in (None, "", [])]
    width = max((len(name) for name in shown), default=0)
    for name in shown:
        click.echo(f"{name.replace('_', ' '):<{width}}  {cell_text(record[name])}")


def cell_text(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(map(cell_text, value)) or "-"
    return " ".join(plain(value).split())
