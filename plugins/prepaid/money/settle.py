"""The `topups` service: a payment is credited exactly once, and every word of it is on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hub.contracts.ids import AccountId
from hub.contracts.topups import (
    Outstanding,
    PaymentProvider,
    Settled,
    SettledAs,
    Settlement,
    SettlementConflict,
    SettlementConflicted,
    SettlementSuspended,
    SuspenseReason,
    ToppedUp,
)
from hub.contracts.units import MinorUnits
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.chart import SUSPENSE, arrival, prepaid
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.money import payments
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.holds import Holds
from plugins.prepaid.money.judgement import judge
from plugins.prepaid.money.payments import Payment
from plugins.prepaid.money.providers import Providers
from plugins.prepaid.money.returns import apply_waiting
from plugins.prepaid.money.standing import MoneyMoved, balance
from plugins.prepaid.money.suspense import assign


class Topups:
    """The door for money."""

    def __init__(self, hub: PluginHub, journal: Journal, currency: str, money_moved: MoneyMoved) -> None:
        """Credit accounts in one currency; `money_moved` is called last in each transaction that did."""
        self.desk = Desk(hub, journal, currency, hub.config["scale"], money_moved)
        self.holds = Holds(self.desk)
        self._hub = hub
        self._providers = Providers(hub.clock)

    def settle(self, tx: Tx, settlement: Settlement) -> Settled:
        """Credit one payment exactly once; see the contract."""
        tx = self._hub.db.join(tx)
        verdict = judge(self.desk, tx, settlement)
        attempt = payments.note_attempt(tx, settlement, verdict.outcome, verdict.error, self.desk.now_us())
        fault_point("prepaid.after_attempt")
        answer = Settled(
            outcome=verdict.outcome, attempt_id=str(attempt), account=settlement.account,
            amount_minor=settlement.amount_minor, suspended_for=verdict.suspended_for, error=verdict.error,
        )  # fmt: skip
        if verdict.known is not None and verdict.error is None:
            payments.learn(tx, verdict.known, settlement)
        if verdict.outcome is SettledAs.CREDITED:
            return self._credit(tx, settlement, verdict.known, answer)
        if verdict.outcome is SettledAs.SUSPENDED:
            self._suspend(tx, settlement, answer)
            return replace(answer, account=None)
        if isinstance(verdict.error, SettlementConflict):
            self._alarm(tx, settlement, answer)
        return self._with_balance(tx, verdict.known, answer)

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside; the same key holds once. Raises when the account is unknown or has less of its own."""
        self.holds.hold(self._hub.db.join(tx), account, amount_minor, key, expires_us)

    def release(self, tx: Tx, key: str) -> None:
        """End a hold; no error when it has ended already."""
        self.holds.release(self._hub.db.join(tx), key)

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Ask every provider at once: pending if any is, else unknown if any is, else none."""
        return await self._providers.outstanding(account, deadline_us)

    def add_provider(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on."""
        return self._providers.add(provider)

    def _credit(self, tx: Tx, settlement: Settlement, known: Payment | None, answer: Settled) -> Settled:
        """Post what was told for the first time, or what waited in suspense for somebody to name its account."""
        account, attempt = settlement.account, int(answer.attempt_id)
        assert account is not None
        if known is None:
            entry = self._post(tx, settlement, attempt, prepaid(account), "topup", settlement.note or None)
            known = payments.note_payment(tx, settlement, entry, attempt)
            apply_waiting(self.desk, tx, known)
        else:
            assign(self.desk, tx, known, account, note=f"{settlement.via.value} names the account")
        fault_point("prepaid.after_credit")
        effect = self.desk.moved(tx, account)
        now_minor = balance(tx, account)
        event = ToppedUp(
            context=tx.context, account=account, amount_minor=settlement.amount_minor,
            currency=settlement.currency, balance_minor=now_minor, missing_minor=effect.missing_minor,
            provider=settlement.provider, attempt_id=answer.attempt_id,
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))
        return replace(answer, balance_minor=now_minor, missing_minor=effect.missing_minor)

    def _suspend(self, tx: Tx, settlement: Settlement, answer: Settled) -> None:
        reason, attempt = answer.suspended_for, int(answer.attempt_id)
        assert reason is not None
        entry = None  # a ledger has one currency: foreign money stays on record, and out of its sums
        if reason is not SuspenseReason.CURRENCY_DIFFERS:
            entry = self._post(tx, settlement, attempt, SUSPENSE, "suspense", reason.value)
        apply_waiting(self.desk, tx, payments.note_payment(tx, settlement, entry, attempt, reason))
        event = SettlementSuspended(
            context=tx.context, attempt_id=answer.attempt_id, provider=settlement.provider,
            amount_minor=settlement.amount_minor, currency=settlement.currency, reason=reason,
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))

    def _alarm(self, tx: Tx, settlement: Settlement, answer: Settled) -> None:
        event = SettlementConflicted(
            context=tx.context, attempt_id=answer.attempt_id, provider=settlement.provider,
            transaction_id=settlement.transaction_id, detail=str(answer.error),
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))

    def _post(self, tx: Tx, settlement: Settlement, attempt: int, to: str, kind: str, note: str | None) -> int:
        came_in, amount = arrival(settlement.provider), settlement.amount_minor
        entry = Entry(
            kind, f"pay:{settlement.provider}:{settlement.transaction_id}",
            self.desk.effective_us(tx, settlement.paid_us, came_in, to),
            (Posting(came_in, amount), Posting(to, MinorUnits(-amount))), ref=f"attempt:{attempt}", note=note,
        )  # fmt: skip
        return self.desk.journal.post(tx, entry).seq

    def _with_balance(self, reader: Reader, known: Payment | None, answer: Settled) -> Settled:
        """An answer of what had happened before, with what its account has now."""
        if known is None or answer.error is not None or known.account is None:
            return answer
        return replace(answer, account=known.account, balance_minor=balance(reader, known.account))
