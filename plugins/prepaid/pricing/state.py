"""What a contract has used in one period, counted so that every charge is a function of it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hub.contracts.units import WattHours
from plugins.prepaid.pricing.ladders import Rates
from plugins.prepaid.pricing.model import PricingError, Segment
from plugins.prepaid.pricing.period import PeriodPlan
from plugins.prepaid.pricing.timeline import Timeline

Use = tuple[int, int, int, str, str]
"""Part of the period, block, tax thresholds passed, band, season."""

_TOTAL = ""


class OutOfOrder(PricingError):
    """The price depends on order and a later segment is counted already: rate all segments of the period again."""


class PlanChanged(PricingError):
    """Counted under other tariff versions or contract dates: rate all segments of the period again."""


class PeriodState:
    """The use of one period; `fold` adds a segment in constant time."""

    __slots__ = ("_counters", "_last", "demand_w", "plan", "wh")

    def __init__(self, plan: PeriodPlan) -> None:
        """Start with nothing used."""
        self.plan = plan
        self.wh: dict[Use, int] = {}
        self.demand_w: dict[int, int] = {}
        """The highest demand of each part of the period."""
        self._counters: dict[tuple[int, str], int] = {}
        self._last: tuple[int, int, int] = (0, 0, 0)

    @property
    def total_wh(self) -> WattHours:
        """All energy of the period."""
        return WattHours(sum(self.wh.values()))

    def copy(self) -> PeriodState:
        """The same state, apart: what is folded into one is not in the other."""
        other = PeriodState(self.plan)
        other.wh = self.wh.copy()
        other.demand_w = self.demand_w.copy()
        other._counters = self._counters.copy()
        other._last = self._last
        return other

    def fold(self, segment: Segment) -> None:
        """Add a segment; raises `OutOfOrder` when a later one is counted and the price depends on their order."""
        plan = self.plan
        if segment.period != plan.period:
            raise PricingError(f"a segment of {segment.period} does not belong to {plan.period}")
        order = segment.order
        if order < self._last:
            if not plan.is_order_free:
                raise OutOfOrder(f"a segment that ends at {order[0]} us comes after one of {self._last[0]} us")
        else:
            self._last = order
        number = plan.part_at(segment.t0_us)
        part = plan.parts[number]
        if part.version.sha != segment.version:
            raise PlanChanged(
                f"{plan.period} has no tariff {segment.version[:12]} there, for which a segment was cut"
            )
        if not segment.wh:
            return
        if part.rates.is_simple:
            key = (number, 0, 0, segment.band, segment.season)
            self.wh[key] = self.wh.get(key, 0) + segment.wh
            self._count(part.count, segment.band, segment.wh)
        else:
            self._fill(number, part.count, part.rates, segment)

    def note_demand(self, t0_us: int, demand_w: int) -> None:
        """Take in the mean demand of a measuring interval that begins at an instant."""
        number = self.plan.part_at(t0_us)
        version = self.plan.parts[number].version
        charge = version.tariff.demand
        if charge is not None and version.days.day_at(t0_us).band_at(t0_us) in charge.bands:
            self.demand_w[number] = max(self.demand_w.get(number, 0), demand_w)

    def used(self, count: int, band: str = _TOTAL) -> int:
        """Energy that a counter has seen: of all bands, or of one."""
        return self._counters.get((count, band), 0)

    def _count(self, count: int, band: str, wh: int) -> None:
        counters = self._counters
        total, own = (count, _TOTAL), (count, band)
        counters[total] = counters.get(total, 0) + wh
        counters[own] = counters.get(own, 0) + wh

    def _fill(self, number: int, count: int, rates: Rates, segment: Segment) -> None:
        """Fill blocks and tax thresholds in order of time."""
        band, left_wh = segment.band, int(segment.wh)
        steps = rates.energy[band]
        thresholds = tuple(rates.thresholds.values())
        while left_wh:
            total_wh = self.used(count)
            block, end_wh, use_wh = 0, None, 0
            if steps.is_graduated:
                use_wh = self.used(count, band) if rates.by_band else total_wh
                block, end_wh = steps.filling(use_wh)
            room_wh = left_wh if end_wh is None else min(left_wh, end_wh - use_wh)
            above = sum(1 for threshold_wh in thresholds if threshold_wh <= total_wh)
            if above < len(thresholds):
                room_wh = min(room_wh, thresholds[above] - total_wh)
            key = (number, block, above, band, segment.season)
            self.wh[key] = self.wh.get(key, 0) + room_wh
            self._count(count, band, room_wh)
            left_wh -= room_wh

    def to_json(self) -> bytes:
        """The state as canonical JSON, whole numbers only."""
        record = {
            "plan": self.plan.fingerprint,
            "period": self.plan.period,
            "last": list(self._last),
            "wh": {"|".join(map(str, use)): wh for use, wh in self.wh.items()},
            "demand_w": {str(number): watts for number, watts in self.demand_w.items()},
        }
        return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, plan: PeriodPlan, data: bytes) -> PeriodState:
        """The state that `to_json` wrote; raises `PlanChanged` when it was counted under another plan."""
        record = json.loads(data)
        if (record["plan"], record["period"]) != (plan.fingerprint, plan.period):
            raise PlanChanged(f"{record['period']} was counted under other tariff versions or contract dates")
        state = cls(plan)
        first, second, third = record["last"]
        state._last = (first, second, third)
        for text, wh in record["wh"].items():
            part, block, above, band, season = text.split("|")
            state.wh[int(part), int(block), int(above), band, season] = wh
            state._count(plan.parts[int(part)].count, band, wh)
        state.demand_w = {int(number): watts for number, watts in record["demand_w"].items()}
        return state


def rate(segments: Iterable[Segment], timeline: Timeline) -> dict[str, PeriodState]:
    """The state of every period, from segments in any order: what folding them one by one in time gives too."""
    states: dict[str, PeriodState] = {}
    for segment in sorted(segments, key=lambda one: one.order):
        state = states.get(segment.period)
        if state is None:
            state = states[segment.period] = PeriodState(timeline.plan(segment.period))
        state.fold(segment)
    return states
