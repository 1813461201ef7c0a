"""Makes points of what a profile's YAML says about them: defaults filled in, rows expanded, counters worked out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from hub.contracts.links import Function
from hub.contracts.naming import SLUG, SLUG_LENGTH_MAX
from hub.contracts.profiles.faults import Faults, Path
from hub.contracts.profiles.form import CounterConfig, DefaultsConfig, PointConfig
from hub.contracts.profiles.model import Counter, Kind, Order, Point, WordType
from hub.contracts.profiles.words import FLOATS

POINTS_MAX = 2_000
RESERVED = frozenset({"serial", "relay", "action"})
"""Names with a meaning of their own in a profile's frames."""

_HOLE = re.compile(r"\{[a-z]*\}")
_COUNTS = {
    WordType.U16: 1,
    WordType.I16: 1,
    WordType.U32: 2,
    WordType.I32: 2,
    WordType.U64: 4,
    WordType.I64: 4,
    WordType.F32: 2,
    WordType.F64: 4,
}
_ROLLS_OVER = frozenset({WordType.U16, WordType.U32, WordType.BCD})
_NO_NUMBERS = frozenset({WordType.ASCII, WordType.BITS})
_ONLY_FOR_NUMBERS = ("scale", "min", "max", "multiply_by", "counter", "order")
_BCD_REGISTERS_MAX = 4
_FLOAT_RESOLUTION = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Row:
    """Points that one entry of the YAML stands for, and where it is."""

    path: Path
    points: tuple[Point, ...]


