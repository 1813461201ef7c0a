"""What a profile's points measure: found from their names and units, and computed from one consistent instant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.contracts.profiles import Point
from hub.sim.field.energies import BANDS

if TYPE_CHECKING:
    from hub.sim.field.instant import Instant

Getter = Callable[["Instant"], int]

_NJ_PER_KWH = 3_600_000_000_000_000

# How many of a quantity's own whole units make one of the point's unit.
_PER_UNIT = {
    "V": 1_000, "kV": 1_000_000, "mV": 1,
    "A": 1_000_000, "mA": 1_000, "kA": 1_000_000_000,
    "W": 1_000, "kW": 1_000_000, "mW": 1, "var": 1_000, "kvar": 1_000_000, "VA": 1_000, "kVA": 1_000_000,
    "Hz": 1_000, "mHz": 1,
    "Wh": _NJ_PER_KWH // 1_000, "kWh": _NJ_PER_KWH, "MWh": 1_000 * _NJ_PER_KWH,
    "varh": _NJ_PER_KWH // 1_000, "kvarh": _NJ_PER_KWH, "Mvarh": 1_000 * _NJ_PER_KWH,
    "VAh": _NJ_PER_KWH // 1_000, "kVAh": _NJ_PER_KWH,
    "%": 10, "°C": 10, "°": 10,
}  # fmt: skip

_PHASES = {
    **dict.fromkeys(("a", "l1", "r", "1", "phase1"), 0),
    **dict.fromkeys(("b", "l2", "s", "2", "phase2"), 1),
    **dict.fromkeys(("c", "l3", "t", "3", "phase3"), 2),
}
_LINES = {"ab": 0, "l12": 0, "l1l2": 0, "bc": 1, "l23": 1, "l2l3": 1, "ca": 2, "l31": 2, "l3l1": 2}
_BAND_TOKENS = {
    **{name: index for index, name in enumerate(BANDS)},
    **{f"{prefix}{index + 1}": index for index in range(4) for prefix in ("tariff", "t", "rate")},
}
_ENERGY_UNITS = {"Wh", "kWh", "MWh", "varh", "kvarh", "Mvarh", "VAh", "kVAh"}
_SETTING = {"threshold", "limit", "setting", "overdraft", "alarm"}
_EXPORT = {"export", "reverse", "exported", "received"}
_IMPORT = {"import", "forward", "imported", "delivered", "consumption"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a meter has at every instant, in whole units of its own: so many to one of the point's unit."""

    get: Getter
    per_unit: int


def quantity_of(point: Point) -> Quantity | None:
    """What a point measures; None for a setting or anything else that is not a measurement."""
    tokens = _tokens(point.name)
    if _SETTING & set(tokens):
        return None
    measured = _ratio(tokens) or _distortion(tokens) or _energy(point, tokens) or _electrical(point, tokens)
    getter, per_unit = measured or (None, 1)
    return None if getter is None else Quantity(getter, _PER_UNIT.get(point.unit, per_unit))


def is_three_phase(points: tuple[Point, ...]) -> bool:
    """Whether a meter with these points measures a second phase."""
    return any(_phase(_tokens(point.name)) == 1 or _line(_tokens(point.name)) is not None for point in points)


def _tokens(name: str) -> tuple[str, ...]:
    joined = re.sub(r"(tariff|rate|phase)_(\d)", r"\1\2", name)
    joined = re.sub(r"l1_l2", "l1l2", joined)
    joined = re.sub(r"l2_l3", "l2l3", joined)
    return tuple(re.sub(r"l3_l1", "l3l1", joined).split("_"))


def _phase(tokens: tuple[str, ...]) -> int | None:
    return next((_PHASES[token] for token in tokens[1:] if token in _PHASES), None)


def _line(tokens: tuple[str, ...]) -> int | None:
    return next((_LINES[token] for token in tokens if token in _LINES), None)


def _ratio(tokens: tuple[str, ...]) -> tuple[Getter, int] | None:
    if "ct" in tokens:
        return (lambda now: now.meter.ct_ratio), 1
    if "pt" in tokens or "vt" in tokens:
        return (lambda now: now.meter.pt_ratio), 1
    return None


