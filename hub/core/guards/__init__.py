"""What watches over process, disk and clock: each says what is wrong and leaves acting to others."""

from hub.core.guards.clock_guard import ClockConfirmed, ClockGuard, ClockInsane, ClockStepped, Confirmation
from hub.core.guards.disk import Ballast, DiskSpace, DiskWatch
from hub.core.guards.memory import MemoryGrew, MemoryWatch
from hub.core.guards.watchdog import LoopBlocked, Watchdog, who_runs

__all__ = [
    "Ballast",
    "ClockConfirmed",
    "ClockGuard",
    "ClockInsane",
    "ClockStepped",
    "Confirmation",
    "DiskSpace",
    "DiskWatch",
    "LoopBlocked",
    "MemoryGrew",
    "MemoryWatch",
    "Watchdog",
    "who_runs",
]
