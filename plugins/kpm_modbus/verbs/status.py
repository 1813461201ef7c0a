"""`hub modbus status`: how the buses of the running hub do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from plugins.kpm_modbus.looking import STATUS
from plugins.kpm_modbus.verbs.options import folder_option, json_option
from plugins.kpm_modbus.verbs.printing import echo, json_text, ms_text, print_table, share_text, time_text
from plugins.kpm_modbus.verbs.running import ask
from plugins.kpm_modbus.wire.record import FRAMES_KEPT

METER_COLUMNS = ("meter", "unit", "profile", "serial", "state", "signal", "answers in", "99 %", "age", "errors")


@click.command("status")
@click.argument("bus", required=False)
@click.option(
    "--frames", type=click.IntRange(0, FRAMES_KEPT), default=0, help="Also so many of the last frames, for support."
)
@folder_option
@json_option
def status(bus: str | None, frames: int, folder: Path, as_json: bool) -> None:
    """Show how buses spend their time, and how their meters answer: all, or one BUS. Needs a running hub."""
    found = ask(folder, STATUS, {"bus": bus, "frames": frames})
    if as_json:
        click.echo(json_text(found, indent=2))
        return
    for place, one in enumerate(found):
        if place:
            click.echo()
        _print_bus(one)


def _print_bus(bus: Mapping[str, Any]) -> None:
    echo(f"{bus['bus']}  {bus['link']}  {'healthy' if bus['is_healthy'] else 'in trouble'}")
    for problem in bus["problems"]:
        click.echo(f"  ! {problem}")
    seconds, lateness = bus["seconds"], bus["lateness_s"]
    spent = "  ".join(f"{name} {seconds[name]:.1f} s" for name in ("wire", "turn", "gap", "waste", "idle"))
    click.echo(f"  time        {spent}  in {bus['watched_s']:.0f} s")
    click.echo(
        f"  load        {share_text(bus['load'])} of the last minute, {share_text(bus['load_since_start'])} since"
        f" the start, {share_text(bus['planned_load'])} planned"
    )
    periods = "  ".join(f"{group} {bus['periods_s'][group]:g} s" for group in ("fast", "normal", "slow"))
    click.echo(f"  periods     {periods}{_stretched(bus['stretched'])}")
    click.echo(f"  efficiency  {share_text(bus['efficiency'])} of T(n)")
    polls = bus["polls"]
    click.echo(
        f"  polls       {polls['done']} done, {polls['missed']} missed, late {ms_text(lateness['p50'])} (half), "
        f"{ms_text(lateness['p99'])} (99 %)"
    )
    click.echo(f"  errors      {_counted(bus['errors'])} of {bus['transactions']} transactions")
    if bus["wire"] is not None:
        click.echo(f"  wire        {_wire(bus['wire'])}")
    print_table(METER_COLUMNS, [_meter_row(meter) for meter in bus["meters"]])
    for meter in bus["meters"]:
        if meter["quarantined_for"]:
            click.echo(f"  ! {meter['quarantined_for']}")
    if bus["frames"]:
        print_table(("at", "way", "verdict", "frame"), [
            (time_text(frame["at"]), frame["direction"], frame["verdict"], frame["frame"] or "-")
            for frame in bus["frames"]
        ])  # fmt: skip


def _meter_row(meter: Mapping[str, Any]) -> tuple[str, ...]:
    age_s = meter["age_s"]
    return (
        meter["meter"],
        str(meter["unit"]),
        meter["profile"],
        meter["serial"] or "-",
        "quarantined" if meter["quarantined_for"] else meter["liveness"],
        "-" if meter["signal"] is None else f"{meter['signal']:.0%}",
        ms_text(meter["answer_s"]["p50"]),
        ms_text(meter["answer_s"]["p99"]),
        "-" if age_s is None else f"{age_s:.0f} s",
        _counted(meter["errors"]),
    )


def _stretched(factors: Mapping[str, float]) -> str:
    listed = ", ".join(f"{group} {factor:g} times" for group, factor in factors.items())
    return f"  (too full: stretched {listed})" if listed else ""


def _counted(errors: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in errors.items()) or "none"


def _wire(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in record.items() if count is not False)
