"""What a site starts with: tariffs and places from its configuration, taken in once, while the books are empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.contracts.naming import check_slug
from hub.contracts.units import MinorUnits
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account, Contract, Role, SupplyPoint, Tenant, Term


def slug(value: object) -> str:
    """An id in configuration."""
    try:
        return check_slug(str(value), "id")
    except ValueError as error:
        raise vol.Invalid(str(error)) from None


ROW = {
    vol.Required("point"): slug,
    vol.Required("account"): slug,
    vol.Required("tariff"): slug,
    vol.Optional("tenant"): str,
    vol.Optional("area"): str,
    vol.Optional("policy"): slug,
    vol.Optional("load_class", default="normal"): slug,
    vol.Optional("role", default="tenant"): vol.In([one.value for one in Role]),
    vol.Optional("credit_limit_minor", default=0): vol.All(int, vol.Range(min=0)),
    vol.Optional("trip_tested", default=False): bool,
}


def is_empty(reader: Reader) -> bool:
    """Whether nobody holds an account here yet."""
    return reader.one("SELECT 1 FROM prepaid__accounts LIMIT 1") is None


def take_in(tx: Tx, rows: Sequence[Mapping[str, Any]], start_us: int) -> None:
    """Write the rows' points, tenants, accounts and contracts; one account may hold several points."""
    for row in rows:
        account = AccountId(row["account"])
        tenant = TenantId(account)
        name = str(row.get("tenant", account))
        repository.save_tenant(tx, Tenant(id=tenant, name=name))
        repository.save_account(
            tx,
            Account(
                id=account, tenant=tenant, name=name, credit_limit_minor=MinorUnits(row["credit_limit_minor"]),
                opened_us=start_us,
            ),
        )  # fmt: skip
        contract = ContractId(account)
        repository.save_contract(
            tx,
            Contract(
                id=contract, account=account, tariff=row["tariff"], policy=row.get("policy"), start_us=start_us
            ),
        )
        point = PointId(row["point"])
        repository.save_point(
            tx,
            SupplyPoint(
                id=point, name=point.replace("_", " "), area=row.get("area"), role=Role(row["role"]),
                load_class=row["load_class"], is_manual_only=not row["trip_tested"],
            ),
        )  # fmt: skip
        repository.save_term(tx, Term(contract=contract, point=point, start_us=start_us))
    turn_page(tx)
