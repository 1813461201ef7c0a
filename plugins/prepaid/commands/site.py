"""`hub site`: a whole site in one table, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from plugins.prepaid.commands.listing import print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching
from plugins.prepaid.places.importing import packed

REQUEST_BYTES_MAX = 950_000
"""A request to the hub is at most a million bytes; the rest is for what stands around the document."""


@click.group()
def site() -> None:
    """Take in and write out who is where: points, meters, tenants, accounts, contracts."""


@site.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be made and changed, and change nothing.")
@reaching
def import_(file: Path, dry_run: bool, folder: Path, as_json: bool) -> None:
    """Take in a table, CSV or XLSX: all of it, or nothing if a single cell is wrong.

    Each row is a point and who holds it; docs/site-import.md has the columns. The same file a second time changes
    nothing. Needs a running hub.
    """
    try:
        document = packed(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from None
    if len(document) > REQUEST_BYTES_MAX:
        raise click.ClickException(f"{file} is too large for one import even when it is compressed; split it")
    answer = call(folder, "site.import", {"name": file.name, "document": document, "dry_run": dry_run})
    if as_json:
        click.echo(json_text(answer))
    else:
        _print_import(answer)
    if answer["outcome"] == "wrong":
        raise SystemExit(1)


@site.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@reaching
def export(file: Path, force: bool, folder: Path, as_json: bool) -> None:
    """Write the site to FILE, as a CSV table that `hub site import` takes; `-` prints it. Needs a running hub."""
    text = ask(folder, "site.export", {})["csv"]
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already; write over it with --force, or choose another name")
    file.write_bytes(text.encode())
    rows = text.count("\r\n") - 1
    click.echo(json_text({"file": str(file), "rows": rows}) if as_json else f"{rows} rows written to {file}")


def _print_import(answer: Mapping[str, Any]) -> None:
    name = answer["file"]
    if answer["outcome"] == "already":
        before = answer["already"]
        at = before["at"].astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{name} was taken in before, at {at} by {before['actor']}; nothing was changed")
        return
    if answer["outcome"] == "wrong":
        for one in answer["problems"]:
            click.echo(f"{name}: row {one['row']}, {one['column']}: {one['text']}", err=True)
        click.echo(f"{len(answer['problems'])} mistakes; nothing was changed", err=True)
        return
    rows = [("new", one["kind"], one["id"], "-") for one in answer["created"]]
    rows += [("changed", one["kind"], one["id"], ", ".join(one["fields"])) for one in answer["changed"]]
    if rows:
        print_table(("what", "kind", "id", "columns"), rows)
    for note in answer["notes"]:
        click.echo(f"note: {note}")
    counts = f"{len(answer['created'])} new, {len(answer['changed'])} changed, {answer['unchanged']} as they were"
    balances = f", {answer['opening_balances']} opening balances" if answer["opening_balances"] else ""
    end = "nothing was changed, this was a dry run" if answer["outcome"] == "dry_run" else "done"
    click.echo(f"{name}: {answer['rows']} rows: {counts}{balances}; {end}")
