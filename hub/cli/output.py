"""Printing: tables for people in a terminal, plain columns in a pipe, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from unicodedata import east_asian_width

import click

from hub.core.backups import Progress, no_progress

_STYLES = {
    **dict.fromkeys(("ok", "good", "running"), "green"),
    **dict.fromkeys(("warning", "stale", "uncertain", "starting", "blocked"), "yellow"),
    **dict.fromkeys(("error", "bad", "failed", "quarantined", "broken"), "red"),
}


def print_json(value: object) -> None:
    """Print one JSON value; exact numbers and times as text."""
    click.echo(json_line(value, indent=2))


def json_line(value: object, indent: int | None = None) -> str:
    """A value as JSON text; without an indent it is one line."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent, sort_keys=indent is None)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)  # JSON's numbers are floats to most who read them
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(map(str, value))
    return str(value)


def text_of(value: object) -> str:
    """A value as people read it in a cell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Mapping | list | tuple):
        return json_line(value)
    return str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings: boxes and colours in a terminal, aligned columns elsewhere."""
    cells = [[text_of(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    lines = [list(columns), *([" ".join(cell.split()) for cell in row] for row in cells)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)


def _width(text: str) -> int:
    """How many columns a text takes: Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar on stderr for long work, when that is a terminal."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done_bytes, total_bytes: bar.update(task, completed=done_bytes, total=total_bytes)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner on stderr for long work whose length nobody knows, when that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
