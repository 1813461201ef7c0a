"""One circuit behind a meter: its load flows while its relay is closed, and every nanojoule is counted."""

from __future__ import annotations

from hub.sim.field.energies import Energies, band_at
from hub.sim.field.loads import Load
from hub.sim.field.relay import SimulatedRelay


class Circuit:
    """A load, a relay and the energy that went through; brought up to date whenever somebody looks."""

    __slots__ = (
        "_band",
        "_band_until_us",
        "_baseline",
        "_credit_nj",
        "_load",
        "_offset_us",
        "_shelf",
        "_since_us",
        "_true",
        "relay",
        "trips_at_zero",
    )

    def __init__(
        self,
        load: Load,
        relay: SimulatedRelay,
        now_us: int,
        *,
        start_nj: int = 0,
        credit_nj: int = 0,
        utc_offset_s: int = 0,
    ) -> None:
        """Let a load flow from now on; the counters begin at `start_nj`, all of it in the present band."""
        self._load = load
        self.relay = relay
        self._offset_us = utc_offset_s * 1_000_000
        self._band, self._band_until_us = band_at(now_us + self._offset_us)
        self._true = Energies()
        self._true.add(start_nj, 0, self._band)
        self._baseline = Energies()
        self._shelf: Energies | None = None
        self._credit_nj = credit_nj + start_nj
        self.trips_at_zero = False
        """Whether the meter opens its relay by itself once its own credit is used up."""
        self._since_us = now_us

    @property
    def true(self) -> Energies:
        """What really flowed, whatever the counters say."""
        return self._true

    @property
    def load(self) -> Load:
        """What would flow with the relay closed."""
        return self._load

    def put_load(self, load: Load, now_us: int) -> None:
        """Let another load flow from now on."""
        self.settle(now_us)
        self._load = load

    def power_mw(self) -> int:
        """What flows, as of the last settling."""
        return self._load.power_mw(self._since_us) if self.relay.is_closed else 0

    def counted(self) -> Energies:
        """What the counters stand at, as of the last settling."""
        return self._true.minus(self._baseline)

    def credit_left_nj(self) -> int:
        """What is left of the meter's own prepaid credit; below zero it is overdrawn."""
        return self._credit_nj - self._true.import_nj

    def put_credit(self, left_nj: int) -> None:
        """Set what is left of the meter's own prepaid credit."""
        self._credit_nj = left_nj + self._true.import_nj

    def clear_counters(self) -> None:
        """Let the counters begin at 0 again, as a clear command or a bad restart does."""
        self._baseline = self._true.copy()

    def swap_counters(self) -> None:
        """Put another instrument in this place, whose counters begin at 0; the old one's stand still."""
        if self._shelf is None:
            self._shelf = self.counted()
        self.clear_counters()

    def swap_counters_back(self) -> None:
        """Put the first instrument back; its counters stand where they stood when it was taken out."""
        if self._shelf is not None:
            self._baseline = self._true.minus(self._shelf)
            self._shelf = None

    def settle(self, now_us: int) -> None:
        """Count what flowed up to now, moving the relay on the way at the very moment at which it is due."""
        while (move_us := self.relay.next_move_us()) is not None and move_us <= now_us:
            self._count(move_us)
            self.relay.finish_move()
        self._count(now_us)

    def _count(self, until_us: int) -> None:
        while self._since_us < until_us:
            local_us = self._since_us + self._offset_us
            if local_us >= self._band_until_us:
                self._band, self._band_until_us = band_at(local_us)
            end_us = min(until_us, self._band_until_us - self._offset_us)
            if self.relay.is_closed:
                self._flow(end_us)
            self._since_us = end_us

    def _flow(self, end_us: int) -> None:
        import_nj, export_nj = self._load.drawn_nj(self._since_us, end_us)
        if self.trips_at_zero and import_nj >= self.credit_left_nj():
            # The meter cuts at zero exactly; when that was is not worth a search for the crossing.
            import_nj = max(0, self.credit_left_nj())
            self.relay.move(self._since_us, is_closed=False)
        self._true.add(import_nj, export_nj, self._band)
