"""A whole contract rated at once: what statements, dry runs and the accountant's bench are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing.charges import charges
from plugins.prepaid.pricing.cut import cut
from plugins.prepaid.pricing.differences import rounded_minor
from plugins.prepaid.pricing.model import Component, ExactNano, Interval
from plugins.prepaid.pricing.state import PeriodState, rate
from plugins.prepaid.pricing.timeline import Timeline, Version
from plugins.prepaid.tariffs.model import Tariff


@dataclass(frozen=True, slots=True)
class PeriodBill:
    """One period, final or as it stands."""

    period: str
    state: PeriodState
    exact: Mapping[Component, ExactNano]
    minor: Mapping[Component, MinorUnits]

    @property
    def total_minor(self) -> MinorUnits:
        """The sum of the rounded components: what is posted."""
        return MinorUnits(sum(self.minor.values()))


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one contract pays now, and would pay under another tariff."""

    contract: str
    now_minor: MinorUnits
    then_minor: MinorUnits

    @property
    def difference_minor(self) -> MinorUnits:
        """Above zero: it would pay more."""
        return MinorUnits(self.then_minor - self.now_minor)


def bill(
    intervals: Iterable[Interval],
    timeline: Timeline,
    *,
    is_over: bool = True,
    demand_w: Mapping[int, int] | None = None,
    past_demand_w: Sequence[int] = (),
) -> list[PeriodBill]:
    """Every period that the intervals touch, final but for the last when it is not over.

    `demand_w` are mean demands by the instant their measuring began; `past_demand_w` the highest of earlier months.
    """
    listed = sorted(intervals, key=lambda one: (one.t0_us, one.t1_us))
    states = rate([segment for interval in listed for segment in cut(interval, timeline)], timeline)
    for at_us, watts in sorted((demand_w or {}).items()):
        state = states.get(timeline.period_at(at_us))
        if state is not None:
            state.note_demand(at_us, watts)
    past = list(past_demand_w)
    bills: list[PeriodBill] = []
    for number, (period, state) in enumerate(sorted(states.items()), start=1):
        is_final = is_over or number < len(states)
        at_us = state.plan.end_us if is_final else min(listed[-1].t1_us, state.plan.end_us)
        exact = charges(state, at_us, is_final=is_final, past_demand_w=past)
        minor = {name: rounded_minor(amount, timeline.scale, timeline.rounding) for name, amount in exact.items()}
        bills.append(PeriodBill(period, state, exact, minor))
        past.append(max(state.demand_w.values(), default=0))
    return bills


def dry_run(
    intervals: Mapping[str, Sequence[Interval]], timelines: Mapping[str, Timeline], other: Tariff
) -> list[DryRun]:
    """Who would pay what under another tariff for the same energy; the largest increase first."""
    version = Version(other, min((timeline.start_us for timeline in timelines.values()), default=0))
    found = []
    for contract, used in intervals.items():
        now = timelines[contract]
        then = Timeline([version], now.start_us, now.end_us)
        totals = [sum(one.total_minor for one in bill(used, timeline)) for timeline in (now, then)]
        found.append(DryRun(contract, MinorUnits(totals[0]), MinorUnits(totals[1])))
    return sorted(found, key=lambda one: (-one.difference_minor, one.contract))
