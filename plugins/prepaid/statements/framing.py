"""Makes a statement's frame out of the books as they stand: for a look at an open period, and for closing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.contracts.ids import ContractId, PointId
from hub.contracts.units import MinorUnits
from hub.core.errors import NotFound
from hub.core.storage import Reader
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book
from plugins.prepaid.places import repository as places
from plugins.prepaid.places.records import Contract, Epoch, Term
from plugins.prepaid.pricing import PricingError, Timeline
from plugins.prepaid.pricing.period import PeriodPlan
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.evidence import Frame, Holding, InForce, Opening
from plugins.prepaid.statements.gathering import SiteMoney, balance_before, span_between
from plugins.prepaid.statements.repository import Closed, statement_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Up to where the books are looked at."""

    seq: int
    read: int

    @classmethod
    def now(cls, reader: Reader) -> Moment:
        """Everything that the snapshot holds."""
        seq = reader.value("SELECT n FROM prepaid__heads WHERE chain = 'journal'")
        read = reader.value("SELECT max(id) FROM prepaid__reads") or 0
        assert isinstance(seq, int)
        assert isinstance(read, int)
        return cls(seq=seq, read=read)


def frame_of(
    reader: Reader,
    book: Book,
    site: SiteMoney,
    contract_id: ContractId,
    period: str,
    moment: Moment,
    *,
    until_us: int | None = None,
    closed_us: int | None = None,
) -> Frame:
    """The frame of a contract's period; `until_us` is where the account's part of it ends."""
    contract, timeline, plan = planned(book, contract_id, period)
    row = periods.load(reader, contract_id, period)
    account = book.accounts[contract.account]
    tenant = places.tenant(reader, account.tenant)
    until_us = plan.end_us if until_us is None else until_us
    holdings, epochs, earliest_us = _places(reader, book, contract_id, plan, moment)
    own = next((one.holder for one in holdings if one.contract_id == contract_id), 0)
    points = sorted({one.holding.point for one in holdings})
    return Frame(
        id=statement_id(contract_id, period), site=site.name, currency=site.currency, scale=site.scale,
        time_zone=timeline.time_zone, tenant=account.tenant if tenant is None else tenant.name, account=account.id,
        contract=contract_id, contract_start_us=contract.start_us, contract_end_us=contract.end_us,
        tariff=contract.tariff, versions=_versions(timeline, earliest_us, plan.end_us), period=period,
        from_us=plan.start_us, to_us=plan.end_us, until_us=until_us, through_us=row.through_us,
        is_final=row.is_finished, holder=own, points={point: book.points[point].name for point in points},
        holdings=tuple(one.holding for one in holdings), epochs=epochs,
        opening=_opening(reader, contract, plan, until_us, moment), upto_seq=moment.seq, upto_read=moment.read,
        closed_us=closed_us,
    )  # fmt: skip


def planned(book: Book, contract_id: ContractId, period: str) -> tuple[Contract, Timeline, PeriodPlan]:
    """A contract with its plan of a period; raises `NotFound` when there is none."""
    contract = book.contracts.get(contract_id)
    if contract is None:
        raise NotFound(f"there is no contract {contract_id!r}; see `hub contract list`")
    timeline = book.timelines.get(contract_id)
    if timeline is None:
        raise NotFound(f"contract {contract_id} is under tariff {contract.tariff}, which is not published")
    try:
        return contract, timeline, timeline.plan(period)
    except (PricingError, ValueError):
        raise NotFound(
            f"contract {contract_id} has no period {period!r}; a period is a month that it touches, such as 2026-11"
        ) from None


@dataclass(frozen=True, slots=True)
class _Named:
    contract_id: ContractId
    holding: Holding

    @property
    def holder(self) -> int:
        return self.holding.holder


def _places(
    reader: Reader, book: Book, contract_id: ContractId, plan: PeriodPlan, moment: Moment
) -> tuple[list[_Named], tuple[Epoch, ...], int]:
    """Who held the contract's points while they were read, the registers that were read, and the first instant."""
    epochs: dict[int, Epoch] = {}
    spans: dict[PointId, tuple[int, int]] = {}
    for term in book.by_contract.get(contract_id, ()):
        start_us = max(plan.start_us, term.start_us)
        end_us = plan.end_us if term.end_us is None else min(plan.end_us, term.end_us)
        if start_us >= end_us:
            continue
        first_us, last_us = spans.get(term.point, (start_us, end_us))
        for epoch in places.epochs_of(reader, term.point):
            if epoch.start_us >= end_us or (epoch.end_us is not None and epoch.end_us <= start_us):
                continue
            epochs[epoch.id] = epoch
            span = span_between(reader, epoch.id, start_us, end_us, moment.read) or (start_us, end_us)
            first_us, last_us = min(first_us, start_us, span[0]), max(last_us, end_us, span[1])
        spans[term.point] = first_us, last_us
    holdings = _holdings(book.terms, spans)
    earliest_us = min((first for first, _ in spans.values()), default=plan.start_us)
    return holdings, tuple(epochs[number] for number in sorted(epochs)), min(earliest_us, plan.start_us)


def _holdings(terms: Mapping[PointId, Sequence[Term]], spans: Mapping[PointId, tuple[int, int]]) -> list[_Named]:
    """The terms of points in their spans; holders are numbered in the order of their contracts' ids."""
    found: list[Term] = []
    for point in sorted(spans):
        first_us, last_us = spans[point]
        found += [
            term
            for term in terms.get(point, ())
            if term.start_us < last_us and (term.end_us is None or first_us < term.end_us)
        ]
    numbers = {contract: number for number, contract in enumerate(sorted({one.contract for one in found}), start=1)}
    return [
        _Named(
            term.contract,
            Holding(
                point=term.point, holder=numbers[term.contract], start_us=term.start_us, end_us=term.end_us,
                share_ppm=term.share_ppm,
            ),
        )
        for term in found
    ]  # fmt: skip


def _versions(timeline: Timeline, first_us: int, end_us: int) -> tuple[InForce, ...]:
    """The versions that hold from an instant to another."""
    begun = [one for one in timeline.versions if one.from_us < end_us]
    over = sum(1 for one in begun[1:] if one.from_us <= first_us)
    return tuple(InForce(from_us=one.from_us, sha=one.sha) for one in begun[over:])


def _opening(reader: Reader, contract: Contract, plan: PeriodPlan, until_us: int, moment: Moment) -> Opening:
    """Where the account's last statement ended; or, when that is not the one right before, what the dates say."""
    before = _before(repository.listed(reader, account=contract.account), until_us, moment)
    if before is not None and before.until_us >= plan.start_us:
        return Opening(
            statement=before.id, until_us=before.until_us, seq=before.closed_seq, balance_minor=before.closing_minor
        )
    balance_minor = balance_before(reader, contract.account, plan.start_us, moment.seq, 0)
    return Opening(statement=None, until_us=plan.start_us, seq=moment.seq, balance_minor=MinorUnits(balance_minor))


def _before(closed: Iterable[Closed], until_us: int, moment: Moment) -> Closed | None:
    """The newest statement that ends earlier."""
    earlier = [one for one in closed if one.until_us < until_us and one.closed_seq <= moment.seq]
    return max(earlier, key=lambda one: (one.until_us, one.id), default=None)
