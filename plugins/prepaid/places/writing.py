"""Writes what a plan would make and change, each record after those that it names."""

from __future__ import annotations

from collections.abc import Mapping

from hub.contracts.ids import PointId
from hub.core.storage import Tx
from plugins.prepaid.places import repository
from plugins.prepaid.places.planning import Plan
from plugins.prepaid.places.records import SupplyPoint


def write_records(tx: Tx, planned: Plan) -> None:
    """Write a plan's tenants, accounts, points, contracts and holds."""
    named = {(change.kind, change.id) for change in (*planned.created, *planned.changed)}
    after = planned.after
    for tenant in after.tenants.values():
        if ("tenant", tenant.id) in named:
            repository.save_tenant(tx, tenant)
    for account in after.accounts.values():
        if ("account", account.id) in named:
            repository.save_account(tx, account)
    for point in _parents_first(after.points):
        if ("point", point.id) in named:
            repository.save_point(tx, point)
    for contract in after.contracts.values():
        if ("contract", contract.id) in named:
            repository.save_contract(tx, contract)
    for term in planned.new_terms:
        repository.save_term(tx, term)


def _parents_first(points: Mapping[PointId, SupplyPoint]) -> list[SupplyPoint]:
    """Points in an order in which each comes after what feeds it; there is no ring, that was checked."""
    done: dict[PointId, SupplyPoint] = {}

    def visit(point: SupplyPoint) -> None:
        path = [point]
        while (above := path[-1].parent) is not None and above not in done:
            path.append(points[above])
        for one in reversed(path):
            done[one.id] = one

    for point in points.values():
        if point.id not in done:
            visit(point)
    return list(done.values())
