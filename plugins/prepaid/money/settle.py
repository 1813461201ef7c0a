"""The `topups` service: a payment is credited exactly once, and every word of it is on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from hub.contracts.ids import AccountId
from hub.contracts.topups import (
    AmountNotPositive,
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
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from hub.core.storage import Row, Tx
from plugins.prepaid.journal.chart import SUSPENSE, arrival, prepaid
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.money.standing import MoneyMoved, balance, standing
from plugins.prepaid.places import repository

IN_HAND = frozenset({Via.COUNTER, Via.BATCH})
"""Money that can still be refused: it is in the clerk's hand, or in a file that nobody has acted on."""


class Topups:
    """The door for money."""

    def __init__(self, hub: PluginHub, journal: Journal, currency: str, money_moved: MoneyMoved) -> None:
        """Credit accounts in one currency."""
        self._hub = hub
        self._journal = journal
        self._currency = currency
        self._money_moved = money_moved
        self._providers: list[PaymentProvider] = []

    def settle(self, tx: Tx, settlement: Settlement) -> Settled:
        """Credit one payment exactly once; see the contract."""
        tx = self._hub.db.join(tx)
        known = _known(tx, settlement)
        error = _refusal(settlement, known)
        suspended_for = None
        if known is None and error is None:
            suspended_for = self._suspense_reason(tx, settlement)
            if suspended_for is not None and settlement.via in IN_HAND:
                error = _refused_in_hand(settlement, suspended_for)
        outcome = _outcome(known, error, suspended_for)
        attempt = self._note_attempt(tx, settlement, outcome, error)
        answer = Settled(
            outcome=outcome, attempt_id=str(attempt), account=settlement.account,
            amount_minor=settlement.amount_minor, error=error,
        )  # fmt: skip
        if outcome is SettledAs.CREDITED:
            return self._credit(tx, settlement, attempt, answer)
        if outcome is SettledAs.SUSPENDED:
            assert suspended_for is not None
            return self._suspend(tx, settlement, attempt, suspended_for, answer)
        if isinstance(error, SettlementConflict):
            conflict = SettlementConflicted(
                context=tx.context, attempt_id=str(attempt), provider=settlement.provider,
                transaction_id=settlement.transaction_id, detail=str(error),
            )  # fmt: skip
            tx.on_commit(lambda: self._hub.bus.publish(conflict))
        if known is not None and error is None and known["account"] is not None:
            account = AccountId(known["account"])
            return replace(answer, account=account, balance_minor=balance(tx, account))
        return answer

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside; the same key holds once. Raises when the account is unknown or has less."""
        tx = self._hub.db.join(tx)
        known = tx.one("SELECT account, amount_minor FROM prepaid__holds WHERE key = ?", (key,))
        if known is not None:
            if (known["account"], known["amount_minor"]) != (account, amount_minor):
                raise KeyReused(f"hold {key!r} was made before for another account or amount; make a new key")
            return
        if repository.account(tx, account) is None:
            raise UnknownAccount(f"there is no account {account!r}; nothing was set aside")
        spendable_minor = standing(tx, account, self._hub.clock.now_us()).spendable_minor
        if amount_minor <= 0 or amount_minor > spendable_minor:
            raise TopupRefused(f"{account} cannot set {amount_minor} aside; it has {spendable_minor}")
        tx.execute("INSERT INTO prepaid__holds VALUES (?, ?, ?, ?, 0)", (key, account, amount_minor, expires_us))
        self._money_moved(tx, account)

    def release(self, tx: Tx, key: str) -> None:
        """End a hold; no error when it has ended already."""
        tx = self._hub.db.join(tx)
        row = tx.one("UPDATE prepaid__holds SET ended = 1 WHERE key = ? AND ended = 0 RETURNING account", (key,))
        if row is not None:
            self._money_moved(tx, AccountId(row["account"]))

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Ask every provider at once: pending if any is, else unknown if any is, else none."""
        left_s = self._hub.clock.seconds_until(deadline_us)
        answers = await asyncio.gather(*(self._ask(one, account, left_s) for one in self._providers))
        for state in (OutstandingState.PENDING, OutstandingState.UNKNOWN):
            for answer in answers:
                if answer.state is state:
                    return answer
        return Outstanding(state=OutstandingState.NONE)

    def add_provider(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on."""
        self._providers.append(provider)
        return lambda: self._providers.remove(provider)

    async def _ask(self, provider: PaymentProvider, account: AccountId, left_s: float) -> Outstanding:
        try:
            async with asyncio.timeout(left_s):
                return await provider.outstanding(account)
        except TimeoutError:
            detail = f"{provider.name} did not answer in time"
        except Exception as error:  # noqa: BLE001 - a provider that fails cannot say: no ground for a trip
            detail = f"{provider.name} failed: {error}"
        return Outstanding(state=OutstandingState.UNKNOWN, detail=detail)

    def _credit(self, tx: Tx, settlement: Settlement, attempt: int, answer: Settled) -> Settled:
        account = settlement.account
        assert account is not None
        amount = settlement.amount_minor
        entry = self._journal.post(
            tx,
            Entry(
                "topup", _key(settlement), settlement.paid_us,
                (Posting(arrival(settlement.provider), amount), Posting(prepaid(account), MinorUnits(-amount))),
                ref=f"attempt:{attempt}", note=settlement.note or None,
            ),
        )  # fmt: skip
        _note_payment(tx, settlement, account, "credited", None, entry.seq, attempt)
        fault_point("prepaid.after_credit")
        effect = self._money_moved(tx, account)
        now = balance(tx, account)
        event = ToppedUp(
            context=tx.context, account=account, amount_minor=amount, currency=settlement.currency,
            balance_minor=now, missing_minor=effect.missing_minor, provider=settlement.provider,
            attempt_id=str(attempt),
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))
        return replace(answer, balance_minor=now, missing_minor=effect.missing_minor)

    def _suspend(
        self, tx: Tx, settlement: Settlement, attempt: int, reason: SuspenseReason, answer: Settled
    ) -> Settled:
        amount = settlement.amount_minor
        entry = self._journal.post(
            tx,
            Entry(
                "suspense", _key(settlement), settlement.paid_us,
                (Posting(arrival(settlement.provider), amount), Posting(SUSPENSE, MinorUnits(-amount))),
                ref=f"attempt:{attempt}", note=reason.value,
            ),
        )  # fmt: skip
        _note_payment(tx, settlement, None, "suspended", reason, entry.seq, attempt)
        event = SettlementSuspended(
            context=tx.context, attempt_id=str(attempt), provider=settlement.provider, amount_minor=amount,
            currency=settlement.currency, reason=reason,
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))
        return replace(answer, suspended_for=reason)

    def _suspense_reason(self, tx: Tx, settlement: Settlement) -> SuspenseReason | None:
        if settlement.account is None:
            return SuspenseReason.NO_ACCOUNT
        account = repository.account(tx, settlement.account)
        if account is None:
            return SuspenseReason.UNKNOWN_ACCOUNT
        if settlement.currency != self._currency:
            return SuspenseReason.CURRENCY_DIFFERS
        return None if account.is_open else SuspenseReason.ACCOUNT_CLOSED

    def _note_attempt(self, tx: Tx, settlement: Settlement, outcome: SettledAs, error: TopupRefused | None) -> int:
        row = tx.one(
            "INSERT INTO prepaid__attempts (provider, transaction_id, order_id, account, amount_minor, currency,"
            " paid_us, via, document_sha, note, outcome, error, at_us, actor, context_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                settlement.provider, settlement.transaction_id, settlement.order_id, settlement.account,
                settlement.amount_minor, settlement.currency, settlement.paid_us, settlement.via.value,
                settlement.document_sha, settlement.note, outcome.value, None if error is None else str(error),
                self._hub.clock.now_us(), tx.context.actor, tx.context.id,
            ),
        )  # fmt: skip
        assert row is not None
        return int(row[0])


def _outcome(known: Row | None, error: TopupRefused | None, suspended_for: SuspenseReason | None) -> SettledAs:
    if error is not None:
        return SettledAs.REFUSED
    if known is not None:
        return SettledAs.ALREADY
    return SettledAs.CREDITED if suspended_for is None else SettledAs.SUSPENDED


def _refusal(settlement: Settlement, known: Row | None) -> TopupRefused | None:
    """Why nothing may be done whatever the account: no money, or a payment that was told differently before."""
    if settlement.amount_minor <= 0:
        return AmountNotPositive(
            f"a top-up of {settlement.amount_minor} was not made; give an amount above zero, and use a refund to"
            " pay money out"
        )
    if known is not None and not settlement.is_same_payment(
        known["amount_minor"], known["currency"], known["told_account"], known["order_id"]
    ):
        return SettlementConflict(
            f"{settlement.provider} {settlement.transaction_id} was told before with another amount, account "
            "or order; the first stands, look at both"
        )
    return None


def _refused_in_hand(settlement: Settlement, reason: SuspenseReason) -> TopupRefused:
    """What the clerk is told, whose money is still in the hand."""
    if reason is SuspenseReason.ACCOUNT_CLOSED:
        return TopupRefused(f"account {settlement.account} is closed; nothing was credited")
    if reason is SuspenseReason.CURRENCY_DIFFERS:
        return TopupRefused(f"account {settlement.account} takes no {settlement.currency}; nothing was credited")
    return UnknownAccount(f"there is no account {settlement.account!r}; nothing was credited")


def _known(tx: Tx, settlement: Settlement) -> Row | None:
    """What was told before under this transaction or order."""
    return tx.one(
        "SELECT * FROM prepaid__payments WHERE provider = ? AND (transaction_id = ? OR order_id = ?)",
        (settlement.provider, settlement.transaction_id, settlement.order_id),
    )


def _note_payment(
    tx: Tx,
    settlement: Settlement,
    account: AccountId | None,
    state: str,
    reason: SuspenseReason | None,
    entry: int,
    attempt: int,
) -> None:
    tx.execute(
        "INSERT INTO prepaid__payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            settlement.provider, settlement.transaction_id, settlement.order_id, account, settlement.account,
            settlement.amount_minor, settlement.currency, settlement.paid_us, state,
            None if reason is None else reason.value, entry, attempt,
        ),
    )  # fmt: skip


def _key(settlement: Settlement) -> str:
    return f"pay:{settlement.provider}:{settlement.transaction_id}"
