"""Faults that come and go by themselves, at the times that a site's configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hub.core.clock import Clock
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.config import PlannedFault
from hub.sim.field.faults import Fault


class FaultPlan:
    """Switches faults on and off when their time comes, until it is stopped."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing planned."""
        self._clock = clock
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._next = 0

    def add(self, bus: SimulatedBus, planned: PlannedFault) -> None:
        """Plan a fault on a bus, from now on."""
        self._later(planned.after_s, bus, planned)

    def set_for(self, bus: SimulatedBus, fault: Fault, lasts_s: float | None) -> None:
        """Switch a fault on now, and off again after a time."""
        bus.set_fault(fault)
        if lasts_s is not None:
            self._call(lasts_s, lambda: bus.clear_faults(fault.unit, fault.kind))

    def stop(self) -> None:
        """Forget what is planned; faults that are on stay on."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _later(self, delay_s: float, bus: SimulatedBus, planned: PlannedFault) -> None:
        def begin() -> None:
            self.set_for(bus, planned.fault, planned.lasts_s)
            if planned.every_s:
                self._later(planned.every_s, bus, planned)

        self._call(delay_s, begin)

    def _call(self, delay_s: float, what: Callable[[], object]) -> None:
        self._next += 1
        number = self._next

        def run() -> None:
            del self._timers[number]
            what()

        self._timers[number] = self._clock.call_later(delay_s, run)
