"""The field layer on real lines in real time: a TCP gateway and a serial port, unplugged and plugged in again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from field_hall import PROFILE

from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.metering import READINGS, BusBack, BusSilent
from hub.contracts.profiles import find_profile, profile_folders
from hub.contracts.relays import RELAYS, CommandResult, Desired, Outcome, Position
from hub.contracts.supply import Intent
from hub.core.clock import SystemClock
from hub.core.config import ConfigDict
from hub.core.context import Context
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found
from hub.core.site import Site
from hub.sim.field.command import BusOptions, Served, start_buses
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.servers import parse_listen, serve
from plugins.kpm_modbus.plugin import ModbusPlugin

pytestmark = pytest.mark.real_time

CLOCK = SystemClock()
POINTS = (PointId("by_gateway"), PointId("by_port"))
PERIOD_S = 0.5


@dataclass
class Plug:
    """What `hub sim bus` serves, with a plug that can be pulled."""

    listen: str
    device: Path
    """A serial adapter has the same name whenever it is plugged in, whatever terminal is behind it."""
    served: list[Served] = field(default_factory=list)

    async def first(self) -> str:
        """Begin to serve; returns the link's URL."""
        options = BusOptions(
            listen=parse_listen(self.listen), profile=find_profile(PROFILE, profile_folders()), meters=1, buses=1,
            baud=9600, turn=None, peak_w=6000, gateway_timeout_s=None, is_instant=False, faults=(), seed=0,
        )  # fmt: skip
        self.served = await start_buses(options, CLOCK)
        if self.listen == "pty":
            self.device.symlink_to(self.served[0].server.url)
            return f"serial://{self.device}?baud=9600"
        self.listen = self.served[0].server.url
        return f"{self.listen}?baud=9600"

    def pull(self) -> None:
        """Take it away, with the connections that stand."""
        [bus] = self.served
        if self.listen == "pty":
            self.device.unlink()
        else:
            bus.stations.set_fault(Fault(kind=FaultKind.GATEWAY_DROP))
        bus.server.close()

    async def plug_in(self) -> None:
        """Put it back: the same meters, the same address."""
        [bus] = self.served
        bus.stations.clear_faults()
        bus.server = await serve(parse_listen(self.listen), bus.front)
        if self.listen == "pty":
            self.device.symlink_to(bus.server.url)

    @property
    def is_closed(self) -> bool:
        """Where the relay of its meter really stands."""
        return self.served[0].stations.meters[1].is_closed


@asynccontextmanager
async def running(folder: Path, links: Sequence[str]) -> AsyncIterator[Hub]:
    """A hub with a bus for each link."""
    buses = [
        {
            "id": f"bus_{number}",
            "link": link,
            "periods": {"fast": f"{PERIOD_S * 1000:.0f} ms"},
            "groups": ["fast"],
            "meters": [{"point": point, "profile": PROFILE, "unit": 1, "serial": "33B1225000001"}],
        }
        for number, (link, point) in enumerate(zip(links, POINTS, strict=True))
    ]
    section = ConfigDict({"relay_min_interval": "0 s", "buses": buses})  # type: ignore[arg-type]
    site = Site(folder, "Test", ZoneInfo("UTC"), {"kpm_modbus": section}, ballast_mb=0)
    hub = Hub(site, CLOCK, SystemIds(), found=[Found("kpm_modbus", "a test", ModbusPlugin)])
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


async def until(is_so: Callable[[], object], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        while not is_so():  # noqa: ASYNC110 - what is waited for is told by no event
            await asyncio.sleep(0.02)


def qualities(hub: Hub) -> list[str | None]:
    states = [hub.kernel.states.get(f"sensor.{point}_energy_import") for point in POINTS]
    return [None if state is None else state.quality.value for state in states]


async def command(hub: Hub, point: PointId, desired: Desired, fence: int) -> CommandResult:
    now_us = CLOCK.now_us()
    deadline_us = now_us + 5_000_000
    intent = Intent(
        point=point, desired=desired, seq=Fence(fence), decided_us=now_us, context=Context("test", "test")
    )
    grant = mint_for_supply(intent, now_us=now_us, expires_us=deadline_us)
    return await hub.kernel.services.get(RELAYS).ensure(point, desired, grant, Fence(fence), deadline_us)


async def walk(hub: Hub, plugs: Sequence[Plug]) -> None:
    """Values come, a relay moves, the lines are pulled and come back, and values come again."""
    relays, readings = hub.kernel.services.get(RELAYS), hub.kernel.services.get(READINGS)
    await until(lambda: qualities(hub) == ["good", "good"], 4)
    for point, plug in zip(POINTS, plugs, strict=True):
        opened = await command(hub, point, Desired.OPEN, 1)
        assert (opened.outcome, plug.is_closed) == (Outcome.CONFIRMED, False), opened.detail
        assert relays.observed(point).position is Position.OPEN
        closed = await command(hub, point, Desired.CLOSED, 2)
        assert (closed.outcome, plug.is_closed) == (Outcome.CONFIRMED, True), closed.detail
        asked_us = CLOCK.now_us()
        [reading] = await readings.read_now(point, asked_us + 2_000_000)
        assert reading.source_us >= asked_us

    silent: list[BusSilent] = []
    back: list[BusBack] = []
    hub.kernel.bus.subscribe(BusSilent, silent.append, owner="test")
    hub.kernel.bus.subscribe(BusBack, back.append, owner="test")
    for plug in plugs:
        plug.pull()
    await until(lambda: len(silent) == 2, 5)
    assert qualities(hub) == ["bad", "bad"]
    for plug in plugs:
        await plug.plug_in()
    await until(lambda: qualities(hub) == ["good", "good"], 8)
    assert len(back) == 2


def test_a_gateway_and_a_serial_port_work_and_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        plugs = [Plug("tcp-rtu://127.0.0.1:0", tmp_path), Plug("pty", tmp_path / "ttyMeter")]
        links = [await plug.first() for plug in plugs]
        (tmp_path / "site").mkdir()
        async with running(tmp_path / "site", links) as hub:
            await walk(hub, plugs)
        for plug in plugs:
            plug.served[0].server.close()

    asyncio.run(main())
