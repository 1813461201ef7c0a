"""The simulated field keeps the promises of every plugin."""

from __future__ import annotations

from hub.sim.field.plugin import SimulatorPlugin
from hub.testing import HubHarness, PluginContract


class TestSimulator(PluginContract):
    """One bus with two meters, one of which changes what it draws."""

    plugin = SimulatorPlugin
    config = {  # noqa: RUF012 - the contract declares it a ClassVar
        "buses": {
            "hall": [
                {"unit": 1, "serial": "33B1225950027", "load_w": 60_000},
                {"unit": 2, "serial": "33B1225950028"},
            ]
        }
    }
    bad_config = "buses:\n  hall:\n    - {unit: 300, serial: x}\n"

    async def exercise(self, hub: HubHarness) -> None:
        """Change a load."""
        await hub.call("simulator.set_load", {"bus": "hall", "unit": 2, "load_w": 1000})
        await super().exercise(hub)
