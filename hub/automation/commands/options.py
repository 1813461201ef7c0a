"""What the verbs of `hub rules` share: options, how the running hub is reached, and how things are printed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hub.core.control import Client
from hub.core.ids import SystemIds

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="The site's folder.  [default: the current one]",
)
rule_argument = click.argument("rule", metavar="RULE")


def ask(folder: Path, query: str, params: Mapping[str, object] | None = None) -> Any:
    """The answer of the running hub; raises `NoHub` when none runs."""

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.query(query, params or {})

    return asyncio.run(conversation())


def call(folder: Path, action: str, data: Mapping[str, object]) -> Any:
    """Have the running hub do something; raises `NoHub` when none runs."""

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.call(action, data, key=SystemIds().new())

    return asyncio.run(conversation())


def _client(folder: Path) -> Client:
    return Client(folder.absolute() / "data" / "hub.sock")


def print_json(value: object) -> None:
    """Print one JSON value."""
    click.echo(json_text(value, indent=2))


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON; exact numbers as text."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(map(str, value))
    return str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings, aligned."""
    lines = [list(columns), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
