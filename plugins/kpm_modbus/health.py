"""How a bus spends its time, and how its meters answer: the figures for people, for alarms and for the planner."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from dataclasses import dataclass, field

from hub.contracts.links import Failure, Reply, Request, WireTiming

TURNS_KEPT = 200
LATENESS_KEPT = 500


@dataclass(slots=True)
class Turns:
    """A meter's answer delays: the last ones, for the median and for the rare slow one."""

    last_us: deque[int] = field(default_factory=deque)
    ordered_us: list[int] = field(default_factory=list)
    """The same by size: it is asked for with every transaction."""

    def add(self, turn_us: int) -> None:
        """Note one answer."""
        if len(self.last_us) == TURNS_KEPT:
            del self.ordered_us[bisect_left(self.ordered_us, self.last_us.popleft())]
        self.last_us.append(turn_us)
        insort(self.ordered_us, turn_us)

    def quantile_s(self, share: float, default_s: float) -> float:
        """The delay that this share of answers stays within; the default until there are some."""
        ordered = self.ordered_us
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6 if ordered else default_s


@dataclass(slots=True)
class BusHealth:
    """Seconds by what they went into, and counts by what came of it."""

    since_s: float
    wire_s: float = 0.0
    turn_s: float = 0.0
    gap_s: float = 0.0
    waste_s: float = 0.0
    """Waiting for answers that did not come, and draining after them."""
    modelled_s: float = 0.0
    """T(n) of all good transactions at their meters' median delay; the gap only where it was waited for."""
    good_s: float = 0.0
    """What they took."""
    transactions: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    polls_done: int = 0
    polls_missed: int = 0
    lateness_s: deque[float] = field(default_factory=lambda: deque(maxlen=LATENESS_KEPT))

    def good(self, request: Request, reply: Reply, timing: WireTiming, median_turn_s: float, took_s: float) -> None:
        """Note a transaction that was answered."""
        waited_s = max(0.0, took_s - (reply.received_us - reply.sent_us) / 1e6)
        gap_s = min(timing.gap_s, waited_s)  # on an idle bus the silence between frames was over long before
        self.transactions += 1
        self.wire_s += (request.request_bytes + request.reply_bytes) * timing.character_s
        self.turn_s += reply.turn_us / 1e6
        self.gap_s += gap_s
        self.modelled_s += timing.transaction_s(request, median_turn_s) - timing.gap_s + gap_s
        self.good_s += took_s

    def failed(self, reason: Failure, took_s: float) -> None:
        """Note a transaction that was not."""
        self.transactions += 1
        self.failures[reason] += 1
        self.waste_s += took_s

    def load(self, now_s: float) -> float:
        """The share of time since the start in which the bus was not idle."""
        elapsed_s = now_s - self.since_s
        return (self.good_s + self.waste_s) / elapsed_s if elapsed_s > 0 else 0.0

    @property
    def efficiency(self) -> float:
        """The physical limit over what good transactions really took; 1.0 is a perfect master."""
        return min(1.0, self.modelled_s / self.good_s) if self.good_s else 1.0

    def lateness_quantile_s(self, share: float) -> float:
        """How late polls are, at most, in this share of cases."""
        if not self.lateness_s:
            return 0.0
        ordered = sorted(self.lateness_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
