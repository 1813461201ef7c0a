"""Fields whose bus is in trouble: too full, or reached byte by byte, so that another master can be heard."""

from __future__ import annotations

from field_hall import PROFILE, Field, point_of, serial_of

from hub.contracts.links import LINKS, Link
from hub.contracts.profiles import find_profile, profile_folders
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.line import FrontPort, SimulatedLine
from hub.sim.field.meter import SimulatedMeter
from hub.testing import HubHarness
from plugins.kpm_modbus.plugin import ModbusPlugin
from plugins.kpm_modbus.wire.ports import Listener
from plugins.kpm_modbus.wire.rtu_link import RtuLink

BAUD = 9600


def meters_of(hub: HubHarness, count: int) -> dict[int, SimulatedMeter]:
    profile = find_profile(PROFILE, profile_folders(hub.hub.site.folder / "profiles"))
    return {unit: SimulatedMeter(hub.clock, profile, serial_of(unit), 1000 * unit) for unit in range(1, count + 1)}


class OneBus:
    """Opens one simulated bus at port level."""

    def __init__(self, hub: HubHarness, meters: int) -> None:
        self.clock = hub.clock
        self.bus = SimulatedBus(hub.clock, meters_of(hub, meters), baud=BAUD)

    def open(self, url: str) -> Link:
        return self.bus


class OneLine(OneBus):
    """Opens real RTU links over one simulated line, and lets others be heard on it."""

    def __init__(self, hub: HubHarness, meters: int) -> None:
        super().__init__(hub, meters)
        self.line = SimulatedLine(hub.clock, self.bus.stations, self.bus.timing)
        self._listeners: list[Listener] = []

    def open(self, url: str) -> Link:
        async def open_port(listener: Listener) -> FrontPort:
            self._listeners.append(listener)
            return self.line.connect(listener)

        return RtuLink(url, self.clock, open_port, self.bus.timing, slave_gap_s=0.0, drops_when_silent=False)

    def overhear(self, frame: bytes) -> None:
        """Bytes of somebody else on the line."""
        for listener in self._listeners:
            listener.received(frame)


async def start_on(
    hub: HubHarness, links: OneBus, meters: int, *, groups: tuple[str, ...] = ("fast",), **periods: str
) -> Field:
    """The field layer with meters on whatever opens `sim://hall`."""
    hub.provide(LINKS, links)
    configured = [
        {"point": point_of(unit), "profile": PROFILE, "unit": unit, "serial": serial_of(unit)}
        for unit in range(1, meters + 1)
    ]
    bus = {"id": "hall", "link": "sim://hall", "periods": periods, "groups": list(groups), "meters": configured}
    made: list[ModbusPlugin] = []

    class Watched(ModbusPlugin):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    status = await hub.load_plugin(Watched, {"relay_min_interval": "0 s", "buses": [bus]})
    assert status.state.value == "running", status.reason
    return Field(hub, links.bus, made[-1])
