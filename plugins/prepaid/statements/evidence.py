"""What a statement is derived from: accepted reads, tariff documents, ledger entries, and the frame over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.units import MinorUnits
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.journal.records import WrittenPosting
from plugins.prepaid.places.records import Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Who held a point for a time; other holders than the contract itself are numbers, not names."""

    point: PointId
    holder: int
    """In the order in which shares of a point are cut."""
    start_us: int
    end_us: int | None
    share_ppm: int

    @property
    def contract(self) -> ContractId:
        """The holder as rating knows it: sorted as the numbers are."""
        return holder_id(self.holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A tariff document and the instant from which it holds."""

    from_us: int
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where the statement goes on from: all entries dated before an instant, of those up to one of them."""

    statement: str | None
    """The statement that ends there, if one was closed."""
    until_us: int
    seq: int
    balance_minor: MinorUnits
    """As people read it: what the tenant owns is above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything about a statement that could read otherwise tomorrow, as it stood when it was made."""

    id: str
    site: str
    currency: str
    scale: int
    time_zone: str
    tenant: str
    account: AccountId
    contract: ContractId
    contract_start_us: int
    contract_end_us: int | None
    tariff: str
    versions: tuple[InForce, ...]
    period: str
    from_us: int
    """The contract's part of the period, in which its energy is charged."""
    to_us: int
    until_us: int
    """Where the account's part of the period ends: entries dated from then on belong to the next statement."""
    through_us: int
    """Up to when charges that fall due by time are counted."""
    is_final: bool
    """The period is over and read: minimum charges and ratchets count."""
    holder: int
    points: Mapping[str, str]
    """Their names by id."""
    holdings: tuple[Holding, ...]
    epochs: tuple[Epoch, ...]
    opening: Opening
    upto_seq: int
    """The last entry of the journal that was looked at."""
    upto_read: int
    """The last accepted read that was looked at, by the number of its row."""
    closed_us: int | None
    """None while the statement is not closed."""

    @property
    def ledger_account(self) -> str:
        """The account of the ledger that the money stands on."""
        return prepaid(self.account)

    @property
    def charge_keys(self) -> str:
        """What the keys of all charges of this contract and period begin with."""
        return f"chg:{self.contract}:{self.period}:"

    def own_terms(self) -> Iterator[Holding]:
        """When the contract held what."""
        return (one for one in self.holdings if one.holder == self.holder)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """An entry of the journal with what it is chained by."""

    seq: int
    effective_us: int
    recorded_us: int
    kind: str
    key: str
    payload_sha: bytes
    ref: str | None
    corrects: str | None
    note: str | None
    actor: str
    context_id: str
    prev_hash: bytes
    hash: bytes
    postings: tuple[WrittenPosting, ...]
    is_withheld: bool
    """It moved other tenants' money too: only what it put on this account is shown, and its hash taken as it is."""

    def amount_on(self, account: str) -> MinorUnits:
        """What it put on an account; debit is positive."""
        return MinorUnits(sum(amount for name, amount, _, _ in self.postings if name == account))


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that `statement.derive` works from; nothing else."""

    frame: Frame
    reads: Mapping[int, tuple[AcceptedRead, ...]]
    """By epoch, in order of time."""
    documents: Mapping[str, str]
    """Canonical tariff documents by their hash."""
    entries: tuple[JournalEntry, ...]
    """In order of the journal."""


def holder_id(number: int) -> ContractId:
    """A holder's number as an id that sorts like it."""
    return ContractId(f"{number:06d}")
