"""`hub rules check`: everything that is wrong with the rules, with or without a running hub."""

from __future__ import annotations

from pathlib import Path

import click

from hub.automation.commands.options import ask, folder_option, json_option, print_json
from hub.automation.site_check import look, providers_of
from hub.core.config import redact
from hub.core.control import NoHub
from hub.core.site import load_site


@click.command("check")
@folder_option
@json_option
def check(folder: Path, *, as_json: bool) -> None:
    """Check the rules, as their files are now.

    Prints every error and warning as file:line:column; exit code 1 when there is an error. A running hub also knows
    which entities and actions there are; without one, their names are not looked at.
    """
    try:
        found = ask(folder, "rules.check")
        is_known = True
    except NoHub:
        loaded, findings = look(folder, providers_of(load_site(folder)))
        errors = [str(error) for one in loaded.invalid for error in one.errors]
        found = {
            "errors": errors + [str(one) for one in findings if one.severity == "error"],
            "warnings": [str(one) for one in findings if one.severity == "warning"],
        }
        is_known = False
    if as_json:
        print_json(found)
    else:
        for text in (*found["errors"], *found["warnings"]):
            click.echo(redact(text), err=True)
        if not is_known:
            click.echo("(no hub runs here: entities and actions were not looked up)", err=True)
        if not found["errors"]:
            click.echo("the rules are fine" if not found["warnings"] else "the rules can run; see the warnings")
    if found["errors"]:
        raise SystemExit(1)
