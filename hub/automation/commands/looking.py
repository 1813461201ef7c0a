"""Verbs that ask the running hub about its rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hub.automation.commands.options import (
    ask,
    folder_option,
    json_option,
    json_text,
    print_json,
    print_table,
    rule_argument,
)
from hub.core.clock import from_us


@click.command("list")
@folder_option
@json_option
def list_(folder: Path, *, as_json: bool) -> None:
    """List the rules: which are on, when they last ran, and which are broken. Needs a running hub."""
    found = ask(folder, "rules.list")
    if as_json:
        print_json(found)
        return
    columns = ("rule", "is", "last ran", "runs", "errors", "under way", "note")
    print_table(columns, [_row(one) for one in found])


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    if not one["is_valid"]:
        return one["id"], "broken", None, None, None, None, "; ".join(one["errors"])
    note = "beyond its threshold, and has never run: see `hub rules why`" if one["is_overlooked"] else one["alias"]
    state = "on" if one["is_on"] else "off"
    return one["id"], state, one["last_triggered"], one["runs"], one["errors"], one["under_way"], note


@click.command("preview")
@click.argument("rule", required=False, metavar="[RULE]")
@folder_option
@json_option
def preview(rule: str | None, folder: Path, *, as_json: bool) -> None:
    """Show whom a RULE, or every rule, would hit now and what it would call.

    It goes by the files as they are now, so a rule can be tried before it is loaded. Nothing is done: conditions
    and templates are real, actions are only noted, and what comes after a wait is not shown. Needs a running hub.
    """
    found = ask(folder, "rules.preview", {} if rule is None else {"rule": rule})
    if as_json:
        print_json(found)
        return
    for one in found:
        click.echo(one["rule"])
        for hit in one["hits"]:
            _print_hit(hit)


def _print_hit(hit: Mapping[str, Any]) -> None:
    who = hit["entity_id"] or "whoever triggers it"
    if hit["is_beyond"] is None and hit["entity_id"]:
        click.echo(f"  {who}: cannot be said, {hit['reason']}")
    elif not hit["outcome"]:
        click.echo(f"  {who}: not beyond, {hit['reason']}")
    else:
        click.echo(f"  {who}: {hit['outcome']}{': ' + hit['reason'] if hit['reason'] else ''}")
        for call in hit["calls"]:
            click.echo(f"    {call['action']} {json_text(call['data'])}")


@click.command("trace")
@rule_argument
@click.option("--last", default=1, show_default=True, help="How many runs, the newest first.")
@folder_option
@json_option
def trace(rule: str, last: int, folder: Path, *, as_json: bool) -> None:
    """Show the last runs of a RULE, step by step, refused and dropped ones too. Needs a running hub."""
    found = ask(folder, "rules.trace", {"rule": rule})[:last]
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(f"{rule} has not run; `hub rules why {rule}` says why")
    for one in found:
        click.echo(f"{_time(one['began_us'])}  {one['outcome']}  {one['cause']}  {one['reason']}".rstrip())
        for step in one["steps"]:
            told = {name: step[name] for name in ("result", "changed", "error") if name in step}
            click.echo(f"  {_time(step['at_us'])}  {step['path']}  {json_text(told) if told else ''}".rstrip())


@click.command("why")
@rule_argument
@folder_option
@json_option
def why(rule: str, folder: Path, *, as_json: bool) -> None:
    """Say why a RULE did not run: switch, conditions, latches, doubtful data. Needs a running hub."""
    found = ask(folder, "rules.explain", {"rule": rule})
    if as_json:
        print_json(found)
        return
    for sentence in found["sentences"] or ["nothing stands in its way: none of its triggers has fired"]:
        click.echo(sentence)


@click.command("approvals")
@folder_option
@json_option
def approvals(folder: Path, *, as_json: bool) -> None:
    """List the runs that wait for a person; `hub rules approve` lets one go on. Needs a running hub."""
    found = ask(folder, "rules.approvals")
    if as_json:
        print_json(found)
        return
    rows = [
        (one["run_id"], one["name"], _time(one["asked_us"]), ", ".join(one["choices"]), one["text"])
        for one in found
    ]
    print_table(("run", "rule", "asked", "choices", "question"), rows)


def _time(at_us: int) -> str:
    return from_us(at_us).astimezone().isoformat(sep=" ", timespec="milliseconds")
