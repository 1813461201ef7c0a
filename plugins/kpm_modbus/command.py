"""`hub modbus`: profiles, plans, and reading meters without a running hub."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from hub.contracts.links import Link, LinkFailed, Request, WireTiming
from hub.contracts.profiles import Profile, decode, find_profile, load_profile, profile_files, profile_folders
from hub.contracts.profiles.words import serial_text
from hub.core.clock import Clock, SystemClock
from hub.core.config import ConfigErrors
from plugins.kpm_modbus.planner import Limits, Plan, plan
from plugins.kpm_modbus.values import shown
from plugins.kpm_modbus.wire import open_link

TIMEOUT_S = 0.5

_link = click.option(
    "--link", "url", required=True, help="Where the bus is, such as serial:///dev/ttyUSB0?baud=9600."
)
_profile = click.option("--profile", "name", required=True, help="The meter type; see `hub modbus profile list`.")
_unit = click.option("--unit", type=click.IntRange(1, 247), required=True, help="The meter's address.")
_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")


@click.group()
def modbus() -> None:
    """Look at Modbus meters and their profiles."""


@modbus.group()
def profile() -> None:
    """List and check device profiles."""


@profile.command("list")
@_json
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


@modbus.command("plan")
@_profile
@click.option("--baud", type=click.IntRange(300, 921_600), default=9600, show_default=True)
@click.option("--turn-ms", type=click.IntRange(0, 1000), default=20, show_default=True, help="The answer delay.")
@_json
def show_plan(name: str, baud: int, turn_ms: int, as_json: bool) -> None:
    """Show the cheapest reads of a meter type, by group, and what they cost on the wire."""
    found = find_profile(name, profile_folders(Path("profiles")))
    timing = WireTiming.of(baud, found.link.bits_per_character)
    for group, made in _plans(found, Limits(timing=timing, turn_s=turn_ms / 1000)):
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


@modbus.command("poll")
@_link
@_profile
@_unit
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many times.")
@click.option("--period", "period_s", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds.")
@click.option(
    "--group", "groups", multiple=True, type=click.Choice(["fast", "normal", "slow"]), help="Default: all."
)
@_json
def poll(
    url: str, name: str, unit: int, count: int, period_s: float, groups: tuple[str, ...], as_json: bool
) -> None:
    """Read a meter, without a running hub, and print each value with its quality."""
    found = find_profile(name, profile_folders(Path("profiles")))
    job = _Poll(SystemClock(), url, found, unit, groups or ("fast", "normal", "slow"), as_json)
    failed = asyncio.run(job.run(count, period_s))
    if failed:
        raise SystemExit(1)


@modbus.command("scan")
@_link
@click.option(
    "--profile", "names", multiple=True, help="Only these meter types; default: all with a serial number."
)
@click.option("--first", type=click.IntRange(1, 247), default=1, show_default=True)
@click.option("--last", type=click.IntRange(1, 247), default=32, show_default=True)
@_json
def scan(url: str, names: tuple[str, ...], first: int, last: int, as_json: bool) -> None:
    """Look which addresses answer, and what they say they are; stop any hub on the bus first."""
    folders = profile_folders(Path("profiles"))
    known = [find_profile(name, folders) for name in (names or sorted(profile_files(folders)))]
    asyncio.run(_scan(SystemClock(), url, [one for one in known if one.identity], range(first, last + 1), as_json))


@dataclass(slots=True)
class _Poll:
    """A meter that is read a few times."""

    clock: Clock
    url: str
    profile: Profile
    unit: int
    groups: tuple[str, ...]
    as_json: bool

    async def run(self, count: int, period_s: float) -> int:
        """How many reads failed."""
        link = open_link(self.url, self.clock)
        failed = 0
        try:
            for turn in range(count):
                if turn:
                    await self.clock.sleep(period_s)
                failed += await self._once(link)
        finally:
            await link.close()
        return failed

    async def _once(self, link: Link) -> int:
        failed = 0
        limits = Limits(timing=link.timing, turn_s=float(self.profile.link.turn_s))
        for group, made in _plans(self.profile, limits):
            if group not in self.groups:
                continue
            for read in made.reads:
                try:
                    reply = await link.transact(read.request(self.unit), TIMEOUT_S)
                except LinkFailed as error:
                    failed += 1
                    for point in read.points:
                        self._say(point.name, None, "bad", point.unit, str(error))
                    continue
                for point in read.points:
                    decoded = decode(point, read.words_of(point, reply.words))
                    quality = (
                        "good" if decoded.flaw is None else "uncertain" if decoded.value is not None else "bad"
                    )
                    detail = "" if decoded.flaw is None else decoded.flaw.value
                    self._say(point.name, shown(point, decoded), quality, point.unit, detail)
        return failed

    def _say(self, name: str, value: object, quality: str, unit: str, detail: str) -> None:
        shown = None if value is None else str(value)
        if self.as_json:
            row = {"point": name, "value": shown, "unit": unit, "quality": quality, "detail": detail}
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{name:32} {shown or '-':>16} {unit:6} {quality:9} {detail}".rstrip())


async def _scan(clock: Clock, url: str, profiles: list[Profile], units: range, as_json: bool) -> None:
    link = open_link(url, clock)
    try:
        for unit in units:
            for found in profiles:
                serial = await _serial(link, found, unit)
                if serial is None:
                    continue
                row = {"unit": unit, "profile": found.id, "serial": serial}
                click.echo(json.dumps(row) if as_json else f"unit {unit:3}  {found.id:20} serial {serial}")
                break
    finally:
        await link.close()


async def _serial(link: Link, found: Profile, unit: int) -> str | None:
    """The serial number that fits the type, if the address answers with one."""
    assert found.identity is not None
    point = found.identity.point
    request = Request(unit=unit, function=point.function, address=point.address, count=point.count)
    try:
        reply = await link.transact(request, TIMEOUT_S)
    except LinkFailed:
        return None
    serial = serial_text(found.identity, reply.words)
    return serial if serial is not None and re.fullmatch(found.identity.pattern, serial) else None


def _plans(found: Profile, limits: Limits) -> Iterator[tuple[str, Plan]]:
    for group in ("fast", "normal", "slow"):
        yield group, plan([point for point in found.points if point.group == group], found, limits)
