"""The field layer keeps the promises of every plugin, over a simulated bus."""

from __future__ import annotations

from hub.sim.field.plugin import SimulatorPlugin
from hub.testing import HubHarness, PluginContract
from plugins.kpm_modbus.plugin import ModbusPlugin

SERIAL = "33B1225950027"
PROFILE = "compere_kpm33b"


class TestModbus(PluginContract):
    """Two meters on one bus, one of which does not answer."""

    plugin = ModbusPlugin
    config = {  # noqa: RUF012 - the contract declares it a ClassVar
        "buses": [
            {
                "id": "hall",
                "link": "sim://hall",
                "periods": {"fast": "30 s"},
                "meters": [
                    {"point": "stall_07", "profile": PROFILE, "unit": 1, "serial": SERIAL},
                    {"point": "stall_08", "profile": PROFILE, "unit": 2, "serial": "33B1225950028"},
                ],
            }
        ]
    }
    bad_config = "buses:\n  - {id: hall, link: sim://hall, meters: [{point: Stall 7, profile: x, unit: 1}]}\n"

    async def prepare(self, hub: HubHarness) -> None:
        """A simulated bus with one live meter."""
        if "simulator" not in {status.name for status in hub.hub.plugins.statuses()}:
            buses = {"hall": [{"unit": 1, "serial": SERIAL, "load_w": 1000}]}
            await hub.load_plugin(SimulatorPlugin, {"buses": buses})
