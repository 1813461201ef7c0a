"""One moment of a meter: every quantity that is read at it fits every other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hub.sim.field.circuit import Circuit
from hub.sim.field.energies import Energies

if TYPE_CHECKING:
    from hub.sim.field.meter import SimulatedMeter

_NOMINAL_MV = 230_000
_SAG_MW_PER_MV = 5_000  # the feeder drops 0.2 V for each kilowatt of a phase
_WOBBLE_PERIOD_US = 840_000_000
_WOBBLE_MV = 800
_NOMINAL_MHZ = 50_000
_WOBBLE_MHZ = 20


class Instant:
    """What flows and what lies on the terminals at one moment."""

    __slots__ = ("_circuits", "_energies", "frequency_mhz", "meter", "phases_mw", "total_mw", "voltages_mv")

    def __init__(self, meter: SimulatedMeter, at_us: int, circuits: Sequence[Circuit]) -> None:
        """Spread the power of some settled circuits over the phases, and let the voltage sag and wobble."""
        self.meter = meter
        self._circuits = circuits
        self.total_mw = total_mw = sum(circuit.power_mw() for circuit in circuits)
        self._energies: Energies | None = None
        shares = meter.phase_shares
        if len(shares) == 1:
            phases: tuple[int, ...] = (total_mw,)
        else:
            first, second = total_mw * shares[0] // 1000, total_mw * shares[1] // 1000
            phases = (first, second, total_mw - first - second)
        self.phases_mw = phases
        # A triangle from -1000 to 1000: cheap, smooth, and never quite the same twice in a row.
        swing = abs((at_us + meter.shift_us) % _WOBBLE_PERIOD_US - _WOBBLE_PERIOD_US // 2) // 210_000 - 1000
        level_mv = _NOMINAL_MV + _WOBBLE_MV * swing // 1000
        self.voltages_mv = tuple(
            level_mv + offset_mv - power_mw // _SAG_MW_PER_MV
            for offset_mv, power_mw in zip(meter.offsets_mv, phases, strict=True)
        )
        self.frequency_mhz = _NOMINAL_MHZ + _WOBBLE_MHZ * swing // 1000

    @property
    def energies(self) -> Energies:
        """What the counters stand at."""
        if self._energies is None:
            first, *others = self._circuits
            self._energies = first.counted()
            for circuit in others:
                self._energies = self._energies.plus(circuit.counted())
        return self._energies

    @property
    def credit_left_nj(self) -> int:
        """What is left of the meter's own prepaid credit."""
        return self._circuits[0].credit_left_nj()

    def power_mw(self, phase: int | None) -> int:
        """The power of a phase, or of all."""
        return self.total_mw if phase is None else self.phases_mw[phase]

    def current_ua(self, phase: int) -> int:
        """The current of a phase, so that power = voltage x current x power factor."""
        return (
            abs(self.phases_mw[phase])
            * 1_000_000_000
            // (self.voltages_mv[phase] * self.meter.power_factor_permille)
        )
