"""`hub account batch` and `hub account batch-limits`: many accounts from one file."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from hub.core.codec import encode
from plugins.prepaid.commands.reaching import call, json_text, plain, reaching
from plugins.prepaid.money.sheet import LIMIT_COLUMNS, TOPUP_COLUMNS, Columns, SheetUnreadable, read_sheet

ERRORS = 1
REQUEST_BYTES_MAX = 900_000
"""The hub takes a million, and the rows are not all of a request."""

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_apply = click.option(
    "--apply", "is_applied", is_flag=True, help="Do it; without this it only says what it would do."
)
_again = click.option("--again", metavar="REASON", help="Apply a file that was applied before once more, and why.")


@click.command("batch")
@_file
@_apply
@_again
@reaching
def batch(file: Path, is_applied: bool, again: str | None, folder: Path, as_json: bool) -> None:
    """Credit the accounts of a FILE, CSV or XLSX with the columns account and amount.

    It may have the columns currency, reference and note as well. All rows are credited or none, and a file counts
    once, under whatever name. Needs a running hub.
    """
    _run(folder, "topup.batch", file, TOPUP_COLUMNS, is_applied, again, as_json)


@click.command("batch-limits")
@_file
@_apply
@_again
@reaching
def batch_limits(file: Path, is_applied: bool, again: str | None, folder: Path, as_json: bool) -> None:
    """Set the credit limits of the accounts of a FILE, CSV or XLSX with the columns account and credit_limit.

    All limits are set or none, and a file counts once, under whatever name. Needs a running hub.
    """
    _run(folder, "account.batch_limits", file, LIMIT_COLUMNS, is_applied, again, as_json)


def _run(
    folder: Path, action: str, file: Path, columns: Columns,
    is_applied: bool, again: str | None, as_json: bool,
) -> None:  # fmt: skip
    content = file.read_bytes()
    try:
        rows = _rows(file.name, content, columns)
    except SheetUnreadable as error:
        click.echo(str(error), err=True)
        raise SystemExit(ERRORS) from None
    data = {
        "file": sha256(content).hexdigest(), "name": file.name, "apply": is_applied, "again": again,
        "rows": rows,
    }  # fmt: skip
    answer = call(folder, action, data)
    if as_json:
        click.echo(json_text(answer))
    else:
        _print(file.name, answer)
    if answer["errors"]:
        raise SystemExit(ERRORS)


def _rows(name: str, content: bytes, columns: Columns) -> list[dict[str, object]]:
    """The rows as they are sent: no more than one request may hold."""
    rows: list[dict[str, object]] = [
        {"row": row.number}
        | {column: cell for column, cell in row.cells.items() if cell or column in columns.wanted}
        for row in read_sheet(name, content, columns)
    ]
    if len(encode(rows).encode()) > REQUEST_BYTES_MAX:
        raise SheetUnreadable(f"{name}: {len(rows)} rows with this much text are too many; split it")
    return rows


def _print(name: str, answer: Mapping[str, Any]) -> None:
    for error in answer["errors"]:
        click.echo(f"{name}:{error['row']}: {error['column']}: {error['error']}", err=True)
    if answer["errors"]:
        click.echo(f"{len(answer['errors'])} errors; nothing was changed", err=True)
        return
    for line in answer["lines"]:
        values = [f"{key} {plain(value)}" for key, value in line.items() if key not in {"row", "account"}]
        click.echo(f"row {line['row']}: {line['account']}: {', '.join(values)}")
    for warning in answer["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    click.echo(_summary(name, answer))


def _summary(name: str, answer: Mapping[str, Any]) -> str:
    rows, total = answer["rows"], plain(answer["sum"])
    if answer["outcome"] == "already":
        first = answer["before"][0]
        return (
            f"{name} was applied before, as {first['name']} on {plain(first['at'])} by {first['by']}; nothing was "
            "changed. --again REASON applies it once more"
        )
    if answer["outcome"] == "applied":
        return f"applied: {rows} rows, {total} in all"
    return f"dry run: {rows} rows, {total} in all; --apply does it"
