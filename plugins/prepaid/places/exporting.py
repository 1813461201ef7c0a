"""Writes a site as the table that an import of it would take: importing that into an empty site gives it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.core.principals import Principal
from hub.core.registry import Area
from plugins.prepaid.places.areas import written
from plugins.prepaid.places.columns import COLUMNS, Local, Of
from plugins.prepaid.places.opening_reads import kwh_of
from plugins.prepaid.places.records import Epoch, Term
from plugins.prepaid.places.snapshot import Places
from plugins.prepaid.places.tables import write_csv

Values = dict[tuple[Of, str], object]


def export(places: Places, areas: Mapping[str, Area], local: Local, principal: Principal) -> str:
    """The table of what the principal may see, as CSV; the same records give the same bytes."""
    rows = [_cells(values, local) for values in _Exporter(places, areas, principal).rows()]
    return write_csv([column.name for column in COLUMNS], rows)


def _cells(values: Values, local: Local) -> dict[str, str]:
    return {
        column.name: column.write(value, local)
        for column in COLUMNS
        if (value := values.get((column.of, column.field))) is not None
    }


class _Exporter:
    """One row for each hold on a point, or vacant point; then accounts and tenants that hold nothing."""

    def __init__(self, places: Places, areas: Mapping[str, Area], principal: Principal) -> None:
        self._places = places
        self._areas = areas
        self._seen = {one.id for one in places.accounts.values() if principal.sees("account", one.id)}
        self._is_scoped = "account" in principal.scopes

    def rows(self) -> Iterator[Values]:
        """All rows, in an order that only the records decide."""
        places, told = self._places, set[AccountId]()
        terms: dict[PointId, list[Term]] = {}
        for term in places.terms.values():
            terms.setdefault(term.point, []).append(term)
        for point in sorted(places.points):
            held = [one for one in terms.get(point, []) if places.contracts[one.contract].account in self._seen]
            for term in sorted(held, key=lambda one: (one.start_us, one.contract)):
                told.add(places.contracts[term.contract].account)
                yield {**self._point(point), **self._contract(term.contract), **_term(term, places)}
            if not held and not self._is_scoped:
                yield self._point(point)
        for account in sorted(self._seen - told):
            yield self._account(account)
        owning = {places.accounts[one].tenant for one in places.accounts}
        for tenant in sorted(places.tenants.keys() - owning):
            if not self._is_scoped:
                yield self._tenant(tenant)

    def _point(self, id: PointId) -> Values:  # noqa: A002 - the field's own word
        point = self._places.points[id]
        values: Values = {
            (Of.POINT, "id"): id,
            (Of.POINT, "name"): point.name,
            (Of.POINT, "parent"): point.parent,
            (Of.POINT, "role"): point.role,
            (Of.POINT, "load_class"): point.load_class,
            (Of.POINT, "commodity"): point.commodity,
            (Of.POINT, "policy"): point.policy,
            (Of.POINT, "trip_tested"): not point.is_manual_only,
        }
        if point.area is not None:
            values[Of.AREA, "ids"], values[Of.AREA, "names"] = written(self._areas, point.area)
        running = [one for one in self._places.epochs.get(id, []) if one.end_us is None]
        return values | (_meter(running[0]) if running else {})

    def _contract(self, id: ContractId) -> Values:  # noqa: A002 - the field's own word
        one = self._places.contracts[id]
        return self._account(one.account) | {
            (Of.CONTRACT, "id"): id,
            (Of.CONTRACT, "tariff"): one.tariff,
            (Of.CONTRACT, "policy"): one.policy,
            (Of.CONTRACT, "start_us"): one.start_us,
            (Of.CONTRACT, "end_us"): one.end_us,
            (Of.CONTRACT, "area_cm2"): one.area_cm2,
            (Of.CONTRACT, "capacity_w"): one.capacity_w,
        }

    def _account(self, id: AccountId) -> Values:  # noqa: A002 - the field's own word
        account = self._places.accounts[id]
        return self._tenant(account.tenant) | {
            (Of.ACCOUNT, "id"): account.id,
            (Of.ACCOUNT, "name"): account.name,
            (Of.ACCOUNT, "credit_limit_minor"): account.credit_limit_minor,
            (Of.ACCOUNT, "opening_minor"): self._places.opened.get(account.id),
            (Of.ACCOUNT, "is_closed"): None if account.is_open else True,
        }

    def _tenant(self, id: TenantId) -> Values:  # noqa: A002 - the field's own word
        tenant = self._places.tenants[id]
        return {
            (Of.TENANT, "id"): tenant.id,
            (Of.TENANT, "name"): tenant.name,
            (Of.TENANT, "language"): tenant.language,
            (Of.TENANT, "phone"): tenant.phone,
            (Of.TENANT, "email"): tenant.email,
            (Of.TENANT, "is_landlord"): tenant.is_landlord,
        }


def _term(term: Term, places: Places) -> Values:
    """A hold; its dates are written where they differ from its contract's, and its share where it is a part."""
    contract = places.contracts[term.contract]
    return {
        (Of.TERM, "start_us"): None if term.start_us == contract.start_us else term.start_us,
        (Of.TERM, "end_us"): None if term.end_us == contract.end_us else term.end_us,
        (Of.TERM, "share_ppm"): term.share_ppm,
    }


def _meter(epoch: Epoch) -> Values:
    return {
        (Of.METER, "meter"): epoch.meter,
        (Of.METER, "serial"): epoch.serial,
        (Of.METER, "register"): epoch.register,
        (Of.METER, "scale"): epoch.scale,
        (Of.METER, "ratio"): epoch.ratio,
        (Of.METER, "modulus_raw"): epoch.modulus_raw,
        (Of.METER, "open_kwh"): kwh_of(epoch.open_raw, epoch.scale),
        (Of.METER, "start_us"): epoch.start_us,
    }
