"""Where a bus's time goes, so that whoever plans it can be judged against the limit of the wire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hub.contracts.links import Failure


@dataclass(slots=True)
class BusUsage:
    """Seconds by what they went to, since `since_s`, and counted transactions."""

    since_s: float
    wire_s: float = 0.0
    """Bytes of requests and of replies that came in time, good or bad."""
    turn_s: float = 0.0
    """From the end of a request to its reply."""
    gap_s: float = 0.0
    """The silence between frames that the standard asks for."""
    timeout_s: float = 0.0
    """Waiting for replies that did not come in time, or not whole."""
    drain_s: float = 0.0
    """Keeping still after a failure until nothing can come any more."""
    limit_s: float = 0.0
    """T(n) of all good transactions at the answer delays that they had: the least that they could take."""
    frames: int = 0
    """Transactions begun."""
    good: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    cancelled: int = 0

    @property
    def busy_s(self) -> float:
        """All but idle."""
        return self.wire_s + self.turn_s + self.gap_s + self.timeout_s + self.drain_s

    def idle_s(self, now_s: float) -> float:
        """What nobody used; `now_s` is monotonic."""
        return max(0.0, now_s - self.since_s - self.busy_s)

    def load(self, now_s: float) -> float:
        """The share of time in which the bus was busy."""
        return self.busy_s / (now_s - self.since_s) if now_s > self.since_s else 0.0

    def efficiency(self) -> float:
        """The physical limit over what was used: 1.0 when nothing was wasted while the bus was busy."""
        return self.limit_s / self.busy_s if self.busy_s else 1.0
