"""`hub meter`: what is counted where, and what people decide about it."""

from __future__ import annotations

from pathlib import Path

import click

from plugins.prepaid.commands.listing import print_fields, print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching, reason_option, show

COLUMNS = ("point", "name", "area", "role", "serial", "kWh", "read", "field", "waits")
COUNT_COLUMNS = ("serial", "ratio", "from", "kWh", "until", "kWh", "because")
READ_COLUMNS = ("at", "kWh", "basis", "serial")


@click.group()
def meter() -> None:
    """Look after meters: their counts, their reads, and those that wait for a person."""


@meter.command("list")
@click.option("--waiting", is_flag=True, help="Only points where a reading was not accepted.")
@reaching
def list_(waiting: bool, folder: Path, as_json: bool) -> None:
    """List points with their meters and last accepted reads. Needs a running hub."""
    found = [one for one in ask(folder, "meter.list", {}) if one["waits"] is not None or not waiting]
    if as_json:
        click.echo(json_text(found))
        return
    fields = ("point", "name", "area", "role", "serial", "kwh", "read", "field", "waits")
    print_table(COLUMNS, [[one[field] for field in fields] for one in found])


@meter.command("show")
@click.argument("point")
@reaching
def show_(point: str, folder: Path, as_json: bool) -> None:
    """Show a POINT's meter: its counts since the beginning, and its last reads. Needs a running hub."""
    one = ask(folder, "meter.show", {"point": point})
    if as_json:
        click.echo(json_text(one))
        return
    print_fields(one, ("point", "name", "area", "parent", "role", "load_class", "meter", "field", "waits"))
    click.echo()
    print_table(COUNT_COLUMNS, [
        (each["serial"], each["ratio"], each["from"], each["from_kwh"], each["until"], each["until_kwh"],
         each["reason"])
        for each in one["counts"]
    ])  # fmt: skip
    click.echo()
    print_table(READ_COLUMNS, [(each["at"], each["kwh"], each["basis"], each["serial"]) for each in one["reads"]])


@meter.command("replace")
@click.argument("point")
@click.option("--serial", required=True, help="The number on the meter that hangs there now.")
@click.option(
    "--final", required=True, metavar="KWH",
    help="What the old one showed last; `now` reads it, `last` takes its last accepted read.",
)  # fmt: skip
@click.option("--opening", metavar="KWH", help="What the new one shows; without it its first reading begins.")
@click.option("--ratio", help="Its transformer ratio, such as 200/5, where the field layer does not know it.")
@click.option("--count-wh", metavar="WH", help="What one count of its register is worth, if that is unknown.")
@click.option("--at", metavar="TIME", help="When it was changed.  [default: now]")
@reason_option
@reaching
def replace(
    point: str, serial: str, final: str, opening: str | None, ratio: str | None, count_wh: str | None,
    at: str | None, reason: str, folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """Say that another meter hangs at a POINT.

    The old count ends, the new one begins, and the field layer expects the new instrument: all of it or nothing.
    Needs a running hub.
    """
    data = {
        "point": point, "serial": serial, "final": final, "opening": opening, "ratio": ratio, "count_wh": count_wh,
        "at": at, "reason": reason,
    }  # fmt: skip
    show(call(folder, "meter.replace", data), as_json, "point", "final_kwh", "serial", "opening_kwh")


@meter.command("accept-jump")
@click.argument("point")
@click.argument("decision", type=click.Choice(["use", "new-epoch"]))
@reason_option
@reaching
def accept_jump(point: str, decision: str, reason: str, folder: Path, as_json: bool) -> None:
    """Settle a reading that is held at a POINT.

    `use` charges what it counted, `new-epoch` begins the count anew with it, so that it is charged to nobody. The
    meter is read once more for it. Needs a running hub.
    """
    data = {"point": point, "decision": decision.replace("-", "_"), "reason": reason}
    show(call(folder, "meter.accept_jump", data), as_json, "point", "read_kwh", "charged")
