"""Compares what a table says with what is there: what would be made, what changed, and what cannot be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.contracts.units import MinorUnits
from plugins.prepaid.places.checks import broken_by
from plugins.prepaid.places.gathering import Fields, Gathered, Problem, column_of, term_place
from plugins.prepaid.places.opening_reads import Known, Opening, plan_opening
from plugins.prepaid.places.records import Account, Contract, SupplyPoint, Tenant, Term
from plugins.prepaid.places.snapshot import Places

_COLUMNS = {"is_manual_only": "trip_tested", "is_open": "account_closed"}

R = TypeVar("R", SupplyPoint, Tenant, Account, Contract, Term)


@dataclass(frozen=True, slots=True)
class Change:
    """A record that is made or changed."""

    kind: str
    id: str
    fields: tuple[str, ...] = ()
    """The columns that change; none for a record that is made."""


@dataclass(slots=True)
class Plan:
    """What a table would do."""

    after: Places
    created: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    """Counts that begin."""
    balances: dict[AccountId, MinorUnits] = field(default_factory=dict)
    """Opening balances to post."""
    new_terms: list[Term] = field(default_factory=list)

    @property
    def does_nothing(self) -> bool:
        """Whether the site is as the table says already."""
        return not self.created and not self.changed


@dataclass(frozen=True, slots=True)
class Around:
    """What a plan rests on besides the records."""

    now_us: int
    tariffs: Collection[str]
    """The published codes."""
    registers: Mapping[PointId, Known]
    """What the field layer knows of points' registers."""


def plan(gathered: Gathered, before: Places, around: Around) -> Plan:
    """What a table would do to the records; its problems are all that stands in the way."""
    after = before.copy()
    after.areas |= set(gathered.areas.areas)
    planner = _Planner(gathered, before, Plan(after, problems=list(gathered.problems)), around)
    planner.plan_areas()
    planner.plan_tenants()
    planner.plan_accounts()
    planner.plan_points()
    planner.plan_contracts()
    planner.plan_terms()
    planner.plan_openings()
    planner.check()
    return planner.plan


