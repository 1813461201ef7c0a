"""Reads and writes the records of people and places; every listing takes the principal that asks."""

from __future__ import annotations

from collections.abc import Iterable

from hub.contracts.ids import AccountId, ContractId, MeterId, PointId, RegisterId, TenantId
from hub.contracts.units import MinorUnits
from hub.core.principals import Principal
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.gate.reads import AcceptedRead, read_from
from plugins.prepaid.places.records import Account, Contract, Epoch, Role, SupplyPoint, Tenant, Term


def point(reader: Reader, id: PointId) -> SupplyPoint | None:  # noqa: A002 - the field's own word
    """One supply point."""
    row = reader.one("SELECT * FROM prepaid__points WHERE id = ?", (id,))
    return None if row is None else _point(row)


def points(reader: Reader, principal: Principal) -> list[SupplyPoint]:
    """The supply points that an account of the principal holds now, wholly or by share, by id."""
    rows = reader.all("SELECT * FROM prepaid__points ORDER BY id")
    if "account" not in principal.scopes:
        return [_point(row) for row in rows]
    held = {
        row["point"]
        for row in reader.all(
            "SELECT t.point, c.account FROM prepaid__terms t JOIN prepaid__contracts c ON c.id = t.contract"
            " WHERE t.end_us IS NULL"
        )
        if principal.sees("account", row["account"])
    }
    return [_point(row) for row in rows if row["id"] in held]


def save_point(tx: Tx, one: SupplyPoint) -> None:
    """Write a supply point, new or changed."""
    tx.execute(
        "INSERT INTO prepaid__points (id, name, area, parent, commodity, role, load_class, policy, is_manual_only)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " area = excluded.area, parent = excluded.parent, commodity = excluded.commodity, role = excluded.role,"
        " load_class = excluded.load_class, policy = excluded.policy, is_manual_only = excluded.is_manual_only",
        (
            one.id, one.name, one.area, one.parent, one.commodity, one.role.value, one.load_class, one.policy,
            int(one.is_manual_only),
        ),
    )  # fmt: skip


def tenant(reader: Reader, id: TenantId) -> Tenant | None:  # noqa: A002 - the field's own word
    """One tenant."""
    row = reader.one("SELECT * FROM prepaid__tenants WHERE id = ?", (id,))
    return None if row is None else _tenant(row)


def tenants(reader: Reader, principal: Principal) -> list[Tenant]:
    """The tenants with an account that the principal may see, by id."""
    rows = reader.all("SELECT * FROM prepaid__tenants ORDER BY id")
    if "account" not in principal.scopes:
        return [_tenant(row) for row in rows]
    held = {one.tenant for one in accounts(reader, principal)}
    return [_tenant(row) for row in rows if row["id"] in held]


def save_tenant(tx: Tx, one: Tenant) -> None:
    """Write a tenant, new or changed."""
    tx.execute(
        "INSERT INTO prepaid__tenants (id, name, language, phone, email, is_landlord) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language,"
        " phone = excluded.phone, email = excluded.email, is_landlord = excluded.is_landlord",
        (one.id, one.name, one.language, one.phone, one.email, int(one.is_landlord)),
    )


def account(reader: Reader, id: AccountId) -> Account | None:  # noqa: A002 - the field's own word
    """One account; whoever shows it to somebody asks `Principal.sees` first."""
    row = reader.one("SELECT * FROM prepaid__accounts WHERE id = ?", (id,))
    return None if row is None else _account(row)


def accounts(reader: Reader, principal: Principal) -> list[Account]:
    """The accounts that the principal may see, by id."""
    rows = reader.all("SELECT * FROM prepaid__accounts ORDER BY id")
    return [_account(row) for row in rows if principal.sees("account", row["id"])]


def save_account(tx: Tx, one: Account) -> None:
    """Write an account, new or changed."""
    tx.execute(
        "INSERT INTO prepaid__accounts (id, tenant, name, credit_limit_minor, status, opened_us)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, name = excluded.name,"
        " credit_limit_minor = excluded.credit_limit_minor, status = excluded.status",
        (
            one.id, one.tenant, one.name, one.credit_limit_minor, "open" if one.is_open else "closed",
            one.opened_us,
        ),
    )  # fmt: skip


def contract(reader: Reader, id: ContractId) -> Contract | None:  # noqa: A002 - the field's own word
    """One contract."""
    row = reader.one("SELECT * FROM prepaid__contracts WHERE id = ?", (id,))
    return None if row is None else _contract(row)


def contracts(reader: Reader, principal: Principal) -> list[Contract]:
    """The contracts of the accounts that the principal may see, by id."""
    rows = reader.all("SELECT * FROM prepaid__contracts ORDER BY id")
    return [_contract(row) for row in rows if principal.sees("account", row["account"])]


