"""The simulator's section of `hub.yaml`: schema, checks of the whole, and what is built from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import voluptuous as vol

from hub.contracts.profiles import (
    Profile,
    Unencodable,
    WordType,
    encode,
    find_profile,
    profile_folders,
)
from hub.core.clock import Clock
from hub.core.config import ConfigDict, ConfigError, ConfigErrors, mark_of, validate
from hub.core.config.fields import decimal, duration
from hub.core.errors import HubError
from hub.sim.field.bus import BAUD, SimulatedBus
from hub.sim.field.faults import BadFault, Fault, FaultKind, kind_named
from hub.sim.field.loads import PATTERNS, ConstantLoad, DailyLoad, Load, SteppedLoad
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.stations import Turn

DEFAULT_PROFILE = "compere_kpm33b"

BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
POWER_MAX_W = 10_000_000

_power_w = vol.All(int, vol.Range(-POWER_MAX_W, POWER_MAX_W))
_turn_ms = vol.Any(
    vol.All(int, vol.Range(0, 10_000)), vol.All([vol.All(int, vol.Range(0, 10_000))], vol.Length(min=2, max=2))
)
_load = vol.Any(
    _power_w,
    {
        vol.Required("pattern"): vol.In(sorted(PATTERNS)),
        vol.Required("peak_w"): vol.All(int, vol.Range(0, POWER_MAX_W)),
        vol.Optional("seed"): int,
    },
    {vol.Required("steps"): vol.All([{vol.Required("after"): duration, vol.Required("power_w"): _power_w}],
                                    vol.Length(min=1))},
)  # fmt: skip


def load(value: object) -> object:
    """The load of one circuit, written as `load` is."""
    return vol.Schema(_load)(value)


SIMPLE_METER = {
    vol.Required("unit"): vol.All(int, vol.Range(1, 247)),
    vol.Required("serial"): vol.All(str, vol.Length(1, 32)),
    vol.Optional("load_w", default=0): _power_w,
    vol.Optional("energy_wh", default=0): vol.All(int, vol.Range(min=0)),
}
METER = {
    **SIMPLE_METER,
    vol.Optional("profile"): str,
    vol.Optional("load"): _load,
    vol.Optional("loads"): {str: load},
    vol.Optional("prepaid_wh", default=0): int,
    vol.Optional("ct_ratio", default=1): vol.All(int, vol.Range(1, 10_000)),
    vol.Optional("pt_ratio", default=1): vol.All(int, vol.Range(1, 10_000)),
    vol.Optional("turn_ms"): _turn_ms,
}


def fault_kind(value: object) -> FaultKind:
    """The kind of a fault by its name, in configuration and actions."""
    try:
        return kind_named(str(value))
    except BadFault as error:
        raise vol.Invalid(str(error)) from None


FAULT = {
    vol.Required("kind"): fault_kind,
    vol.Optional("unit"): vol.All(int, vol.Range(1, 247)),
    vol.Optional("times"): vol.All(int, vol.Range(min=1)),
    vol.Optional("late"): duration,
    vol.Optional("code"): vol.All(int, vol.Range(1, 255)),
    vol.Optional("chance"): decimal,
    vol.Optional("point"): str,
    vol.Optional("serial"): str,
}
"""One fault, as configuration and the action `simulator.set_fault` take it."""

BUS = {
    vol.Required("meters"): [METER],
    vol.Optional("profile"): str,
    vol.Optional("baud", default=BAUD): vol.In(BAUDS),
    vol.Optional("format", default="8E1"): vol.In(("8N1", "8N2", "8E1", "8O1")),
    vol.Optional("turn_ms"): _turn_ms,
    vol.Optional("seed", default=0): int,
    vol.Optional("faults", default=list): [
        {
            **FAULT,
            vol.Optional("after", default="0 s"): duration,
            vol.Optional("lasts"): duration,
            vol.Optional("every"): duration,
        }
    ],
}

SCHEMA = {vol.Required("buses"): {str: vol.Any([SIMPLE_METER], BUS)}}
"""A bus is a list of simple meters, or a mapping that says more about them and how it runs."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault with the time at which it comes."""

    fault: Fault
    after_s: float
    lasts_s: float | None
    """None: until somebody clears it."""
    every_s: float | None
    """None: once."""


