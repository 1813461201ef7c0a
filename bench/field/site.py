"""A hub with meters: in virtual time on a simulated line, byte by byte, or in real time on links to a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench.field.server_process import write_profile
from bench.ours.running import OWNER, make_hub
from bench.timing import Params, folder
from hub.contracts.ids import PointId
from hub.contracts.links import LINKS, Function, Link, Request, WireTiming
from hub.contracts.profiles import Profile, find_profile, profile_folders
from hub.core.config import ConfigDict
from hub.core.hub import Hub
from hub.core.ids import SeededIds
from hub.core.kernel import Kernel
from hub.core.plugins import Found
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual
from hub.sim.field.command import made_up_serial
from hub.sim.field.line import SimulatedLine
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.stations import Stations
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.plugin import ModbusPlugin
from plugins.kpm_modbus.wire.ports import Listener, Port
from plugins.kpm_modbus.wire.rtu_link import SLAVE_GAP_S, RtuLink

T = TypeVar("T")

KPM33B = "compere_kpm33b"
BAUD, BITS_PER_CHARACTER = 9600, 11
TURN_S = 0.020
TIMING = WireTiming.of(BAUD, BITS_PER_CHARACTER)
READ_OF_SIXTY = Request(unit=1, function=Function.READ_HOLDING_REGISTERS, address=0, count=60)
LIMIT_S = TIMING.transaction_s(READ_OF_SIXTY, TURN_S)
"""T(60): what a read of 60 registers takes at least, at 9600 8E1 and a turn-around of 20 ms."""


def point_of(bus: int, unit: int) -> PointId:
    """The supply point behind a meter."""
    return PointId(f"stall_{bus:03d}_{unit:03d}")


def bus_section(
    number: int, link: str, profile: Profile, serials: Mapping[int, str], fast_s: float
) -> dict[str, Any]:
    """One bus in the field layer's configuration: its fast group alone, all meters of one kind."""
    has_serial = profile.identity is not None
    return {
        "id": f"bus_{number:03d}",
        "link": link,
        "periods": {"fast": f"{fast_s * 1000:.0f} ms"},
        "groups": ["fast"],
        "meters": [
            {
                "point": point_of(number, unit),
                "profile": profile.id,
                "unit": unit,
                **({"serial": serial} if has_serial else {}),
            }
            for unit, serial in serials.items()
        ],
    }


class _Watched(ModbusPlugin):
    """The field layer, with a handle on it."""

    last: ModbusPlugin

    def __init__(self) -> None:
        super().__init__()
        _Watched.last = self


def found_plugin() -> Found:
    """The field layer, to be loaded; `loaded_plugin` is it once it runs."""
    return Found(ModbusPlugin.manifest.name, OWNER, _Watched)


def loaded_plugin() -> ModbusPlugin:
    """The field layer that was started last."""
    return _Watched.last


@dataclass(frozen=True, slots=True)
class VirtualHub:
    """A started hub whose time jumps."""

    hub: Hub
    loop: VirtualLoop
    clock: VirtualClock

    @property
    def kernel(self) -> Kernel:
        """The parts of the core."""
        return self.hub.kernel

    async def advance(self, span_s: float) -> None:
        """Let time pass, with all that is due in it."""
        await advance(self.loop, span_s)


def link_to(line: SimulatedLine, hub: VirtualHub) -> RtuLink:
    """The real RTU link, with a simulated line in place of a serial port."""

    async def open_port(listener: Listener) -> Port:
        return line.connect(listener)

    return RtuLink(
        "sim://line", hub.clock, open_port, line.timing, slave_gap_s=SLAVE_GAP_S, drops_when_silent=False
    )


def simulated_line(hub: VirtualHub, profile: Profile, units: Iterable[int]) -> SimulatedLine:
    """A line with meters; they miss a request that comes before the gap is over."""
    meters = {
        unit: SimulatedMeter(hub.clock, profile, made_up_serial(profile, unit), 1000 + unit) for unit in units
    }
    return SimulatedLine(hub.clock, Stations(hub.clock, meters), TIMING, must_keep_gap=True)


@dataclass
class VirtualField:
    """A hub in virtual time, with one bus."""

    hub: VirtualHub
    line: SimulatedLine
    plugin: ModbusPlugin
    units: Sequence[int]

    def device(self, unit: int) -> Device:
        """A meter as the field layer knows it."""
        return self.plugin.place(point_of(0, unit)).device

    @property
    def worker(self) -> BusWorker:
        """Who works on the bus."""
        return self.plugin.place(point_of(0, self.units[0])).worker


class _OneLine:
    """The `links` service: whatever is asked for, it is the link to one line."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def open(self, url: str) -> Link:
        return self._link


def in_virtual_time(params: Params, work: Callable[[VirtualHub], Coroutine[Any, Any, T]]) -> T:
    """Run work with a hub in virtual time, in the child's own folder."""

    async def run(loop: VirtualLoop) -> T:
        site = folder(params)
        write_profile(site)
        clock = VirtualClock(loop)
        hub = make_hub(site, clock, SeededIds(1))
        await hub.start()
        try:
            return await work(VirtualHub(hub, loop, clock))
        finally:
            await hub.stop()

    return run_virtual(run)


async def virtual_field(hub: VirtualHub, meters: int, profile_name: str, fast_s: float) -> VirtualField:
    """Put the field layer on a line with that many meters, and let it run."""
    profile = named_profile(hub.hub.site.folder, profile_name)
    units = range(1, meters + 1)
    line = simulated_line(hub, profile, units)
    hub.kernel.services.provide(LINKS, _OneLine(link_to(line, hub)), owner=OWNER)
    serials = {unit: made_up_serial(profile, unit) for unit in units}
    section: dict[str, Any] = {
        "relay_min_interval": "0 s",
        "buses": [bus_section(0, "sim://line", profile, serials, fast_s)],
    }
    status = await hub.hub.plugins.add(found_plugin(), ConfigDict(section))
    assert status.state.value == "running", status.reason
    return VirtualField(hub, line, loaded_plugin(), units)


def named_profile(site: Path, name: str) -> Profile:
    """A shipped profile, or the one made up for measurements."""
    return find_profile(name, profile_folders(site))


@asynccontextmanager
async def real_field(params: Params, buses: Sequence[dict[str, Any]]) -> AsyncIterator[tuple[Hub, ModbusPlugin]]:
    """A started hub in real time whose field layer is on these buses."""
    section: dict[str, Any] = {"buses": list(buses)}
    hub = make_hub(folder(params))
    await hub.start()
    try:
        status = await hub.plugins.add(found_plugin(), ConfigDict(section))
        assert status.state.value == "running", status.reason
        yield hub, loaded_plugin()
    finally:
        await hub.stop()
