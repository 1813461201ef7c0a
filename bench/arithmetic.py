"""From the figures of several rounds to one line: medians, spread, the ratio and whether the bar is met."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import median


class Better(Enum):
    """Which way a figure is better."""

    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Series:
    """One figure over all rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """What the table shows."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """Half the distance from the lowest to the highest round, as a share of the median; 0 for one round."""
        return (max(self.values) - min(self.values)) / 2 / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class AtLeastPeer:
    """The ratio of the medians must be at least this."""

    ratio: float

    def __str__(self) -> str:
        """As the table shows it."""
        return f">= {self.ratio:g} x peer"

    def is_met(self, ours: Series, ratio: float | None) -> bool | None:
        """Whether it is met; None when there is no peer to say so."""
        return None if ratio is None else ratio >= self.ratio


@dataclass(frozen=True, slots=True)
class AtMost:
    """The median of our own figure must be at most this, whatever a peer has."""

    limit: float
    unit: str

    def __str__(self) -> str:
        """As the table shows it."""
        return f"<= {self.limit:g} {self.unit}"

    def is_met(self, ours: Series, ratio: float | None) -> bool | None:
        """Whether it is met."""
        return ours.median <= self.limit


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The median of our own figure must be at least this, whatever a peer has."""

    limit: float
    unit: str

    def __str__(self) -> str:
        """As the table shows it."""
        return f">= {self.limit:g} {self.unit}"

    def is_met(self, ours: Series, ratio: float | None) -> bool | None:
        """Whether it is met."""
        return ours.median >= self.limit


Bar = AtLeastPeer | AtMost | AtLeast


def ratio_of(ours: Series, peer: Series, better: Better) -> float:
    """How many times better our median is: above 1 we are ahead, whichever way the figure counts."""
    more, less = (ours, peer) if better is Better.MORE else (peer, ours)
    return more.median / less.median if less.median else float("inf")
