"""Verbs that make the running hub do something with its rules."""

from __future__ import annotations

from pathlib import Path

import click

from hub.automation.commands.options import call, folder_option, json_option, print_json, rule_argument


def _done(answer: object, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


@click.command("run")
@rule_argument
@click.option("--current", is_flag=True, help="Once for each entity that is beyond its thresholds now.")
@click.option("--with-conditions", is_flag=True, help="Only if the rule's conditions pass.")
@folder_option
@json_option
def run(rule: str, current: bool, with_conditions: bool, folder: Path, *, as_json: bool) -> None:
    """Run a RULE now, whatever its triggers say. Needs a running hub.

    A new rule adopts who is beyond its threshold already, without running; --current has it deal with them. The
    rule's conditions count then.
    """
    if current:
        found = call(folder, "automation.run_current", {"id": rule})
        _done(found, f"{rule} runs for {', '.join(found) or 'nobody: nobody is beyond'}", as_json=as_json)
        return
    answer = call(folder, "automation.trigger", {"id": rule, "skip_condition": not with_conditions})
    _done(answer, f"{rule} runs; see `hub rules trace {rule}`", as_json=as_json)


@click.command("enable")
@rule_argument
@folder_option
@json_option
def enable(rule: str, folder: Path, *, as_json: bool) -> None:
    """Switch a RULE on; who is beyond its thresholds by now is adopted. Needs a running hub."""
    _done(call(folder, "automation.turn_on", {"id": rule}), f"{rule} is on", as_json=as_json)


@click.command("disable")
@rule_argument
@folder_option
@json_option
def disable(rule: str, folder: Path, *, as_json: bool) -> None:
    """Switch a RULE off, and end its runs. Needs a running hub."""
    _done(call(folder, "automation.turn_off", {"id": rule}), f"{rule} is off", as_json=as_json)


@click.command("reload")
@folder_option
@json_option
def reload(folder: Path, *, as_json: bool) -> None:
    """Read all rules again; with any error nothing changes. Needs a running hub."""
    answer = call(folder, "automation.reload", {})
    told = [f"{what}: {', '.join(answer[what])}" for what in ("added", "changed", "removed") if answer[what]]
    _done(answer, "; ".join(told) or "nothing has changed", as_json=as_json)


@click.command("approve")
@click.argument("run_id", metavar="RUN")
@click.option("--choice", type=click.Choice(["go_on", "repeat", "skip"]), help="Where there is more than one way.")
@folder_option
@json_option
def approve(run_id: str, choice: str | None, folder: Path, *, as_json: bool) -> None:
    """Let a RUN go on that waits for a person. Needs a running hub."""
    data = {"run": run_id} if choice is None else {"run": run_id, "choice": choice}
    _done(call(folder, "automation.approve", data), f"{run_id} goes on", as_json=as_json)


@click.command("cancel")
@click.argument("run_id", metavar="RUN")
@folder_option
@json_option
def cancel(run_id: str, folder: Path, *, as_json: bool) -> None:
    """End a RUN that waits for a person. Needs a running hub."""
    _done(call(folder, "automation.cancel", {"run": run_id}), f"{run_id} is ended", as_json=as_json)
