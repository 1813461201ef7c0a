"""The records of people and places."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hub.contracts.ids import AccountId, ContractId, MeterId, PointId, RegisterId, TenantId
from hub.contracts.units import ZERO, MinorUnits

WHOLE_PPM = 1_000_000


class Role(Enum):
    """What a supply point feeds."""

    TENANT = "tenant"
    MAIN = "main"
    """Measures what flows through it to other points; its own contract, if any, is the landlord's."""
    COMMON = "common"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyPoint:
    """A circuit with a meter; `parent` is the point that feeds it."""

    id: PointId
    name: str
    area: str | None = None
    parent: PointId | None = None
    commodity: str = "electricity"
    role: Role = Role.TENANT
    load_class: str = "normal"
    """What hangs on it; a protected class is never cut off automatically."""
    policy: str | None = None
    is_manual_only: bool = True
    """Until its first trip test is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Somebody who holds contracts; the landlord for common and main meters."""

    id: TenantId
    name: str
    language: str = "en"
    phone: str | None = None
    email: str | None = None
    is_landlord: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where a tenant's prepaid money is."""

    id: AccountId
    tenant: TenantId
    name: str
    credit_limit_minor: MinorUnits = ZERO
    is_open: bool = True
    opened_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An account's hold on supply points under a tariff code, from an instant to an instant."""

    id: ContractId
    account: AccountId
    tariff: str
    """The tariff's code; which document holds when is said by its published versions."""
    policy: str | None = None
    start_us: int
    end_us: int | None = None
    area_cm2: int | None = None
    capacity_w: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One point in one contract for a time, wholly or by a share of its energy."""

    contract: ContractId
    point: PointId
    start_us: int
    end_us: int | None = None
    share_ppm: int = WHOLE_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A register of one instrument in one place, from its first accepted read to its last."""

    id: int
    point: PointId
    register: RegisterId
    meter: MeterId
    serial: str | None
    scale: int
    ratio: tuple[int, int] = (1, 1)
    modulus_raw: int | None
    start_us: int
    end_us: int | None = None
    open_raw: int
    close_raw: int | None = None
    reason: str
