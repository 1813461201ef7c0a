"""A whole hub in virtual time with a simulated bus of many meters, and the field layer on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.contracts.axes import OffReason
from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.links import LINKS
from hub.contracts.metering import READINGS, Reading, Readings
from hub.contracts.relays import RELAYS, CommandResult, Desired, Relays
from hub.contracts.supply import Intent
from hub.core.context import Context
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.plugin import SimulatedField, SimulatorPlugin
from hub.testing import HubHarness
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.plugin import ModbusPlugin

PROFILE = "compere_kpm33b"
REASON = OffReason.CREDIT


def serial_of(unit: int) -> str:
    return f"33B12259{unit:05d}"


def point_of(unit: int) -> PointId:
    return PointId(f"stall_{unit:02d}")


@dataclass
class Field:
    """The parts that tests look at."""

    hub: HubHarness
    bus: SimulatedBus
    plugin: ModbusPlugin
    fence: int = 0

    @property
    def readings(self) -> Readings:
        return self.hub.kernel.services.get(READINGS)

    @property
    def relays(self) -> Relays:
        return self.hub.kernel.services.get(RELAYS)

    def device(self, unit: int) -> Device:
        return self.plugin.place(point_of(unit)).device

    def value(self, unit: int, quantity: str) -> object:
        state = self.hub.kernel.states.get(f"sensor.{point_of(unit)}_{quantity}")
        return None if state is None else state.value

    def quality(self, unit: int, quantity: str) -> str | None:
        state = self.hub.kernel.states.get(f"sensor.{point_of(unit)}_{quantity}")
        return None if state is None else state.quality.value

    async def collect(self, seconds: int, unit: int | None = None) -> list[Reading]:
        """Every reading of some time, of one meter or of all, none coalesced."""
        stream = self.readings.subscribe(points=None if unit is None else [point_of(unit)])
        readings: list[Reading] = []
        for _ in range(seconds):
            await self.hub.advance("1 s")
            if getattr(stream, "_waiting"):  # noqa: B009 - a stream cannot be asked without waiting
                readings += await stream.take(1000)
        stream.close()
        return readings

    async def command(self, unit: int, desired: Desired, *, fence: int | None = None) -> CommandResult:
        """What supply does: a new intent, a grant for it, and the command."""
        self.fence = fence or self.fence + 1
        now_us = self.hub.clock.now_us()
        deadline_us = now_us + 20_000_000
        intent = Intent(
            point=point_of(unit),
            desired=desired,
            seq=Fence(self.fence),
            decided_us=now_us,
            context=Context("test", "test"),
        )
        grant = mint_for_supply(intent, now_us=now_us, expires_us=deadline_us)
        return await self.relays.ensure(intent.point, desired, grant, intent.seq, deadline_us)


async def start_field(
    hub: HubHarness,
    meters: int = 2,
    *,
    fast: str = "10 s",
    groups: tuple[str, ...] = ("fast",),
    min_interval: str = "0 s",
) -> Field:
    """Start the simulator and the field layer with that many KPM33B on one bus at 9600 baud."""
    units = range(1, meters + 1)
    simulated = [{"unit": unit, "serial": serial_of(unit), "load_w": 1000 * unit} for unit in units]
    configured = [
        {"point": point_of(unit), "profile": PROFILE, "unit": unit, "serial": serial_of(unit)} for unit in units
    ]
    return await start_bus(
        hub, simulated, configured, periods={"fast": fast}, groups=groups, min_interval=min_interval
    )


async def start_bus(
    hub: HubHarness,
    simulated: Sequence[Mapping[str, object]],
    configured: Sequence[Mapping[str, object]],
    *,
    periods: Mapping[str, str] | None = None,
    groups: tuple[str, ...] = ("fast", "normal"),
    min_interval: str = "0 s",
) -> Field:
    """Start a bus of any meters: as they really are, and as the field layer's configuration has them."""
    of_one_type = all("profile" not in meter for meter in simulated)
    there = list(simulated) if of_one_type else {"meters": list(simulated)}
    await hub.load_plugin(SimulatorPlugin, {"buses": {"hall": there}})
    bus = {
        "id": "hall", "link": "sim://hall", "periods": dict(periods or {"fast": "10 s"}), "groups": list(groups),
        "meters": list(configured),
    }  # fmt: skip
    made: list[ModbusPlugin] = []

    class Watched(ModbusPlugin):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    status = await hub.load_plugin(Watched, {"relay_min_interval": min_interval, "buses": [bus]})
    assert status.state.value == "running", status.reason
    field = hub.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    return Field(hub, field.buses["hall"], made[-1])


def write_profile(hub: HubHarness, name: str, text: str) -> None:
    """Put a profile into the site's own folder."""
    folder = hub.hub.site.folder / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
