"""Notices a register that stands still while power flows: pure, so that it can be replayed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hub.contracts.profiles import Point, WordType

STUCK_LOOKS = 5
"""Fewer unchanged looks than this prove nothing."""

STUCK_STEPS = 3
"""So many steps of the register must have flowed meanwhile: at low power it rightly stands still for long."""

FLOW_MIN_SHARE = Decimal("0.001")
"""Less of the meter's highest power than this is below the current at which it begins to count."""

_WATTS = {"W": Decimal(1), "kW": Decimal(1000)}
_WATT_HOURS = {"Wh": Decimal(1), "kWh": Decimal(1000), "MWh": Decimal(1_000_000)}
_FLOAT_STEPS = 1 << 23
_US_PER_H = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """How long a register has stood where it stands, and what should have moved it."""

    raw: int
    since_us: int
    """When it was first read so."""
    seen_us: int
    """When it was last read so, by monotonic time."""
    looks: int = 0
    power_w: Decimal = Decimal(0)
    flowed_wh: Decimal = Decimal(0)
    """What flowed meanwhile, by the power that was read beside it."""

    def is_stuck(self, point: Point) -> bool:
        """Whether so much has flowed that the register must have moved."""
        step_wh = step_of_wh(point, self.raw)
        return step_wh is not None and self.looks >= STUCK_LOOKS and self.flowed_wh > STUCK_STEPS * step_wh


def watch(before: Still | None, raw: int, power_w: Decimal, source_us: int, monotonic_us: int) -> Still:
    """Note one more look at a register; what flowed since the last one is taken by the lower of both powers."""
    if before is None or raw != before.raw:
        return Still(raw=raw, since_us=source_us, seen_us=monotonic_us, power_w=power_w)
    elapsed_us = max(0, monotonic_us - before.seen_us)
    flowed_wh = min(power_w, before.power_w) * elapsed_us / _US_PER_H
    return replace(
        before,
        seen_us=monotonic_us,
        looks=before.looks + 1,
        power_w=power_w,
        flowed_wh=before.flowed_wh + max(Decimal(0), flowed_wh),
    )


def watts(point: Point, value: Decimal) -> Decimal | None:
    """A power in watts; None for a unit that is none."""
    factor = _WATTS.get(point.unit)
    return None if factor is None else value * factor


def step_of_wh(point: Point, raw: int) -> Decimal | None:
    """The smallest step that a register can make from where it stands, in Wh; None if it counts no energy."""
    factor = _WATT_HOURS.get(point.unit)
    if factor is None or point.counter is None:
        return None
    step = Decimal(1).scaleb(point.counter.scale)
    if point.type is WordType.F32:  # the larger a float, the coarser
        step = max(step, Decimal(raw).scaleb(point.counter.scale) / _FLOAT_STEPS)
    return step * factor


def counts_at(point: Point, power_w: Decimal) -> bool:
    """Whether a meter counts at this power at all; below its starting current it rightly does not."""
    factor = _WATT_HOURS.get(point.unit)
    if factor is None or point.counter is None:
        return False
    return power_w >= point.counter.rate_max_per_h * factor * FLOW_MIN_SHARE
