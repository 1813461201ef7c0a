"""One bus as people look at it: its figures over the last minute and since the start, and what is wrong with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

from hub.contracts.metering import Liveness
from hub.core.clock import Clock
from plugins.kpm_modbus.answers import CountingLink, MeterAnswers
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.health import BusHealth

SAMPLES_KEPT = 7
"""Six spans between looks: a minute when it is looked at every 10 s."""

ROUNDING = 1.001
"""A factor up to this is no stretching, but the arithmetic of it."""

UNANSWERED_SHARE_MAX = 0.10
MISSED_SHARE_MAX = 0.05


class Sample(NamedTuple):
    """The counters of a bus at one instant."""

    at_s: float
    busy_s: float
    good_s: float
    modelled_s: float
    asked: int
    failed: int
    polls_done: int
    polls_missed: int
    by_unit: Mapping[int, tuple[int, int]]
    """How often each meter was asked, and answered."""

    @classmethod
    def of(cls, health: BusHealth, answers: Mapping[int, MeterAnswers], now_s: float) -> Sample:
        """The counters now."""
        return cls(
            now_s, health.good_s + health.waste_s, health.good_s, health.modelled_s, health.transactions,
            health.failures.total(), health.polls_done, health.polls_missed,
            {unit: (one.asked, one.good) for unit, one in answers.items()},
        )  # fmt: skip


class BusFigures:
    """What can be said of one bus; `look` now and then."""

    def __init__(self, clock: Clock, worker: BusWorker, link: CountingLink) -> None:
        """Look at a worker and its link."""
        self._clock = clock
        self.worker = worker
        self.link = link
        self._samples = deque([self._now()], maxlen=SAMPLES_KEPT)

    def look(self) -> None:
        """Take the counters down, so that figures are of the last few looks."""
        self._samples.append(self._now())

    def _now(self) -> Sample:
        return Sample.of(self.worker.health, self.link.answers, self._clock.monotonic())

    @property
    def _span(self) -> tuple[Sample, Sample]:
        return self._samples[0], self._now()

    @property
    def load(self) -> float:
        """The share of the last minute in which the bus was not idle."""
        first, last = self._span
        elapsed_s = last.at_s - first.at_s
        return min(1.0, (last.busy_s - first.busy_s) / elapsed_s) if elapsed_s > 0 else 0.0

    @property
    def efficiency(self) -> float | None:
        """T(n) over what good transactions of the last minute took; None when there was none."""
        first, last = self._span
        took_s = last.good_s - first.good_s
        return min(1.0, (last.modelled_s - first.modelled_s) / took_s) if took_s > 0 else None

    @property
    def error_share(self) -> float:
        """The share of the last minute's transactions that gave nothing."""
        first, last = self._span
        asked = last.asked - first.asked
        return (last.failed - first.failed) / asked if asked else 0.0

    @property
    def unanswered_share(self) -> float:
        """The share of the last minute's questions to meters that are alive which got no answer."""
        first, last = self._span
        asked = good = 0
        for device in self.worker.devices:
            if device.liveness in {Liveness.LIVE, Liveness.SUSPECT}:
                asked_before, good_before = first.by_unit.get(device.unit, (0, 0))
                asked_now, good_now = last.by_unit.get(device.unit, (0, 0))
                asked += asked_now - asked_before
                good += good_now - good_before
        return (asked - good) / asked if asked else 0.0

    @property
    def missed_share(self) -> float:
        """The share of the last minute's polls that came too late to be done at all."""
        first, last = self._span
        missed = last.polls_missed - first.polls_missed
        due = last.polls_done - first.polls_done + missed
        return missed / due if due else 0.0

    @property
    def stretched(self) -> Mapping[str, float]:
        """The groups that are read less often than configured, and by what factor."""
        return {group: factor for group, factor in self.worker.stretched.items() if factor > ROUNDING}

    @property
    def has_another_master(self) -> bool:
        """Whether somebody else was heard asking on this bus since the start."""
        record = self.link.record
        return record is not None and record.has_another_master

    def turn_s(self, share: float) -> float | None:
        """The answer delay that this share of all kept answers of the bus stays within; None before the first."""
        ordered = sorted(chain.from_iterable(device.turns.ordered_us for device in self.worker.devices))
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6 if ordered else None

    def problems(self) -> list[str]:
        """What is wrong with the bus, in words; empty when it is healthy."""
        found = []
        if self.worker.is_silent:
            found.append(f"none of its {len(self.worker.devices)} meters answers")
        if self.has_another_master:
            found.append("another master asks on it")
        if self.unanswered_share > UNANSWERED_SHARE_MAX:
            found.append(f"{self.unanswered_share:.0%} of the last minute's questions to live meters got no answer")
        if self.missed_share > MISSED_SHARE_MAX:
            found.append(f"{self.missed_share:.0%} of the last minute's polls were missed")
        return found


def age_s(device: Device, now_us: int) -> float | None:
    """How old a meter's last good reading is; None before the first."""
    return None if device.last_good_us is None else max(0.0, (now_us - device.last_good_us) / 1e6)
