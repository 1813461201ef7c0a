"""What energy costs, as pure functions: cut, conserve, rate cumulatively, post the difference.

timeline = Timeline([Version(tariff, effective_us)], start_us, end_us)   # versions are shared between contracts
segments = cut(interval, timeline)
state = PeriodState(timeline.plan(segments[0].period)); state.fold(segment)
due = charges(state, at_us, is_final=False)          # component -> exact nano-units
post = differences(due, posted, timeline)            # component -> minor units, may be below zero
"""

from plugins.prepaid.pricing.bill import DryRun, PeriodBill, bill, dry_run
from plugins.prepaid.pricing.charges import charges
from plugins.prepaid.pricing.cut import cut
from plugins.prepaid.pricing.differences import differences, rounded_minor
from plugins.prepaid.pricing.lines import EnergyLine, energy_lines, included_taxes, shared_minor, split_included
from plugins.prepaid.pricing.model import (
    Component,
    ExactNano,
    Interval,
    PricingError,
    Segment,
    Split,
)
from plugins.prepaid.pricing.period import PeriodPlan
from plugins.prepaid.pricing.state import OutOfOrder, PeriodState, PlanChanged, rate
from plugins.prepaid.pricing.timeline import Timeline, Version

__all__ = [
    "Component",
    "DryRun",
    "EnergyLine",
    "ExactNano",
    "Interval",
    "OutOfOrder",
    "PeriodBill",
    "PeriodPlan",
    "PeriodState",
    "PlanChanged",
    "PricingError",
    "Segment",
    "Split",
    "Timeline",
    "Version",
    "bill",
    "charges",
    "cut",
    "differences",
    "dry_run",
    "energy_lines",
    "included_taxes",
    "rate",
    "rounded_minor",
    "shared_minor",
    "split_included",
]
