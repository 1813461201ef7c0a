"""A simulated meter: any profile's registers over one consistent piece of physics."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from hub.contracts.links import Function, Request
from hub.contracts.profiles import Profile, Step, WordType, denied, encode, table_of
from hub.core.clock import Clock
from hub.core.ids import SeededIds
from hub.sim.field.circuit import Circuit
from hub.sim.field.image import Look, RegisterImage
from hub.sim.field.loads import NJ_PER_WH, ConstantLoad, Load
from hub.sim.field.quantities import is_three_phase
from hub.sim.field.relay import SimulatedRelay
from hub.sim.field.writes import obey

RELAY_DELAY_S = 0.08
POWER_FACTOR_PERMILLE = 950
_TANGENT_PPM = 328_684  # of the angle whose cosine is 0.950
_BOOT_US = 2_000_000
_DENIED_KEPT_MAX = 100

# What a setting holds when the meter leaves its factory, if that is not 0; by the name of its point.
_FACTORY = {"control_mode": (0xDD22,)}

_images: dict[int, RegisterImage] = {}


def image_of(profile: Profile) -> RegisterImage:
    """The compiled registers of a profile; meters of one type share them."""
    image = _images.get(id(profile))
    if image is None:
        if len(_images) >= 64:
            _images.clear()
        image = _images[id(profile)] = RegisterImage(profile)
    return image


class SimulatedMeter:
    """One instrument with its circuits. It lives in true time: a step of the wall clock moves nothing in it."""

    power_factor_permille = POWER_FACTOR_PERMILLE
    tangent_ppm = _TANGENT_PPM

    def __init__(
        self,
        clock: Clock,
        profile: Profile,
        serial: str,
        load: Load | Mapping[str, Load] | int = 0,
        *,
        energy_wh: int = 0,
        prepaid_wh: int = 0,
        ct_ratio: int = 1,
        pt_ratio: int = 1,
        relay_delay_s: float = RELAY_DELAY_S,
        utc_offset_s: int = 0,
    ) -> None:
        """Install it with closed relays; a load is a number of watts, a `Load`, or one for each channel by name."""
        self._clock = clock
        self.profile = profile
        self.image = image_of(profile)
        self.ct_ratio = ct_ratio
        self.pt_ratio = pt_ratio
        self.settings: dict[tuple[Function, int], int] = {}
        """What was written into registers and coils that keep it, by table and address."""
        for point in profile.points:
            if point.name in _FACTORY:
                self.keep(point.function, point.address, _FACTORY[point.name])
        self.denied_writes: list[Request] = []
        """Writes into what the profile's deny-list names: done as a meter does them, and kept for tests to see."""
        self.frozen: dict[str, bytes] = {}
        """Points that are stuck, with the bytes that they show."""
        self.zeroed: dict[str, int | None] = {}
        """Points that show 0, for so many reads more; None: for good."""
        self.boots_until_us = 0
        chance = SeededIds(sum(byte << 8 * (place % 8) for place, byte in enumerate(serial.encode()))).random
        self.shift_us = chance.randrange(840_000_000)
        first = chance.randrange(300, 380)
        self.phase_shares = (first, 333, 667 - first) if is_three_phase(profile.points) else (1000,)
        self.offsets_mv = tuple(chance.randrange(-1500, 1500) for _ in self.phase_shares)
        self._true_base_us = clock.now_us() - round(clock.monotonic() * 1e6)
        self._first_serial = self.serial = serial
        self._show_serial(serial)
        now_us = self.true_us()
        loads = load if isinstance(load, Mapping) else {}
        self.circuits = {
            name: Circuit(
                loads.get(name, ConstantLoad(0)) if isinstance(load, Mapping) else _load(load),
                SimulatedRelay(delay_us=round(relay_delay_s * 1e6), needs_button=profile.capabilities.needs_button),
                now_us,
                start_nj=energy_wh * NJ_PER_WH,
                credit_nj=prepaid_wh * NJ_PER_WH,
                utc_offset_s=utc_offset_s,
            )
            for name in [channel.name for channel in profile.channels] or [""]
        }
        self._all = tuple(self.circuits.values())

    @property
    def main(self) -> Circuit:
        """The circuit of a meter that has one, or the first of several."""
        return self._all[0]

    @property
    def is_closed(self) -> bool:
        """Whether current can flow."""
        self.settle()
        return self.main.relay.is_closed

    @property
    def load_w(self) -> int:
        """What the tenant would draw with the relay closed."""
        return self.main.load.power_mw(self.true_us()) // 1000

    @load_w.setter
    def load_w(self, load_w: int) -> None:
        self.main.put_load(ConstantLoad(load_w), self.true_us())

    @property
    def power_w(self) -> int:
        """What flows now."""
        self.settle()
        return self.main.power_mw() // 1000

    @property
    def energy_wh(self) -> int:
        """The true energy so far, in whole watt-hours, whatever the counters say."""
        return self.energy_uwh // 1_000_000

    @property
    def energy_uwh(self) -> int:
        """The true energy so far, in whole microwatt-hours."""
        self.settle()
        return self.main.true.import_nj * 1_000_000 // NJ_PER_WH

    def circuits_of(self, channel: str) -> Sequence[Circuit]:
        """The circuit of a channel, or all by the name ''."""
        return (self.circuits[channel],) if channel else self._all

    def switch(self, *, is_closed: bool, channel: str = "") -> None:
        """Move the relay by hand."""
        self.settle()
        self.circuits_of(channel)[0].relay.move(self.true_us(), is_closed=is_closed)

    def press_button(self, channel: str = "") -> bool:
        """Press the button that an armed relay waits for; whether that closed it."""
        self.settle()
        return self.circuits_of(channel)[0].relay.press_button(self.true_us())

    def reboot(self) -> None:
        """Restart it, badly: it is silent for two seconds, and its counters begin at 0 again."""
        now_us = self.settle()
        self.boots_until_us = now_us + _BOOT_US
        for circuit in self._all:
            circuit.clear_counters()

    def swap(self, serial: str) -> None:
        """Put another instrument of the same type in its place, with counters at 0."""
        self.settle()
        self._show_serial(serial)
        for circuit in self._all:
            circuit.swap_counters()

    def swap_back(self) -> None:
        """Put the first instrument back."""
        self.settle()
        self._show_serial(self._first_serial)
        for circuit in self._all:
            circuit.swap_counters_back()

    def _show_serial(self, serial: str) -> None:
        """Answer with a serial number from now on; raises `Unencodable` if the type's register cannot hold it."""
        self.serial_bytes = b""
        if self.profile.identity is not None:
            point = self.profile.identity.point
            value = serial if point.type is WordType.ASCII else int(serial)
            self.serial_bytes = struct.pack(f">{point.count}H", *encode(point, value))
        self.serial = serial

    def freeze(self, name: str) -> None:
        """Let a point show for good what it shows now."""
        point = self.profile.point(name)
        self.frozen.pop(name, None)
        self.frozen[name] = self.registers(point.function, point.address, point.count)

    def true_us(self) -> int:
        """Now, on a calendar that nobody steps."""
        return self._true_base_us + round(self._clock.monotonic() * 1e6)

    def settle(self) -> int:
        """Bring energy and relays up to now; returns the true time."""
        now_us = self.true_us()
        for circuit in self._all:
            circuit.settle(now_us)
        return now_us

    def is_deaf(self) -> bool:
        """Whether it hears nothing: it restarts, or it hangs on its own open relay."""
        now_us = self.settle()
        if now_us < self.boots_until_us:
            return True
        return self.profile.capabilities.is_self_powered_behind_relay and not self.main.relay.is_closed

    def registers(self, function: Function, address: int, count: int) -> bytes:
        """What a read of registers gives, as it goes on the wire; raises `Refused`."""
        look = Look(self, self.settle())
        data = self.image.registers(look, function, address, count)
        return self._patched(data, function, address) if self.frozen or self.zeroed else data

    def bits(self, function: Function, address: int, count: int) -> list[int]:
        """What a read of coils or discrete inputs gives; raises `Refused`."""
        return self.image.bits(Look(self, self.settle()), function, address, count)

    def bits_after(self, function: Function, address: int, room: int) -> list[int]:
        """The bits that fill up the last byte of such a reply."""
        return self.image.bits_after(Look(self, self.settle()), function, address, room)

    def write(self, request: Request) -> None:
        """Obey a write, or raise `Refused`."""
        self.settle()
        if denied(self.profile, _step(request)) is not None and len(self.denied_writes) < _DENIED_KEPT_MAX:
            self.denied_writes.append(request)
        obey(self, _step(request))

    def keep(self, function: Function, address: int, values: Sequence[int]) -> None:
        """Set registers or coils that keep what they are given, as a person does at the keypad."""
        table = table_of(function)
        self.settings.update(((table, address + place), value) for place, value in enumerate(values))

    def _patched(self, data: bytes, function: Function, address: int) -> bytes:
        patched = bytearray(data)
        for name in [*self.frozen, *self.zeroed]:
            point = self.profile.point(name)
            if point.function is not function:
                continue
            shown = self.frozen.get(name, bytes(2 * point.count))
            start = 2 * (point.address - address)
            places = range(max(0, start), min(len(data), start + len(shown)))
            for place in places:
                patched[place] = shown[place - start]
            if places and (left := self.zeroed.get(name)) is not None:
                self.zeroed[name] = left - 1
                if left <= 1:
                    del self.zeroed[name]
        return bytes(patched)


def _step(request: Request) -> Step:
    is_coil = request.function is Function.WRITE_COIL  # a coil is 0 or 1, however it is written
    values = tuple(int(bool(value)) for value in request.values) if is_coil else request.values
    return Step(function=request.function, address=request.address, values=values)


def _load(load: Load | Mapping[str, Load] | int) -> Load:
    assert not isinstance(load, Mapping)
    return ConstantLoad(load) if isinstance(load, int) else load
