"""Money at the counter: cash and bank transfers that a clerk has seen."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.topups import Settled, SettledAs, Settlement, Via
from hub.contracts.units import major_units, minor_units
from hub.core.actions import Call, Effect
from hub.core.config.fields import decimal
from hub.core.plugins import PluginHub
from hub.core.storage import Tx
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.places.opening import slug


def register_counter(hub: PluginHub, topups: Topups, currency: str, scale: int) -> None:
    """Offer the actions of the counter."""

    def topup(tx: Tx, call: Call) -> dict[str, object]:
        settlement = Settlement(
            provider="cash",
            transaction_id=call.data["receipt"],
            account=AccountId(call.data["account"]),
            amount_minor=minor_units(call.data["amount"], scale),
            currency=currency,
            paid_us=hub.clock.now_us(),
            via=Via.COUNTER,
        )
        return describe(topups.settle(tx, settlement), scale)

    hub.actions.register(
        action_name("topup", "cash"),
        topup,
        effect=Effect.TX,
        description="Credit cash taken at the counter; the receipt number makes it happen once.",
        schema={
            vol.Required("account"): slug,
            vol.Required("amount"): decimal,
            vol.Required("receipt"): vol.All(str, vol.Length(1, 100)),
        },
        returns="outcome, balance and what is still missing until power comes back",
    )


def describe(settled: Settled, scale: int) -> dict[str, object]:
    """A settlement's outcome as an action answers it."""
    shown: dict[str, object] = {"outcome": settled.outcome.value, "attempt": settled.attempt_id}
    if settled.outcome is SettledAs.REFUSED:
        shown["error"] = str(settled.error)
    if settled.balance_minor is not None:
        shown["balance"] = major_units(settled.balance_minor, scale)
        shown["missing"] = major_units(settled.missing_minor, scale)
    return shown
