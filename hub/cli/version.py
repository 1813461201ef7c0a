"""`hub version`."""

from __future__ import annotations

import platform

import click

import hub
from hub.cli.options import json_option


@click.command("version")
@json_option
def command(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        from hub.cli.output import print_json

        print_json({"hub": hub.__version__, "python": platform.python_version()})
    else:
        click.echo(f"hub {hub.__version__} (Python {platform.python_version()})")