def contracts_of(reader: Reader, id: AccountId) -> list[Contract]:  # noqa: A002 - the field's own word
    """An account's contracts, those that ended too, by their start."""
    rows = reader.all("SELECT * FROM prepaid__contracts WHERE account = ? ORDER BY start_us, id", (id,))
    return [_contract(row) for row in rows]


def save_contract(tx: Tx, one: Contract) -> None:
    """Write a contract, new or changed; its account, tariff and start never change."""
    tx.execute(
        "INSERT INTO prepaid__contracts (id, account, tariff, policy, start_us, end_us, area_cm2, capacity_w)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET policy = excluded.policy,"
        " end_us = excluded.end_us, area_cm2 = excluded.area_cm2, capacity_w = excluded.capacity_w",
        (
            one.id, one.account, one.tariff, one.policy, one.start_us, one.end_us, one.area_cm2, one.capacity_w,
        ),
    )  # fmt: skip


def terms_of_contract(reader: Reader, id: ContractId) -> list[Term]:  # noqa: A002 - the field's own word
    """The points of a contract, in order of time."""
    rows = reader.all("SELECT * FROM prepaid__terms WHERE contract = ? ORDER BY start_us, point", (id,))
    return [_term(row) for row in rows]


def terms_of_point(reader: Reader, id: PointId) -> list[Term]:  # noqa: A002 - the field's own word
    """Who held a point when, in order of time; shares of one time by contract."""
    rows = reader.all("SELECT * FROM prepaid__terms WHERE point = ? ORDER BY start_us, contract", (id,))
    return [_term(row) for row in rows]


def all_terms(reader: Reader) -> list[Term]:
    """Every term there is; for the charging shell, which serves all accounts."""
    return [_term(row) for row in reader.all("SELECT * FROM prepaid__terms ORDER BY point, start_us, contract")]


def save_term(tx: Tx, one: Term) -> None:
    """Write a term, or its end."""
    tx.execute(
        "INSERT INTO prepaid__terms (contract, point, start_us, end_us, share_ppm) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (contract, point, start_us) DO UPDATE SET end_us = excluded.end_us",
        (one.contract, one.point, one.start_us, one.end_us, one.share_ppm),
    )


def accounts_by_point(reader: Reader) -> dict[PointId, AccountId]:
    """Whose each point is by its newest term that is still open; a shared point's is its first contract's."""
    rows = reader.all(
        "SELECT t.point, c.account FROM prepaid__terms t JOIN prepaid__contracts c ON c.id = t.contract"
        " WHERE t.end_us IS NULL ORDER BY t.point, t.start_us, t.contract DESC"
    )
    return {PointId(row[0]): AccountId(row[1]) for row in rows}


def epochs_of(reader: Reader, point_id: PointId) -> list[Epoch]:
    """All epochs of a point's registers, in order of time."""
    rows = reader.all("SELECT * FROM prepaid__epochs WHERE point = ? ORDER BY start_us, register", (point_id,))
    return [epoch_from(row) for row in rows]


def open_epochs(reader: Reader) -> list[Epoch]:
    """The epoch of each register that counts now."""
    return [epoch_from(row) for row in reader.all("SELECT * FROM prepaid__epochs WHERE end_us IS NULL ORDER BY id")]


def open_epoch(reader: Reader, point_id: PointId) -> Epoch | None:
    """The epoch by which a point is counted now; None before its first read."""
    row = reader.one(
        "SELECT * FROM prepaid__epochs WHERE point = ? AND end_us IS NULL ORDER BY id DESC LIMIT 1", (point_id,)
    )
    return None if row is None else epoch_from(row)


def all_epochs(reader: Reader) -> list[Epoch]:
    """Every epoch there ever was, by point and in order of time."""
    rows = reader.all("SELECT * FROM prepaid__epochs ORDER BY point, start_us, id")
    return [epoch_from(row) for row in rows]


def begin_epoch(tx: Tx, one: Epoch) -> int:
    """Begin a register's epoch, whose `id` is given here; returns it."""
    row = tx.one(
        "INSERT INTO prepaid__epochs (point, register, meter, serial, scale, ratio_over, ratio_under, modulus_raw,"
        " start_us, open_raw, reason, actor, context_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            one.point, one.register, one.meter, one.serial, one.scale, *one.ratio, one.modulus_raw, one.start_us,
            one.open_raw, one.reason, tx.context.actor, tx.context.id,
        ),
    )  # fmt: skip
    assert row is not None
    return int(row[0])


def end_epoch(tx: Tx, id: int, end_us: int, close_raw: int) -> None:  # noqa: A002 - the field's own word
    """End an epoch with its last raw value."""
    tx.execute("UPDATE prepaid__epochs SET end_us = ?, close_raw = ? WHERE id = ?", (end_us, close_raw, id))


