"""Money between accounts, and money that the landlord gives or gives up."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits
from hub.core.storage import Tx
from plugins.prepaid.journal import corrections
from plugins.prepaid.journal.chart import GOODWILL, WRITTEN_OFF, prepaid
from plugins.prepaid.journal.records import Entry, Posting, corrected_entry
from plugins.prepaid.money.desk import Desk, MoveRefused, NotEnough
from plugins.prepaid.money.fields import EACH_ID, REASON, amount
from plugins.prepaid.money.moves import Asked, Done, register_move
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places.opening import slug


def register_gifts(desk: Desk) -> None:
    """Offer goodwill, transfer and write-off."""
    money = amount(desk.scale)
    fields = {vol.Required("account"): slug, vol.Required("reason"): REASON}
    register_move(
        desk, action_name("account", "goodwill"), lambda asked: _goodwill(desk, asked),
        {**fields, vol.Required("amount"): money},
        "Give an account credit at the landlord's cost, with a reason; it counts as expense, not as money in.",
    )  # fmt: skip
    register_move(
        desk, action_name("account", "transfer"), lambda asked: _transfer(desk, asked),
        {**fields, vol.Required("amount"): money, vol.Required("to"): slug, vol.Optional("entry"): EACH_ID},
        "Move money from one account to another in one entry; name the top-up it puts right as `entry`.",
    )  # fmt: skip
    register_move(
        desk, action_name("account", "write_off"), lambda asked: _write_off(desk, asked),
        {**fields, vol.Optional("amount"): money},
        "Give up what an account owes, all of it unless an amount is given; never more than the debt.",
    )  # fmt: skip


def goodwill(desk: Desk, tx: Tx, id: int, account: AccountId, amount_minor: MinorUnits, reason: str) -> int:  # noqa: A002
    """Post credit at the landlord's cost; the entry."""
    desk.positive(amount_minor, "goodwill")
    desk.open_account(tx, account)
    postings = (Posting(GOODWILL, amount_minor), Posting(prepaid(account), MinorUnits(-amount_minor)))
    entry = Entry("goodwill", f"move:{id}", desk.now_us(), postings, f"move:{id}", note=reason)
    return desk.journal.post(tx, entry).seq


def _goodwill(desk: Desk, asked: Asked) -> Done:
    account, amount_minor = asked.account(), asked.minor(desk)
    entry = goodwill(desk, asked.tx, asked.id, account, amount_minor, asked.reason)
    return Done(amount_minor=amount_minor, accounts=(account,), entry=entry)


def _transfer(desk: Desk, asked: Asked) -> Done:
    tx, source, target, amount_minor = asked.tx, asked.account(), asked.account("to"), asked.minor(desk)
    desk.positive(amount_minor, "a transfer")
    if source == target:
        raise MoveRefused(f"{source} cannot transfer to itself; nothing was changed")
    desk.account(tx, source)
    desk.open_account(tx, target)
    own_minor = standing(tx, source, desk.now_us()).own_minor
    corrected = asked.data.get("entry")
    if corrected is not None:
        _check_stands(desk, tx, corrected, source, amount_minor)
    elif amount_minor > own_minor:
        raise NotEnough(
            f"{source} has {desk.text(own_minor)} of its own, not {desk.text(amount_minor)}; nothing was changed. "
            "Name the wrong top-up as `entry` to move its money all the same"
        )
    postings = (Posting(prepaid(source), amount_minor), Posting(prepaid(target), MinorUnits(-amount_minor)))
    entry = Entry(
        "transfer", f"move:{asked.id}", desk.now_us(), postings, f"move:{asked.id}",
        None if corrected is None else corrected_entry(corrected), asked.reason,
    )  # fmt: skip
    seq = desk.journal.post(tx, entry).seq
    return Done(amount_minor=amount_minor, accounts=(source, target), entry=seq)


def _check_stands(desk: Desk, tx: Tx, entry: int, source: AccountId, amount_minor: int) -> None:
    """Money that came to the wrong account moves on even when that has used it: the debt is then its own."""
    row = tx.one("SELECT kind, corrects FROM prepaid__journal WHERE seq = ?", (entry,))
    if row is None or row["corrects"] is not None or row["kind"] not in {"topup", "suspense", "goodwill"}:
        raise MoveRefused(f"entry {entry} is no top-up or goodwill; nothing was changed")
    stands = {posting.account: -posting.amount_minor for posting in corrections.standing(tx, entry)}
    left_minor = stands.get(prepaid(source), 0)
    if amount_minor > left_minor:
        raise NotEnough(
            f"entry {entry} has {desk.text(left_minor)} standing on {source}, not {desk.text(amount_minor)}; "
            "nothing was changed"
        )


def _write_off(desk: Desk, asked: Asked) -> Done:
    tx, account = asked.tx, asked.account()
    desk.account(tx, account)
    debt_minor = standing(tx, account, desk.now_us()).debt_minor
    amount_minor = asked.minor(desk) if "amount" in asked.data else debt_minor
    if debt_minor == 0:
        raise MoveRefused(f"{account} owes nothing; nothing was changed")
    desk.positive(amount_minor, "a write-off")
    if amount_minor > debt_minor:
        raise NotEnough(
            f"{account} owes {desk.text(debt_minor)}, less than {desk.text(amount_minor)}; nothing was changed"
        )
    postings = (Posting(WRITTEN_OFF, amount_minor), Posting(prepaid(account), MinorUnits(-amount_minor)))
    entry = Entry("write_off", f"move:{asked.id}", desk.now_us(), postings, f"move:{asked.id}", note=asked.reason)
    return Done(amount_minor=amount_minor, accounts=(account,), entry=desk.journal.post(tx, entry).seq)
