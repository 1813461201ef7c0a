"""Batches: top-ups and credit limits of many accounts from one file, which counts once and whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import voluptuous as vol

from hub.contracts.ids import AccountId
from hub.contracts.naming import action_name
from hub.contracts.topups import SettledAs, Settlement, Via
from hub.core.actions import Call, Effect
from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.money.batch_rows import BatchRow, Judged, judge_rows
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.money.fields import NUMBER, REASON
from plugins.prepaid.money.moves import Asked, next_id, note
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.money.sheet import LIMIT_COLUMNS, ROWS_MAX, TOPUP_COLUMNS, Columns
from plugins.prepaid.money.standing import balance
from plugins.prepaid.places import repository

LOOK_BACK_US = 31 * 86_400_000_000

Apply: TypeAlias = Callable[[Tx, Call, Judged, str], None]
Line: TypeAlias = Callable[[Desk, Reader, BatchRow], dict[str, object]]


class BatchFailed(HubError):
    """A batch whose rows were right and could not be applied all the same; nothing of it was."""


def register_batches(topups: Topups) -> None:
    """Offer batch top-up and batch credit limits."""
    desk = topups.desk
    actions = desk.hub.actions
    common = {
        vol.Required("file"): vol.All(str, vol.Match(r"\A[0-9a-f]{64}\Z")),
        vol.Required("name"): NUMBER,
        vol.Optional("apply", default=False): bool,
        vol.Optional("again"): REASON,
    }
    returns = "outcome (dry_run, applied, already or refused), the lines, all errors by row and column, warnings"
    actions.register(
        action_name("topup", "batch"),
        lambda tx, call: _batch(desk, tx, call, "topup", lambda *given: _credit_all(topups, *given), _topup_line),
        effect=Effect.TX, returns=returns, schema={**common, vol.Required("rows"): _rows(TOPUP_COLUMNS)},
        description="Credit many accounts from a file, each row once; without `apply`: only what would happen.",
    )  # fmt: skip
    actions.register(
        action_name("account", "batch_limits"),
        lambda tx, call: _batch(desk, tx, call, "limits", lambda *given: _set_limits(desk, *given), _limit_line),
        effect=Effect.TX, returns=returns, schema={**common, vol.Required("rows"): _rows(LIMIT_COLUMNS)},
        description="Set credit limits of many accounts from a file; without `apply`: only what would change.",
    )  # fmt: skip


def _rows(columns: Columns) -> vol.All:
    cell = vol.All(str, vol.Length(0, 500))
    row: dict[object, object] = {vol.Required("row"): vol.All(int, vol.Range(min=1))}
    row |= {vol.Required(name): cell for name in columns.wanted}
    row |= {vol.Optional(name): cell for name in columns.optional}
    return vol.All([row], vol.Length(1, ROWS_MAX))


def _batch(desk: Desk, tx: Tx, call: Call, kind: str, apply: Apply, line: Line) -> dict[str, object]:
    """Judge a batch; apply it when that is wanted, nothing is wrong, and it was not applied before."""
    column = "amount" if kind == "topup" else "credit_limit"
    judged = judge_rows(desk, tx, call.principal, call.data["rows"], column)
    before = _applied(tx, kind, judged.content_sha, call.data["file"]) if not judged.errors else []
    answer: dict[str, object] = {
        "rows": len(call.data["rows"]), "sum": desk.major(judged.sum_minor),
        "errors": [asdict(error) for error in judged.errors],
        "warnings": _warnings(desk, tx, judged) if kind == "topup" and not before else [],
    }  # fmt: skip
    is_wanted = bool(call.data["apply"])
    if judged.errors:
        if is_wanted:
            note(desk, Asked(tx, call, next_id(tx)), "refused", error=_sum_up(judged))
        return {"outcome": "refused", **answer, "lines": []}
    if before and "again" not in call.data:
        return {"outcome": "already", **answer, "lines": [], "before": [_shown(desk, row) for row in before]}
    lines = [line(desk, tx, row) for row in judged.rows]
    if is_wanted:
        runs = sum(1 for row in before if row["file_sha"] == call.data["file"])
        apply(tx, call, judged, f":{runs + 1}" if runs else "")
        _note_batch(desk, tx, call, kind, judged)
    return {"outcome": "applied" if is_wanted else "dry_run", **answer, "lines": lines}


def _credit_all(topups: Topups, tx: Tx, call: Call, judged: Judged, run: str) -> None:
    desk, sha = topups.desk, call.data["file"]
    for row in judged.rows:
        settled = topups.settle(
            tx,
            Settlement(
                provider="batch", transaction_id=f"{sha}:{row.row}{run}", account=row.account.id,
                amount_minor=row.amount_minor, currency=desk.currency, paid_us=desk.now_us(), via=Via.BATCH,
                document_sha=sha, note=" ".join(word for word in (row.reference, row.note) if word),
            ),
        )  # fmt: skip
        if settled.outcome is not SettledAs.CREDITED:
            raise BatchFailed(f"row {row.row} was {settled.outcome.value}: {settled.error}; nothing was applied")


def _set_limits(desk: Desk, tx: Tx, call: Call, judged: Judged, run: str) -> None:
    for row in judged.rows:
        if row.account.credit_limit_minor != row.amount_minor:
            repository.save_account(tx, replace(row.account, credit_limit_minor=row.amount_minor))
            desk.moved(tx, row.account.id)
    turn_page(tx)


def _topup_line(desk: Desk, reader: Reader, row: BatchRow) -> dict[str, object]:
    return {
        "row": row.row, "account": row.account.id, "amount": desk.major(row.amount_minor),
        "balance_before": desk.major(balance(reader, row.account.id)),
    }  # fmt: skip


def _limit_line(desk: Desk, _: Reader, row: BatchRow) -> dict[str, object]:
    return {
        "row": row.row, "account": row.account.id, "credit_limit": desk.major(row.amount_minor),
        "limit_before": desk.major(row.account.credit_limit_minor),
    }  # fmt: skip


def _applied(reader: Reader, kind: str, content_sha: str, file_sha: str) -> list[Row]:
    """The batches that were this file, or said the same under another name."""
    return reader.all(
        "SELECT * FROM prepaid__batches WHERE kind = ? AND (content_sha = ? OR file_sha = ?) ORDER BY id",
        (kind, content_sha, file_sha),
    )


def _shown(desk: Desk, row: Row) -> dict[str, object]:
    return {
        "batch": row["id"], "name": row["name"], "at": from_us(row["at_us"]), "by": row["actor"],
        "rows": row["rows"], "sum": desk.major(row["sum_minor"]),
    }  # fmt: skip


def _warnings(desk: Desk, reader: Reader, judged: Judged) -> list[str]:
    """Rows that look like rows of another batch not long ago: a file that was sent again with a row more."""
    rows = reader.all(
        "SELECT account, amount_minor, max(paid_us) AS paid_us FROM prepaid__payments WHERE provider = 'batch'"
        " AND paid_us > ? AND account IS NOT NULL GROUP BY account, amount_minor",
        (desk.now_us() - LOOK_BACK_US,),
    )
    zone = desk.hub.site.time_zone
    recent = {(AccountId(row["account"]), row["amount_minor"]): row["paid_us"] for row in rows}
    return [
        f"row {row.row}: {row.account.id} got {desk.text(row.amount_minor)} by a batch on "
        f"{from_us(recent[row.account.id, row.amount_minor]).astimezone(zone):%Y-%m-%d %H:%M} as well"
        for row in judged.rows
        if (row.account.id, row.amount_minor) in recent
    ]


def _sum_up(judged: Judged) -> str:
    first = judged.errors[0]
    return f"{len(judged.errors)} errors, the first in row {first.row}, {first.column}: {first.error}"


def _note_batch(desk: Desk, tx: Tx, call: Call, kind: str, judged: Judged) -> None:
    data: Mapping[str, Any] = call.data
    tx.execute(
        "INSERT INTO prepaid__batches (kind, file_sha, content_sha, name, rows, sum_minor, again, at_us, actor,"
        " context_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kind, data["file"], judged.content_sha, data["name"], len(judged.rows), judged.sum_minor,
            data.get("again"), desk.now_us(), tx.context.actor, tx.context.id,
        ),
    )  # fmt: skip
