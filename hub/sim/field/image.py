"""A meter type's registers, compiled once from its profile: which bytes any read gives, and which are refused.

Every word comes from the profile's own codec. Plain floats and whole numbers in the usual order, which are nearly
all, take a shorter way that a test holds to the codec's answers: simulated buses are limited by it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hub.contracts.links import Function
from hub.contracts.profiles import Check, Kind, Order, Point, Profile, WordType, encode
from hub.core.errors import HubError
from hub.sim.field.instant import Instant
from hub.sim.field.quantities import Getter, quantity_of
from hub.sim.field.relay import Shown

if TYPE_CHECKING:
    from hub.sim.field.meter import SimulatedMeter

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4

_PLANS_MAX = 2_000
_WHOLE_FORMATS = {
    WordType.U16: "H",
    WordType.I16: "h",
    WordType.U32: "I",
    WordType.I32: "i",
    WordType.U64: "Q",
    WordType.I64: "q",
}
_SIGNED = "hiq"

Op = Callable[["Look"], bytes]
Bit = Callable[["Look"], int]


class Refused(HubError):
    """The meter answers that it will not, with a Modbus exception code."""

    def __init__(self, code: int, text: str) -> None:
        """Name the code for the wire, and the text for people."""
        super().__init__(text)
        self.code = code


class Look:
    """One read of one meter: all that it shows is of the same instant."""

    __slots__ = ("_instants", "meter", "now_us")

    def __init__(self, meter: SimulatedMeter, now_us: int) -> None:
        """Look at a meter that was brought up to date."""
        self.meter = meter
        self.now_us = now_us
        self._instants: dict[str, Instant] = {}

    def of(self, channel: str) -> Instant:
        """The electrical state of one circuit, or of the whole meter by the name ''."""
        instant = self._instants.get(channel)
        if instant is None:
            instant = Instant(self.meter, self.now_us, self.meter.circuits_of(channel))
            self._instants[channel] = instant
        return instant


@dataclass(frozen=True, slots=True)
class Cell:
    """Neighbouring registers that hold one value."""

    first: int
    words: int
    op: Op
    float_getter: tuple[Getter, int, str] | None = None
    """For a plain float: its number, the divisor, and the circuit; runs of them are packed in one go."""


class RegisterImage:
    """All registers and bits of a meter type."""

    def __init__(self, profile: Profile) -> None:
        """Compile a profile."""
        self.profile = profile
        self._cells: dict[Function, dict[int, Cell]] = {}
        self._bits: dict[Function, dict[int, Bit]] = {}
        self._plans: dict[tuple[Function, int, int], tuple[Op, ...]] = {}
        channel_of = {point.name: channel.name for channel in profile.channels for point in channel.points.values()}
        for point in profile.points:
            self._add_point(point, channel_of.get(point.name, ""))
        if profile.identity is not None:
            self._add(profile.identity.point.function, _serial_cell(profile.identity.point))
        if profile.relay is not None:
            self._add_relay(profile.relay, "")
        for channel in profile.channels:
            if channel.relay is not None:
                self._add_relay(channel.relay, channel.name)

    def registers(self, look: Look, function: Function, address: int, count: int) -> bytes:
        """What a read of registers gives; raises `Refused`."""
        plan = self._plans.get((function, address, count))
        if plan is None:
            plan = self._plan(function, address, count)
        if len(plan) == 1:
            return plan[0](look)
        return b"".join([op(look) for op in plan])

    def bits(self, look: Look, function: Function, address: int, count: int) -> list[int]:
        """What a read of coils or discrete inputs gives; raises `Refused`."""
        self._check_size(function, count, self.profile.capabilities.coils_max, 2000)
        table = self._bits.get(function, {})
        if any(place not in table for place in range(address, address + count)):
            raise Refused(ILLEGAL_ADDRESS, f"no bit at {address:#06x} to {address + count - 1:#06x}")
        return [table[place](look) for place in range(address, address + count)]

    def bits_after(self, look: Look, function: Function, address: int, room: int) -> list[int]:
        """The listed bits that follow: meters fill the last byte of a reply with them, asked or not."""
        table = self._bits.get(function, {})
        return [table[place](look) if place in table else 0 for place in range(address, address + room)]

    def _check_size(self, function: Function, count: int, largest: int, limit: int) -> None:
        if function not in self.profile.capabilities.functions:
            raise Refused(ILLEGAL_FUNCTION, f"a {self.profile.id} knows no function {int(function):02d}")
        if not 1 <= count <= min(largest, limit):
            raise Refused(
                ILLEGAL_VALUE, f"a {self.profile.id} reads 1 to {min(largest, limit)} at once, not {count}"
            )

    def _plan(self, function: Function, address: int, count: int) -> tuple[Op, ...]:
        profile = self.profile
        self._check_size(function, count, profile.capabilities.registers_max, 125)
        last = address + count - 1
        for listed in profile.forbidden:
            if listed.function is function and listed.touches(address, last):
                raise Refused(ILLEGAL_ADDRESS, f"{address:#06x} to {last:#06x} touches what no read may touch")
        plan = tuple(_merged(list(self._segments(function, address, last))))
        if len(self._plans) >= _PLANS_MAX:
            self._plans.clear()
        self._plans[function, address, count] = plan
        return plan

    def _segments(self, function: Function, address: int, last: int) -> Iterator[tuple[Cell | None, int, int]]:
        """Pieces of cells in order: the cell, or None for a proven gap, and the words of it that are meant."""
        table = self._cells.get(function, {})
        place = address
        while place <= last:
            cell = table.get(place)
            begin = place
            if cell is None:
                if not any(
                    gap.function is function and gap.first <= place <= gap.last for gap in self.profile.gaps_proven
                ):
                    raise Refused(ILLEGAL_ADDRESS, f"no register at {place:#06x}")
                place += 1
                yield None, 0, 1
                continue
            while place <= last and table.get(place) is cell:
                place += 1
            yield cell, begin - cell.first, place - cell.first

    def _add(self, function: Function, cell: Cell) -> None:
        table = self._cells.setdefault(function, {})
        table.update((place, cell) for place in range(cell.first, cell.first + cell.words))

    def _add_point(self, point: Point, channel: str) -> None:
        if point.function.reads_bits:
            table = self._bits.setdefault(point.function, {})
            table.update(
                (place, _setting_bit(point.function, place)) for place in range(point.address, point.last + 1)
            )
        else:
            self._add(point.function, _point_cell(point, channel))

    def _add_relay(self, check: Check, channel: str) -> None:
        if not check.function.reads_bits:
            self._add(check.function, _relay_cell(check, channel))
            return
        table = self._bits.setdefault(check.function, {})
        for place in range(max(check.count, check.mask.bit_length())):
            table[check.address + place] = _relay_bit(check, channel, place)


def _merged(segments: list[tuple[Cell | None, int, int]]) -> Iterator[Op]:
    """One operation per piece; plain floats side by side become one."""
    run: list[tuple[Getter, int, str]] = []
    for cell, begin, end in segments:
        if cell is not None and cell.float_getter is not None and (begin, end) == (0, cell.words):
            if run and run[0][2] != cell.float_getter[2]:
                yield _floats(run)
                run = []
            run.append(cell.float_getter)
            continue
        if run:
            yield _floats(run)
            run = []
        yield _zeros if cell is None else _piece(cell, begin, end)
    if run:
        yield _floats(run)


def _floats(run: list[tuple[Getter, int, str]]) -> Op:
    pairs = [(getter, divisor) for getter, divisor, _ in run]
    channel = run[0][2]
    pack = struct.Struct(f">{len(pairs)}f").pack

    def op(look: Look) -> bytes:
        now = look.of(channel)
        return pack(*[getter(now) / divisor for getter, divisor in pairs])

    return op


def _zeros(look: Look) -> bytes:
    return b"\0\0"


def _piece(cell: Cell, begin: int, end: int) -> Op:
    if (begin, end) == (0, cell.words):
        return cell.op
    return lambda look: cell.op(look)[2 * begin : 2 * end]


def _point_cell(point: Point, channel: str) -> Cell:
    quantity = quantity_of(_plain(point, channel))
    if quantity is None or point.type in {WordType.ASCII, WordType.BITS}:
        return _setting_cell(point)
    wrap = _wrap(point, quantity.per_unit)
    ratios = tuple(
        ratio.get for name in point.multiply_by if (ratio := quantity_of(Point(
            name=name, function=point.function, address=0, count=1, type=WordType.U16))) is not None
    )  # fmt: skip
    is_plain = point.order is Order.ABCD and not ratios
    divisor = Fraction(point.scale) * quantity.per_unit
    if is_plain and point.type is WordType.F32 and wrap is None and divisor.denominator == 1:
        getter = (quantity.get, int(divisor), channel)
        return Cell(point.address, point.count, _floats([getter]), getter)
    if is_plain and point.type in _WHOLE_FORMATS and wrap is None:
        return Cell(point.address, point.count, _whole(point, quantity.get, divisor, channel))

    def op(look: Look) -> bytes:
        now = look.of(channel)
        number = quantity.get(now)
        if wrap is not None:
            number %= wrap
        value = Fraction(number, quantity.per_unit)
        for ratio in ratios:
            value /= ratio(now) or 1
        return struct.pack(f">{point.count}H", *encode(point, _fitting(point, value)))

    return Cell(point.address, point.count, op)


def _plain(point: Point, channel: str) -> Point:
    """The point without its channel's prefix, for finding out what it measures."""
    if not channel:
        return point
    return replace(point, name=point.name.removeprefix(f"{channel}_"))


