"""`hub entity`: states as they are, and as they change."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from hub.cli import exits
from hub.cli.offline import list_entities, show_entity
from hub.cli.options import folder_option, json_option
from hub.cli.output import json_line, print_json, print_table, text_of
from hub.cli.reach import ask_or_read, talk
from hub.core.clock import from_us
from hub.core.control import Client, RemoteError
from hub.core.errors import NotFound

match_argument = click.argument("match", default="*", metavar="[MATCH]")
COLUMNS = ("entity", "value", "unit", "quality", "measured")


@click.group("entity")
def command() -> None:
    """List, show and watch entities."""


@command.command("list")
@match_argument
@folder_option
@json_option
def list_(match: str, folder: Path, *, as_json: bool) -> None:
    """List the entities that match a pattern such as 'sensor.shop_*'."""
    shown = ask_or_read(folder, "entity.list", {"match": match}, lambda: list_entities(folder, match))
    if as_json:
        print_json(shown)
    else:
        print_table(COLUMNS, [_row(state) for state in shown])


@command.command("show")
@click.argument("entity_id", metavar="ID")
@folder_option
@json_option
def show(entity_id: str, folder: Path, *, as_json: bool) -> None:
    """Show one entity: its state, where it belongs, and who looks after it."""
    try:
        shown = ask_or_read(folder, "entity.show", {"entity_id": entity_id}, lambda: show_entity(folder, entity_id))
    except RemoteError as error:
        if error.kind != NotFound.__name__:
            raise
        raise NotFound(str(error)) from error
    if as_json:
        print_json(shown)
        return
    entry = {name: value for name, value in (shown["entry"] or {}).items() if name != "entity_id"}
    print_table(
        ("field", "value"), [_field(*field) for part in (shown["state"] or {}, entry) for field in part.items()]
    )


@command.command("watch")
@match_argument
@folder_option
@json_option
def watch(match: str, folder: Path, *, as_json: bool) -> None:
    """Print entities as they change, until Ctrl-C; with --json one object a line. Needs a running hub."""

    async def follow(client: Client) -> None:
        async for event in client.subscribe("states", [match]):
            click.echo(json_line(event) if as_json else _line(event))

    try:
        talk(folder, follow)
    except KeyboardInterrupt:
        raise SystemExit(exits.BY_SIGNAL + 2) from None


def _field(name: str, value: object) -> tuple[str, object]:
    """A field for people: microseconds since 1970 as a time, a period in seconds."""
    if isinstance(value, int) and name == "created_us":
        return "created_at", from_us(value)
    if isinstance(value, int) and name == "period_us":
        return "period_s", Decimal(value) / 1_000_000
    return name.removesuffix("_us"), value


def _row(state: Mapping[str, Any]) -> tuple[object, ...]:
    return state["entity_id"], state["value"], state["unit"], state["quality"], state["source_time"]


def _line(event: Mapping[str, Any]) -> str:
    state = event["state"]
    if state is None:
        return f"{event['entity_id']} is gone"
    value = " ".join(text_of(state[field]) for field in ("value", "unit") if state[field] is not None)
    return f"{text_of(state['updated_at'])}  {event['entity_id']} = {value}  ({state['quality']}, {state['actor']})"
