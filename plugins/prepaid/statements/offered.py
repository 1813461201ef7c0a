"""Statements and the ledger's own verbs as actions and queries."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import voluptuous as vol

from hub.contracts.ids import AccountId, ContractId
from hub.contracts.naming import action_name
from hub.contracts.units import major_units
from hub.core.actions import Call, Effect
from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import Book, load_book, version_of
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.gate.verify import ReadsVerification
from plugins.prepaid.journal.balances import balances
from plugins.prepaid.journal.chart import as_read, tenant_of
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.sealing import Checkpoint, last_checkpoint, seal
from plugins.prepaid.journal.verify import verify_in_pages
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.closing import Moved, closable, close, draft
from plugins.prepaid.statements.deep import DeepVerification
from plugins.prepaid.statements.gathering import SiteMoney
from plugins.prepaid.statements.rendering import Form, Wanted, render
from plugins.prepaid.statements.repository import Closed

CLOSE = action_name("statement", "close")
SEAL = action_name("ledger", "seal")
EXPORT, LIST, CLOSABLE = "statement.export", "statement.list", "statement.closable"
BALANCES, VERIFY, SEALED = "ledger.balances", "ledger.verify", "ledger.sealed"

TRIES = 3
"""So often a statement is derived anew when its account moves meanwhile."""

LIMIT_S = 600


class BadForm(HubError):
    """A form or a language that statements do not have."""


class StatementOffice:
    """Calls and questions about statements and the ledger."""

    def __init__(self, hub: PluginHub, charger: Charger, journal: Journal) -> None:
        """Close into a journal what a charger has charged."""
        self._hub = hub
        self._charger = charger
        self._journal = journal
        self._site = SiteMoney(hub.site.name, hub.config["currency"], hub.config["scale"])

    async def close(self, call: Call) -> dict[str, object]:
        """Derive and freeze; made anew when the account moves meanwhile."""
        account, period = AccountId(call.data["account"]), call.data["period"]
        now_us = self._hub.clock.now_us()

        def make(reader: Reader) -> Any:
            return draft(reader, self._book(reader), self._site, account, period, now_us)

        for attempt in range(TRIES):
            made = await self._hub.db.read(make)
            try:
                rows = await self._hub.db.write(partial(close, journal=self._journal, made=made))
            except Moved:
                if attempt + 1 == TRIES:
                    raise
                continue
            return {"outcome": "closed" if rows else "nothing to close", "statements": self._described(rows)}
        raise AssertionError("unreachable")

    def _book(self, reader: Reader) -> Book:
        """The book of a snapshot: the charger's, unless it has just turned a page."""
        return self._charger.book if version_of(reader) == self._charger.book.version else load_book(reader)

    async def closable(self, principal: Principal, params: Mapping[str, Any]) -> list[str]:
        """The accounts of which something of a period can be closed now."""
        period, now_us = str(params["period"]), self._hub.clock.now_us()
        found = await self._hub.db.read(lambda reader: closable(reader, self._book(reader), period, now_us))
        return [one for one in found if principal.sees("account", one)]

    async def export(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, str]:
        """A statement in a form: the texts of its files by name."""
        wanted = wanted_from(params)
        return await self._hub.db.read(
            lambda reader: render(reader, self._book(reader), self._site, wanted, principal)
        )

    async def list_closed(self, principal: Principal, params: Mapping[str, Any]) -> list[dict[str, object]]:
        """Closed statements."""
        account, period = params.get("account"), params.get("period")
        rows = await self._hub.db.read(lambda reader: repository.listed(reader, account, period))
        return self._described([row for row in rows if principal.sees("account", row.account)])

    def _described(self, rows: list[Closed]) -> list[dict[str, object]]:
        return [described(row, self._site.scale) for row in rows]

    async def balances(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, Decimal]:
        """What stands on the ledger's accounts, as people read it."""
        prefix = str(params.get("prefix", ""))
        found = await self._hub.db.read(lambda reader: balances(reader, prefix))
        return shown_balances(found, principal, self._site.scale)

    async def sealed(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, object] | None:
        """The newest checkpoint."""
        del principal, params
        found = await self._hub.db.read(last_checkpoint)
        return None if found is None else checkpoint_shown(found)

    async def verify(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, object]:
        """Verify chains, sums and reads; with `deep`, rate every month and derive every statement again."""
        del principal
        report = await verify_in_pages(self._hub.db, self._hub.clock)
        reads, deep = ReadsVerification(), DeepVerification()
        checks = [reads.page, *([deep.page] if params.get("deep") else [])]
        for page in checks:
            while await self._hub.db.read(page):
                await self._hub.clock.sleep(0)
        return verdict_of(report, reads, deep if params.get("deep") else None)

    def seal(self, tx: Tx, call: Call) -> dict[str, object]:
        """Seal what no seal covers yet."""
        del call
        entries = 0
        while (made := seal(tx, self._hub.clock.now_us())) is not None:
            entries += made.to_seq - made.from_seq + 1
        return {"outcome": "sealed", "entries": entries}


