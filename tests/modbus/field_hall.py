"""A whole hub in virtual time with a simulated bus of many meters, and the field layer on it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.axes import OffReason
from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.links import LINKS
from hub.contracts.metering import READINGS, Readings
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
    hub: HubHarness, meters: int = 2, *, fast: str = "10 s", groups: tuple[str, ...] = ("fast",)
) -> Field:
    """Start the simulator and the field layer with that many meters on one bus at 9600 baud."""
    units = range(1, meters + 1)
    simulated = [{"unit": unit, "serial": serial_of(unit), "load_w": 1000 * unit} for unit in units]
    await hub.load_plugin(SimulatorPlugin, {"buses": {"hall": simulated}})
    configured = [
        {"point": point_of(unit), "profile": PROFILE, "unit": unit, "serial": serial_of(unit)} for unit in units
    ]
    bus = {
        "id": "hall", "link": "sim://hall", "periods": {"fast": fast}, "groups": list(groups), "meters": configured,
    }  # fmt: skip
    made: list[ModbusPlugin] = []

    class Watched(ModbusPlugin):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    status = await hub.load_plugin(Watched, {"relay_min_interval": "0 s", "buses": [bus]})
    assert status.state.value == "running", status.reason
    field = hub.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    return Field(hub, field.buses["hall"], made[-1])