def _whole(point: Point, get: Getter, divisor: Fraction, channel: str) -> Op:
    form = _WHOLE_FORMATS[point.type]
    pack = struct.Struct(f">{form}").pack
    bits = 16 * point.count
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if form in _SIGNED else (0, (1 << bits) - 1)
    up, down = divisor.denominator, divisor.numerator
    is_counter = point.kind is Kind.COUNTER  # it shows what is complete, a gauge what is nearest

    def op(look: Look) -> bytes:
        number, rest = divmod(get(look.of(channel)) * up, down)
        if not is_counter and (2 * rest > down or (2 * rest == down and number & 1)):
            number += 1
        return pack(min(max(number, low), high))

    return op


def _fitting(point: Point, value: Fraction) -> Decimal:
    """The value as a number of the point's resolution that its words can hold."""
    if point.type in {WordType.F32, WordType.F64}:
        return Decimal(value.numerator) / Decimal(value.denominator)
    steps = value / Fraction(point.scale)
    number = steps.numerator // steps.denominator if point.kind is Kind.COUNTER else round(steps)
    bits = 16 * point.count
    if point.type is WordType.BCD:
        low, high = 0, 10 ** (4 * point.count) - 1
    elif _WHOLE_FORMATS[point.type] in _SIGNED:
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    else:
        low, high = 0, (1 << bits) - 1
    return Decimal(min(max(number, low), high)) * point.scale