def children(reader: Reader, parents: Iterable[PointId]) -> dict[PointId, list[PointId]]:
    """The points that each of these feeds directly."""
    fed: dict[PointId, list[PointId]] = {parent: [] for parent in parents}
    for row in reader.all("SELECT id, parent FROM prepaid__points WHERE parent IS NOT NULL ORDER BY id"):
        if row["parent"] in fed:
            fed[PointId(row["parent"])].append(PointId(row["id"]))
    return fed


def epoch_from(row: Row) -> Epoch:
    """The epoch that a row holds."""
    return Epoch(
        id=row["id"], point=PointId(row["point"]), register=RegisterId(row["register"]),
        meter=MeterId(row["meter"]), serial=row["serial"], scale=row["scale"],
        ratio=(row["ratio_over"], row["ratio_under"]), modulus_raw=row["modulus_raw"], start_us=row["start_us"],
        end_us=row["end_us"], open_raw=row["open_raw"], close_raw=row["close_raw"], reason=row["reason"],
    )  # fmt: skip


def _point(row: Row) -> SupplyPoint:
    return SupplyPoint(
        id=PointId(row["id"]), name=row["name"], area=row["area"],
        parent=None if row["parent"] is None else PointId(row["parent"]), commodity=row["commodity"],
        role=Role(row["role"]), load_class=row["load_class"], policy=row["policy"],
        is_manual_only=bool(row["is_manual_only"]),
    )  # fmt: skip


def _tenant(row: Row) -> Tenant:
    return Tenant(
        id=TenantId(row["id"]), name=row["name"], language=row["language"], phone=row["phone"], email=row["email"],
        is_landlord=bool(row["is_landlord"]),
    )  # fmt: skip


def _account(row: Row) -> Account:
    return Account(
        id=AccountId(row["id"]), tenant=TenantId(row["tenant"]), name=row["name"],
        credit_limit_minor=MinorUnits(row["credit_limit_minor"]), is_open=row["status"] == "open",
        opened_us=row["opened_us"],
    )  # fmt: skip


def _contract(row: Row) -> Contract:
    return Contract(
        id=ContractId(row["id"]), account=AccountId(row["account"]), tariff=row["tariff"], policy=row["policy"],
        start_us=row["start_us"], end_us=row["end_us"], area_cm2=row["area_cm2"], capacity_w=row["capacity_w"],
    )  # fmt: skip


def _term(row: Row) -> Term:
    return Term(
        contract=ContractId(row["contract"]), point=PointId(row["point"]), start_us=row["start_us"],
        end_us=row["end_us"], share_ppm=row["share_ppm"],
    )  # fmt: skip


def published_codes(reader: Reader) -> list[str]:
    """The codes of tariffs that hold now or from some instant on."""
    return [row[0] for row in reader.all("SELECT DISTINCT code FROM prepaid__tariff_versions ORDER BY code")]


def contract_ids(reader: Reader) -> list[ContractId]:
    """The ids of all contracts there ever were."""
    return [ContractId(row[0]) for row in reader.all("SELECT id FROM prepaid__contracts ORDER BY id")]


def point_ids(reader: Reader) -> list[PointId]:
    """The ids of all points."""
    return [PointId(row[0]) for row in reader.all("SELECT id FROM prepaid__points ORDER BY id")]


def tenant_ids(reader: Reader) -> list[TenantId]:
    """The ids of all tenants."""
    return [TenantId(row[0]) for row in reader.all("SELECT id FROM prepaid__tenants ORDER BY id")]


def waiting(reader: Reader, point_id: PointId) -> Row | None:
    """What was not accepted at a point since its newest accepted read: it waits for agreement, or for a person."""
    return reader.one(
        "SELECT * FROM prepaid__read_attempts WHERE point = ?1 AND decision IN ('hold', 'refuse') AND seen_us >"
        " coalesce((SELECT max(r.received_us) FROM prepaid__reads r JOIN prepaid__epochs e ON e.id = r.epoch"
        " WHERE e.point = ?1), 0) ORDER BY id DESC LIMIT 1",
        (point_id,),
    )


def newest_reads(reader: Reader, point_id: PointId, limit: int) -> list[AcceptedRead]:
    """The newest accepted reads of a point, over all its epochs, newest first."""
    rows = reader.all(
        "SELECT r.* FROM prepaid__epochs e JOIN prepaid__reads r ON r.epoch = e.id WHERE e.point = ?"
        " ORDER BY r.at_us DESC, r.id DESC LIMIT ?",
        (point_id, limit),
    )
    return [read_from(row) for row in rows]
