"""The arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click


def _resolved(ctx: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    return folder.absolute()  # not resolved: a message shows the name that people gave it


folder_argument = click.argument(
    "folder", type=click.Path(path_type=Path), default=Path(), callback=_resolved, metavar="[FOLDER]"
)
"""The site's folder, for verbs about the site as a whole; the current one unless given."""

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    callback=_resolved,
    metavar="FOLDER",
    help="The site's folder.  [default: the current one]",
)
"""The same for verbs that have other arguments."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
