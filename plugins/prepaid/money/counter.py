"""Money at the counter: cash, and bank transfers that a clerk has seen; each with a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.topups import Settled, SettledAs, Settlement, TopupRefused, UnknownAccount, Via
from hub.contracts.units import major_units, minor_units
from hub.core.actions import Call, Effect
from hub.core.clock import to_us
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from hub.core.storage import Tx
from plugins.prepaid.money import payments
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.fields import NUMBER, REASON, amount
from plugins.prepaid.money.receipt_page import html_of, text_of
from plugins.prepaid.money.receipts import MADE_BY_HUB, find_receipt, next_number
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.places.opening import slug

CASH = action_name("topup", "cash")
BANK = action_name("topup", "bank")


def register_counter(hub: PluginHub, topups: Topups, currency: str, scale: int) -> None:
    """Offer the actions of the counter, and their receipts."""
    fields = {
        vol.Required("account"): slug,
        vol.Required("amount"): amount(scale),
        vol.Optional("receipt"): NUMBER,
        vol.Optional("currency", default=currency): vol.All(str, vol.Length(3, 3)),
        vol.Optional("note"): REASON,
    }
    returns = "outcome, receipt number, balance and what is still missing until power comes back"
    hub.actions.register(
        CASH, lambda tx, call: _topup(topups, tx, call, "cash"), effect=Effect.TX, schema=fields, returns=returns,
        description="Credit cash taken at the counter; the receipt number makes it happen once.",
    )  # fmt: skip
    hub.actions.register(
        BANK, lambda tx, call: _topup(topups, tx, call, "bank"), effect=Effect.TX, returns=returns,
        schema={**fields, vol.Optional("paid"): instant},
        description="Credit a bank transfer that a clerk has seen; the bank's own number makes it happen once.",
    )  # fmt: skip

    async def receipt(principal: Principal, params: Mapping[str, Any]) -> object:
        number = str(params.get("receipt", ""))
        found = await hub.db.read(lambda reader: find_receipt(topups.desk, reader, principal, number))
        return {"receipt": asdict(found), "text": text_of(found), "html": html_of(found)}

    hub.answer(
        "account.receipt",
        receipt,
        description="A receipt by its number: its fields, as text and as a page to print.",
    )


def _topup(topups: Topups, tx: Tx, call: Call, provider: str) -> dict[str, object]:
    desk, data = topups.desk, call.data
    refused = _refused_number(desk, tx, call, provider)
    if not call.principal.sees("account", data["account"]):
        refused = UnknownAccount(f"there is no account {data['account']!r}; nothing was credited")
    number = data.get("receipt") or (next_number(tx) if refused is None else "-")
    paid = data.get("paid")
    settlement = Settlement(
        provider=provider,
        transaction_id=number,
        account=AccountId(data["account"]),
        amount_minor=minor_units(data["amount"], desk.scale),
        currency=data["currency"],
        paid_us=desk.now_us() if paid is None else to_us(paid),
        via=Via.COUNTER,
        note=data.get("note", ""),
    )
    if refused is not None:
        attempt = payments.note_attempt(tx, settlement, SettledAs.REFUSED, refused, desk.now_us())
        return _refusal(refused, attempt)
    settled = topups.settle(tx, settlement)
    shown = describe(settled, desk.scale)
    return shown if settled.outcome is SettledAs.REFUSED else {**shown, "receipt": number}


def _refused_number(desk: Desk, tx: Tx, call: Call, provider: str) -> TopupRefused | None:
    """Why a receipt number will not do: it is what makes a top-up happen once."""
    number = call.data.get("receipt")
    if number is None and call.key is None:
        return TopupRefused("give a receipt number, or call with a key (--key): one of them makes it happen once")
    if number is None or not number.startswith(MADE_BY_HUB):
        return None
    if payments.by_transaction(tx, provider, number) is None:
        return TopupRefused(f"receipt numbers that begin with {MADE_BY_HUB} are made by the hub; leave it out")
    return None


def describe(settled: Settled, scale: int) -> dict[str, object]:
    """A settlement's outcome as an action answers it."""
    if settled.error is not None:
        return _refusal(settled.error, int(settled.attempt_id))
    shown: dict[str, object] = {"outcome": settled.outcome.value, "attempt": settled.attempt_id}
    if settled.balance_minor is not None:
        shown["balance"] = major_units(settled.balance_minor, scale)
        shown["missing"] = major_units(settled.missing_minor, scale)
    return shown


def _refusal(error: TopupRefused, attempt: int) -> dict[str, object]:
    return {
        "outcome": SettledAs.REFUSED.value, "attempt": str(attempt), "error": str(error),
        "error_type": type(error).__name__,
    }  # fmt: skip


def instant(value: object) -> datetime:
    """When a bank transfer was made."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise vol.Invalid(f"expected a time such as 2026-11-21T08:00+08:00, got {value!r}") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise vol.Invalid("expected a time with its zone, such as 2026-11-21T08:00+08:00")
    return value
