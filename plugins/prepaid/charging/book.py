"""The book: who holds which point under which tariff when, as one snapshot that charging works from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.core.principals import OWNER
from hub.core.storage import Reader, Tx
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account, Contract, SupplyPoint, Term
from plugins.prepaid.pricing import Timeline, Version
from plugins.prepaid.tariffs import Tariff, tariff_from_canonical

TARIFFS_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A snapshot; `version` says whether it still holds."""

    version: int
    points: Mapping[PointId, SupplyPoint]
    accounts: Mapping[AccountId, Account]
    contracts: Mapping[ContractId, Contract]
    terms: Mapping[PointId, tuple[Term, ...]]
    """By point, in order of time."""
    timelines: Mapping[ContractId, Timeline]
    """Of the contracts whose tariff is published; the others are not charged yet."""

    by_account: Mapping[AccountId, tuple[Contract, ...]]
    """Each account's contracts, by id."""
    by_contract: Mapping[ContractId, tuple[Term, ...]]
    """Each contract's points, in order of point and time."""

    def contracts_of(self, account: AccountId) -> tuple[Contract, ...]:
        """An account's contracts, by id."""
        return self.by_account.get(account, ())

    def points_of(self, account: AccountId, at_us: int) -> list[PointId]:
        """The points that an account holds at an instant, wholly or by share."""
        return [
            term.point
            for contract in self.contracts_of(account)
            for term in self.by_contract.get(contract.id, ())
            if term.start_us <= at_us and (term.end_us is None or at_us < term.end_us)
        ]

    def holders(self, point: PointId, at_us: int) -> list[ContractId]:
        """The contracts that hold a point at an instant, by id."""
        return [
            term.contract
            for term in self.terms.get(point, ())
            if term.start_us <= at_us and (term.end_us is None or at_us < term.end_us)
        ]


def load_book(reader: Reader) -> Book:
    """The book as the tables say it now."""
    contracts = {one.id: one for one in repository.contracts(reader, OWNER)}
    versions = published(reader)
    terms: dict[PointId, list[Term]] = {}
    by_contract: dict[ContractId, list[Term]] = {}
    by_account: dict[AccountId, list[Contract]] = {}
    for term in repository.all_terms(reader):
        terms.setdefault(term.point, []).append(term)
        by_contract.setdefault(term.contract, []).append(term)
    for contract in contracts.values():
        by_account.setdefault(contract.account, []).append(contract)
    return Book(
        version=version_of(reader),
        points={one.id: one for one in repository.points(reader, OWNER)},
        accounts={one.id: one for one in repository.accounts(reader, OWNER)},
        contracts=contracts,
        terms={point: tuple(listed) for point, listed in terms.items()},
        by_account={account: tuple(listed) for account, listed in by_account.items()},
        by_contract={contract: tuple(listed) for contract, listed in by_contract.items()},
        timelines={
            one.id: Timeline(versions[one.tariff], one.start_us, one.end_us)
            for one in contracts.values()
            if one.tariff in versions
        },
    )


def published(reader: Reader) -> dict[str, list[Version]]:
    """The published versions of each tariff code, in order of their instants."""
    rows = reader.all(
        "SELECT v.code, v.from_us, t.body FROM prepaid__tariff_versions v JOIN prepaid__tariffs t ON t.sha = v.sha"
        " ORDER BY v.code, v.from_us"
    )
    versions: dict[str, list[Version]] = {}
    for row in rows:
        versions.setdefault(row["code"], []).append(_version(row["body"], row["from_us"]))
    return versions


def version_of(reader: Reader) -> int:
    """The book's version in the tables."""
    version = reader.value("SELECT version FROM prepaid__book")
    assert isinstance(version, int)
    return version


def turn_page(tx: Tx) -> None:
    """Say that the book has changed; whoever changes terms, contracts, accounts or tariffs calls it."""
    tx.execute("UPDATE prepaid__book SET version = version + 1")


@lru_cache(maxsize=TARIFFS_REMEMBERED)
def _tariff(body: str) -> Tariff:
    return tariff_from_canonical(body.encode())


@lru_cache(maxsize=TARIFFS_REMEMBERED)
def _version(body: str, from_us: int) -> Version:
    """Made once and shared by all contracts and books, since it remembers its days."""
    return Version(_tariff(body), from_us)
