"""Wrong entries put right by further entries, never by a change; what meters charged is put right by its reads."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.topups import AmountNotPositive
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader
from plugins.prepaid.journal import corrections
from plugins.prepaid.journal.chart import SUSPENSE, tenant_of
from plugins.prepaid.journal.records import ENTRY_PREFIX, Posting
from plugins.prepaid.money.desk import Desk, MoveRefused, NoSuchMoney, TooLate
from plugins.prepaid.money.fields import EACH_ID, REASON, amount
from plugins.prepaid.money.moves import Asked, Done, register_move

REVERSIBLE = frozenset(
    {
        "topup", "suspense", "goodwill", "transfer", "write_off", "refund", "deposit", "deposit_returned",
        "deposit_used", "opening",
    }
)  # fmt: skip
"""Kinds of entries that people make. Charges follow from reads and tariffs, and are posted anew from those."""


def register_reversals(desk: Desk) -> None:
    """Offer reversal and correction."""
    fields = {vol.Required("entry"): EACH_ID, vol.Required("reason"): REASON}
    register_move(
        desk, action_name("account", "reverse"), lambda asked: _reverse(desk, asked), fields,
        "Undo an entry by another one: a wrong top-up, refund or transfer; a balance may fall below zero by it.",
        needs_key=False,
    )  # fmt: skip
    register_move(
        desk, action_name("account", "correct"), lambda asked: _correct(desk, asked),
        {**fields, vol.Required("amount"): amount(desk.scale)},
        "Put the amount of an entry right: the difference is posted.", needs_key=False,
    )  # fmt: skip


def _reverse(desk: Desk, asked: Asked) -> Done:
    entry = asked.data["entry"]
    stands = _standing(asked, entry)
    posted = corrections.reverse(desk.journal, asked.tx, entry, f"move:{asked.id}", asked.reason, desk.now_us())
    return Done(amount_minor=_size(stands), accounts=_accounts(stands), entry=posted.seq)


def _correct(desk: Desk, asked: Asked) -> Done:
    entry, amount_minor = asked.data["entry"], asked.minor(desk)
    stands = _standing(asked, entry)
    if amount_minor <= 0:
        raise AmountNotPositive(f"entry {entry} cannot become {desk.text(amount_minor)}; reverse it instead")
    if len(stands) != 2:
        raise MoveRefused(f"entry {entry} stands on {len(stands)} accounts; reverse it, and post what is right")
    if amount_minor == _size(stands):
        raise TooLate(f"entry {entry} is {desk.text(amount_minor)} already; nothing was changed")
    right = [
        Posting(posting.account, MinorUnits(amount_minor if posting.amount_minor > 0 else -amount_minor))
        for posting in stands
    ]
    posted = corrections.correct(
        desk.journal, asked.tx, entry, f"move:{asked.id}", asked.reason, desk.now_us(), right
    )
    return Done(amount_minor=amount_minor, accounts=_accounts(stands), entry=posted.seq)


def _standing(asked: Asked, entry: int) -> tuple[Posting, ...]:
    """What an entry amounts to now; one that is not to be put right this way raises, with the way that is."""
    row = asked.tx.one("SELECT kind, corrects FROM prepaid__journal WHERE seq = ?", (entry,))
    if row is None:
        raise NoSuchMoney(f"there is no entry {entry} in the journal; nothing was changed")
    target = str(row["corrects"] or "")
    if target.startswith(ENTRY_PREFIX):
        raise MoveRefused(
            f"entry {entry} itself corrects entry {target.removeprefix(ENTRY_PREFIX)}; reverse or correct that one"
        )
    if row["kind"] not in REVERSIBLE:
        raise MoveRefused(
            f"entry {entry} is a charge ({row['kind']}): it follows from reads and tariff; put those right"
        )
    stands = corrections.standing(asked.tx, entry)
    if not stands:
        raise TooLate(f"entry {entry} was reversed already: {_undone_by(asked.tx, entry)}; nothing was changed")
    if any(posting.account == SUSPENSE for posting in stands):
        raise MoveRefused(f"entry {entry} is in suspense; assign it to an account, or return it")
    if any(not asked.call.principal.sees("account", account) for account in _accounts(stands)):
        raise NoSuchMoney(f"there is no entry {entry} in the journal; nothing was changed")
    return stands


def _undone_by(reader: Reader, entry: int) -> str:
    rows = reader.all(
        "SELECT seq, actor FROM prepaid__journal WHERE corrects = ? ORDER BY seq", (f"{ENTRY_PREFIX}{entry}",)
    )
    return ", ".join(f"entry {row['seq']} by {row['actor']}" for row in rows)


def _size(postings: tuple[Posting, ...]) -> MinorUnits:
    return MinorUnits(sum(posting.amount_minor for posting in postings if posting.amount_minor > 0))


def _accounts(postings: tuple[Posting, ...]) -> tuple[AccountId, ...]:
    found = dict.fromkeys(account for posting in postings if (account := tenant_of(posting.account)) is not None)
    return tuple(found)
