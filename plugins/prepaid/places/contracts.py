"""The life of contracts: moving in, moving out, and another tariff for the same tenant.

A contract's tariff never changes. Another tariff is another contract of the same account over the same points,
which begins at the very reads with which the one before ends: each contract has one timeline, and nothing is split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.naming import unique_slug
from hub.contracts.units import MinorUnits
from hub.core.clock import from_us
from hub.core.config import did_you_mean
from hub.core.errors import HubError, NotFound
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import Charged
from plugins.prepaid.charging.edges import unfinished
from plugins.prepaid.gate import reads
from plugins.prepaid.places import repository
from plugins.prepaid.places.checks import require
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.records import Contract, Term


class ContractRefused(HubError):
    """A step in a contract's life that cannot be; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A contract that was ended, and what it came to."""

    contract: Contract
    terms: tuple[Term, ...]
    charged_minor: MinorUnits
    """By the last reads and the end of its last month."""
    is_settled: bool
    """Whether all of it is read and posted; else the reads that are still to come are charged as they come."""


def contract_of(reader: Reader, name: ContractId) -> Contract:
    """A contract that must be there."""
    found = repository.contract(reader, name)
    if found is None:
        hint = did_you_mean(name, repository.contract_ids(reader))
        raise NotFound(f"there is no contract {name!r}; nothing was changed.{hint}")
    return found


def free_contract_id(reader: Reader, account: AccountId) -> ContractId:
    """An id for an account's next contract: the account's own, then with a number."""
    return ContractId(unique_slug(account, set(repository.contract_ids(reader))))


def move_in(office: Office, tx: Tx, contract: Contract, terms: Sequence[Term]) -> None:
    """Begin a contract over some points; energy that was charged by other terms is charged anew."""
    office.desk.open_account(tx, contract.account)
    _require_tariff(tx, contract.tariff)
    if repository.contract(tx, contract.id) is not None:
        raise ContractRefused(f"there is a contract {contract.id} already; nothing was changed. Give it another id")
    for term in terms:
        if repository.point(tx, term.point) is None:
            raise _no_point(tx, term.point)
    before = office.places(tx)
    after = before.copy()
    after.contracts[contract.id] = contract
    after.terms.update({(term.contract, term.point, term.start_us): term for term in terms})
    require(after, before)
    repository.save_contract(tx, contract)
    for term in terms:
        repository.save_term(tx, term)
    book = office.turn_page(tx)
    charged = [
        one
        for term in terms
        for one in office.recharge(tx, book, term.point, term.start_us, f"rebuild:{contract.id} begins")
    ]
    office.moved(tx, contract.account, charged)


def move_out(office: Office, tx: Tx, name: ContractId, ends: Mapping[PointId, int]) -> Ended:
    """End a contract at the instants of its points' last reads, and settle it; raises what stands in the way."""
    contract, book, charged = end(office, tx, name, ends)
    is_settled = _is_read(tx, name, office.now_us())
    if is_settled:
        charged = [*charged, *_finish(office, tx, book, contract)]
    office.moved(tx, contract.account, charged)
    own = sum(one.charged_minor for one in charged if one.contract == name)
    terms = tuple(repository.terms_of_contract(tx, name))
    return Ended(contract=contract, terms=terms, charged_minor=MinorUnits(own), is_settled=is_settled)


def change_tariff(
    office: Office, tx: Tx, name: ContractId, ends: Mapping[PointId, int], tariff: str, successor: ContractId | None
) -> tuple[Ended, Contract]:
    """End a contract and begin the next of the same account over the same points, at the same reads."""
    old = contract_of(tx, name)
    _require_tariff(tx, tariff)
    if tariff == old.tariff:
        raise ContractRefused(f"contract {name} is under tariff {tariff} already; nothing was changed")
    ended = move_out(office, tx, name, ends)
    following = [term for term in ended.terms if term.point in ends and term.end_us == ends[term.point]]
    new = replace(
        old, id=successor or free_contract_id(tx, old.account), tariff=tariff, end_us=old.end_us,
        start_us=min(ends.values()),
    )  # fmt: skip
    move_in(office, tx, new, [follow(term, new) for term in following])
    return ended, new


