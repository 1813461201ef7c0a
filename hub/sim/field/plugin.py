"""The plugin that provides simulated buses under `sim://<bus>`, for demos, tests and rehearsals."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.links import LINKS, Link
from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect
from hub.core.config import did_you_mean
from hub.core.config.fields import duration
from hub.core.errors import NotFound
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.config import FAULT, SCHEMA, FieldConfig, fault_from, fault_kind
from hub.sim.field.fault_plan import FaultPlan
from hub.sim.field.meter import SimulatedMeter

SCHEME = "sim://"


class SimulatedField:
    """The service: opens simulated buses by URL."""

    def __init__(self, buses: dict[str, SimulatedBus]) -> None:
        """Offer these buses by name."""
        self.buses = buses

    def open(self, url: str) -> Link:
        """The bus behind `sim://<bus>`."""
        if not url.startswith(SCHEME):
            raise NotFound(f"{url!r} is no simulated bus: write {SCHEME} and its name")
        return self.bus(url.removeprefix(SCHEME))

    def bus(self, name: str) -> SimulatedBus:
        """A bus by its name; raises `NotFound` with a close one."""
        bus = self.buses.get(name)
        if bus is None:
            hint = did_you_mean(name, self.buses) or f" There are: {', '.join(self.buses) or 'none'}."
            raise NotFound(f"no simulated bus {name!r}.{hint}")
        return bus

    def meter(self, name: str, unit: int) -> SimulatedMeter:
        """A meter by its bus and unit; raises `NotFound`."""
        meters = self.bus(name).meters
        if unit not in meters:
            units = ", ".join(map(str, meters)) or "none"
            raise NotFound(f"no simulated meter {name}/{unit}; bus {name!r} has the units {units}")
        return meters[unit]


class SimulatorPlugin(Plugin):
    """Simulated meters on simulated buses."""

    manifest = Manifest(
        name="simulator",
        version="0.2.0",
        description="Simulated meters on simulated buses, reached as sim://<bus>.",
        provides=(LINKS,),
        config=SCHEMA,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Make the meters, offer the links, plan the faults."""
        config = FieldConfig(hub.config, hub.site.folder)
        offset = hub.clock.now().astimezone(hub.site.time_zone).utcoffset()
        assert offset is not None, "an aware time has an offset"
        self._field = SimulatedField(config.buses(hub.clock, int(offset.total_seconds())))
        self._plan = FaultPlan(hub.clock)
        hub.own.add(self._plan.stop)
        for name, bus in self._field.buses.items():
            for planned in config.faults(name):
                self._plan.add(bus, planned)
        hub.provide(LINKS, self._field)
        self._register_actions(hub)

    def _register_actions(self, hub: PluginHub) -> None:
        place = {vol.Required("bus"): str, vol.Required("unit"): int}
        hub.actions.register(
            action_name("simulator", "set_load"),
            self._set_load,
            effect=Effect.LEVEL,
            description="Change what a simulated tenant draws.",
            schema={**place, vol.Required("load_w"): vol.All(int, vol.Range(-100_000, 100_000))},
        )
        hub.actions.register(
            action_name("simulator", "set_fault"),
            self._set_fault,
            effect=Effect.LEVEL,
            description="Let something be wrong with a simulated meter, or with a whole bus.",
            schema={vol.Required("bus"): str, **FAULT, vol.Optional("lasts"): duration},
        )
        hub.actions.register(
            action_name("simulator", "clear_faults"),
            self._clear_faults,
            effect=Effect.LEVEL,
            description="Put right what is wrong with a simulated bus: all of it, or of one unit, or of one kind.",
            schema={vol.Required("bus"): str, vol.Optional("unit"): int, vol.Optional("kind"): fault_kind},
        )
        hub.actions.register(
            action_name("simulator", "press_button"),
            self._press_button,
            effect=Effect.LEVEL,
            description="Press the button of a simulated meter whose relay is armed.",
            schema=place,
            returns="Whether that closed the relay.",
        )

    async def _set_load(self, call: Call) -> None:
        self._field.meter(call.data["bus"], call.data["unit"]).load_w = call.data["load_w"]

    async def _set_fault(self, call: Call) -> None:
        bus, fault = self._field.bus(call.data["bus"]), fault_from(call.data)
        lasts = call.data.get("lasts")
        self._plan.set_for(bus, fault, None if lasts is None else lasts.total_seconds())

    async def _clear_faults(self, call: Call) -> None:
        self._field.bus(call.data["bus"]).clear_faults(call.data.get("unit"), call.data.get("kind"))

    async def _press_button(self, call: Call) -> bool:
        return self._field.meter(call.data["bus"], call.data["unit"]).press_button()