class _Planner:
    """One comparison."""

    def __init__(self, gathered: Gathered, before: Places, plan: Plan, around: Around) -> None:
        self._said = gathered
        self._before = before
        self._around = around
        self.plan = plan

    def plan_areas(self) -> None:
        self.plan.created += [Change("area", area) for area in self._said.areas.made]

    def plan_tenants(self) -> None:
        for name, fields in self._said.tenants.items():
            old = self._before.tenants.get(name)
            new = _with(old or Tenant(id=name, name=_named(name)), fields)
            self.plan.after.tenants[name] = new
            self._note("tenant", name, old, new, fields)

    def plan_accounts(self) -> None:
        for name, fields in self._said.accounts.items():
            old = self._before.accounts.get(name)
            if old is None:
                tenant = TenantId(str(_value(fields, "tenant", name)))
                if tenant not in self.plan.after.tenants and tenant == TenantId(name):
                    self.plan.after.tenants[tenant] = Tenant(id=tenant, name=_named(name))
                    self.plan.created.append(Change("tenant", tenant))
                base = Account(id=name, tenant=tenant, name=self._name_of(tenant), opened_us=self._around.now_us)
            else:
                self._keep("account", name, fields, "tenant", old.tenant)
                base = old
            new = _with(base, fields, but=("tenant", "opening_minor", "is_closed"))
            new = self._closed(old, new, fields)
            self.plan.after.accounts[name] = new
            self._note("account", name, old, new, fields)
            self._plan_balance(name, fields)

    def _closed(self, old: Account | None, new: Account, fields: Fields) -> Account:
        is_closed = _value(fields, "is_closed", None)
        if is_closed is None or is_closed is not new.is_open:
            return new
        if old is not None:
            text = (
                f"account {old.id} is {'open' if old.is_open else 'closed'}; `hub account close` and `open` say so"
            )
            self._fault(fields["is_closed"].row, "account_closed", text)
            return new
        return replace(new, is_open=False)

    def _plan_balance(self, name: AccountId, fields: Fields) -> None:
        minor = _value(fields, "opening_minor", None)
        if minor is None:
            return
        assert isinstance(minor, int)
        opened = self._before.opened.get(name)
        if opened is None and minor:
            self.plan.balances[name] = MinorUnits(minor)
            if name in self._before.accounts:
                self.plan.changed.append(Change("account", name, ("opening_balance",)))
        elif opened is not None and opened != minor:
            text = f"account {name} was opened with another balance; correct it in the ledger, not here"
            self._fault(fields["opening_minor"].row, "opening_balance", text)

    def plan_points(self) -> None:
        for name, fields in self._said.points.items():
            old = self._before.points.get(name)
            new = _with(old or SupplyPoint(id=name, name=_named(name)), fields, but=("trip_tested",))
            is_tested = _value(fields, "trip_tested", None)
            if is_tested is not None:
                if is_tested and old is not None and old.is_manual_only:
                    text = f"point {name} has no trip test on record; commission it, a table cannot stand in for it"
                    self._fault(fields["trip_tested"].row, "trip_tested", text)
                new = replace(new, is_manual_only=not is_tested)
            self.plan.after.points[name] = new
            self._note("point", name, old, new, fields)

    def plan_contracts(self) -> None:
        for name, fields in self._said.contracts.items():
            old = self._before.contracts.get(name)
            if old is None:
                new = self._new_contract(name, fields)
            else:
                self._keep("contract", name, fields, "account", old.account)
                self._keep("contract", name, fields, "tariff", old.tariff)
                self._keep("contract", name, fields, "start_us", old.start_us)
                self._keep("contract", name, fields, "end_us", old.end_us)
                new = _with(old, fields, but=("account", "tariff", "start_us", "end_us"))
            if new is not None:
                self.plan.after.contracts[name] = new
                self._note("contract", name, old, new, fields)

    def _new_contract(self, id: ContractId, fields: Fields) -> Contract | None:  # noqa: A002 - the field's own word
        tariff, account = _value(fields, "tariff", None), _value(fields, "account", None)
        if tariff is None or account is None:
            row = self._said.row_of("contract", id)
            missing = "tariff" if tariff is None else "account"
            self._fault(row, missing, f"contract {id} is new and needs its {missing}")
            return None
        if tariff not in self._around.tariffs:
            self._remark(f"tariff {tariff} is not published: what is under it is not charged until it is")
        start_us = _value(fields, "start_us", self._around.now_us)
        assert isinstance(start_us, int)
        base = Contract(id=id, account=AccountId(str(account)), tariff=str(tariff), start_us=start_us)
        return _with(base, fields, but=("account", "tariff", "start_us"))

    def plan_terms(self) -> None:
        for (contract_id, point, said_us), fields in self._said.terms.items():
            contract = self.plan.after.contracts.get(contract_id)
            if contract is None:
                continue
            start_us = contract.start_us if said_us is None else said_us
            row = self._said.rows[term_place(contract_id, point, said_us)]
            old = self._before.terms.get((contract_id, point, start_us))
            if old is None:
                base = Term(contract=contract_id, point=point, start_us=start_us, end_us=contract.end_us)
                new = _with(base, fields, but=("start_us",))
                self.plan.after.terms[contract_id, point, start_us] = new
                self.plan.new_terms.append(new)
                self.plan.created.append(Change("hold", f"{contract_id} of {point}"))
                continue
            self.plan.unchanged += 1
            for name in ("share_ppm", "end_us"):
                if name in fields and fields[name].value != getattr(old, name):
                    verb = "`hub contract close`" if name == "end_us" else "`hub contract close` and `open`"
                    text = f"contract {contract_id} holds {point} otherwise; {verb} change that, with a read"
                    self._fault(row, column_of("hold", name), text)

    def plan_openings(self) -> None:
        starts: dict[PointId, list[int]] = {}
        for term in self.plan.new_terms:
            starts.setdefault(term.point, []).append(term.start_us)
        for point, fields in self._said.meters.items():
            opening = plan_opening(
                point, fields, self._before.epochs.get(point, []), self._around.registers.get(point),
                default_us=min([self._around.now_us, *starts.get(point, [])]), now_us=self._around.now_us,
            )  # fmt: skip
            self.plan.problems += opening.problems
            for note in opening.notes:
                self._remark(note)
            if opening.begins is not None:
                self.plan.openings.append(opening.begins)
                self.plan.created.append(Change("count", f"{opening.begins.epoch.register} of {point}"))

    def check(self) -> None:
        """Hold the rules over all records against what would be."""
        if self.plan.problems:
            self.plan.problems.sort()
            return  # half a picture breaks rules that the whole one keeps
        for finding in broken_by(self.plan.after, self._before):
            row = self._said.row_of(finding.kind, finding.id)
            self._fault(row, finding.field, f"{finding.kind} {finding.id}: {finding.text}")
        self.plan.problems.sort()

    def _keep(self, kind: str, id: str, fields: Fields, name: str, old: object) -> None:  # noqa: A002
        """Refuse to change what a record is for ever."""
        given = fields.get(name)
        if given is not None and given.value != old:
            column = column_of(kind, name)
            advice = "close it and open another" if kind == "contract" else "open another"
            self._fault(given.row, column, f"the {column} of {kind} {id} cannot be changed by a table; {advice}")

    def _note(self, kind: str, id: str, old: R | None, new: R, fields: Fields) -> None:  # noqa: A002
        if old is None:
            self.plan.created.append(Change(kind, id))
        elif old == new:
            self.plan.unchanged += 1
        else:
            changed = [name for name in new.__dataclass_fields__ if getattr(old, name) != getattr(new, name)]
            columns = [_COLUMNS.get(one) or column_of(kind, one) for one in changed]
            self.plan.changed.append(Change(kind, id, tuple(columns)))

    def _name_of(self, tenant: TenantId) -> str:
        known = self.plan.after.tenants.get(tenant)
        return _named(tenant) if known is None else known.name

    def _remark(self, text: str) -> None:
        if text not in self.plan.notes:
            self.plan.notes.append(text)

    def _fault(self, row: int, column: str, text: str) -> None:
        self.plan.problems.append(Problem(row, column, text))


def _with(record: R, fields: Fields, but: Collection[str] = ()) -> R:
    """A record with the fields that were given."""
    values: dict[str, Any] = {name: given.value for name, given in fields.items() if name not in but}
    return replace(record, **values)


def _value(fields: Fields, name: str, default: object) -> object:
    given = fields.get(name)
    return default if given is None else given.value


def _named(id: str) -> str:  # noqa: A002 - the field's own word
    """What something is called that nobody has named."""
    return id.replace("_", " ")
