"""A simulated field: meters on a bus, reached at the port, in real and in virtual time."""

from hub.sim.field.bus import SimulatedBus
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.plugin import hub_plugin

__all__ = ["SimulatedBus", "SimulatedMeter", "hub_plugin"]
