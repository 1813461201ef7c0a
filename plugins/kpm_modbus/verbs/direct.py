"""`hub modbus poll` and `hub modbus scan`: on the bus without a running hub."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path

import click

from hub.contracts.links import Failure, Link, LinkFailed, Request
from hub.contracts.profiles import Profile, decode, find_profile, profile_files, profile_folders
from hub.contracts.profiles.words import serial_text
from hub.core.clock import Clock, SystemClock
from plugins.kpm_modbus.planner import Limits
from plugins.kpm_modbus.values import shown
from plugins.kpm_modbus.verbs.options import json_lines_option, link_option, profile_option, unit_option
from plugins.kpm_modbus.verbs.profiles import plans_of
from plugins.kpm_modbus.wire import open_link

TIMEOUT_S = 0.5
GROUPS = ("fast", "normal", "slow")


@click.command("poll")
@link_option
@profile_option
@unit_option
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many times.")
@click.option("--period", "period_s", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Seconds.")
@click.option("--group", "groups", multiple=True, type=click.Choice(GROUPS), help="Default: all.")
@json_lines_option
def poll(
    url: str, name: str, unit: int, count: int, period_s: float, groups: tuple[str, ...], as_json: bool
) -> None:
    """Read a meter, without a running hub, and print each value with its quality."""
    poll_meter(url, name, unit, count=count, period_s=period_s, groups=groups or GROUPS, as_json=as_json)


def poll_meter(
    url: str, name: str, unit: int, *, count: int, period_s: float, groups: tuple[str, ...], as_json: bool
) -> None:
    """Read a meter's groups a few times and print what it says; ends with exit code 1 if a read failed."""
    found = find_profile(name, profile_folders(Path("profiles")))
    job = _Poll(SystemClock(), url, found, unit, groups, as_json)
    if asyncio.run(job.run(count, period_s)):
        raise SystemExit(1)


@click.command("scan")
@link_option
@click.option(
    "--profile", "names", multiple=True, help="Only these meter types; default: all with a serial number."
)
@click.option("--first", type=click.IntRange(1, 247), default=1, show_default=True)
@click.option("--last", type=click.IntRange(1, 247), default=32, show_default=True)
@json_lines_option
def scan(url: str, names: tuple[str, ...], first: int, last: int, as_json: bool) -> None:
    """Look which addresses answer, and what they say they are; stop any hub on the bus first."""
    if first > last:
        raise click.UsageError(f"--first {first} lies behind --last {last}; nothing is between them")
    folders = profile_folders(Path("profiles"))
    known = [find_profile(name, folders) for name in (names or sorted(profile_files(folders)))]
    without = [one.id for one in known if one.identity is None]
    if names and without:
        raise click.UsageError(f"a {without[0]} has no serial number to look for; try `hub modbus poll` on it")
    wanted = [one for one in known if one.identity is not None]
    if not asyncio.run(_scan(SystemClock(), url, wanted, range(first, last + 1), as_json)):
        click.echo(f"nobody answers on {url} at {first} to {last}; check wiring, baud rate and parity", err=True)
        raise SystemExit(1)


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
        for group, made in plans_of(self.profile, limits):
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


async def _scan(clock: Clock, url: str, profiles: list[Profile], units: range, as_json: bool) -> int:
    """Print what answers; how many did. Raises `LinkFailed` when the link itself is down."""
    link = open_link(url, clock)
    found = 0
    try:
        for unit in units:
            answer = await _who(link, profiles, unit)
            if answer is None:
                continue
            found += 1
            name, serial = answer
            if as_json:
                click.echo(json.dumps({"unit": unit, "profile": name, "serial": serial}))
            elif name is None:
                click.echo(f"unit {unit:3}  answers, and has the serial number of none of these types")
            else:
                click.echo(f"unit {unit:3}  {name:20} serial {serial}")
    finally:
        await link.close()
    return found


async def _who(link: Link, profiles: list[Profile], unit: int) -> tuple[str | None, str | None] | None:
    """The type and serial number at an address, both None if neither is known; None if nobody is there."""
    is_there = False
    for profile in profiles:
        identity = profile.identity
        assert identity is not None
        point = identity.point
        request = Request(unit=unit, function=point.function, address=point.address, count=point.count)
        try:
            reply = await link.transact(request, TIMEOUT_S)
        except LinkFailed as error:
            if error.reason is Failure.DISCONNECTED:
                raise
            is_there |= error.reason is Failure.EXCEPTION
            continue
        is_there = True
        serial = serial_text(identity, reply.words)
        if serial is not None and re.fullmatch(identity.pattern, serial):
            return profile.id, serial
    return (None, None) if is_there else None
