"""The actions on tenants, points and accounts; each is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import voluptuous as vol

from hub.contracts.ids import AccountId, PointId, TenantId
from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits, minor_units
from hub.core.actions import Call, Effect, TxHandler
from hub.core.config import did_you_mean
from hub.core.errors import NotFound
from hub.core.storage import Tx
from plugins.prepaid.journal.balances import balance as ledger_balance
from plugins.prepaid.journal.chart import deposit
from plugins.prepaid.money.desk import MoveRefused
from plugins.prepaid.money.fields import REASON, amount
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places import columns, repository
from plugins.prepaid.places.checks import COMMODITIES, LOAD_CLASSES, PlacesRefused, require
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.fields import cell, optional, slug, text
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.records import Account, Role, SupplyPoint, Tenant
from plugins.prepaid.places.snapshot import Places

SAVE_TENANT = action_name("tenant", "save")
SAVE_POINT = action_name("point", "save")
OPEN = action_name("account", "open")
CLOSE = action_name("account", "close")
SET_LIMIT = action_name("account", "set_credit_limit")

_TENANT_FIELDS = {
    "name": "name", "language": "language", "phone": "phone", "email": "email", "landlord": "is_landlord",
}  # fmt: skip
_POINT_FIELDS = ("name", "area", "parent", "commodity", "role", "load_class", "policy")


R = TypeVar("R", Tenant, SupplyPoint, Account)
Save = Callable[[Tx, R], None]


class PeopleActions:
    """What clerks do with tenants, points and accounts."""

    def __init__(self, office: Office, local: Local) -> None:
        """Offer the actions."""
        self._office = office
        name = cell(columns.name, local)
        self._register(
            SAVE_TENANT, self._save_tenant, "Write a tenant, new or changed; what is left out stays as it is.",
            {
                vol.Required("tenant"): slug,
                vol.Optional("name"): name,
                vol.Optional("language"): vol.In(columns.LANGUAGES),
                vol.Optional("phone"): optional(cell(columns.phone, local)),
                vol.Optional("email"): optional(cell(columns.email, local)),
                vol.Optional("landlord"): bool,
            },
        )  # fmt: skip
        self._register(
            SAVE_POINT, self._save_point, "Write a supply point, new or changed; what is left out stays as it is.",
            {
                vol.Required("point"): slug,
                vol.Optional("name"): name,
                vol.Optional("area"): optional(text),
                vol.Optional("parent"): optional(slug),
                vol.Optional("commodity"): vol.In(COMMODITIES),
                vol.Optional("role"): vol.In([one.value for one in Role]),
                vol.Optional("load_class"): vol.In(sorted(LOAD_CLASSES)),
                vol.Optional("policy"): optional(slug),
            },
        )  # fmt: skip
        self._register(
            OPEN, self._open, "Open an account for a tenant, or open a closed one again.",
            {
                vol.Required("account"): slug,
                vol.Optional("tenant"): slug,
                vol.Optional("name"): name,
                vol.Optional("credit_limit"): amount(office.desk.scale),
            },
        )  # fmt: skip
        self._register(
            CLOSE, self._close, "Close an account that holds no contract and no money.",
            {vol.Required("account"): slug, vol.Required("reason"): REASON},
        )  # fmt: skip
        self._register(
            SET_LIMIT, self._set_limit, "Say how far below zero a balance may go; more of it may restore power.",
            {
                vol.Required("account"): slug,
                vol.Required("amount"): amount(office.desk.scale),
                vol.Required("reason"): REASON,
            },
        )  # fmt: skip

    def _register(self, name: str, handler: TxHandler, description: str, schema: Mapping[Any, Any]) -> None:
        self._office.desk.hub.actions.register(
            name, handler, effect=Effect.TX, description=description, schema=schema,
            returns="outcome: done, or already when it was so before",
        )  # fmt: skip

    def _save_tenant(self, tx: Tx, call: Call) -> dict[str, object]:
        name = TenantId(call.data["tenant"])
        old = repository.tenant(tx, name)
        given = {_TENANT_FIELDS[field]: value for field, value in call.data.items() if field in _TENANT_FIELDS}
        new = replace(old or Tenant(id=name, name=name.replace("_", " ")), **given)
        return self._saved(tx, "tenant", name, old, new, repository.save_tenant)

    def _save_point(self, tx: Tx, call: Call) -> dict[str, object]:
        name = PointId(call.data["point"])
        old = repository.point(tx, name)
        given = {field: call.data[field] for field in _POINT_FIELDS if field in call.data}
        if "role" in given:
            given["role"] = Role(given["role"])
        new = replace(old or SupplyPoint(id=name, name=name.replace("_", " ")), **given)
        return self._saved(tx, "point", name, old, new, repository.save_point)

    def _open(self, tx: Tx, call: Call) -> dict[str, object]:
        name = AccountId(call.data["account"])
        old = repository.account(tx, name) if call.principal.sees("account", name) else None
        tenant = TenantId(call.data.get("tenant") or (name if old is None else old.tenant))
        known = repository.tenant(tx, tenant)
        if known is None:
            hint = did_you_mean(tenant, repository.tenant_ids(tx)) or " Write it first (tenant.save)."
            raise NotFound(f"there is no tenant {tenant!r}; nothing was changed.{hint}")
        if old is not None and old.tenant != tenant:
            raise PlacesRefused(f"account {name} is {old.tenant}'s; nothing was changed. Open another for {tenant}")
        base = old or Account(id=name, tenant=tenant, name=known.name, opened_us=self._office.now_us())
        new = replace(
            base, name=call.data.get("name", base.name), is_open=True,
            credit_limit_minor=self._limit(call.data.get("credit_limit"), base.credit_limit_minor),
        )  # fmt: skip
        answer = self._saved(tx, "account", name, old, new, repository.save_account)
        self._office.moved(tx, name)
        return answer

    def _close(self, tx: Tx, call: Call) -> dict[str, object]:
        desk, name = self._office.desk, AccountId(call.data["account"])
        account = desk.account(tx, name, call.principal)
        running = [
            one.id
            for one in repository.contracts_of(tx, name)
            if one.end_us is None or one.end_us > desk.now_us()
        ]  # fmt: skip
        now, held = standing(tx, name, desk.now_us()), ledger_balance(tx, deposit(name))
        if running:
            raise PlacesRefused(f"account {name} holds contracts: {', '.join(running)}; close them first")
        if now.balance_minor or now.held_minor or held:
            deposited = f", {desk.text(-held)} of deposit" if held else ""
            aside = f", {desk.text(now.held_minor)} set aside" if now.held_minor else ""
            raise MoveRefused(
                f"account {name} stands at {desk.text(now.balance_minor)}{deposited}{aside}; nothing was changed."
                " Refund it, move it to another account, or write it off first"
            )
        new = replace(account, is_open=False)
        return self._saved(tx, "account", name, account, new, repository.save_account)

    def _set_limit(self, tx: Tx, call: Call) -> dict[str, object]:
        name = AccountId(call.data["account"])
        account = self._office.desk.open_account(tx, name, call.principal)
        new = replace(account, credit_limit_minor=self._limit(call.data["amount"], account.credit_limit_minor))
        answer = self._saved(tx, "account", name, account, new, repository.save_account)
        self._office.moved(tx, name)
        return {**answer, "credit_limit": self._office.desk.major(new.credit_limit_minor)}

    def _limit(self, given: Decimal | None, known: MinorUnits) -> MinorUnits:
        if given is None:
            return known
        if given < 0:
            raise PlacesRefused(
                f"a credit limit of {given} was not set; it says how far below zero: give 0 or more"
            )
        return minor_units(given, self._office.desk.scale)

    def _saved(self, tx: Tx, kind: str, name: str, old: R | None, new: R, save: Save[R]) -> dict[str, object]:
        """Write a record unless it is so already; one that would break a rule raises, and nothing is written."""
        if old == new:
            return {"outcome": "already", kind: name}
        if _may_break_rules(old, new):
            before = self._office.places(tx)
            require(_with(before, new), before)
        save(tx, new)
        self._office.turn_page(tx)
        return {"outcome": "done", kind: name}


def _may_break_rules(old: object, new: object) -> bool:
    """Whether rules over all records can be broken by a change; accounts are judged where they are changed."""
    if isinstance(new, Tenant):
        return isinstance(old, Tenant) and new.is_landlord != old.is_landlord
    return isinstance(new, SupplyPoint)


def _with(before: Places, new: object) -> Places:
    after = before.copy()
    if isinstance(new, SupplyPoint):
        after.points[new.id] = new
    elif isinstance(new, Tenant):
        after.tenants[new.id] = new
    return after
