"""What pricing takes and gives: intervals between accepted reads, and segments inside one band."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from hub.contracts.units import WattHours
from hub.core.errors import HubError

Component = str
"""`energy`, `adder:<name>`, `fixed:<name>`, `demand`, `minimum` or `tax:<name>`."""

ExactNano = int | Fraction
"""An amount that nothing has rounded: whole nano-units, or a Fraction of them where a tax or a day makes one."""


class PricingError(HubError):
    """What was asked for cannot be priced; the text says why."""


class Interval(NamedTuple):
    """Energy between two consecutive accepted reads of one epoch."""

    t0_us: int
    t1_us: int
    wh: WattHours
    read_a: int = 0
    read_b: int = 0
    band_wh: Mapping[str, int] | None = None
    """What the meter's own band registers counted between the two."""
    resolution_wh: int = 1
    """What the register's last digit is worth: the band registers may miss the total by one."""
    at_boundary: bool = False
    """One of the two reads was taken at a band edge for this purpose."""


class Split(Enum):
    """How a segment got its energy out of its interval."""

    NONE = "none"
    """It is the whole interval."""
    REGISTER = "register"
    """By the meter's own band registers."""
    BOUNDARY = "boundary"
    """It is the whole interval, thanks to a read at a band edge."""
    TIME = "time"
    """Pro rata by time."""
    MISMATCH = "mismatch"
    """The meter's band registers contradict its total or the tariff; pro rata by time instead."""


class Segment(NamedTuple):
    """Energy inside one band, season, period and tariff version."""

    t0_us: int
    t1_us: int
    wh: WattHours
    band: str
    season: str
    period: str
    """The month in the tariff's time zone: `2026-11`."""
    version: str
    """The content hash of the tariff."""
    split: Split
    read_a: int
    read_b: int

    @property
    def order(self) -> tuple[int, int, int]:
        """What segments are folded in the order of."""
        return self.t1_us, self.t0_us, self.read_b
