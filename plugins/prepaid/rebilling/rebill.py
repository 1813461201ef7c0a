"""A past month of a contract under another tariff, by the reads and on the path by which it was charged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hub.contracts.ids import AccountId, ContractId
from hub.contracts.units import MinorUnits, WattHours
from hub.core.storage import Reader
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import segments_of_period
from plugins.prepaid.pricing import (
    Interval,
    PeriodState,
    PricingError,
    Segment,
    Timeline,
    Version,
    charges,
    cut,
    rounded_minor,
)

STAND_IN_WH_A_DAY = 100_000
"""Where nothing was used, a steady use of this much is compared."""

PPM = 1_000_000
CHANGE_PPM_MAX = 1_000_000_000
"""What a bill that was nothing before changes by."""

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebilled:
    """One contract's month under its tariff and under another."""

    contract: ContractId
    account: AccountId
    wh: WattHours
    now_minor: MinorUnits
    then_minor: MinorUnits
    is_stand_in: bool
    """Nothing was used: a steady use stands in for it."""

    @property
    def difference_minor(self) -> MinorUnits:
        """Above zero: it would pay more."""
        return MinorUnits(self.then_minor - self.now_minor)

    @property
    def change_ppm(self) -> int:
        """The difference in millionths of what is paid now."""
        if not self.difference_minor:
            return 0
        if self.now_minor <= 0:
            return CHANGE_PPM_MAX if self.difference_minor > 0 else -CHANGE_PPM_MAX
        return self.difference_minor * PPM // self.now_minor


def rebill(reader: Reader, book: Book, contract: ContractId, period: str, other: Version) -> Rebilled | None:
    """A contract's month under another tariff; None when the contract or its tariff does not touch that month."""
    now = book.timelines[contract]
    try:
        plan = now.plan(period)
        then = Timeline([other], now.start_us, now.end_us)
        used = segments_of_period(reader, book, contract, period)
        again = segments_of_period(reader, replace(book, timelines={contract: then}), contract, period)
        is_stand_in = not sum(one.wh for one in used)
        if is_stand_in:
            days = max(1, (plan.end_us - plan.start_us) // _DAY_US)
            steady = Interval(plan.start_us, plan.end_us, WattHours(STAND_IN_WH_A_DAY * days))
            used, again = list(cut(steady, now)), list(cut(steady, then))
        return Rebilled(
            contract=contract, account=book.contracts[contract].account, wh=WattHours(sum(one.wh for one in used)),
            now_minor=_total(used, now, period), then_minor=_total(again, then, period), is_stand_in=is_stand_in,
        )  # fmt: skip
    except PricingError:
        return None


def largest_change_ppm(found: Iterable[Rebilled]) -> int:
    """The largest change, up or down."""
    return max((one.change_ppm for one in found), key=abs, default=0)


def in_order(found: Iterable[Rebilled]) -> list[Rebilled]:
    """Who would pay more comes first."""
    return sorted(found, key=lambda one: (-one.difference_minor, one.contract))


def _total(segments: Sequence[Segment], timeline: Timeline, period: str) -> MinorUnits:
    plan = timeline.plan(period)
    state = PeriodState(plan)
    for segment in segments:
        state.fold(segment)
    exact = charges(state, plan.end_us - 1, is_final=True)
    return MinorUnits(sum(rounded_minor(amount, timeline.scale, timeline.rounding) for amount in exact.values()))
