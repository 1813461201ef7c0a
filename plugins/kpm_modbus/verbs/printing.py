"""Printing for people and programs: tables in a terminal, aligned columns in a pipe, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import click

_STYLES = {
    **dict.fromkeys(("healthy", "live", "good", "passed"), "green"),
    **dict.fromkeys(("suspect", "probing", "uncertain", "unfinished", "abandoned", "open"), "yellow"),
    **dict.fromkeys(("dead", "bad", "failed", "quarantined", "in trouble"), "red"),
}


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON; exact numbers and times as text."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def time_text(value: object) -> str:
    """An instant in the reader's own time."""
    return value.astimezone().isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else "-"


def ms_text(seconds: float | None) -> str:
    """A short time in milliseconds."""
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def share_text(share: float | None) -> str:
    """A share in percent."""
    return "-" if share is None else f"{share:.1%}"


def amount_text(value: Decimal | str | int | None) -> str:
    """An exact number as it is."""
    return "-" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def echo(text: str) -> None:
    """A line, with the words that say how things are coloured in a terminal."""
    for word, style in _STYLES.items():
        if text.endswith(f" {word}"):
            text = text.removesuffix(word) + click.style(word, fg=style)
            break
    click.echo(text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, header_style="bold")
        for row in rows:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        Console().print(table)
        return
    lines = [columns, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
