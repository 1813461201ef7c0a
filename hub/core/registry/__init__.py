"""What there is at a site: areas, labels, devices and entities; remembered, with names that people may change."""

from hub.core.registry.places import Places
from hub.core.registry.records import (
    Area,
    Change,
    Device,
    DeviceWanted,
    Entity,
    EntityName,
    EntityWanted,
    Label,
    Record,
    RegistryChanged,
    RegistryRefused,
)
from hub.core.registry.registry import Registry

__all__ = [
    "Area",
    "Change",
    "Device",
    "DeviceWanted",
    "Entity",
    "EntityName",
    "EntityWanted",
    "Label",
    "Places",
    "Record",
    "Registry",
    "RegistryChanged",
    "RegistryRefused",
]