def fault_from(data: Mapping[str, Any]) -> Fault:
    """The fault that checked configuration, or the data of an action, describes; raises `BadFault`."""
    late: timedelta | None = data.get("late")
    given: dict[str, Any] = {key: data[key] for key in ("unit", "times", "code", "point", "serial") if key in data}
    if late is not None:
        given["late_s"] = late.total_seconds()
    if "chance" in data:
        given["chance"] = float(data["chance"])
    return Fault(kind=data["kind"], **given)


class FieldConfig:
    """The checked section, with every profile that it names."""

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        """Check the whole; raises `ConfigErrors` with all that is wrong."""
        self._config = config
        self._errors: list[ConfigError] = []
        self._profiles: dict[str, Profile | None] = {}
        self._folders = profile_folders(folder)
        for name, bus in config["buses"].items():
            self._check_bus(name, bus)
        if self._errors:
            raise ConfigErrors(self._errors)

    def buses(self, clock: Clock, utc_offset_s: int) -> dict[str, SimulatedBus]:
        """The buses with their meters."""
        return {name: self._bus(bus, clock, utc_offset_s) for name, bus in self._config["buses"].items()}

    def faults(self, bus: str) -> Iterator[PlannedFault]:
        """The planned faults of a bus."""
        config = self._config["buses"][bus]
        for item in config["faults"] if isinstance(config, Mapping) else ():
            yield PlannedFault(
                fault_from(item),
                item["after"].total_seconds(),
                _seconds(item.get("lasts")),
                _seconds(item.get("every")),
            )

    def _check_bus(self, name: str, bus: Any) -> None:
        path: list[object] = ["buses", name]
        meters = _meters(bus)
        profile_path = [*path, "profile"] if isinstance(bus, Mapping) and "profile" in bus else None
        at = path if isinstance(bus, list) else [*path, "meters"]
        units: set[int] = set()
        for place, meter in enumerate(meters):
            if meter["unit"] in units:
                self._wrong(
                    [*at, place, "unit"], f"unit {meter['unit']} stands twice on bus {name!r}; each has one"
                )
            units.add(meter["unit"])
            self._check_meter(bus, meter, [*at, place], profile_path)
        for place, item in enumerate(bus["faults"] if isinstance(bus, Mapping) else ()):
            try:
                fault = fault_from(item)
            except BadFault as error:
                self._wrong([*path, "faults", place], str(error))
                continue
            if fault.unit is not None and fault.unit not in units:
                self._wrong([*path, "faults", place, "unit"], f"bus {name!r} has no unit {fault.unit}")

    def _check_meter(
        self, bus: Any, meter: Mapping[str, Any], path: Sequence[object], profile_path: Sequence[object] | None
    ) -> None:
        named_at = [*path, "profile"] if "profile" in meter else profile_path or path
        profile = self._profile(_profile_name(bus, meter), named_at)
        if profile is None:
            return
        problem = serial_problem(profile, meter["serial"])
        if problem:
            self._wrong([*path, "serial"], problem)
        channels = [channel.name for channel in profile.channels]
        for channel in meter.get("loads", {}):
            if channel not in channels:
                known = f"it has {', '.join(channels)}" if channels else "it has one circuit; write `load`"
                self._wrong([*path, "loads"], f"a {profile.id} has no circuit {channel!r}: {known}")

    def _profile(self, name: str, path: Sequence[object]) -> Profile | None:
        if name not in self._profiles:
            self._profiles[name] = None
            try:
                self._profiles[name] = find_profile(name, self._folders)
            except ConfigErrors as errors:
                self._errors += errors.errors
            except HubError as error:
                self._wrong(path, str(error))
        return self._profiles[name]

    def _wrong(self, path: Sequence[object], text: str) -> None:
        self._errors.append(ConfigError(f"plugin simulator: {text}", mark_of(self._config, path)))

    def _bus(self, bus: Any, clock: Clock, utc_offset_s: int) -> SimulatedBus:
        meters = {meter["unit"]: self._meter(bus, meter, clock, utc_offset_s) for meter in _meters(bus)}
        if isinstance(bus, list):
            made = SimulatedBus(clock, meters)
        else:
            made = SimulatedBus(
                clock,
                meters,
                baud=bus["baud"],
                bits_per_character=10 if bus["format"] == "8N1" else 11,
                turn=_turn(bus.get("turn_ms")),
                seed=bus["seed"],
            )
        for meter in _meters(bus):
            turn = _turn(meter.get("turn_ms"))
            if turn is not None:
                made.stations.turns[meter["unit"]] = turn
        return made

    def _meter(self, bus: Any, meter: Mapping[str, Any], clock: Clock, utc_offset_s: int) -> SimulatedMeter:
        profile = self._profiles[_profile_name(bus, meter)]
        assert profile is not None, "the whole was checked"
        seed = (0 if isinstance(bus, list) else bus["seed"]) * 1000 + meter["unit"]
        now_us = clock.now_us()
        loads: dict[str, Load] = {
            name: _load_from(item, seed, now_us, utc_offset_s) for name, item in meter.get("loads", {}).items()
        }
        return SimulatedMeter(
            clock,
            profile,
            meter["serial"],
            loads or _load_from(meter.get("load", meter["load_w"]), seed, now_us, utc_offset_s),
            energy_wh=meter["energy_wh"],
            prepaid_wh=meter.get("prepaid_wh", 0),
            ct_ratio=meter.get("ct_ratio", 1),
            pt_ratio=meter.get("pt_ratio", 1),
            utc_offset_s=utc_offset_s,
        )


