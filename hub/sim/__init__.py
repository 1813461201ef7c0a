"""Simulation: a loop whose time jumps, and a wall clock on top of it."""

from hub.sim.clock import DEFAULT_EPOCH, VirtualClock
from hub.sim.loop import Deadlock, NeverIdle, Stalled, VirtualLoop, advance, run_virtual

__all__ = [
    "DEFAULT_EPOCH",
    "Deadlock",
    "NeverIdle",
    "Stalled",
    "VirtualClock",
    "VirtualLoop",
    "advance",
    "run_virtual",
]
