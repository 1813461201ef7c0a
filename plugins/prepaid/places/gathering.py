"""Gathers what the rows of a table say of each record, in any order; contradictions are named by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.contracts.naming import slugify
from hub.core.config import did_you_mean
from plugins.prepaid.places.areas import AreaTree
from plugins.prepaid.places.columns import BY_NAME, NOTHING, Local, Of
from plugins.prepaid.places.tables import Table

_CONTRACT_KINDS = frozenset({Of.CONTRACT, Of.TERM})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, and in which cell; row 0 is the table as a whole."""

    row: int
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and the row that gave it first; None takes away what was there."""

    value: object
    row: int


Fields = dict[str, Given]


@dataclass(slots=True)
class Gathered:
    """What a table says, record by record."""

    areas: AreaTree
    points: dict[PointId, Fields] = field(default_factory=dict)
    meters: dict[PointId, Fields] = field(default_factory=dict)
    tenants: dict[TenantId, Fields] = field(default_factory=dict)
    accounts: dict[AccountId, Fields] = field(default_factory=dict)
    contracts: dict[ContractId, Fields] = field(default_factory=dict)
    terms: dict[tuple[ContractId, PointId, int | None], Fields] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    """The row that named a record first, by kind and id."""
    problems: list[Problem] = field(default_factory=list)

    def row_of(self, kind: str, id: str) -> int:  # noqa: A002 - the field's own word
        """Where a record was named first; 0 when the table does not name it."""
        return self.rows.get((kind, id), 0)


@dataclass(frozen=True, slots=True)
class RowGiven:
    """The values of one row, by the kind and field that they are for."""

    number: int
    values: Mapping[tuple[Of, str], object]

    def of(self, kind: Of) -> dict[str, object]:
        """The fields of one kind."""
        return {field: value for (its, field), value in self.values.items() if its is kind}


def gather(table: Table, local: Local, areas: AreaTree) -> Gathered:
    """Read a table's cells, and gather them by record."""
    gathered = Gathered(areas)
    for heading in table.columns:
        if heading not in BY_NAME:
            hint = did_you_mean(heading, BY_NAME) or " A column of your own begins with #."
            gathered.problems.append(Problem(1, heading, f"there is no such column.{hint}"))
    rows = []
    for row in table.rows:
        values: dict[tuple[Of, str], object] = {}
        for name, cell in row.cells.items():
            column = BY_NAME.get(name)
            if column is None:
                continue
            try:
                is_cleared = cell == NOTHING and column.is_clearable
                values[column.of, column.field] = None if is_cleared else column.read(cell, local)
            except ValueError as error:
                gathered.problems.append(Problem(row.number, name, str(error)))
        rows.append(RowGiven(row.number, values))
    if not gathered.problems:  # what cannot be read would be told again as missing or different
        gather_rows(rows, gathered)
    return gathered


def gather_rows(rows: Iterable[RowGiven], gathered: Gathered) -> None:
    """Gather rows whose values are read; what contradicts is noted as problems."""
    for row in rows:
        _Rows(gathered, row).take()
    gathered.problems.sort()