def serial_problem(profile: Profile, serial: str) -> str:
    """Why no meter of this type can have this serial number; "" when it can."""
    if profile.identity is None:
        return ""
    point = profile.identity.point
    if not re.fullmatch(profile.identity.pattern, serial):
        return f"no {profile.id} has the serial number {serial!r}: it fits {profile.identity.pattern}"
    try:
        encode(point, serial if point.type is WordType.ASCII else int(serial))
    except (Unencodable, ValueError) as error:
        return f"no {profile.id} has the serial number {serial!r}: {error}"
    return ""


def check_whole(section: ConfigDict, folder: Path) -> list[ConfigError]:
    """What only the whole section shows to be wrong; a section that its schema refuses is not looked at."""
    try:
        config = validate(section, vol.Schema(SCHEMA), where="plugin simulator")
    except ConfigErrors:
        return []
    try:
        FieldConfig(config, folder)
    except ConfigErrors as errors:
        return list(errors.errors)
    return []


def _meters(bus: Any) -> list[Mapping[str, Any]]:
    return bus if isinstance(bus, list) else list(bus["meters"])


def _profile_name(bus: Any, meter: Mapping[str, Any]) -> str:
    of_bus = bus.get("profile", DEFAULT_PROFILE) if isinstance(bus, Mapping) else DEFAULT_PROFILE
    return str(meter.get("profile", of_bus))


def _turn(turn_ms: int | Sequence[int] | None) -> Turn | None:
    if turn_ms is None:
        return None
    low_ms, high_ms = (turn_ms, turn_ms) if isinstance(turn_ms, int) else (min(turn_ms), max(turn_ms))
    return Turn(1000 * low_ms, 1000 * high_ms)


def _load_from(item: Any, seed: int, now_us: int, utc_offset_s: int) -> Load:
    if isinstance(item, int):
        return ConstantLoad(item)
    if "pattern" in item:
        return DailyLoad(PATTERNS[item["pattern"]], item["peak_w"], item.get("seed", seed), utc_offset_s)
    steps = {now_us + step["after"] // timedelta(microseconds=1): step["power_w"] for step in item["steps"]}
    return SteppedLoad(sorted(steps.items()))


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
