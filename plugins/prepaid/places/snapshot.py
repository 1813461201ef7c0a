"""People and places as one picture: what rules over all records are held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.contracts.units import MinorUnits
from hub.core.principals import OWNER
from hub.core.storage import Reader
from plugins.prepaid.places import repository
from plugins.prepaid.places.opening_balances import opening_balances
from plugins.prepaid.places.records import Account, Contract, Epoch, SupplyPoint, Tenant, Term


@dataclass(slots=True, kw_only=True)
class Places:
    """All records, by id."""

    areas: set[str] = field(default_factory=set)
    points: dict[PointId, SupplyPoint] = field(default_factory=dict)
    tenants: dict[TenantId, Tenant] = field(default_factory=dict)
    accounts: dict[AccountId, Account] = field(default_factory=dict)
    contracts: dict[ContractId, Contract] = field(default_factory=dict)
    terms: dict[tuple[ContractId, PointId, int], Term] = field(default_factory=dict)
    """By contract, point and start."""
    epochs: dict[PointId, list[Epoch]] = field(default_factory=dict)
    """The counts of each point's registers, in order of time."""
    opened: dict[AccountId, MinorUnits] = field(default_factory=dict)
    """The balances that accounts were opened with."""

    def copy(self) -> Places:
        """Another picture, to be changed beside this one."""
        return Places(
            areas=set(self.areas), points=dict(self.points), tenants=dict(self.tenants),
            accounts=dict(self.accounts), contracts=dict(self.contracts), terms=dict(self.terms),
            epochs=dict(self.epochs), opened=dict(self.opened),
        )  # fmt: skip


def load_places(reader: Reader, areas: Iterable[str]) -> Places:
    """All records as they are; the areas are the core registry's."""
    epochs: dict[PointId, list[Epoch]] = {}
    for epoch in repository.all_epochs(reader):
        epochs.setdefault(epoch.point, []).append(epoch)
    return Places(
        areas=set(areas),
        points={one.id: one for one in repository.points(reader, OWNER)},
        tenants={one.id: one for one in repository.tenants(reader, OWNER)},
        accounts={one.id: one for one in repository.accounts(reader, OWNER)},
        contracts={one.id: one for one in repository.contracts(reader, OWNER)},
        terms={(one.contract, one.point, one.start_us): one for one in repository.all_terms(reader)},
        epochs=epochs,
        opened=opening_balances(reader),
    )
