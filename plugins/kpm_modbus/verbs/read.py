"""`hub modbus read`: what a meter says now, through the running hub, or straight from the bus without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from plugins.kpm_modbus.looking import READ
from plugins.kpm_modbus.verbs.direct import GROUPS, poll_meter
from plugins.kpm_modbus.verbs.options import folder_option, json_lines_option
from plugins.kpm_modbus.verbs.printing import amount_text, json_text, print_table, time_text
from plugins.kpm_modbus.verbs.running import call


@click.command("read")
@click.argument("point", required=False)
@click.option("--link", "url", help="Without a hub: where the bus is.")
@click.option("--profile", "name", help="Without a hub: the meter type.")
@click.option("--unit", type=click.IntRange(1, 247), help="Without a hub: the meter's address.")
@folder_option
@json_lines_option
def read(
    point: str | None, url: str | None, name: str | None, unit: int | None, folder: Path, as_json: bool
) -> None:
    """Read a meter now.

    The billing registers of a POINT through the running hub, ahead of its polls; or all of a meter's values without
    a hub, by --link, --profile and --unit.
    """
    if point is None and url is not None and name is not None and unit is not None:
        poll_meter(url, name, unit, count=1, period_s=0.0, groups=GROUPS, as_json=as_json)
        return
    if point is None or url is not None or name is not None or unit is not None:
        raise click.UsageError("name a POINT of the running hub, or --link, --profile and --unit without a hub")
    registers = call(folder, READ, {"point": point})
    if as_json:
        for one in registers:
            click.echo(json_text(one))
        return
    print_table(("register", "value", "unit", "quality", "measured", "serial"), [_row(one) for one in registers])


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["register"], amount_text(one["value"]), one["unit"], one["quality"], time_text(one["measured_at"]),
        one["serial"] or "-",
    )  # fmt: skip