def _wrap(point: Point, per_unit: int) -> int | None:
    """At how many of the quantity's own units the counter starts at 0 again."""
    counter = point.counter
    if counter is None or counter.modulus_raw is None:
        return None
    return int(counter.modulus_raw * Fraction(10) ** counter.scale * per_unit)


def _setting_cell(point: Point) -> Cell:
    places = [(Function.READ_HOLDING_REGISTERS, place) for place in range(point.address, point.last + 1)]
    if point.function is not Function.READ_HOLDING_REGISTERS:
        places = [(point.function, place) for _, place in places]

    def op(look: Look) -> bytes:
        settings = look.meter.settings
        return struct.pack(f">{len(places)}H", *[settings.get(place, 0) for place in places])

    return Cell(point.address, point.count, op)


def _setting_bit(function: Function, place: int) -> Bit:
    return lambda look: look.meter.settings.get((function, place), 0)


def _serial_cell(point: Point) -> Cell:
    def op(look: Look) -> bytes:
        return look.meter.serial_bytes

    return Cell(point.address, point.count, op)


def _relay_cell(check: Check, channel: str) -> Cell:
    def op(look: Look) -> bytes:
        return _relay_number(look, check, channel).to_bytes(2 * check.count)

    return Cell(check.address, check.count, op)


def _relay_bit(check: Check, channel: str, place: int) -> Bit:
    return lambda look: _relay_number(look, check, channel) >> place & 1


def _relay_number(look: Look, check: Check, channel: str) -> int:
    shown = look.meter.circuits_of(channel)[0].relay.shown(look.now_us)
    if shown is Shown.CLOSED:
        return check.closed_value
    return check.armed_value if shown is Shown.ARMED and check.armed_value is not None else check.open_value
