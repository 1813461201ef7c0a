"""`hub action`: what a hub can be made to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from hub.cli.options import folder_option, json_option
from hub.cli.output import print_json, print_table, text_of
from hub.cli.reach import ask, call
from hub.core.actions import OnUnknown
from hub.core.config.scalars import NumberOutOfRange, Scalar, resolve_scalar


@click.group("action")
def command() -> None:
    """List and call actions."""


@command.command("list")
@click.argument("match", default="*", metavar="[MATCH]")
@folder_option
@json_option
def list_(match: str, folder: Path, *, as_json: bool) -> None:
    """List the actions that match a pattern such as 'topup.*'. Needs a running hub."""
    shown = [action for action in ask(folder, "action.list") if fnmatchcase(action["name"], match)]
    if as_json:
        print_json(shown)
    else:
        rows = [(one["name"], _fields(one["fields"]), one["effect"], one["description"]) for one in shown]
        print_table(("action", "fields", "effect", "what it does"), rows)


@command.command("call")
@click.argument("name")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--data", "data_text", metavar="JSON", help="Fields as a JSON object, for lists and mappings.")
@click.option("--key", help="Idempotency key: a call repeated with the same key takes effect once.")
@click.option(
    "--on-unknown",
    type=click.Choice(["raise", "repeat", "skip"]),
    default="raise",
    help="What to do when an earlier call with this key stopped in its middle.",
)
@folder_option
@json_option
def call_(
    name: str,
    fields: Sequence[str],
    data_text: str | None,
    key: str | None,
    on_unknown: OnUnknown,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    """Call an action, in your own name.

    A VALUE is read as YAML reads it: 5 and 0.50 are numbers, true is true, 0123 and 12:30 are text; quotes inside
    the argument make text of anything (code='"5"'). With no hub running, one is started for the call alone.
    """
    response = call(folder, name, {**_from_json(data_text), **_from_fields(fields)}, key, on_unknown)
    if as_json:
        print_json(response)
    elif isinstance(response, Mapping):
        print_table(("field", "value"), list(response.items()))
    else:
        click.echo("done" if response is None else text_of(response))


def _fields(fields: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(name if field["required"] else f"[{name}]" for name, field in fields.items()) or "-"


def _from_json(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"this is no JSON: {error}", param_hint="--data") from error
    if not isinstance(data, dict):
        raise click.BadParameter('write an object, such as {"name": "value"}', param_hint="--data")
    return data


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")


def _from_fields(fields: Sequence[str]) -> dict[str, Scalar]:
    data: dict[str, Scalar] = {}
    for field in fields:
        name, equals, text = field.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{field!r} is no FIELD=VALUE", param_hint="FIELD=VALUE")
        if name in data:
            raise click.BadParameter(f"{name!r} is given twice", param_hint="FIELD=VALUE")
        data[name] = scalar(name, text)
    return data


def scalar(name: str, text: str) -> Scalar:
    """The value of one field as YAML would read it; quotes make text of anything."""
    try:
        if len(text) > 1 and text[0] == text[-1] == '"':
            return str(json.loads(text))
        if len(text) > 1 and text[0] == text[-1] == "'":
            return text[1:-1].replace("''", "'")
        value = resolve_scalar(text)
    except NumberOutOfRange as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="FIELD=VALUE") from error
    except ValueError as error:
        raise click.BadParameter(f"{name}: {text} is no quoted text", param_hint="FIELD=VALUE") from error
    if isinstance(value, float):  # only .inf and .nan are
        raise click.BadParameter(f"{name}: {text} is no number that can be recorded", param_hint="FIELD=VALUE")
    return value