class PointMaker:
    """Makes the points of one profile."""

    def __init__(self, faults: Faults, defaults: DefaultsConfig) -> None:
        """Report to `faults`; fill in what an entry leaves out."""
        self._faults = faults
        self._defaults = defaults

    def rows(self, configs: Mapping[str, PointConfig], path: Path) -> Iterator[Row]:
        """The rows of a `points:` section, with what is wrong with each noted."""
        for name, config in configs.items():
            here = (*path, name)
            yield Row(here, tuple(self._expanded(name, config, here)))

    def make(self, name: str, config: PointConfig, path: Path) -> Point:
        """The point of one entry, as if it had no `each`."""
        read = config.get("read", self._defaults.get("read", Function.READ_HOLDING_REGISTERS))
        type_ = self._type(config, read, path)
        kind = self._kind(config, type_, path)
        scale = config.get("scale", Decimal(1))
        count = self._count(config, type_, path)
        counter = self._counter(config, type_, count, scale, path) if kind is Kind.COUNTER else None
        minimum = config.get("min", Decimal(0) if kind is Kind.COUNTER else None)
        maximum = config.get("max")
        if minimum is not None and maximum is not None and minimum > maximum:
            self._faults.add((*path, "max"), f"the minimum {minimum} is above the maximum {maximum}")
        nothing = tuple(config.get("not_a_number", ()))
        if nothing and max(nothing) >= 1 << 16 * count:
            self._faults.add((*path, "not_a_number"), f"0x{max(nothing):X} does not fit into {count} registers")
        if config.get("billing", False) and kind is not Kind.COUNTER:
            self._faults.add((*path, "billing"), "only a counter can be billed; add kind: counter")
        self._check_characters(config, type_, count, path)
        return Point(
            name=name,
            function=read,
            address=config["at"],
            count=count,
            type=type_,
            order=config.get("order", self._defaults.get("order", Order.ABCD)),
            scale=scale,
            unit=config.get("unit", ""),
            kind=kind,
            group=config.get("group", self._defaults.get("group", "normal")),
            minimum=minimum,
            maximum=maximum,
            not_a_number=nothing,
            multiply_by=tuple(config.get("multiply_by", ())),
            counter=counter,
            is_billing=config.get("billing", False),
            characters=config.get("characters"),
        )

    def _expanded(self, name: str, config: PointConfig, path: Path) -> Iterator[Point]:
        """One point; or with `each`, one for each ending, which takes the place of `{...}` in the name."""
        suffixes = config.get("each")
        holes = _HOLE.findall(name)
        if suffixes is None or len(holes) != 1:
            if suffixes is not None:
                text = f"{name!r} needs a place for the endings, such as voltage_{{phase}}"
                self._faults.add((*path, "each"), text)
            elif "step" in config:
                self._faults.add((*path, "step"), "a step goes with each: [...], which is not there")
            self._check_name(name, path)
            yield self.make(name, config, path)
            return
        first = self.make(name, config, path)
        step = config.get("step", first.count)
        if step < first.count:
            text = f"the step {step} is shorter than the value's {first.count} registers"
            self._faults.add((*path, "step"), text)
        for place, suffix in enumerate(suffixes):
            point = moved(first, name.replace(holes[0], suffix), place * step)
            self._check_name(point.name, path)
            yield point

    def _check_name(self, name: str, path: Path) -> None:
        if holes := _HOLE.findall(name):
            self._faults.add(
                path, f"{holes[0]} stands for the endings in each: [...], which is not there", at_key=True
            )
        elif not SLUG.fullmatch(name) or len(name) > SLUG_LENGTH_MAX:
            text = f"{name!r} is no name; write a-z, 0-9 and single _, such as voltage_l1"
            self._faults.add(path, text, at_key=True)
        elif name in RESERVED:
            where = "under identity:" if name == "serial" else "under another name"
            self._faults.add(path, f"{name!r} has a meaning of its own; write this {where}", at_key=True)

    def _type(self, config: PointConfig, read: Function, path: Path) -> WordType:
        type_ = config.get("type", WordType.BITS if read.reads_bits else self._defaults.get("type"))
        if type_ is None:
            self._faults.add(path, "missing key 'type': u16, i16, u32, f32 and so on, here or under defaults")
            return WordType.U16
        if read.reads_bits is not (type_ is WordType.BITS):
            text = (
                f"function {read:d} reads bits, which are no {type_.value}"
                if read.reads_bits
                else f"bits are read by function 1 or 2, not {read:d}; a register with flags is a u16"
            )
            self._faults.add((*path, "type"), text)
        if type_ in _NO_NUMBERS:
            for key in _ONLY_FOR_NUMBERS:
                if key in config and not (key == "order" and type_ is WordType.ASCII):
                    self._faults.add((*path, key), f"{key} means nothing for {type_.value}", at_key=True)
        return type_

    def _kind(self, config: PointConfig, type_: WordType, path: Path) -> Kind:
        usual = Kind.STATE if type_ in _NO_NUMBERS else Kind.COUNTER if "counter" in config else Kind.GAUGE
        kind = config.get("kind", usual)
        if type_ in _NO_NUMBERS and kind is not Kind.STATE:
            self._faults.add((*path, "kind"), f"a value of type {type_.value} is a state, not a {kind.value}")
            return Kind.STATE
        if "counter" in config and kind is not Kind.COUNTER:
            self._faults.add((*path, "kind"), f"counter: goes with kind: counter, not {kind.value}")
        return kind

    def _count(self, config: PointConfig, type_: WordType, path: Path) -> int:
        usual = _COUNTS.get(type_)
        count = config.get("count", 1 if type_ is WordType.BITS else usual)
        if count is None:
            self._faults.add(path, f"missing key 'count': how many registers this {type_.value} takes")
            return 1
        if usual is not None and count != usual:
            text = f"count {count} does not fit {type_.value}, which takes {usual} registers; leave it out"
            self._faults.add((*path, "count"), text)
            return usual
        if type_ is WordType.BCD and count > _BCD_REGISTERS_MAX:
            self._faults.add(
                (*path, "count"), f"a BCD number takes at most {_BCD_REGISTERS_MAX} registers, not {count}"
            )
            return 1
        return count

    def _check_characters(self, config: PointConfig, type_: WordType, count: int, path: Path) -> None:
        characters = config.get("characters")
        if characters is None:
            return
        if type_ is not WordType.ASCII:
            self._faults.add((*path, "characters"), f"characters means nothing for {type_.value}", at_key=True)
        elif characters > 2 * count:
            text = f"{characters} characters do not fit into {count} registers of 2 each"
            self._faults.add((*path, "characters"), text)

    def _counter(
        self, config: PointConfig, type_: WordType, count: int, scale: Decimal, path: Path
    ) -> Counter | None:
        said: CounterConfig = {**self._defaults.get("counter", {}), **config.get("counter", {})}
        here = (*path, "counter") if "counter" in config else path
        if "rate_max_per_h" not in said:
            text = "a counter needs counter: {rate_max_per_h: the most that can flow in an hour, Imax x U x root 3}"
            self._faults.add(here, text)
            return None
        if scale < 0:
            self._faults.add((*path, "scale"), "a counter only grows, so its scale is above 0")
            return None
        resolution = said.get("resolution", _FLOAT_RESOLUTION if type_ in FLOATS else scale)
        digits = resolution.normalize().as_tuple()
        if digits.digits != (1,) or not isinstance(digits.exponent, int):
            text = f"the resolution {resolution} is no power of ten; write 1, 0.1, 0.01 and so on"
            self._faults.add(here, text)
            return None
        if type_ not in FLOATS and scale % resolution:
            text = f"the resolution {resolution} would lose digits of a register that counts in steps of {scale}"
            self._faults.add(here, text)
            return None
        modulus = said.get("modulus", _modulus(type_, count) * scale)
        if modulus % resolution:
            self._faults.add(here, f"the modulus {modulus} is no multiple of the resolution {resolution}")
            return None
        return Counter(
            modulus_raw=int(modulus / resolution) or None,
            scale=digits.exponent,
            rate_max_per_h=said["rate_max_per_h"],
        )


def moved(point: Point, name: str, by: int) -> Point:
    """The same value under another name at a later address."""
    return replace(point, name=name, address=point.address + by)


def _modulus(type_: WordType, count: int) -> int:
    """Where the number on the wire starts again at 0; 0 when it never does in a meter's life, or is not known."""
    if type_ not in _ROLLS_OVER:
        return 0
    return 10 ** (4 * count) if type_ is WordType.BCD else 1 << 16 * count
