"""The options that several verbs of `hub modbus` share."""

from __future__ import annotations

from pathlib import Path

import click

link_option = click.option(
    "--link", "url", required=True, help="Where the bus is, such as serial:///dev/ttyUSB0?baud=9600."
)
profile_option = click.option(
    "--profile", "name", required=True, help="The meter type; see `hub modbus profile list`."
)
unit_option = click.option("--unit", type=click.IntRange(1, 247), required=True, help="The meter's address.")
json_lines_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="The site's folder.  [default: the current one]",
)
