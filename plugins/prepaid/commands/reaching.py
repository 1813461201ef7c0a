"""How the verbs of money reach the hub that runs in a folder, and how they say what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from hub.core.control import Client, RemoteError
from hub.core.ids import SystemIds

F = TypeVar("F", bound=Callable[..., object])

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), metavar="FOLDER",
    help="The site's folder.  [default: the current one]",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
key_option = click.option(
    "--key", help="Idempotency key: repeat a call that got no answer with the same key, and it happens once."
)
reason_option = click.option("--reason", required=True, help="Why, for whoever reads the books.")


def reaching(verb: F) -> F:
    """Give a verb the options that all verbs of money have."""
    return folder_option(json_option(verb))


def ask(folder: Path, query: str, params: Mapping[str, object]) -> Any:
    """The answer of the running hub; raises `NoHub` when none runs."""

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.query(query, params)

    return asyncio.run(conversation())


def call(folder: Path, action: str, data: Mapping[str, object], key: str | None = None) -> dict[str, Any]:
    """Have the running hub do something, once; raises `RemoteError` when it refuses, and `NoHub`."""
    given = {name: value for name, value in data.items() if value is not None}

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.call(action, given, key=key or SystemIds().new())

    answer: dict[str, Any] = asyncio.run(conversation())
    if answer["outcome"] == "refused" and "error" in answer:
        raise RemoteError(answer["error_type"], answer["error"])
    return answer


def show(answer: Mapping[str, object], as_json: bool, *names: str) -> None:
    """Print an answer: all of it for programs, for people the outcome and the named fields."""
    if as_json:
        click.echo(json_text(answer))
        return
    fields = [f"{name} {plain(answer[name])}" for name in names if answer.get(name) is not None]
    click.echo(", ".join([str(answer["outcome"]), *fields]))


def json_text(value: object) -> str:
    """A value as JSON; exact numbers and times as text."""
    return json.dumps(value, default=plain, ensure_ascii=False, indent=2)


def plain(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value)


def _client(folder: Path) -> Client:
    return Client(folder.absolute().joinpath("data", "hub.sock"))
