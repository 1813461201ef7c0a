"""One meter on its link: what is read, how, and who answered."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from hub.contracts.ids import MeterId, PointId, RegisterId
from hub.contracts.links import Function, Link, LinkFailed, Request
from hub.contracts.metering import EpochHint, Reading, ReadingTag
from hub.contracts.relays import Evidence, Position
from hub.core.clock import Clock
from hub.core.errors import HubError
from hub.core.states import GOOD
from plugins.kpm_modbus.codec import Unreadable, ascii_text, float32_raw

# Compere KPM33B, user manual V3.4, chapter 6.
SERIAL, SERIAL_WORDS = 0x0012, 7
CURRENTS, POWER_TOTAL, ENERGY_IMPORT = 0x0036, 0x0048, 0x0082
RELAY, RELAY_PHASES = 0x0001, 3
ENERGY_SCALE = -3  # kWh to the watt-hour

IMPORT = RegisterId("energy_import")


TIMEOUT_S = 0.3

NOT_READ = (LinkFailed, Unreadable)
"""What can go wrong when a meter is read."""


class WrongIdentity(HubError):
    """Another instrument than expected answered."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll of a meter gave."""

    reading: Reading
    power_w: int
    relay: Evidence


class Meter:
    """A meter's place on a bus, with the instrument that is expected there."""

    def __init__(self, clock: Clock, link: Link, point: PointId, unit: int, serial: str) -> None:
        """Expect an instrument by its serial number."""
        self._clock = clock
        self._link = link
        self.point = point
        self.id = MeterId(point)
        self.unit = unit
        self.serial = serial
        self.last_good_us: int | None = None

    async def identify(self) -> None:
        """Prove who answers; raises `WrongIdentity`."""
        found = ascii_text(await self._registers(SERIAL, SERIAL_WORDS))
        if found != self.serial:
            raise WrongIdentity(
                f"{self.point}: unit {self.unit} says it is {found!r}, expected {self.serial!r}; "
                "the meter was swapped, or two meters share the address"
            )

    async def poll(self, tag: ReadingTag | None = None, asked_us: int | None = None) -> Poll:
        """Read identity, energy, power and relay in one run of transactions."""
        await self.identify()
        began_us = self._clock.now_us()
        words = await self._registers(ENERGY_IMPORT, 2)
        ended_us = self._clock.now_us()
        power = await self._registers(POWER_TOTAL, 2)
        relay = await self.read_relay()
        reading = Reading(
            point=self.point,
            meter=self.id,
            register=IMPORT,
            serial=self.serial,
            words=words,
            raw=float32_raw(words, ENERGY_SCALE),
            scale=ENERGY_SCALE,
            unit="kWh",
            quality=GOOD,
            source_us=(began_us + ended_us) // 2,
            received_us=ended_us,
            epoch=EpochHint.FIRST if self.last_good_us is None else EpochHint.CONTINUES,
            frame_sha=hashlib.sha256(struct.pack(">2H", *words)).hexdigest(),
            plan="kpm33b/energy",
            tag=tag,
            asked_us=asked_us,
        )
        self.last_good_us = reading.source_us
        return Poll(reading, float32_raw(power, 0), relay)

    async def read_relay(self) -> Evidence:
        """The relay's status bits and the largest phase current."""
        phases = await self._ask(Function.READ_COILS, RELAY, RELAY_PHASES)
        words = await self._registers(CURRENTS, 6)
        current_ma = max(float32_raw(words[place : place + 2], -3) for place in (0, 2, 4))
        position = {0: Position.OPEN, RELAY_PHASES: Position.CLOSED}.get(sum(phases), Position.UNKNOWN)
        return Evidence(
            position=position,
            status_words=phases,
            current_ma=current_ma,
            voltage_mv=None,
            serial=self.serial,
            source_us=self._clock.now_us(),
        )

    async def write_relay(self, is_closed: bool) -> None:
        """Send the level to the relay's coil."""
        request = Request(unit=self.unit, function=Function.WRITE_COIL, address=RELAY, values=(int(is_closed),))
        await self._link.transact(request, TIMEOUT_S)

    async def _registers(self, address: int, count: int) -> tuple[int, ...]:
        return await self._ask(Function.READ_HOLDING_REGISTERS, address, count)

    async def _ask(self, function: Function, address: int, count: int) -> tuple[int, ...]:
        request = Request(unit=self.unit, function=function, address=address, count=count)
        return (await self._link.transact(request, TIMEOUT_S)).words
