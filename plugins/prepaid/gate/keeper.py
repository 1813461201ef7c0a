"""Keeps the gate of one point: its open epoch, the newest accepted look, and what waits in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.contracts.ids import PointId
from hub.contracts.metering import Reading, ReadingTag, Register
from hub.contracts.units import WattHours
from hub.core.states import GOOD
from plugins.prepaid.gate.judge import Decision, Look, Nature, Standing, Verdict, judge
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.places.records import Epoch

THOUSANDTHS = {"kWh": 3, "Wh": 0, "m3": 3, "m³": 3, "l": 0}
"""Units of registers, as the power of ten that makes them the unit of account: Wh, or litres."""

SNAP_MAX_US = 5_000_000
"""A boundary read as close to its edge as this stands for the edge itself."""

_BASIS = {
    ReadingTag.BOUNDARY: Basis.BOUNDARY,
    ReadingTag.FINAL: Basis.FINAL,
    ReadingTag.REQUESTED: Basis.REQUESTED,
    None: Basis.ACTUAL,
}


@dataclass(slots=True)
class Keeper:
    """The gate of one point's main register."""

    point: PointId
    register: Register
    epoch: Epoch | None = None
    standing: Standing | None = None
    newest: AcceptedRead | None = None
    """The newest accepted look, written down or not."""
    written: AcceptedRead | None = None
    """The newest accepted read that is written down."""
    queued: AcceptedRead | None = None
    """The newest that is written down or on its way there."""
    band_wh: dict[str, tuple[int, WattHours]] = field(default_factory=dict)
    """What the meter's band registers said last: when, and how much."""

    def take_up(self, epoch: Epoch, last: AcceptedRead) -> None:
        """Go on from what is written down."""
        self.epoch = epoch
        self.written = self.queued = self.newest = last
        self.standing = Standing(at_us=last.at_us, raw=last.raw, wraps=last.wraps)

    def nature(self, epoch: Epoch) -> Nature:
        """What the judge must know of the register."""
        return Nature(
            open_raw=epoch.open_raw, scale=epoch.scale, ratio=epoch.ratio, modulus_raw=epoch.modulus_raw,
            power_max_w=self.register.power_max_w,
        )  # fmt: skip

    def look(self, reading: Reading, *, now_us: int) -> Verdict:
        """Judge a reading of the open epoch; only good ones of the right instrument are looked at."""
        assert self.epoch is not None
        assert self.standing is not None
        if reading.quality is not GOOD:
            return self._held(f"its quality is {reading.quality.value}")
        if None not in (reading.serial, self.epoch.serial) and reading.serial != self.epoch.serial:
            return self._held(f"meter {reading.serial} answers where {self.epoch.serial} is billed")
        if reading.ratio != self.epoch.ratio:
            now, then = reading.ratio, self.epoch.ratio
            return self._held(f"the transformer ratio is {now[0]}/{now[1]} now, and was {then[0]}/{then[1]}")
        return judge(
            Look(at_us=instant_of(reading), raw=reading.raw), self.standing, self.nature(self.epoch), now_us=now_us
        )

    def accepted(self, reading: Reading, verdict: Verdict) -> AcceptedRead:
        """The read that a verdict of acceptance makes of a reading."""
        assert self.epoch is not None
        standing = verdict.standing
        return read_of(reading, self.epoch, standing.wraps, self.nature(self.epoch), self.bands_at(standing.at_us))

    def note_band(self, band: str, reading: Reading) -> None:
        """Remember what a band register said; it counts for the main register's read of the same moment."""
        wh = reading.value.scaleb(THOUSANDTHS[reading.unit])
        self.band_wh[band] = (instant_of(reading), WattHours(int(wh)))

    def bands_at(self, at_us: int) -> dict[str, int] | None:
        """The band registers of a moment; None unless all of them were read then."""
        if not self.band_wh or any(abs(seen_us - at_us) > SNAP_MAX_US for seen_us, _ in self.band_wh.values()):
            return None
        return {band: wh for band, (_, wh) in sorted(self.band_wh.items())}

    def _held(self, reason: str) -> Verdict:
        assert self.standing is not None
        return Verdict(decision=Decision.REFUSE, standing=self.standing, reason=reason)


def instant_of(reading: Reading) -> int:
    """The instant that a reading counts for: a boundary read close to its edge stands for the edge."""
    if (
        reading.tag is ReadingTag.BOUNDARY
        and reading.asked_us is not None
        and abs(reading.source_us - reading.asked_us) <= SNAP_MAX_US
    ):
        return reading.asked_us
    return reading.source_us


def scale_of(reading: Reading) -> int:
    """The power of ten that makes a register's raw count the unit of account."""
    return reading.scale + THOUSANDTHS[reading.unit]


def read_of(
    reading: Reading, epoch: Epoch, wraps: int, nature: Nature, band_wh: dict[str, int] | None
) -> AcceptedRead:
    """A reading as an accepted read of an epoch."""
    return AcceptedRead(
        epoch=epoch.id, at_us=instant_of(reading), raw=reading.raw, wraps=wraps,
        total_wh=nature.total_wh(reading.raw, wraps), basis=_BASIS[reading.tag], words=reading.words,
        scale=epoch.scale, serial=reading.serial, frame_sha=reading.frame_sha, received_us=reading.received_us,
        band_wh=band_wh,
    )  # fmt: skip