class _Rows:
    """Takes one row into what was gathered before."""

    def __init__(self, gathered: Gathered, row: RowGiven) -> None:
        self._all = gathered
        self._row = row

    def take(self) -> None:
        point, tenant = self._point(), self._tenant()
        account, contract = self._account(tenant), None
        if any(self._row.of(kind) for kind in _CONTRACT_KINDS):
            contract = self._contract(account)
        if contract is not None and point is not None:
            self._term(contract, point)
        elif contract is not None:
            self._fault("point", f"contract {contract} names no point here that it holds")
        if point is None and tenant is None and account is None and not self._all.problems:
            self._fault("point", "the row names neither a point, nor a tenant, nor an account")

    def _point(self) -> PointId | None:
        fields = self._row.of(Of.POINT)
        area, meter = self._row.of(Of.AREA), self._row.of(Of.METER)
        id = self._id(fields, "point")  # noqa: A001 - the field's own word
        if id is None:
            if fields or area or meter:
                self._fault("point", "the row says something of a point and does not name it")
            return None
        if area:
            fields["area"] = self._area(area)
        self._put("point", id, self._all.points.setdefault(PointId(id), {}), fields)
        if meter:
            self._put("point", id, self._all.meters.setdefault(PointId(id), {}), meter)
        return PointId(id)

    def _area(self, fields: Mapping[str, object]) -> str | None:
        ids, names = fields.get("ids"), fields.get("names")
        if "ids" in fields and ids is None:
            return None
        try:
            return self._all.areas.resolve(None if ids is None else str(ids), None if names is None else str(names))
        except ValueError as error:
            self._fault("area" if ids is not None else "area_name", str(error))
            return None

    def _tenant(self) -> TenantId | None:
        fields = self._row.of(Of.TENANT)
        id = self._id(fields, "tenant")  # noqa: A001 - the field's own word
        if id is None:
            if fields:
                self._fault("tenant", "the row says something of a tenant and does not name it")
            return None
        self._put("tenant", id, self._all.tenants.setdefault(TenantId(id), {}), fields)
        return TenantId(id)

    def _account(self, tenant: TenantId | None) -> AccountId | None:
        fields = self._row.of(Of.ACCOUNT)
        if not fields and not any(self._row.of(kind) for kind in _CONTRACT_KINDS):
            return None
        id = fields.pop("id", None) or tenant  # noqa: A001 - the field's own word
        if id is None:
            self._fault("account", "there is no account here, and no tenant to name one after")
            return None
        if tenant is not None:
            fields["tenant"] = tenant
        self._put("account", str(id), self._all.accounts.setdefault(AccountId(str(id)), {}), fields)
        return AccountId(str(id))

    def _contract(self, account: AccountId | None) -> ContractId | None:
        fields = self._row.of(Of.CONTRACT)
        id = fields.pop("id", None) or account  # noqa: A001 - the field's own word
        if id is None:
            return None
        if account is not None:
            fields["account"] = account
        self._put("contract", str(id), self._all.contracts.setdefault(ContractId(str(id)), {}), fields)
        return ContractId(str(id))

    def _term(self, contract: ContractId, point: PointId) -> None:
        fields = self._row.of(Of.TERM)
        start_us = fields.get("start_us")
        assert start_us is None or isinstance(start_us, int)
        place = (contract, point, start_us)
        if place in self._all.terms:
            first = self._all.rows["hold", _place(place)]
            self._fault("contract", f"contract {contract} holds point {point} by row {first} already")
            return
        self._all.rows["hold", _place(place)] = self._row.number
        self._all.terms[place] = {field: Given(value, self._row.number) for field, value in fields.items()}

    def _id(self, fields: dict[str, object], kind: str) -> str | None:
        """The id that a row gives, or that its name makes."""
        id, name = fields.pop("id", None), fields.get("name")  # noqa: A001 - the field's own word
        if id is not None:
            return str(id)
        if name is None:
            return None
        try:
            return slugify(str(name))
        except ValueError as error:
            self._fault(f"{kind}_name", str(error))
            return None

    def _put(self, kind: str, id: str, known: Fields, fields: Mapping[str, object]) -> None:  # noqa: A002
        self._all.rows.setdefault((kind, id), self._row.number)
        for field_name, value in fields.items():
            before = known.setdefault(field_name, Given(value, self._row.number))
            if before.value != value:
                text = f"{kind} {id} has something else here in row {before.row}; one of the two is wrong"
                if field_name == "name" and kind != "account":
                    text += f", or they are two: then give each its own id in column {kind}"
                self._fault(column_of(kind, field_name), text)

    def _fault(self, column: str, text: str) -> None:
        self._all.problems.append(Problem(self._row.number, column, text))


_RENAMED = {
    ("account", "tenant"): "tenant",
    ("contract", "account"): "account",
    ("point", "area"): "area",
}


def column_of(kind: str, field_name: str) -> str:
    """The column in which a field of a record stands."""
    if (kind, field_name) in _RENAMED:
        return _RENAMED[kind, field_name]
    kinds = {Of(kind), Of.METER} if kind == "point" else {Of(kind)}
    found = [column.name for column in BY_NAME.values() if column.of in kinds and column.field == field_name]
    return found[0] if found else field_name


def _place(place: tuple[ContractId, PointId, int | None]) -> str:
    return f"{place[0]}/{place[1]}/{'' if place[2] is None else place[2]}"


def term_place(contract: ContractId, point: PointId, start_us: int | None) -> tuple[str, str]:
    """How `Gathered.rows` names a hold."""
    return "hold", _place((contract, point, start_us))
