"""The plugin that provides simulated buses under `sim://<bus>`, for demos, tests and rehearsals."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.links import LINKS, Link
from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect
from hub.core.config.suggest import did_you_mean
from hub.core.errors import NotFound
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.hookspecs import hookimpl
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.meter import SimulatedMeter

SCHEME = "sim://"

_METER = {
    vol.Required("unit"): vol.All(int, vol.Range(1, 247)),
    vol.Required("serial"): vol.All(str, vol.Length(1, 13)),
    vol.Optional("load_w", default=0): vol.All(int, vol.Range(0, 100_000)),
    vol.Optional("energy_wh", default=0): vol.All(int, vol.Range(min=0)),
}


class SimulatedField:
    """The service: opens simulated buses by URL."""

    def __init__(self, buses: dict[str, SimulatedBus]) -> None:
        """Offer these buses by name."""
        self.buses = buses

    def open(self, url: str) -> Link:
        """The bus behind `sim://<bus>`."""
        name = url.removeprefix(SCHEME)
        if not url.startswith(SCHEME) or name not in self.buses:
            raise NotFound(f"no simulated bus {url!r}.{did_you_mean(name, self.buses)}")
        return self.buses[name]


class SimulatorPlugin(Plugin):
    """Simulated meters on simulated buses."""

    manifest = Manifest(
        name="simulator",
        version="0.1.0",
        description="Simulated meters on simulated buses, reached as sim://<bus>.",
        provides=(LINKS,),
        config={vol.Required("buses"): {str: [_METER]}},
    )

    async def setup(self, hub: PluginHub) -> None:
        """Make the meters and offer the links."""
        buses = {
            name: SimulatedBus(
                hub.clock,
                {
                    meter["unit"]: SimulatedMeter(
                        hub.clock, meter["serial"], load_w=meter["load_w"], energy_wh=meter["energy_wh"]
                    )
                    for meter in meters
                },
            )
            for name, meters in hub.config["buses"].items()
        }
        hub.provide(LINKS, SimulatedField(buses))

        async def set_load(call: Call) -> None:
            bus = buses.get(call.data["bus"])
            meter = bus.meters.get(call.data["unit"]) if bus is not None else None
            if meter is None:
                raise NotFound(f"no simulated meter {call.data['bus']}/{call.data['unit']}")
            meter.load_w = call.data["load_w"]

        hub.actions.register(
            action_name("simulator", "set_load"),
            set_load,
            effect=Effect.LEVEL,
            description="Change what a simulated tenant draws.",
            schema={
                vol.Required("bus"): str,
                vol.Required("unit"): int,
                vol.Required("load_w"): vol.All(int, vol.Range(0, 100_000)),
            },
        )


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The simulator."""
    return SimulatorPlugin
