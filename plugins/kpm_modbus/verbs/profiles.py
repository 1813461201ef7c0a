"""`hub modbus profile` and `hub modbus plan`: what meter types there are, and what it costs to read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from hub.contracts.links import WireTiming
from hub.contracts.profiles import Profile, find_profile, load_profile, profile_files, profile_folders
from hub.core.config import ConfigErrors
from plugins.kpm_modbus.planner import Limits, Plan, plan
from plugins.kpm_modbus.verbs.options import json_lines_option, profile_option


@click.group()
def profile() -> None:
    """List and check device profiles."""


@profile.command("list")
@json_lines_option
def profile_list(as_json: bool) -> None:
    """List every profile that can be named in a configuration."""
    folders = profile_folders(Path("profiles"))
    for name in sorted(profile_files(folders)):
        found = find_profile(name, folders)
        row = {"profile": name, "vendor": found.vendor, "models": list(found.models), "status": found.status.value}
        text = f"{name:24} {found.vendor:12} {', '.join(found.models):32} {found.status.value}"
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else text)


@profile.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def profile_check(file: Path) -> None:
    """Load a profile as the hub would, and say everything that is wrong with it."""
    try:
        found = load_profile(file)
    except ConfigErrors as errors:
        click.echo(str(errors), err=True)
        raise SystemExit(1) from None
    relay = "a relay" if found.relay is not None else "no relay"
    identity = "a serial number" if found.identity is not None else "no serial number"
    click.echo(f"{file} is right: {found.id} with {len(found.points)} points, {identity} and {relay}")


@click.command("plan")
@profile_option
@click.option("--baud", type=click.IntRange(300, 921_600), default=9600, show_default=True)
@click.option("--turn-ms", type=click.IntRange(0, 1000), default=20, show_default=True, help="The answer delay.")
@json_lines_option
def show_plan(name: str, baud: int, turn_ms: int, as_json: bool) -> None:
    """Show the cheapest reads of a meter type, by group, and what they cost on the wire."""
    found = find_profile(name, profile_folders(Path("profiles")))
    timing = WireTiming.of(baud, found.link.bits_per_character)
    for group, made in plans_of(found, Limits(timing=timing, turn_s=turn_ms / 1000)):
        for read in made.reads:
            row = {
                "group": group, "function": int(read.function), "address": f"{read.address:#06x}",
                "count": read.count, "values": len(read.points),
            }  # fmt: skip
            text = (
                f"{group:7} FC {read.function:02} {read.address:#06x} x {read.count:3}  {len(read.points)} values"
            )
            click.echo(json.dumps(row) if as_json else text)
        if not as_json and made.reads:
            click.echo(f"{group:7} {made.time_s * 1000:.1f} ms on the wire")


def plans_of(found: Profile, limits: Limits) -> Iterator[tuple[str, Plan]]:
    """The cheapest reads of each group of a meter type."""
    for group in ("fast", "normal", "slow"):
        yield group, plan([point for point in found.points if point.group == group], found, limits)
