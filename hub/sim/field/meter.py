"""A simulated Compere KPM33B: it integrates its load into energy while its relay is closed."""

from __future__ import annotations

import struct

from hub.core.clock import Clock
from hub.core.errors import HubError

SERIAL, SERIAL_WORDS = 0x0012, 7
POWER, ENERGY_IMPORT = 0x0048, 0x0082
CURRENT_A, VOLTAGE_A = 0x0036, 0x0030
RELAY, RELAY_PHASES = 0x0001, 3
VOLTAGE_V = 230
_US_PER_HOUR = 3_600_000_000


class NoSuchRegister(HubError):
    """The meter has nothing at this address; it answers with exception 2."""


class SimulatedMeter:
    """One meter's registers, as its manual lists them (facts: KPM33B user manual V3.4, chapter 6)."""

    def __init__(self, clock: Clock, serial: str, *, load_w: int, energy_wh: int = 0) -> None:
        """Start with a closed relay and a load."""
        self._clock = clock
        self.serial = serial
        self.is_closed = True
        self._load_w = load_w
        self._energy_w_us = energy_wh * _US_PER_HOUR
        self._since_us = round(clock.monotonic() * 1e6)

    @property
    def load_w(self) -> int:
        """What the tenant would draw with the relay closed."""
        return self._load_w

    @load_w.setter
    def load_w(self, load_w: int) -> None:
        self._settle()
        self._load_w = load_w

    @property
    def power_w(self) -> int:
        """What flows now."""
        return self._load_w if self.is_closed else 0

    @property
    def energy_wh(self) -> int:
        """The true energy so far, in whole watt-hours."""
        self._settle()
        return self._energy_w_us // _US_PER_HOUR

    def switch(self, is_closed: bool) -> None:
        """Move the relay."""
        self._settle()
        self.is_closed = is_closed

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """Holding registers from an address on; raises `NoSuchRegister` for a gap."""
        registers = self._registers()
        try:
            return tuple(registers[place] for place in range(address, address + count))
        except KeyError as error:
            raise NoSuchRegister(f"meter {self.serial} has no register {error.args[0]:#06x}") from None

    def _registers(self) -> dict[int, int]:
        self._settle()
        current_a = self.power_w / (3 * VOLTAGE_V)
        floats: dict[int, float] = {POWER: self.power_w, ENERGY_IMPORT: self._energy_w_us / _US_PER_HOUR / 1000}
        for phase in range(3):
            floats[VOLTAGE_A + 2 * phase] = VOLTAGE_V
            floats[CURRENT_A + 2 * phase] = current_a
        registers: dict[int, int] = {}
        for address, value in floats.items():
            registers[address], registers[address + 1] = struct.unpack(">2H", struct.pack(">f", value))
        text = self.serial.encode("ascii").ljust(2 * SERIAL_WORDS, b"\0")
        for place, word in enumerate(struct.unpack(f">{SERIAL_WORDS}H", text)):
            registers[SERIAL + place] = word
        return registers

    def _settle(self) -> None:
        now_us = round(self._clock.monotonic() * 1e6)
        self._energy_w_us += self.power_w * (now_us - self._since_us)
        self._since_us = now_us
