"""A simulated bus: one request at a time, each takes its time on the wire, and faults can be switched on."""

from __future__ import annotations

import asyncio

from hub.contracts.links import LinkFailed
from hub.core.clock import Clock
from hub.sim.field.meter import RELAY, RELAY_CLOSED_BITS, NoSuchRegister, SimulatedMeter

CHARACTER_S = 11 / 9600  # 8E1 at 9600 baud
TURN_S = 0.020
TIMEOUT_S = 0.300


class SimulatedBus:
    """The `Link` to a set of simulated meters, timed like 9600 baud 8E1 with 20 ms of turn-around."""

    def __init__(self, clock: Clock, meters: dict[int, SimulatedMeter]) -> None:
        """Hang meters on the bus by unit number."""
        self._clock = clock
        self.meters = meters
        self._wire = asyncio.Lock()
        self.silent: set[int] = set()
        """Units that do not answer."""
        self.frames = 0

    async def read_registers(self, unit: int, address: int, count: int) -> tuple[int, ...]:
        """Holding registers, after their time on the wire."""
        async with self._wire:
            meter = await self._transact(unit, 8, 5 + 2 * count)
            try:
                return meter.words(address, count)
            except NoSuchRegister as error:
                raise LinkFailed(f"unit {unit}: exception 2, {error}") from None

    async def read_coils(self, unit: int, address: int, count: int) -> int:
        """The relay's bits, one per phase."""
        async with self._wire:
            meter = await self._transact(unit, 8, 6)
            if address != RELAY:
                raise LinkFailed(f"unit {unit}: exception 2, no coil {address:#06x}")
            return RELAY_CLOSED_BITS if meter.is_closed else 0

    async def write_coil(self, unit: int, address: int, is_on: bool) -> None:
        """Move the relay."""
        async with self._wire:
            meter = await self._transact(unit, 8, 8)
            if address != RELAY:
                raise LinkFailed(f"unit {unit}: exception 2, no coil {address:#06x}")
            meter.switch(is_on)

    async def close(self) -> None:
        """Nothing is held."""

    async def _transact(self, unit: int, request_bytes: int, reply_bytes: int) -> SimulatedMeter:
        self.frames += 1
        meter = self.meters.get(unit)
        if meter is None or unit in self.silent:
            await self._clock.sleep(request_bytes * CHARACTER_S + TIMEOUT_S)
            raise LinkFailed(f"unit {unit}: no reply within {TIMEOUT_S:g} s")
        await self._clock.sleep((request_bytes + reply_bytes + 7) * CHARACTER_S + TURN_S)
        return meter
