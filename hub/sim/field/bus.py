"""A simulated bus: one request at a time, each takes its time on the wire, and faults can be switched on."""

from __future__ import annotations

import asyncio
import struct

from hub.contracts.links import Failure, Function, LinkFailed, Reply, Request, WireTiming
from hub.core.clock import Clock
from hub.sim.field.meter import RELAY, RELAY_PHASES, NoSuchRegister, SimulatedMeter

TURN_S = 0.020


class SimulatedBus:
    """The `Link` to a set of simulated meters, timed like 9600 baud 8E1 with 20 ms of turn-around."""

    def __init__(self, clock: Clock, meters: dict[int, SimulatedMeter]) -> None:
        """Hang meters on the bus by unit number."""
        self._clock = clock
        self.meters = meters
        self.timing = WireTiming.of(9600)
        self._wire = asyncio.Lock()
        self.silent: set[int] = set()
        """Units that do not answer."""
        self.frames = 0

    async def transact(self, request: Request, timeout_s: float) -> Reply:
        """Carry a request to its meter and the answer back, in the time that both take."""
        async with self._wire:
            self.frames += 1
            sent_us = self._clock.now_us()
            meter = self.meters.get(request.unit)
            if meter is None or request.unit in self.silent:
                await self._clock.sleep(request.request_bytes * self.timing.character_s + timeout_s)
                raise LinkFailed(Failure.NO_REPLY, f"unit {request.unit}: no reply within {timeout_s:g} s")
            await self._clock.sleep(self.timing.transaction_s(request, TURN_S))
            words = _answer(meter, request)
            return Reply(
                words=words,
                frame=struct.pack(f">BB{len(words)}H", request.unit, request.function, *words),
                sent_us=sent_us,
                received_us=self._clock.now_us(),
                turn_us=round(TURN_S * 1e6),
            )

    async def close(self) -> None:
        """Nothing is held."""


def _answer(meter: SimulatedMeter, request: Request) -> tuple[int, ...]:
    if request.function is Function.READ_HOLDING_REGISTERS:
        try:
            return meter.words(request.address, request.count)
        except NoSuchRegister as error:
            raise LinkFailed(Failure.EXCEPTION, f"unit {request.unit}: {error}", exception_code=2) from None
    if request.address != RELAY or request.function not in {Function.READ_COILS, Function.WRITE_COIL}:
        raise LinkFailed(Failure.EXCEPTION, f"unit {request.unit}: no such function or address", exception_code=2)
    if request.function is Function.WRITE_COIL:
        meter.switch(bool(request.values[0]))
        return ()
    return (int(meter.is_closed),) * min(request.count, RELAY_PHASES)
