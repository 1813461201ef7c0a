"""Publishes tariffs: who pays more or less is shown first, much of it needs a second person, the past a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from hub.contracts.ids import ContractId
from hub.core.clock import from_us
from hub.core.plugins import PluginHub
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import Book, load_book
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.pricing import Version
from plugins.prepaid.rebilling.rebill import Rebilled, in_order, largest_change_ppm, rebill
from plugins.prepaid.rebilling.refolding import Stale, charged_beyond, refold, stale
from plugins.prepaid.tariffs import Tariff
from plugins.prepaid.tariffs import publishing as registry
from plugins.prepaid.tariffs.publishing import Proposal, Published, PublishRefused

APPROVAL_PPM = 300_000
"""A bill that changes by more than this needs a second person."""

CONTRACTS_AT_ONCE = 20
"""So many months are folded anew in one transaction: other writes wait for some tens of milliseconds."""

NAMED = 5

MoneyMoved = Callable[[Tx, Iterable[Charged]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a tariff would change."""

    period: str
    affected: tuple[Rebilled, ...]
    """The contracts that it holds for, the largest increase first."""

    @property
    def largest_ppm(self) -> int:
        """The largest change of a bill, up or down, in millionths."""
        return largest_change_ppm(self.affected)

    @property
    def needs_approval(self) -> bool:
        """Whether a second person must say yes."""
        return abs(self.largest_ppm) > APPROVAL_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a publication."""

    published: Published | None
    proposal: Proposal | None
    impact: Impact
    refolded: int = 0
    """So many charged months were folded anew."""
    charged_minor: int = 0
    """What that posted in all."""


class Publisher:
    """Publishes into the running books."""

    def __init__(self, hub: PluginHub, charger: Charger, money_moved: MoneyMoved) -> None:
        """Work on a charger's books; `money_moved` is called last in every transaction that charged something."""
        self._hub = hub
        self._charger = charger
        self._money_moved = money_moved

    async def impact(self, tariff: Tariff, code: str, period: str | None = None, from_us: int = 0) -> Impact:
        """What the contracts of a code would pay for a month under a tariff, the last whole month by default.

        Contracts that end before `from_us` are left out.
        """
        wanted = self._last_month() if period is None else period
        book = await self._hub.db.read(load_book)
        other = Version(tariff, 0)
        found: list[Rebilled] = []
        for contract in sorted(book.timelines):
            if book.contracts[contract].tariff == code and book.timelines[contract].end_us > from_us:
                one = await self._hub.db.read(
                    partial(_rebilled, book=book, contract=contract, period=wanted, other=other)
                )
                found += [] if one is None else [one]
                await self._hub.clock.sleep(0)
        return Impact(period=wanted, affected=tuple(in_order(found)))

    async def publish(self, tariff: Tariff, source: str, starts_us: int, *, may_correct: bool) -> Outcome:
        """Publish, or propose what a second person must approve; the same again changes nothing."""
        known = await self._hub.db.read(partial(registry.find, code=tariff.code, starts_us=starts_us))
        if known is None:
            await self._hub.db.read(
                partial(self._check, tariff=tariff, starts_us=starts_us, may_correct=may_correct)
            )
        impact = await self.impact(tariff, tariff.code, from_us=starts_us)
        if known is None and impact.needs_approval:
            id_, now_us = self._hub.ids.new(), self._hub.clock.now_us()
            made = await self._hub.db.write(
                lambda tx: registry.propose(tx, id_, tariff, source, starts_us, impact.largest_ppm, now_us)
            )
            return Outcome(published=None, proposal=made, impact=impact)
        return await self._put_in_force(tariff, source, starts_us, impact, None, may_correct=may_correct)

    async def approve(self, proposal_id: str, approver: str, *, may_correct: bool) -> Outcome:
        """Publish what another person proposed."""
        proposal = await self._hub.db.read(partial(registry.proposal, id=proposal_id))
        tariff = proposal.tariff
        await self._hub.db.read(
            partial(self._check, tariff=tariff, starts_us=proposal.from_us, may_correct=may_correct)
        )
        impact = await self.impact(tariff, tariff.code, from_us=proposal.from_us)
        return await self._put_in_force(
            tariff, proposal.source, proposal.from_us, impact, (proposal_id, approver), may_correct=may_correct
        )

    async def catch_up(self, code: str) -> tuple[int, int]:
        """Fold what was charged under other versions than hold now; how many months, and what that posted."""
        book = await self._hub.db.read(load_book)
        late = await self._hub.db.read(partial(stale, book=book, code=code))
        total = 0
        for place in range(0, len(late), CONTRACTS_AT_ONCE):
            charged = await self._hub.db.write(
                partial(self._refold, some=late[place : place + CONTRACTS_AT_ONCE], code=code), origin="tariffs"
            )
            total += sum(one.charged_minor for one in charged)
        return len(late), total

    async def _put_in_force(
        self,
        tariff: Tariff,
        source: str,
        starts_us: int,
        impact: Impact,
        approval: tuple[str, str] | None,
        *,
        may_correct: bool,
    ) -> Outcome:
        now_us = self._hub.clock.now_us()

        def put(tx: Tx) -> Published:
            if registry.find(tx, tariff.code, starts_us) is None:
                self._check(tx, tariff, starts_us, may_correct)
            if approval is not None:
                registry.decide(tx, approval[0], "approved")
            return registry.publish(tx, tariff, source, starts_us, now_us, approval[1] if approval else None)

        published = await self._hub.db.write(put)
        refolded, charged_minor = await self.catch_up(tariff.code)
        return Outcome(
            published=published, proposal=None, impact=impact, refolded=refolded, charged_minor=charged_minor
        )

    def _check(self, reader: Reader, tariff: Tariff, starts_us: int, may_correct: bool) -> None:
        book, config = load_book(reader), self._hub.config
        others = [registry.document(reader, one.sha) for one in registry.versions(reader, tariff.code)]
        registry.check_fits(tariff, others, config["currency"], config["scale"], self._hub.site.time_zone.key)
        first_us = min([starts_us, *(one.from_us for one in registry.versions(reader, tariff.code))])
        early = [one.id for one in book.contracts.values() if one.tariff == tariff.code and one.start_us < first_us]
        if early:
            raise PublishRefused(
                f"tariff {tariff.code} would begin at {registry.since(first_us)}, but contracts under it begin "
                f"before: {_names(early)}; publish it from then"
            )
        charged = charged_beyond(reader, tariff.code, starts_us)
        if charged and not may_correct:
            raise PublishRefused(
                f"{_names(charged)} are charged beyond {registry.since(starts_us)} already; publish it from a later"
                " instant, or say --correct: then their months are charged anew, and the differences posted"
            )

    def _refold(self, tx: Tx, some: Sequence[Stale], code: str) -> list[Charged]:
        charged = refold(tx, self._charger, some, f"rebuild:tariff {code}", self._hub.clock.now_us())
        self._money_moved(tx, charged)
        return charged

    def _last_month(self) -> str:
        today = from_us(self._hub.clock.now_us()).astimezone(self._hub.site.time_zone).date()
        return (today.replace(day=1) - timedelta(days=1)).isoformat()[:7]


def _rebilled(reader: Reader, book: Book, contract: ContractId, period: str, other: Version) -> Rebilled | None:
    return rebill(reader, book, contract, period, other)


def _names(contracts: Sequence[ContractId]) -> str:
    more = f" and {len(contracts) - NAMED} more" if len(contracts) > NAMED else ""
    return ", ".join(contracts[:NAMED]) + more