def follow(term: Term, contract: Contract) -> Term:
    """The hold of the next contract, from where the one before ends."""
    assert term.end_us is not None
    return replace(term, contract=contract.id, start_us=term.end_us, end_us=contract.end_us)


def running_terms(reader: Reader, name: ContractId, at_us: int) -> list[Term]:
    """The points that a contract holds at an instant, or will hold."""
    return [one for one in repository.terms_of_contract(reader, name) if one.end_us is None or one.end_us > at_us]


def end(
    office: Office, tx: Tx, name: ContractId, ends: Mapping[PointId, int]
) -> tuple[Contract, Book, list[Charged]]:
    """End a contract's holds, and charge anew what lies around their ends; nobody has been told yet."""
    contract = contract_of(tx, name)
    if contract.end_us is not None and contract.end_us <= office.now_us():
        raise ContractRefused(f"contract {name} ended {_when(contract.end_us)} already; nothing was changed")
    held = running_terms(tx, name, office.now_us())
    without = sorted({one.point for one in held} - ends.keys())
    if without or not ends:
        raise ContractRefused(f"contract {name} holds {', '.join(without) or 'nothing'}; each point needs its end")
    ended = replace(contract, end_us=max(ends.values()))
    for term in repository.terms_of_contract(tx, name):
        if term.point in ends and (term.end_us is None or term.end_us > ends[term.point]):
            if ends[term.point] <= term.start_us:
                raise ContractRefused(
                    f"contract {name} holds {term.point} from {_when(term.start_us)} on and cannot end before"
                )
            repository.save_term(tx, replace(term, end_us=ends[term.point]))
    _refuse_charged_months(office, tx, ended)
    repository.save_contract(tx, ended)
    book = office.turn_page(tx)
    charged = [
        one for point in ends for one in office.recharge(tx, book, point, ends[point], f"rebuild:{name} ends")
    ]
    return ended, book, charged


def _refuse_charged_months(office: Office, tx: Tx, ended: Contract) -> None:
    """A month that lies wholly behind the new end has no charges that could be taken back by folding it anew."""
    assert ended.end_us is not None
    timeline = office.charger.book.timelines.get(ended.id)
    if timeline is None:
        return
    last = timeline.period_at(ended.end_us - 1)
    later = [
        period for period, row in periods.all_of(tx, ended.id).items() if period > last and any(row.posted.values())
    ]
    if later:
        raise ContractRefused(
            f"contract {ended.id} was charged in {', '.join(later)}, after that end; nothing was changed. End it in"
            f" {later[-1]}, and correct what was charged too much"
        )


def _finish(office: Office, tx: Tx, book: Book, contract: Contract) -> list[Charged]:
    """Post what a contract's last months come to: standing charges to the last day, minimum charges."""
    assert contract.end_us is not None
    charged = office.charger.accrue(tx, contract.id, contract.end_us)
    if contract.id in book.timelines:
        for period in unfinished(tx, book, contract.id, office.now_us()):
            charged += office.charger.finish(tx, contract.id, period)
    return charged


def _is_read(reader: Reader, name: ContractId, now_us: int) -> bool:
    """Whether every point was read at or after its end, so that all energy of the contract is known."""
    for term in repository.terms_of_contract(reader, name):
        if term.end_us is None or term.end_us > now_us:
            return False
        lasts = [reads.last(reader, epoch.id) for epoch in repository.epochs_of(reader, term.point)]
        if not any(last is not None and last.at_us >= term.end_us for last in lasts):
            return False
    return True


def _require_tariff(reader: Reader, tariff: str) -> None:
    codes = repository.published_codes(reader)
    if tariff not in codes:
        known = f" There are {', '.join(codes)}" if codes else " There is none yet"
        raise ContractRefused(
            f"no tariff {tariff!r} is published; nothing was changed.{did_you_mean(tariff, codes) or known}"
        )


def _no_point(reader: Reader, point: PointId) -> NotFound:
    return NotFound(
        f"there is no point {point!r}; nothing was changed.{did_you_mean(point, repository.point_ids(reader))}"
    )


def _when(at_us: int) -> str:
    return from_us(at_us).isoformat(sep=" ", timespec="seconds")
