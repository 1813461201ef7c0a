"""Money in without a ledger: accounts as sums, but credited exactly once, by unique keys in a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date

from hub.contracts.ids import AccountId
from hub.contracts.supply import Supply
from hub.contracts.topups import (
    AmountNotPositive,
    OrderAnswer,
    OrderState,
    Outstanding,
    OutstandingState,
    PaymentProvider,
    Settled,
    SettledAs,
    Settlement,
    SettlementConflict,
    SettlementConflicted,
    SettlementSuspended,
    SuspenseReason,
    ToppedUp,
    TopupRefused,
    UnknownAccount,
    Via,
)
from hub.contracts.units import ZERO, MinorUnits
from hub.core.bus import Event
from hub.core.clock import Clock, from_us
from hub.core.durable import KeyReused
from hub.core.storage import Database, Migration, Reader, Row, Tx
from hub.testing.fakes.faults import Faults

OWNER = "fake_topups"
_BY_HAND = frozenset({Via.COUNTER, Via.BATCH})

_TABLES = Migration(
    1,
    "accounts, attempts, payments, holds",
    """
    CREATE TABLE fake_topups__accounts (
      account TEXT PRIMARY KEY, currency TEXT NOT NULL, balance_minor BIGINT NOT NULL);
    CREATE TABLE fake_topups__attempts (
      id INTEGER PRIMARY KEY, provider TEXT NOT NULL, transaction_id TEXT NOT NULL, via TEXT NOT NULL,
      amount_minor BIGINT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL);
    CREATE TABLE fake_topups__payments (
      provider TEXT NOT NULL, transaction_id TEXT NOT NULL, order_id TEXT, amount_minor BIGINT NOT NULL,
      currency TEXT NOT NULL, told_account TEXT, account TEXT,
      UNIQUE (provider, transaction_id), UNIQUE (provider, order_id));
    CREATE TABLE fake_topups__holds (
      key TEXT PRIMARY KEY, account TEXT NOT NULL, amount_minor BIGINT NOT NULL, expires_us BIGINT NOT NULL,
      is_released BIGINT NOT NULL);
    """,
)


class FakeTopups:
    """The door for money. Its faults strike `outstanding`; a database that fails is the database's own fault."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        faults: Faults | None = None,
        publish: Callable[[Event], object] = lambda event: None,
        supply: Supply | None = None,
    ) -> None:
        """Keep rows in the database; with `supply` its intents commit with each credit, as they must."""
        self._db = db
        self._clock = clock
        self.faults = faults or Faults()
        self._publish = publish
        self._supply = supply
        self._providers: list[PaymentProvider] = []

    async def open(self) -> None:
        """Make the fake's tables."""
        await self._db.migrate(OWNER, [_TABLES])

    async def add_account(
        self, account: AccountId, *, balance_minor: MinorUnits = ZERO, currency: str = "CNY"
    ) -> None:
        """Open an account."""
        row = (account, currency, balance_minor)
        await self._db.write(
            lambda tx: tx.execute("INSERT INTO fake_topups__accounts VALUES (?, ?, ?)", row), owner=OWNER
        )

    async def balance(self, account: AccountId) -> MinorUnits:
        """What was credited so far, less nothing."""
        return await self._db.read(
            lambda reader: MinorUnits(_account(reader, account)["balance_minor"]), owner=OWNER
        )

    async def attempts(self) -> list[tuple[str, str]]:
        """Via and outcome of every attempt, in order."""
        rows = await self._db.read(
            lambda reader: reader.all("SELECT via, outcome FROM fake_topups__attempts ORDER BY id"), owner=OWNER
        )
        return [(row["via"], row["outcome"]) for row in rows]

    def settle(self, tx: Tx, settlement: Settlement) -> Settled:
        """Credit one payment exactly once."""
        tx = tx.bound_to(OWNER)
        row = tx.one(
            "INSERT INTO fake_topups__attempts (provider, transaction_id, via, amount_minor, outcome, detail)"
            " VALUES (?, ?, ?, ?, 'begun', '') RETURNING id",
            (settlement.provider, settlement.transaction_id, settlement.via.value, settlement.amount_minor),
        )
        assert row is not None
        settled = self._judge(tx, settlement, str(row["id"]))
        detail = str(settled.error or settled.suspended_for or "")
        tx.execute(
            "UPDATE fake_topups__attempts SET outcome = ?, detail = ? WHERE id = ?",
            (settled.outcome.value, detail, row["id"]),
        )
        return settled

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside."""
        tx = tx.bound_to(OWNER)
        known = tx.one("SELECT account, amount_minor FROM fake_topups__holds WHERE key = ?", (key,))
        if known is not None:
            if (known["account"], known["amount_minor"]) != (account, amount_minor):
                raise KeyReused(f"hold {key!r} is for {known['amount_minor']} on {known['account']}; use a new key")
            return
        left_minor = self._spendable(tx, account)
        if left_minor < amount_minor:
            raise TopupRefused(f"{account} has {left_minor} to spend; {amount_minor} cannot be held")
        tx.execute(
            "INSERT INTO fake_topups__holds VALUES (?, ?, ?, ?, 0)", (key, account, amount_minor, expires_us)
        )

    def release(self, tx: Tx, key: str) -> None:
        """End a hold."""
        tx = tx.bound_to(OWNER)
        row = tx.one(
            "UPDATE fake_topups__holds SET is_released = 1 WHERE key = ? AND is_released = 0 RETURNING account",
            (key,),
        )
        if row is not None and self._supply is not None:
            self._supply.credit_changed(
                tx, AccountId(row["account"]), self._spendable(tx, AccountId(row["account"]))
            )

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Ask every provider."""
        unknown = Outstanding(state=OutstandingState.UNKNOWN, detail="no answer in time")
        try:
            async with asyncio.timeout(max(0.0, (deadline_us - self._clock.now_us()) / 1e6)):
                await self._clock.sleep(self.faults.delay_s)
                answers = [await provider.outstanding(account) for provider in self._providers]
        except TimeoutError:
            return unknown
        if self.faults.absent or self.faults.take_failure():
            return unknown
        pending = [answer for answer in answers if answer.state is OutstandingState.PENDING]
        if pending:
            return max(pending, key=lambda answer: answer.until_us or 0)
        doubtful = [answer for answer in answers if answer.state is OutstandingState.UNKNOWN]
        return doubtful[0] if doubtful else Outstanding(state=OutstandingState.NONE)

    def add_provider(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on."""
        self._providers.append(provider)
        return lambda: self._providers.remove(provider)

    def _judge(self, tx: Tx, settlement: Settlement, attempt: str) -> Settled:
        if settlement.amount_minor <= 0:
            text = (
                f"{settlement.account}: a top-up of {settlement.amount_minor} minor units; money goes out by refund"
            )
            return _refused(settlement, attempt, AmountNotPositive(text))
        order = settlement.order_id
        for known in tx.all(
            "SELECT * FROM fake_topups__payments WHERE provider = ? AND (transaction_id = ? OR order_id = ?)",
            (settlement.provider, settlement.transaction_id, order),
        ):
            is_told_again = known["transaction_id"] == settlement.transaction_id and settlement.is_same_payment(
                known["amount_minor"], known["currency"], known["told_account"], known["order_id"]
            )
            if not is_told_again:
                return self._conflict(tx, settlement, attempt)
            return Settled(
                outcome=SettledAs.ALREADY, attempt_id=attempt, account=known["account"],
                amount_minor=settlement.amount_minor,
            )  # fmt: skip
        reason = self._suspicion(tx, settlement)
        if reason is not None and settlement.via in _BY_HAND:
            text = f"no account {settlement.account!r} in {settlement.currency} ({reason.value}); nothing was taken"
            return _refused(settlement, attempt, UnknownAccount(text))
        account = None if reason else settlement.account
        tx.execute(
            "INSERT INTO fake_topups__payments VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                settlement.provider, settlement.transaction_id, order, settlement.amount_minor,
                settlement.currency, settlement.account, account,
            ),
        )  # fmt: skip
        if account is None:
            assert reason is not None
            return self._suspend(tx, settlement, attempt, reason)
        return self._credit(tx, settlement, attempt, account)

    def _suspicion(self, tx: Tx, settlement: Settlement) -> SuspenseReason | None:
        if settlement.account is None:
            return SuspenseReason.NO_ACCOUNT
        row = tx.one("SELECT currency FROM fake_topups__accounts WHERE account = ?", (settlement.account,))
        if row is None:
            return SuspenseReason.UNKNOWN_ACCOUNT
        return None if row["currency"] == settlement.currency else SuspenseReason.CURRENCY_DIFFERS

    def _credit(self, tx: Tx, settlement: Settlement, attempt: str, account: AccountId) -> Settled:
        tx.execute(
            "UPDATE fake_topups__accounts SET balance_minor = balance_minor + ? WHERE account = ?",
            (settlement.amount_minor, account),
        )
        balance_minor = MinorUnits(_account(tx, account)["balance_minor"])
        missing_minor = ZERO
        if self._supply is not None:
            missing_minor = self._supply.credit_changed(tx, account, self._spendable(tx, account)).missing_minor
        event = ToppedUp(
            context=tx.context, account=account, amount_minor=settlement.amount_minor,
            currency=settlement.currency, balance_minor=balance_minor, missing_minor=missing_minor,
            provider=settlement.provider, attempt_id=attempt,
        )  # fmt: skip
        tx.on_commit(lambda: self._publish(event))
        return Settled(
            outcome=SettledAs.CREDITED, attempt_id=attempt, account=account, amount_minor=settlement.amount_minor,
            balance_minor=balance_minor, missing_minor=missing_minor,
        )  # fmt: skip

    def _suspend(self, tx: Tx, settlement: Settlement, attempt: str, reason: SuspenseReason) -> Settled:
        event = SettlementSuspended(
            context=tx.context, attempt_id=attempt, provider=settlement.provider,
            amount_minor=settlement.amount_minor, currency=settlement.currency, reason=reason,
        )  # fmt: skip
        tx.on_commit(lambda: self._publish(event))
        return Settled(
            outcome=SettledAs.SUSPENDED, attempt_id=attempt, account=None, amount_minor=settlement.amount_minor,
            suspended_for=reason,
        )  # fmt: skip

    def _conflict(self, tx: Tx, settlement: Settlement, attempt: str) -> Settled:
        text = (
            f"{settlement.provider}: {settlement.transaction_id} was told before with another amount, account or"
            " order; nothing was changed, compare both attempts"
        )
        event = SettlementConflicted(
            context=tx.context, attempt_id=attempt, provider=settlement.provider,
            transaction_id=settlement.transaction_id, detail=text,
        )  # fmt: skip
        tx.on_commit(lambda: self._publish(event))
        return _refused(settlement, attempt, SettlementConflict(text))

    def _spendable(self, tx: Tx, account: AccountId) -> MinorUnits:
        held = tx.value(
            "SELECT coalesce(sum(amount_minor), 0) FROM fake_topups__holds"
            " WHERE account = ? AND is_released = 0 AND expires_us > ?",
            (account, self._clock.now_us()),
        )
        assert isinstance(held, int)
        return MinorUnits(_account(tx, account)["balance_minor"] - held)


class FakeProvider:
    """A payment platform that a test scripts: orders that are open or paid, and a platform that is slow or gone."""

    def __init__(self, clock: Clock, faults: Faults | None = None, name: str = "fake_pay") -> None:
        """Start without orders."""
        self._clock = clock
        self.faults = faults or Faults()
        self.name = name
        self.open_until_us: dict[AccountId, int] = {}
        self.paid: dict[str, Settlement] = {}

    async def outstanding(self, account: AccountId) -> Outstanding:
        """What the platform says of an account's orders."""
        if not await self._answers():
            return Outstanding(state=OutstandingState.UNKNOWN, detail=f"{self.name} does not answer")
        until_us = self.open_until_us.get(account)
        if until_us is None or until_us <= self._clock.now_us():
            return Outstanding(state=OutstandingState.NONE)
        return Outstanding(state=OutstandingState.PENDING, until_us=until_us)

    async def query(self, order_id: str) -> OrderAnswer:
        """What the platform says of one order."""
        if not await self._answers():
            return OrderAnswer(state=OrderState.UNKNOWN)
        paid = self.paid.get(order_id)
        return (
            OrderAnswer(state=OrderState.OPEN)
            if paid is None
            else OrderAnswer(state=OrderState.PAID, settlement=paid)
        )

    async def bill(self, day: date) -> tuple[Settlement, ...] | None:
        """All payments of a day (UTC here), once the day is over."""
        if not await self._answers() or self._clock.now().astimezone(UTC).date() <= day:
            return None
        return tuple(one for one in self.paid.values() if from_us(one.paid_us).date() == day)

    async def _answers(self) -> bool:
        await self._clock.sleep(self.faults.delay_s)
        return not (self.faults.absent or self.faults.take_failure())


def _refused(settlement: Settlement, attempt: str, error: TopupRefused) -> Settled:
    return Settled(
        outcome=SettledAs.REFUSED, attempt_id=attempt, account=settlement.account,
        amount_minor=settlement.amount_minor, error=error,
    )  # fmt: skip


def _account(reader: Reader, account: AccountId) -> Row:
    row = reader.one("SELECT * FROM fake_topups__accounts WHERE account = ?", (account,))
    if row is None:
        raise UnknownAccount(f"there is no account {account!r}")
    return row
