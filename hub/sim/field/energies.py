"""Energy as a meter counts it: imported, exported, and by tariff band; whole nanojoules, so that nothing drifts."""

from __future__ import annotations

from dataclasses import dataclass

BANDS = ("sharp", "peak", "flat", "valley")

_HOUR_US = 3_600_000_000
# Which band each local hour belongs to, as a meter of this kind leaves its factory.
_BY_HOUR = (3,) * 7 + (2,) + (1,) * 3 + (2,) * 7 + (1,) + (0,) * 2 + (2,) * 2 + (3,)


@dataclass(slots=True)
class Energies:
    """Energy so far."""

    import_nj: int = 0
    export_nj: int = 0
    sharp_nj: int = 0
    peak_nj: int = 0
    flat_nj: int = 0
    valley_nj: int = 0

    def add(self, import_nj: int, export_nj: int, band: int) -> None:
        """Count a flow that fell in one band."""
        self.import_nj += import_nj
        self.export_nj += export_nj
        if band == 0:
            self.sharp_nj += import_nj
        elif band == 1:
            self.peak_nj += import_nj
        elif band == 2:
            self.flat_nj += import_nj
        else:
            self.valley_nj += import_nj

    def copy(self) -> Energies:
        """The same numbers, on their own."""
        return Energies(self.import_nj, self.export_nj, self.sharp_nj, self.peak_nj, self.flat_nj, self.valley_nj)

    def plus(self, other: Energies) -> Energies:
        """Both together."""
        return self.minus(Energies().minus(other))

    def minus(self, other: Energies) -> Energies:
        """What was counted since."""
        return Energies(
            self.import_nj - other.import_nj,
            self.export_nj - other.export_nj,
            self.sharp_nj - other.sharp_nj,
            self.peak_nj - other.peak_nj,
            self.flat_nj - other.flat_nj,
            self.valley_nj - other.valley_nj,
        )


def band_at(local_us: int) -> tuple[int, int]:
    """The index of the band at a local instant, and the local instant at which another one begins."""
    hour = local_us // _HOUR_US
    band = _BY_HOUR[hour % 24]
    end = hour + 1
    while _BY_HOUR[end % 24] == band:
        end += 1
    return band, end * _HOUR_US
