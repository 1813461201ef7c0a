"""Money set aside that is promised elsewhere; a hold that nobody ends lifts itself."""

from __future__ import annotations

from hub.contracts.ids import AccountId
from hub.contracts.topups import AmountNotPositive, TopupRefused
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused, Timer
from hub.core.storage import Tx
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.standing import standing

EXPIRY = "hold_expiry"


class Holds:
    """All holds of a site."""

    def __init__(self, desk: Desk) -> None:
        """Let holds of earlier starts expire too."""
        self._desk = desk
        desk.hub.timers.handle(EXPIRY, self._expire)

    def hold(self, tx: Tx, account: AccountId, amount_minor: MinorUnits, key: str, expires_us: int) -> None:
        """Set money aside; the same key holds once. Raises when the account is unknown or has less of its own."""
        known = tx.one("SELECT account, amount_minor FROM prepaid__holds WHERE key = ?", (key,))
        if known is not None:
            if (known["account"], known["amount_minor"]) != (account, amount_minor):
                raise KeyReused(
                    f"hold {key!r} is for {self._desk.text(known['amount_minor'])} on {known['account']}; "
                    "nothing was set aside, make a new key"
                )
            return
        self._desk.account(tx, account)
        asked = self._desk.text(amount_minor)
        if amount_minor <= 0:
            raise AmountNotPositive(f"{account}: {asked} cannot be set aside; give an amount above zero")
        own_minor = standing(tx, account, self._desk.now_us()).own_minor
        if amount_minor > own_minor:
            raise TopupRefused(
                f"{account} has {self._desk.text(own_minor)} of its own; {asked} cannot be set aside"
            )
        tx.execute("INSERT INTO prepaid__holds VALUES (?, ?, ?, ?, 0)", (key, account, amount_minor, expires_us))
        self._desk.hub.timers.set(tx, EXPIRY, key, expires_us)
        self._desk.moved(tx, account)

    def release(self, tx: Tx, key: str) -> None:
        """End a hold; no error when it has ended already."""
        account = self.end(tx, key)
        if account is not None:
            self._desk.moved(tx, account)

    def end(self, tx: Tx, key: str) -> AccountId | None:
        """End a hold for a caller that goes on to move its money; whose it was, if it had not ended before."""
        row = tx.one("UPDATE prepaid__holds SET ended = 1 WHERE key = ? AND ended = 0 RETURNING account", (key,))
        if row is None:
            return None
        self._desk.hub.timers.cancel(tx, EXPIRY, key)
        return AccountId(row["account"])

    def _expire(self, tx: Tx, timer: Timer) -> None:
        self.release(tx, timer.key)
