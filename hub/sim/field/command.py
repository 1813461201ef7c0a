"""`hub sim bus`: simulated meters for real clients, at the pace of a real bus."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from hub.contracts.links import WireTiming
from hub.contracts.profiles import Profile, find_profile, profile_folders
from hub.core.clock import Clock, SystemClock
from hub.core.errors import HubError
from hub.sim.field.config import BAUDS, DEFAULT_PROFILE, serial_problem
from hub.sim.field.faults import WHOLE_BUS, Fault, parse_fault
from hub.sim.field.line import SimulatedLine
from hub.sim.field.loads import PATTERNS, DailyLoad
from hub.sim.field.mbap import SimulatedGateway
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.servers import PTY, TCP, Listen, Server, parse_listen, serve
from hub.sim.field.stations import Stations, Turn

METERS_MAX, BUSES_MAX = 247, 1000

# A gateway or the kernel hands over bytes in its own time: what ends a broken request must be longer than that.
_SILENCE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class BusOptions:
    """What `hub sim bus` was asked for."""

    listen: Listen
    profile: Profile
    meters: int
    buses: int
    baud: int
    turn: Turn | None
    peak_w: int
    gateway_timeout_s: float | None
    is_instant: bool
    faults: tuple[Fault, ...]
    seed: int


@dataclass(slots=True)
class Served:
    """One bus that is being served."""

    server: Server
    stations: Stations
    front: SimulatedLine | SimulatedGateway

    def described(self) -> dict[str, object]:
        """How a program reaches it, and who hangs on it."""
        meters = [{"unit": unit, "serial": meter.serial} for unit, meter in self.stations.meters.items()]
        return {"url": self.server.url, "meters": meters}


@click.group("sim")
def sim() -> None:
    """Simulated meters, to try things out without hardware."""


@sim.command("bus")
@click.option("--listen", required=True, metavar="URL", help="tcp-rtu://HOST:PORT, tcp://HOST:PORT or pty.")
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="The meters' device profile.")
@click.option("--meters", default=1, show_default=True, type=click.IntRange(1, METERS_MAX), help="Units 1 to N.")
@click.option(
    "--buses",
    default=1,
    show_default=True,
    type=click.IntRange(1, BUSES_MAX),
    help="So many buses, on ports one after the other.",
)
@click.option("--baud", default="9600", show_default=True, type=click.Choice([str(baud) for baud in BAUDS]))
@click.option(
    "--turn-ms", type=click.FloatRange(0, 10_000), help="The meters' answer delay.  [default: the profile's]"
)
@click.option(
    "--peak-w",
    default=6000,
    show_default=True,
    type=click.IntRange(0, 1_000_000),
    help="What each tenant, a shop, draws at its busiest.",
)
@click.option(
    "--gateway-timeout-ms",
    type=click.FloatRange(1, 60_000),
    help="tcp:// only: answer exception 0B for a silent meter after this time; otherwise nothing comes.",
)
@click.option(
    "--speed",
    default="wire",
    show_default=True,
    type=click.Choice(["wire", "fast"]),
    help="wire: as a bus of that baud rate; fast: at once, for load tests.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:UNIT[:ARGUMENT]]",
    help="Something that is wrong, such as silent:3, late::0.6 or exception:2:4. May be repeated.",
)
@click.option("--seed", default=0, show_default=True, help="For all that is random.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def bus(
    listen: str, profile: str, meters: int, buses: int, baud: str, turn_ms: float | None, peak_w: int,
    gateway_timeout_ms: float | None, speed: str, faults: tuple[str, ...], seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Serve simulated meters to real Modbus clients until Ctrl-C.

    The bus keeps the time that a real wire takes. Meters on `tcp-rtu` share one line: all clients hear all replies.
    """
    options = BusOptions(
        listen=parse_listen(listen, buses),
        profile=find_profile(profile, profile_folders(Path())),
        meters=meters,
        buses=buses,
        baud=int(baud),
        turn=None if turn_ms is None else Turn.of_s(turn_ms / 1000),
        peak_w=peak_w,
        gateway_timeout_s=None if gateway_timeout_ms is None else gateway_timeout_ms / 1000,
        is_instant=speed == "fast",
        faults=tuple(parse_fault(text) for text in faults),
        seed=seed,
    )
    if gateway_timeout_ms is not None and options.listen.scheme != TCP:
        raise click.UsageError("--gateway-timeout-ms is for tcp:// only: the other two pass bytes on as they are")
    requests = asyncio.run(_serve_until_interrupted(options, as_json))
    if not as_json:
        click.echo(f"served {requests:,} requests")


