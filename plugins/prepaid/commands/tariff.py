"""`hub tariff`: check a tariff, and rate a register series with it, without a hub: the accountant's bench."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from hub.contracts.units import WattHours
from hub.core.config import ConfigErrors
from plugins.prepaid.commands.bench_page import json_of, text_of
from plugins.prepaid.commands.reads_file import Reads, instant_us, load_reads
from plugins.prepaid.pricing import Interval, Timeline, Version, bill
from plugins.prepaid.tariffs import load_tariff

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def tariff() -> None:
    """Check tariffs, and rate energy with them."""


@tariff.command("check")
@click.argument("file", type=_file)
def check(file: Path) -> None:
    """Load a tariff as the hub would, and say everything that is wrong with it."""
    try:
        found = load_tariff(file)
    except ConfigErrors as errors:
        click.echo(str(errors), err=True)
        raise SystemExit(1) from None
    bands = ", ".join(found.bands)
    click.echo(
        f"{file} is right: {found.code} in {found.currency}, bands {bands}; content {found.content_sha[:12]}"
    )


@tariff.command("rate")
@click.option(
    "--tariff", "files", required=True, multiple=True, metavar="FILE[@TIME]",
    help="The tariff; again with @TIME for one that follows it.",
)  # fmt: skip
@click.option("--reads", type=_file, help="CSV with time,wh_total; also wh_<band> and demand_w.")
@click.option("--wh", type=click.IntRange(min=0), help="Energy in Wh instead of reads, spread evenly.")
@click.option("--from", "start", metavar="TIME", help="Where --wh begins, such as 2026-03-01.")
@click.option("--to", "end", metavar="TIME", help="Where --wh ends; a date means its first instant.")
@click.option("--demand-w", type=click.IntRange(min=0), help="The highest demand of the time of --wh.")
@click.option("--past-demand-w", multiple=True, type=click.IntRange(min=0), help="A month's before; oldest first.")
@click.option(
    "--open", "is_open", is_flag=True, help="The last month is not over: no minimum and no ratchet in it."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON; money in minor units, exact amounts as text.")
def rate(
    files: Sequence[str], reads: Path | None, wh: int | None, start: str | None, end: str | None,
    demand_w: int | None, past_demand_w: Sequence[int], is_open: bool, as_json: bool,
) -> None:  # fmt: skip
    """Rate a register series, or energy between two dates: every component, tax and total in minor units."""
    versions = [_named_version(word) for word in files]
    first = versions[0].tariff
    series = _series(reads, wh, start, end, ZoneInfo(first.time_zone))
    timeline = Timeline(versions, series.intervals[0].t0_us, series.intervals[-1].t1_us)
    if demand_w is not None:
        series.demand_w[_demand_us(timeline)] = demand_w
    bills = bill(
        series.intervals, timeline, is_over=not is_open, demand_w=series.demand_w, past_demand_w=past_demand_w
    )
    click.echo(
        json.dumps(json_of(bills, first), ensure_ascii=False, indent=2) if as_json else text_of(bills, first)
    )


def _named_version(word: str) -> Version:
    """The version that `FILE` or `FILE@TIME` names; without a time it has always been in force."""
    name, at, time = word.rpartition("@")
    path = Path(name if at else word)
    if not path.is_file():
        raise click.BadParameter(f"there is no file {str(path)!r}", param_hint="--tariff")
    found = load_tariff(path)
    return Version(found, _instant_us(time, ZoneInfo(found.time_zone), "--tariff") if at else 0)


def _series(reads: Path | None, wh: int | None, start: str | None, end: str | None, zone: ZoneInfo) -> Reads:
    """The reads of a file, or one interval."""
    if reads is not None:
        if wh is not None or start is not None or end is not None:
            raise click.UsageError("give either --reads, or --wh with --from and --to")
        return load_reads(reads, zone.key)
    if wh is None or start is None or end is None:
        raise click.UsageError("give --reads FILE, or --wh with --from and --to")
    t0_us, t1_us = _instant_us(start, zone, "--from"), _instant_us(end, zone, "--to")
    if t1_us <= t0_us:
        raise click.BadParameter(f"{end} is not later than {start}", param_hint="--to")
    return Reads([Interval(t0_us, t1_us, WattHours(wh), 1, 2)])


def _instant_us(text: str, zone: ZoneInfo, option: str) -> int:
    try:
        return instant_us(text, zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _demand_us(timeline: Timeline) -> int:
    """The first instant at which demand counts."""
    for piece in timeline.pieces(timeline.start_us, timeline.end_us):
        demand = piece.version.tariff.demand
        if demand is not None and piece.band in demand.bands:
            return piece.t0_us
    raise click.BadParameter("no demand is charged in that time", param_hint="--demand-w")
