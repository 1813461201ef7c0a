"""Posts what a period has come to: per component the difference to what was posted before, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.contracts.ids import AccountId, ContractId
from hub.contracts.units import ZERO, MinorUnits, WattHours
from plugins.prepaid.charging.page import Page
from plugins.prepaid.charging.periods import PeriodRow
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, SERVICE_INCOME, VAT, prepaid
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.pricing import Component, PeriodState, Timeline, charges, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a period is posted now."""

    ref: str
    """`read:<id>`, `day:<date>`, `rebuild:<reason>`."""
    at_us: int
    """Up to when time-dependent charges count, and what the entry is dated."""
    wh: WattHours
    """How much energy came in with it."""
    is_final: bool = False
    """The period is over and every reading of it is in: minimum charges and ratchets count."""


def post_period(
    page: Page,
    account: AccountId,
    contract: ContractId,
    timeline: Timeline,
    state: PeriodState,
    cause: Cause,
) -> PeriodRow:
    """Post the differences of one period and keep its state; how it stands from now on."""
    period = state.plan.period
    row = page.period(contract, period)
    through_us = max(cause.at_us, row.through_us)
    is_finished = cause.is_final or row.is_finished
    due = differences(charges(state, through_us, is_final=is_finished), row.posted, timeline)
    postings = row.postings
    if due:
        page.post(_entry(account, contract, period, postings, due, cause, row.closed_by))
        postings += 1
    posted = dict(row.posted)
    for component, minor in due.items():
        posted[component] = MinorUnits(posted.get(component, ZERO) + minor)
    stored = PeriodRow(
        posted=posted, postings=postings, through_us=through_us, is_finished=is_finished, closed_by=row.closed_by
    )
    page.set_period(contract, period, stored, state)
    return stored


def _entry(
    account: AccountId,
    contract: ContractId,
    period: str,
    number: int,
    due: Mapping[Component, MinorUnits],
    cause: Cause,
    closed_by: str | None,
) -> Entry:
    postings = [Posting(prepaid(account), MinorUnits(sum(due.values())))]
    for component, minor in sorted(due.items()):
        energy = cause.wh if component == "energy" else None
        postings.append(Posting(income_of(component), MinorUnits(-minor), energy, {"component": component}))
    return Entry(
        kind="charge",
        key=f"chg:{contract}:{period}:{number}",
        effective_us=cause.at_us,
        postings=tuple(postings),
        ref=cause.ref,
        corrects=None if closed_by is None else f"statement:{closed_by}",
    )


def income_of(component: Component) -> str:
    """The ledger account that a component of a charge is credited to."""
    kind = component.partition(":")[0]
    if kind == "tax":
        return VAT
    return SERVICE_INCOME if kind in {"fixed", "minimum"} else ENERGY_RECOVERY
