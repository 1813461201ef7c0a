"""Accounts: readings become charges, payments become credit, and the balance is what was posted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hub.contracts.ids import AccountId, PointId
from hub.contracts.metering import Reading
from hub.contracts.supply import CreditEffect, Supply
from hub.contracts.topups import (
    AmountNotPositive,
    Outstanding,
    OutstandingState,
    PaymentProvider,
    Settled,
    SettledAs,
    Settlement,
    SettlementConflict,
    ToppedUp,
    TopupRefused,
    UnknownAccount,
)
from hub.contracts.units import MinorUnits, WattHours, major_units
from hub.core.codec import encode
from hub.core.durable import KeyReused
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.ledger import ENERGY_RECOVERY, Ledger, balance, cash_of, prepaid
from plugins.prepaid.rating import to_post_minor


@dataclass(frozen=True, slots=True)
class Tariff:
    """One flat price."""

    price_micro_per_kwh: int
    currency: str
    scale: int


class Accounts:
    """The `topups` service, and the gate through which readings become money."""

    def __init__(
        self,
        hub: PluginHub,
        tariff: Tariff,
        supply: Supply,
        points: Mapping[AccountId, PointId],
        handles: Mapping[AccountId, EntityHandle],
    ) -> None:
        """Keep these accounts, each with its one point."""
        self._hub = hub
        self._tariff = tariff
        self._supply = supply
        self._accounts = {point: account for account, point in points.items()}
        self._handles = handles
        self._ledger = Ledger(hub.clock)
        self._providers: list[PaymentProvider] = []

    async def accept(self, reading: Reading) -> MinorUnits:
        """Take a good reading into the books; what was posted for it. A fallen register posts nothing."""
        account = self._accounts.get(reading.point)
        if account is None:
            return MinorUnits(0)
        return await self._hub.db.write(lambda tx: self._charge(tx, account, reading), origin="readings")

    def _charge(self, tx: Tx, account: AccountId, reading: Reading) -> MinorUnits:
        energy_wh = WattHours(int(Decimal(reading.raw).scaleb(reading.scale + 3)))
        known = tx.one("SELECT * FROM prepaid__meters WHERE point = ?", (reading.point,))
        if known is not None and (energy_wh < known["last_wh"] or reading.source_us <= known["last_us"]):
            return MinorUnits(0)
        tx.execute(
            "INSERT INTO prepaid__reads VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                reading.point, reading.source_us, reading.raw, reading.scale, reading.serial,
                encode(list(reading.words)), reading.frame_sha,
            ),
        )  # fmt: skip
        first_wh = known["first_wh"] if known is not None else energy_wh
        posted = MinorUnits(known["posted_minor"] if known is not None else 0)
        used_wh = WattHours(energy_wh - first_wh)
        due = to_post_minor(used_wh, self._tariff.price_micro_per_kwh, self._tariff.scale, posted)
        tx.execute(
            "INSERT INTO prepaid__meters VALUES (?, ?, ?, ?, ?) ON CONFLICT (point) DO UPDATE SET"
            " last_wh = excluded.last_wh, last_us = excluded.last_us, posted_minor = excluded.posted_minor",
            (reading.point, first_wh, energy_wh, reading.source_us, posted + due),
        )
        if due:
            key = f"chg:{reading.point}:{reading.source_us}"
            self._ledger.post(tx, key, "energy", {prepaid(account): due, ENERGY_RECOVERY: -due})
            fault_point("prepaid.after_charge")
            self._balance_changed(tx, account)
        return due

    def settle(self, tx: Tx, settlement: Settlement) -> Settled:
        """Credit one payment exactly once; see the contract."""
        tx = self._hub.db.join(tx)
        known = _known(tx, settlement)
        error = self._refusal(settlement, known)
        outcome = SettledAs.ALREADY if known is not None else SettledAs.CREDITED
        if error is not None:
            outcome = SettledAs.REFUSED
        attempt = self._note_attempt(tx, settlement, outcome)
        account = settlement.account
        if outcome is not SettledAs.CREDITED or account is None:
            minor = None if account is None or error is not None else balance(tx, account)
            return Settled(
                outcome=outcome, attempt_id=attempt, account=account, amount_minor=settlement.amount_minor,
                balance_minor=minor, error=error,
            )  # fmt: skip
        tx.execute(
            "INSERT INTO prepaid__payments VALUES (?, ?, ?, ?, ?, ?)",
            (
                settlement.provider, settlement.transaction_id, settlement.order_id, account,
                settlement.amount_minor, settlement.currency,
            ),
        )  # fmt: skip
        amount = settlement.amount_minor
        self._ledger.post(
            tx,
            f"pay:{settlement.provider}:{settlement.transaction_id}",
            "topup",
            {cash_of(settlement.provider): amount, prepaid(account): -amount},
        )
        fault_point("prepaid.after_credit")
        effect = self._balance_changed(tx, account)
        now = balance(tx, account)
        event = ToppedUp(
            context=tx.context, account=account, amount_minor=amount, currency=settlement.currency,
            balance_minor=now, missing_minor=effect.missing_minor, provider=settlement.provider, attempt_id=attempt,
        )  # fmt: skip
        tx.on_commit(lambda: self._hub.bus.publish(event))
        return Settled(
            outcome=outcome, attempt_id=attempt, account=account, amount_minor=amount, balance_minor=now,
            missing_minor=effect.missing_minor,
        )  # fmt: skip

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside; the same key holds once. Raises when the account is unknown or has less."""
        tx = self._hub.db.join(tx)
        known = tx.one("SELECT account, amount_minor FROM prepaid__holds WHERE key = ?", (key,))
        if known is not None:
            if (known["account"], known["amount_minor"]) != (account, amount_minor):
                raise KeyReused(f"hold {key!r} was made before for another account or amount; make a new key")
            return
        if account not in self._handles:
            raise UnknownAccount(f"there is no account {account!r}; nothing was set aside")
        if amount_minor <= 0 or amount_minor > self._spendable(tx, account):
            raise TopupRefused(f"{account} cannot set {amount_minor} aside; it has {self._spendable(tx, account)}")
        tx.execute("INSERT INTO prepaid__holds VALUES (?, ?, ?, ?, 0)", (key, account, amount_minor, expires_us))

    def release(self, tx: Tx, key: str) -> None:
        """End a hold; no error when it has ended already."""
        tx = self._hub.db.join(tx)
        tx.execute("UPDATE prepaid__holds SET ended = 1 WHERE key = ?", (key,))

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Ask every provider; without one nothing is under way."""
        for provider in self._providers:
            answer = await provider.outstanding(account)
            if answer.state is not OutstandingState.NONE:
                return answer
        return Outstanding(state=OutstandingState.NONE)

    def add_provider(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on."""
        self._providers.append(provider)
        return lambda: self._providers.remove(provider)

    async def show_all(self) -> None:
        """Write every balance entity from the books."""
        balances = await self._hub.db.read(lambda reader: _balances(reader, list(self._handles)))
        for account, amount in balances.items():
            self._show(account, amount)

    def _balance_changed(self, tx: Tx, account: AccountId) -> CreditEffect:
        """Last thing in every transaction that moves an account's money: supply weighs it, people see it."""
        amount = balance(tx, account)
        effect = self._supply.credit_changed(tx, account, self._spendable(tx, account))
        tx.on_commit(lambda: self._show(account, amount))
        return effect

    def _show(self, account: AccountId, amount: MinorUnits) -> None:
        self._handles[account].set(major_units(amount, self._tariff.scale))

    def _spendable(self, tx: Tx, account: AccountId) -> MinorUnits:
        """The posted balance less what is set aside."""
        held = tx.value(
            "SELECT coalesce(sum(amount_minor), 0) FROM prepaid__holds"
            " WHERE account = ? AND ended = 0 AND expires_us > ?",
            (account, self._hub.clock.now_us()),
        )
        assert isinstance(held, int)
        return MinorUnits(balance(tx, account) - held)

    def _refusal(self, settlement: Settlement, known: Row | None) -> TopupRefused | None:
        if settlement.amount_minor <= 0:
            return AmountNotPositive(
                f"a top-up of {settlement.amount_minor} was not made; give an amount above zero"
            )
        if settlement.account not in self._handles:
            return UnknownAccount(f"there is no account {settlement.account!r}; nothing was credited")
        if known is not None and not settlement.is_same_payment(
            known["amount_minor"], known["currency"], known["account"], known["order_id"]
        ):
            return SettlementConflict(
                f"{settlement.provider} {settlement.transaction_id} was told before with another amount, account "
                "or order; the first stands, look at both"
            )
        return None

    def _note_attempt(self, tx: Tx, settlement: Settlement, outcome: SettledAs) -> str:
        row = tx.one(
            "INSERT INTO prepaid__attempts (provider, transaction_id, account, amount_minor, via, outcome, at_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                settlement.provider, settlement.transaction_id, settlement.account, settlement.amount_minor,
                settlement.via.value, outcome.value, self._hub.clock.now_us(),
            ),
        )  # fmt: skip
        assert row is not None
        return str(row[0])


def _known(tx: Tx, settlement: Settlement) -> Row | None:
    """What was told before under this transaction or order."""
    return tx.one(
        "SELECT * FROM prepaid__payments WHERE provider = ? AND (transaction_id = ? OR order_id = ?)",
        (settlement.provider, settlement.transaction_id, settlement.order_id),
    )


def _balances(reader: Reader, accounts: list[AccountId]) -> dict[AccountId, MinorUnits]:
    return {account: balance(reader, account) for account in accounts}