async def _serve_until_interrupted(options: BusOptions, as_json: bool) -> int:
    served = await start_buses(options, SystemClock())
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    _print(served, options, as_json)
    await done.wait()
    for one in served:
        one.server.close()
    return sum(one.front.requests for one in served)


async def start_buses(options: BusOptions, clock: Clock) -> list[Served]:
    """Serve the buses; raises `HubError` when one cannot be served, with none left open."""
    served: list[Served] = []
    offset = clock.now().astimezone().utcoffset()
    try:
        for number in range(options.buses):
            stations = _stations(options, number, clock, int(offset.total_seconds()) if offset else 0)
            front = _front(options, stations, clock)
            served.append(Served(await serve(options.listen.nth(number), front), stations, front))
    except BaseException:
        for one in served:
            one.server.close()
        raise
    return served


def _stations(options: BusOptions, number: int, clock: Clock, utc_offset_s: int) -> Stations:
    meters = {}
    for unit in range(1, options.meters + 1):
        load = DailyLoad(PATTERNS["shop"], options.peak_w, options.seed * 1000 + unit, utc_offset_s)
        serial = made_up_serial(options.profile, number * METERS_MAX + unit)
        meters[unit] = SimulatedMeter(clock, options.profile, serial, load, utc_offset_s=utc_offset_s)
    stations = Stations(clock, meters, turn=options.turn, seed=options.seed + number)
    for fault in options.faults:
        stations.set_fault(fault)
    return stations


def _front(options: BusOptions, stations: Stations, clock: Clock) -> SimulatedLine | SimulatedGateway:
    timing = WireTiming.of(options.baud, options.profile.link.bits_per_character)
    if options.listen.scheme == TCP:
        return SimulatedGateway(
            clock, stations, timing, is_instant=options.is_instant, timeout_s=options.gateway_timeout_s
        )
    pieces = 2 if options.listen.scheme == PTY and not options.is_instant else 1
    return SimulatedLine(
        clock, stations, timing, is_instant=options.is_instant, pieces=pieces, silence_s=_SILENCE_S
    )


def made_up_serial(profile: Profile, number: int) -> str:
    """A serial number that a meter of this type could have; raises `HubError` when none comes to mind."""
    identity = profile.identity
    if identity is None:
        return f"{number}"
    characters = identity.point.characters or 2 * identity.point.count
    candidates = [
        f"33B1225{number:06d}",
        f"{10_000_000 + number}",
        *(f"{number:0{width}d}" for width in range(characters, 0, -1)),
    ]
    for candidate in candidates:
        if not serial_problem(profile, candidate):
            return candidate
    raise HubError(
        f"no serial number could be made up that fits the pattern of profile {profile.id}, {identity.pattern}; "
        "simulate such meters by the plugin's configuration, which names their serial numbers"
    )


def _print(served: Sequence[Served], options: BusOptions, as_json: bool) -> None:
    if as_json:
        about = {"profile": options.profile.id, "baud": options.baud, "buses": [one.described() for one in served]}
        click.echo(json.dumps(about))
        return
    pace = "without wire time" if options.is_instant else f"at {options.baud} baud"
    for one in served:
        units = "unit 1" if options.meters == 1 else f"units 1 to {options.meters}"
        click.echo(f"{one.server.url}  {units}, {options.profile.id}, {pace}")
    for fault in options.faults:
        whom = "all" if fault.unit is None else f"unit {fault.unit}"
        click.echo(f"fault {fault.kind.value}: {'the whole bus' if fault.kind in WHOLE_BUS else whom}")
    click.echo("Ctrl-C to stop")
