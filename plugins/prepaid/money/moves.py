"""Money moved by a person: every request is on record, whatever came of it, with who asked and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hub.contracts.ids import AccountId
from hub.contracts.topups import TopupRefused, UnknownAccount
from hub.contracts.units import MinorUnits, minor_units
from hub.core.actions import Call, Effect
from hub.core.durable import KeyReused
from hub.core.errors import NotFound
from hub.core.storage import Tx
from plugins.prepaid.journal.records import PeriodClosed, Unpostable
from plugins.prepaid.money.desk import Desk, MoveRefused
from plugins.prepaid.money.standing import balance

REFUSALS = (MoveRefused, TopupRefused, KeyReused, NotFound, PeriodClosed, Unpostable)
"""What a move may be refused with: raised before it writes anything, so that the record of it can stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a move did."""

    amount_minor: MinorUnits
    accounts: tuple[AccountId, ...] = ()
    """Whose money moved; the first is the one it is about."""
    entry: int | None = None
    is_new: bool = True
    """False when it had been done before, and nothing changed."""
    shown: Mapping[str, object] | None = None
    """More for the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a move, as its function gets it."""

    tx: Tx
    call: Call
    id: int
    """Its own number on record: what keys are made of."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The fields, checked."""
        return self.call.data

    @property
    def reason(self) -> str:
        """Why, in a person's words."""
        return str(self.data["reason"])

    def account(self, field: str = "account") -> AccountId:
        """An account that a field names."""
        return AccountId(self.data[field])

    def minor(self, desk: Desk, field: str = "amount") -> MinorUnits:
        """An amount that a field gives."""
        return minor_units(self.data[field], desk.scale)


Doing: TypeAlias = Callable[[Asked], Done]


def register_move(
    desk: Desk,
    name: str,
    doing: Doing,
    schema: Mapping[Any, Any],
    description: str,
    *,
    needs_key: bool = True,
) -> None:
    """Offer a move as an action.

    One that could be done twice `needs_key`: whoever asks twice by mistake, or for want of an answer, must be told
    apart from whoever means it twice.
    """

    def handle(tx: Tx, call: Call) -> dict[str, object]:
        return perform(desk, tx, call, doing, needs_key=needs_key)

    desk.hub.actions.register(
        name, handle, effect=Effect.TX, description=description, schema=schema,
        returns="outcome (done, already or refused, with the error), the entry, and the balance after it",
    )  # fmt: skip


def perform(desk: Desk, tx: Tx, call: Call, doing: Doing, *, needs_key: bool) -> dict[str, object]:
    """Do it or be refused, let supply and people know, and write down what was asked and what came of it."""
    asked = Asked(tx, call, next_id(tx))
    try:
        if needs_key and call.key is None:
            raise MoveRefused(
                f"{call.action} moves money each time it is called; call it with a key (--key), which makes it once"
            )
        for field in ("account", "to"):
            if field in call.data and not call.principal.sees("account", call.data[field]):
                raise UnknownAccount(f"there is no account {call.data[field]!r}; nothing was changed")
        done = doing(asked)
    except REFUSALS as error:
        note(desk, asked, "refused", error=str(error))
        return {"outcome": "refused", "error": str(error), "error_type": type(error).__name__, "move": asked.id}
    effects = [desk.moved(tx, account) for account in done.accounts]
    outcome = "done" if done.is_new else "already"
    note(desk, asked, outcome, done=done)
    answer: dict[str, object] = {"outcome": outcome, "move": asked.id, "amount": desk.major(done.amount_minor)}
    if done.entry is not None:
        answer["entry"] = done.entry
    if done.accounts:
        answer["account"] = done.accounts[0]
        answer["balance"] = desk.major(balance(tx, done.accounts[0]))
        answer["missing"] = desk.major(effects[0].missing_minor)
    return {**answer, **(done.shown or {})}


def next_id(tx: Tx) -> int:
    """The number that the next move has on record."""
    last = tx.value("SELECT max(id) FROM prepaid__moves")
    assert last is None or isinstance(last, int)
    return (last or 0) + 1


def note(desk: Desk, asked: Asked, outcome: str, done: Done | None = None, error: str | None = None) -> None:
    """Write down what was asked for and what came of it."""
    data = asked.data
    amount_minor: int | None = None if done is None else done.amount_minor
    if amount_minor is None and "amount" in data:
        amount_minor = asked.minor(desk)
    accounts = () if done is None else done.accounts
    asked.tx.execute(
        "INSERT INTO prepaid__moves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            asked.id, asked.call.action, data.get("account", accounts[0] if accounts else None), data.get("to"),
            amount_minor, data.get("reason", ""), _about(data), outcome, error,
            None if done is None else done.entry, desk.now_us(), asked.tx.context.actor, asked.tx.context.id,
        ),
    )  # fmt: skip


def _about(data: Mapping[str, Any]) -> str | None:
    """What a request names besides accounts and amount: an entry, a refund, an attempt, a receipt."""
    named = [f"{field}:{data[field]}" for field in _NAMING if field in data]
    return " ".join(named) or None


_NAMING = (
    "entry",
    "refund",
    "attempt",
    "receipt",
    "provider",
    "transaction",
    "return_id",
    "paid_by",
    "worth",
    "file",
)
