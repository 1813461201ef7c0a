"""How money moved on a statement: what it began with, what came and went, what it ends with. Pure.

An entry belongs to the first statement that was closed after it was written down and covers its date. So the
correction of a month that is closed stands in the next statement, with the dates that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from hub.contracts.ids import ContractId
from hub.contracts.units import MinorUnits
from plugins.prepaid.pricing import Component
from plugins.prepaid.statements.evidence import Evidence, Frame, JournalEntry

CLOSING_KIND = "statement"
"""The kind of the entry that puts a statement's hash into the journal; it moves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFlow:
    """What was charged for one period of a contract; amounts as people read them, a charge is below zero."""

    contract: str
    period: str
    amount_minor: MinorUnits
    entries: int
    from_us: int
    """The first and the last date that these entries are about."""
    last_us: int
    corrects: str | None
    """The closed statement that this corrects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFlow:
    """Any other entry: a top-up, a refund, a correction by hand."""

    seq: int
    effective_us: int
    kind: str
    ref: str | None
    corrects: str | None
    note: str | None
    amount_minor: MinorUnits


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The money side of a statement."""

    opening_minor: MinorUnits
    charges: tuple[ChargeFlow, ...]
    moves: tuple[MoneyFlow, ...]
    closing_minor: MinorUnits


def flows_of(evidence: Evidence) -> Flows:
    """The money side of a statement, from its entries."""
    frame = evidence.frame
    charged: dict[tuple[str, str, str | None], list[JournalEntry]] = {}
    moves: list[MoneyFlow] = []
    for entry in evidence.entries:
        amount = MinorUnits(-entry.amount_on(frame.ledger_account))
        if not belongs(entry.effective_us, entry.seq, frame) or not amount:
            continue
        about = charge_of(entry)
        if about is not None:
            charged.setdefault((*about, entry.corrects), []).append(entry)
        else:
            moves.append(
                MoneyFlow(
                    seq=entry.seq, effective_us=entry.effective_us, kind=entry.kind, ref=entry.ref,
                    corrects=entry.corrects, note=entry.note, amount_minor=amount,
                )
            )  # fmt: skip
    charges = tuple(
        _charge_flow(frame, contract, period, corrects, entries)
        for (contract, period, corrects), entries in sorted(charged.items(), key=lambda one: _order(one[0]))
    )
    total = sum(one.amount_minor for one in charges) + sum(one.amount_minor for one in moves)
    opening = frame.opening.balance_minor
    return Flows(
        opening_minor=opening, charges=charges, moves=tuple(moves), closing_minor=MinorUnits(opening + total)
    )


def belongs(effective_us: int, seq: int, frame: Frame) -> bool:
    """Whether an entry stands on a statement: dated before its end, and not on an earlier statement."""
    opening = frame.opening
    is_earlier = effective_us < opening.until_us and seq <= opening.seq
    return effective_us < frame.until_us and seq <= frame.upto_seq and not is_earlier


def posted_of(evidence: Evidence) -> dict[Component, MinorUnits]:
    """What was posted of each component of the statement's own contract and period, on whatever statement."""
    posted: dict[Component, MinorUnits] = {}
    for entry in evidence.entries:
        if entry.key.startswith(evidence.frame.charge_keys):
            for component, minor in components_of(entry):
                posted[component] = MinorUnits(posted.get(component, 0) + minor)
    return {component: minor for component, minor in sorted(posted.items()) if minor}


def charge_of(entry: JournalEntry) -> tuple[ContractId, str] | None:
    """The contract and the period that a charge is for; None for any other entry."""
    parts = entry.key.split(":")
    return (ContractId(parts[1]), parts[2]) if len(parts) == 4 and parts[0] == "chg" else None


def components_of(entry: JournalEntry) -> Iterable[tuple[Component, MinorUnits]]:
    """What a charge posts for each component."""
    for _, amount, _, meta in entry.postings:
        component = _component(meta)
        if component is not None:
            yield component, MinorUnits(-amount)


@lru_cache(maxsize=1024)
def _component(meta: str) -> Component | None:
    if not meta:
        return None
    try:
        record = json.loads(meta)
    except ValueError:
        return None
    found = record.get("component") if isinstance(record, dict) else None
    return found if isinstance(found, str) else None


def _charge_flow(
    frame: Frame, contract: str, period: str, corrects: str | None, entries: list[JournalEntry]
) -> ChargeFlow:
    return ChargeFlow(
        contract=contract, period=period, corrects=corrects, entries=len(entries),
        amount_minor=MinorUnits(-sum(entry.amount_on(frame.ledger_account) for entry in entries)),
        from_us=min(entry.effective_us for entry in entries),
        last_us=max(entry.effective_us for entry in entries),
    )  # fmt: skip


def _order(about: tuple[str, str, str | None]) -> tuple[str, str, str]:
    contract, period, corrects = about
    return period, contract, corrects or ""
