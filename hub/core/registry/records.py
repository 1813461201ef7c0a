"""The records of the registry: areas, labels, devices, entities, and what is told when one changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hub.core.bus import Event
from hub.core.errors import HubError


class RegistryRefused(HubError, ValueError):
    """A change of the registry that cannot be: a name that is taken or malformed, a place that is in use."""


@dataclass(frozen=True, slots=True)
class Area:
    """A place: a site, a building, a floor, a shop; areas form a tree."""

    id: str
    name: str
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class Label:
    """A mark that people put on devices and entities, to select them by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Device:
    """One thing in the field; `owner` is the plugin that looks after it and gave it its `unique_id`."""

    id: str
    owner: str
    unique_id: str
    name: str
    area_id: str | None
    labels: tuple[str, ...]
    maker: str | None
    model: str | None
    serial: str | None
    via_device_id: str | None
    disabled_by: str | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class Entity:
    """One value or function of a device.

    `id` never changes and history hangs on it; `unique_id` is the owner's word for it; `entity_id` is the name
    that states, rules and people use, and people may change it.
    """

    id: str
    owner: str
    unique_id: str
    entity_id: str
    name: str
    device_id: str | None
    area_id: str | None
    labels: tuple[str, ...]
    unit: str | None
    period_us: int | None
    """How often a new value is expected; None when nobody can say."""
    disabled_by: str | None
    disabled_reason: str | None
    created_us: int


Record = Area | Label | Device | Entity


@dataclass(frozen=True, slots=True)
class DeviceWanted:
    """What a plugin says of a device; people say the rest (area, labels, disabled)."""

    unique_id: str
    name: str
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    via_device_id: str | None = None


@dataclass(frozen=True, slots=True)
class EntityWanted:
    """What a plugin says of an entity; `entity_id` is a suggestion that counts only when it is new."""

    unique_id: str
    entity_id: str
    name: str
    device_id: str | None = None
    unit: str | None = None
    period_us: int | None = None


class EntityName(NamedTuple):
    """An entity id that an entity had, from an instant until its next one."""

    entity_id: str
    since_us: int


class Change(NamedTuple):
    """One record before and after; no `old` when it is new, no `new` when it is gone."""

    old: Record | None
    new: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChanged(Event):
    """A record of the registry came (`old` is None), changed, or went (`new` is None); disk and memory have it."""

    kind: str
    """`area`, `label`, `device` or `entity`."""
    old: Record | None
    new: Record | None

    @property
    def key(self) -> str | None:
        """The entity id, for an entity; when it was renamed the old one, by which its listeners know it."""
        record = self.new if self.old is None else self.old
        return record.entity_id if isinstance(record, Entity) else None