def register_statements(hub: PluginHub, charger: Charger, journal: Journal) -> None:
    """Offer statements and the ledger."""
    office = StatementOffice(hub, charger, journal)
    hub.actions.register(
        CLOSE,
        office.close,
        effect=Effect.LEVEL,
        description="Close an account's statements for a month that is over: frozen, hashed, in the journal.",
        schema={vol.Required("account"): str, vol.Required("period"): str},
        returns="outcome, and the statements: id, what is due, the balance after it, hash",
        limit_s=LIMIT_S,
    )
    hub.actions.register(
        SEAL,
        office.seal,
        effect=Effect.TX,
        description="Seal the ledger's entries that no seal covers yet; the daily checkpoint does so by itself.",
        schema={},
        returns="outcome, and how many entries were sealed",
    )
    hub.answer(
        EXPORT, office.export, description="A `contract`'s statement for a `period` in a `form`: its files by name."
    )
    hub.answer(LIST, office.list_closed, description="Closed statements, of an `account` or a `period` or all.")
    hub.answer(CLOSABLE, office.closable, description="Accounts of which something of a `period` can be closed.")
    hub.answer(BALANCES, office.balances, description="What stands on the ledger's accounts, by name or `prefix`.")
    hub.answer(SEALED, office.sealed, description="The ledger's newest checkpoint.")
    hub.answer(VERIFY, office.verify, description="Whether the ledger and the reads hold; `deep` rates all again.")


def wanted_from(params: Mapping[str, Any]) -> Wanted:
    """What a caller asks for."""
    try:
        form = Form(str(params.get("form", "text")))
    except ValueError:
        raise BadForm(
            f"{params.get('form')!r} is no form; there are {', '.join(one.value for one in Form)}"
        ) from None
    return Wanted(
        contract=ContractId(str(params["contract"])), period=str(params["period"]), form=form,
        language=str(params.get("language", "en")), is_corrected=bool(params.get("corrected", False)),
    )  # fmt: skip


def described(row: Closed, scale: int) -> dict[str, object]:
    """A closed statement in a list."""
    return {
        "statement": row.id, "account": row.account, "contract": row.contract, "period": row.period,
        "due": major_units(row.due_minor, scale), "balance": major_units(row.closing_minor, scale),
        "closed": from_us(row.closed_us), "actor": row.actor, "hash": row.sha.hex(),
    }  # fmt: skip


def shown_balances(found: Mapping[str, Any], principal: Principal, scale: int) -> dict[str, Decimal]:
    """Balances as people read them; a principal gets no other tenant's."""
    return {
        name: major_units(as_read(name, amount), scale)
        for name, amount in found.items()
        if (owner := tenant_of(name)) is None or principal.sees("account", owner)
    }


def checkpoint_shown(one: Checkpoint) -> dict[str, object]:
    """A checkpoint as people write it down."""
    return {"day": one.day, "entries": one.seq, "hash": one.hash.hex()}


def verdict_of(report: Report, reads: ReadsVerification, deep: DeepVerification | None) -> dict[str, object]:
    """What a verification found, of everything that was looked at."""
    reports = [report, reads.report, *([deep.report] if deep is not None else [])]
    findings = [str(one) for each in reports for one in each.findings]
    return {
        "good": not findings, "findings": findings, "omitted": sum(each.omitted for each in reports),
        "entries": report.entries, "postings": report.postings, "accounts": report.accounts, "seals": report.seals,
        "reads": reads.reads, "segments": None if deep is None else deep.segments,
        "postings_per_s": report.postings_per_s,
    }  # fmt: skip
