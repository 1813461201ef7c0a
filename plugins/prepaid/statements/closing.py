"""Closes statements: what was derived is frozen, its hash goes into the journal, the period takes no more dates.

Deriving takes long and works on a snapshot; the transaction only looks whether something has moved since.
All contracts of an account that end together are closed together, since they share their money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.contracts.ids import AccountId, ContractId
from hub.contracts.units import ZERO
from hub.core.clock import from_us
from hub.core.errors import HubError, NotFound
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book, version_of
from plugins.prepaid.journal.chain import canonical
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.periods import close_period
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.evidence import Frame
from plugins.prepaid.statements.flows import CLOSING_KIND
from plugins.prepaid.statements.framing import Moment, frame_of
from plugins.prepaid.statements.gathering import SiteMoney, balance_before, evidence_of, lower_seq_of
from plugins.prepaid.statements.plain import plain
from plugins.prepaid.statements.repository import Closed, statement_id
from plugins.prepaid.statements.statement import Statement, derive


class NotClosable(HubError):
    """A statement that cannot be closed yet, or not so; nothing was changed."""


class Moved(HubError):
    """The account moved while its statement was derived: derive it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Statements of one account that are ready to be closed."""

    account: AccountId
    period: str
    until_us: int
    moment: Moment
    book_version: int
    statements: tuple[Statement, ...]


def draft(reader: Reader, book: Book, site: SiteMoney, account: AccountId, period: str, now_us: int) -> Draft:
    """Derive what is to be closed; no statements when all of them are closed. Raises `NotClosable`."""
    if account not in book.accounts:
        raise NotFound(f"there is no account {account!r}; see `hub account list`")
    ready, until_us = _ready(reader, book, account, period, now_us)
    moment = Moment.now(reader)
    made = [
        _derived(reader, frame_of(reader, book, site, one, period, moment, until_us=until_us, closed_us=now_us))
        for one in ready
    ]
    return Draft(
        account=account, period=period, until_us=until_us, moment=moment, book_version=version_of(reader),
        statements=tuple(made),
    )  # fmt: skip


def close(tx: Tx, journal: Journal, made: Draft) -> list[Closed]:
    """Freeze a draft; raises `Moved` when the account has moved since it was made."""
    _check_still(tx, made)
    rows = []
    for statement in made.statements:
        frame = statement.evidence.frame
        assert frame.closed_us is not None
        row = Closed(
            id=frame.id, contract=frame.contract, account=frame.account, period=frame.period,
            until_us=frame.until_us, from_seq=_from_seq(tx, frame), closed_seq=frame.upto_seq,
            closed_read=frame.upto_read, due_minor=statement.due_minor,
            closing_minor=statement.flows.closing_minor, frame=canonical(plain(frame)).decode(),
            sha=statement.sha, closed_us=frame.closed_us, actor=tx.context.actor,
        )  # fmt: skip
        repository.add(tx, row)
        journal.post(tx, closing_entry(row))
        close_period(tx, frame.ledger_account, frame.until_us, frame.id, frame.closed_us)
        rows.append(row)
    return rows


def closing_entry(row: Closed) -> Entry:
    """The entry that seals a statement with the journal: it moves nothing and carries the hash."""
    meta = {"statement": row.id, "sha": row.sha.hex()}
    postings = (Posting(prepaid(row.account), ZERO, None, meta),)
    return Entry(CLOSING_KIND, closing_key(row.id), row.closed_us, postings, ref=f"statement:{row.id}")


def closing_key(statement: str) -> str:
    """The key of the entry that carries a statement's hash."""
    return f"stmt:{statement}"


def closable(reader: Reader, book: Book, period: str, now_us: int) -> list[AccountId]:
    """The accounts of which something of a period can be closed now."""
    found = []
    for account in sorted(book.accounts):
        try:
            ready, _ = _ready(reader, book, account, period, now_us)
        except NotClosable:
            continue
        if ready:
            found.append(account)
    return found


def _ready(
    reader: Reader, book: Book, account: AccountId, period: str, now_us: int
) -> tuple[list[ContractId], int]:
    """The contracts whose part of a period is over, read, and not closed; and where the last of them ends."""
    ready: list[ContractId] = []
    running: list[tuple[ContractId, int]] = []
    until_us = 0
    for contract in book.contracts_of(account):
        timeline = book.timelines.get(contract.id)
        if timeline is None or repository.load(reader, statement_id(contract.id, period)) is not None:
            continue
        start_us, end_us = timeline.bounds(period)
        start_us, end_us = max(start_us, timeline.start_us), min(end_us, timeline.end_us)
        if start_us >= end_us:
            continue
        _check_earlier(reader, account, contract.id, period)
        if end_us > now_us:
            running.append((contract.id, start_us))
        else:
            _check_finished(reader, contract.id, period)
            ready.append(contract.id)
            until_us = max(until_us, end_us)
    blocking = [name for name, start_us in running if start_us < until_us or not ready]
    if blocking:
        raise NotClosable(
            f"{account}: {period} is not over for contract {', '.join(blocking)}; an account is closed as a whole, "
            "close it then"
        )
    return ready, until_us


def _check_earlier(reader: Reader, account: AccountId, contract: ContractId, period: str) -> None:
    for earlier, row in periods.all_of(reader, contract).items():
        if earlier < period and row.closed_by is None:
            raise NotClosable(
                f"{account}: close {earlier} of contract {contract} first; periods close in their order"
            )


def _check_finished(reader: Reader, contract: ContractId, period: str) -> None:
    row = periods.load(reader, contract, period)
    if not row.is_finished:
        raise NotClosable(
            f"{period} of contract {contract} is over, but its last reads are not in; the hub finishes it by "
            "itself within a day, with them or without"
        )


def _derived(reader: Reader, frame: Frame) -> Statement:
    statement = derive(evidence_of(reader, frame))
    if not statement.is_as_posted:
        raise NotClosable(
            f"{frame.id}: what was posted is not what its reads come to; run `hub ledger verify --deep`"
        )
    expected = balance_before(reader, frame.account, frame.until_us, frame.upto_seq, lower_seq_of(reader, frame))
    found = statement.flows.closing_minor
    if expected != found:
        raise NotClosable(
            f"{frame.id}: the account holds {expected} at {from_us(frame.until_us).isoformat()}, and its statement "
            f"ends with {found}; run `hub ledger verify`"
        )
    return statement


def _check_still(tx: Tx, made: Draft) -> None:
    last = tx.value("SELECT last_seq FROM prepaid__balances WHERE account = ?", (prepaid(made.account),)) or 0
    assert isinstance(last, int)
    epochs: Sequence[int] = [epoch.id for one in made.statements for epoch in one.evidence.frame.epochs]
    newest = max((_newest_read(tx, epoch) for epoch in epochs), default=0)
    if last > made.moment.seq or newest > made.moment.read or version_of(tx) != made.book_version:
        raise Moved(f"account {made.account} moved while its statement was made; nothing was closed, try again")


def _newest_read(tx: Tx, epoch: int) -> int:
    newest = tx.value("SELECT max(id) FROM prepaid__reads WHERE epoch = ?", (epoch,)) or 0
    assert isinstance(newest, int)
    return newest


def _from_seq(tx: Tx, frame: Frame) -> int:
    """Where the account's statement before this one stopped looking."""
    before = None if frame.opening.statement is None else repository.load(tx, frame.opening.statement)
    return 0 if before is None else before.closed_seq