def _distortion(tokens: tuple[str, ...]) -> tuple[Getter, int] | None:
    """What harmonics usually are in a building full of shops: a few per cent of voltage, more of current."""
    if not {"thd", "harmonic"} & set(tokens):
        return None
    permille = 110 if "current" in tokens else 24
    return (lambda now: permille), 10


def _energy(point: Point, tokens: tuple[str, ...]) -> tuple[Getter, int] | None:
    if {"prepaid", "credit", "remaining", "left"} & set(tokens) and point.unit in {"Wh", "kWh"}:
        return (lambda now: now.credit_left_nj), _NJ_PER_KWH
    if "energy" not in tokens and point.unit not in _ENERGY_UNITS:
        return None
    if "month" in tokens or "history" in tokens:
        return None  # settlement blocks are not simulated: they read 0
    is_reactive = "reactive" in tokens or point.unit in {"varh", "kvarh", "Mvarh"}
    is_apparent = "apparent" in tokens or point.unit in {"VAh", "kVAh"}
    whole = _whole_energy(tokens)
    phase = _phase(tokens)

    def get(now: Instant) -> int:
        energy_nj = whole(now)
        if phase is not None:
            energy_nj = energy_nj * now.meter.phase_shares[phase] // 1000
        if is_reactive:
            return energy_nj * now.meter.tangent_ppm // 1_000_000
        return energy_nj * 1000 // now.meter.power_factor_permille if is_apparent else energy_nj

    return get, _NJ_PER_KWH


def _whole_energy(tokens: tuple[str, ...]) -> Getter:
    band = next((_BAND_TOKENS[token] for token in tokens if token in _BAND_TOKENS), None)
    if band is not None:
        return [
            lambda now: now.energies.sharp_nj,
            lambda now: now.energies.peak_nj,
            lambda now: now.energies.flat_nj,
            lambda now: now.energies.valley_nj,
        ][band]
    if _EXPORT & set(tokens):
        return lambda now: now.energies.export_nj
    if "net" in tokens:
        return lambda now: now.energies.import_nj - now.energies.export_nj
    if "total" in tokens and not _IMPORT & set(tokens):
        return lambda now: now.energies.import_nj + now.energies.export_nj
    return lambda now: now.energies.import_nj


def _electrical(point: Point, tokens: tuple[str, ...]) -> tuple[Getter, int] | None:
    phase, words = _phase(tokens), set(tokens)
    if {"factor", "pf"} & words:
        return (lambda now: now.meter.power_factor_permille), 1000
    if {"frequency", "freq", "hz"} & words:
        return (lambda now: now.frequency_mhz), 1000
    if "voltage" in words:
        return _voltage(tokens, phase), 1000
    if "current" in words:
        return _current(tokens, phase), 1_000_000
    if not {"power", "demand"} & words or point.unit in {"", "%"}:
        return None
    if "reactive" in words or point.unit in {"var", "kvar"}:
        return (lambda now: now.power_mw(phase) * now.meter.tangent_ppm // 1_000_000), 1000
    if "apparent" in words or point.unit in {"VA", "kVA"}:
        return (lambda now: abs(now.power_mw(phase)) * 1000 // now.meter.power_factor_permille), 1000
    if phase is None:
        return (lambda now: now.total_mw), 1000
    return (lambda now: now.phases_mw[phase]), 1000


def _voltage(tokens: tuple[str, ...], phase: int | None) -> Getter:
    line = _line(tokens)
    if line is not None or "line" in tokens:
        first = line if line is not None else 0
        return lambda now: (now.voltages_mv[first] + now.voltages_mv[(first + 1) % 3]) * 866_025 // 1_000_000
    at = phase or 0
    return lambda now: now.voltages_mv[at]


def _current(tokens: tuple[str, ...], phase: int | None) -> Getter:
    if phase is not None:
        return lambda now: now.current_ua(phase)
    if {"neutral", "n", "leakage", "residual"} & set(tokens):
        return lambda now: 0
    return lambda now: sum(now.current_ua(at) for at in range(len(now.phases_mw)))
