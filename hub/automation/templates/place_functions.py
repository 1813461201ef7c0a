"""Areas, labels and devices for templates, as far as the registry knows them."""

from __future__ import annotations

from collections.abc import Callable

from hub.automation.templates.budget import PRESENT
from hub.automation.templates.world import Places
from hub.core.principals import OWNER
from hub.core.registry import Area, Device, Label

# The registry's own words and Home Assistant's for the same.
_DEVICE_ATTRIBUTES = {
    "id": "id",
    "name": "name",
    "area_id": "area_id",
    "labels": "labels",
    "maker": "maker",
    "manufacturer": "maker",
    "model": "model",
    "serial": "serial",
    "serial_number": "serial",
    "via_device_id": "via_device_id",
    "disabled_by": "disabled_by",
}


def _places() -> Places | None:
    reading = PRESENT.now()
    reading.uses_places = True
    return reading.world.places


def _listed(ids: set[str]) -> list[str]:
    PRESENT.spend(20 * len(ids))
    return sorted(ids)


def _all_areas(places: Places) -> list[Area]:
    found = places.areas(OWNER)
    PRESENT.spend(20 * len(found))
    return found


def _all_labels(places: Places) -> list[Label]:
    found = places.labels(OWNER)
    PRESENT.spend(20 * len(found))
    return found


def _device(places: Places, device_or_entity_id: object) -> Device | None:
    name = str(device_or_entity_id)
    entity = places.get(name)
    return places.device(name if entity is None else entity.device_id or "")


def areas() -> list[str]:
    """The ids of all areas."""
    places = _places()
    return [] if places is None else [area.id for area in _all_areas(places)]


def area_id(lookup: object) -> str | None:
    """The id of the area with a name, or where an entity or a device is."""
    places = _places()
    if places is None:
        return None
    name = str(lookup)
    for area in _all_areas(places):
        if area.name == name:
            return area.id
    entity = places.get(name)
    if entity is not None:
        return places.area_of(entity)
    device = places.device(name)
    return None if device is None else device.area_id


def _area(places: Places, lookup: object) -> Area | None:
    return places.area(str(lookup)) or places.area(area_id(lookup) or "")


def area_name(lookup: object) -> str | None:
    """The name of an area, or of where an entity or a device is."""
    places = _places()
    area = None if places is None else _area(places, lookup)
    return None if area is None else area.name


def area_entities(lookup: object) -> list[str]:
    """The entities in an area and in the areas inside it."""
    places = _places()
    area = None if places is None else _area(places, lookup)
    return [] if places is None or area is None else _listed(places.ids_in_area(area.id))


def area_devices(lookup: object) -> list[str]:
    """The ids of the devices in an area."""
    places = _places()
    area = None if places is None else _area(places, lookup)
    if places is None or area is None:
        return []
    found = places.devices(OWNER)
    PRESENT.spend(20 * len(found))
    return [device.id for device in found if device.area_id == area.id]


def device_id(lookup: object) -> str | None:
    """The id of an entity's device, or of the device with a name."""
    places = _places()
    if places is None:
        return None
    entity = places.get(str(lookup))
    if entity is not None:
        return entity.device_id
    found = places.devices(OWNER)
    PRESENT.spend(20 * len(found))
    return next((device.id for device in found if device.name == str(lookup)), None)


def device_entities(device: object) -> list[str]:
    """The entities of a device."""
    places = _places()
    return [] if places is None else _listed(places.ids_on_device(str(device)))


def device_attr(device_or_entity_id: object, name: str) -> object:
    """What is known of a device, or of an entity's device: name, model, serial_number, area_id."""
    places = _places()
    device = None if places is None else _device(places, device_or_entity_id)
    found = _DEVICE_ATTRIBUTES.get(str(name))
    return None if device is None or found is None else getattr(device, found)


def is_device_attr(device_or_entity_id: object, name: str, wanted: object) -> bool:
    """Whether an attribute of a device has a value."""
    return bool(device_attr(device_or_entity_id, name) == wanted)


def labels(lookup: object = None) -> list[str]:
    """The ids of all labels, or of those on an entity or a device."""
    places = _places()
    if places is None:
        return []
    if lookup is None:
        return [label.id for label in _all_labels(places)]
    entity = places.get(str(lookup))
    if entity is not None:
        return list(places.labels_of(entity))
    device = places.device(str(lookup))
    return [] if device is None else list(device.labels)


def label_id(lookup: object) -> str | None:
    """The id of the label with a name."""
    places = _places()
    found = [] if places is None else _all_labels(places)
    return next((label.id for label in found if label.name == str(lookup)), None)


def label_name(lookup: object) -> str | None:
    """The name of a label."""
    places = _places()
    label = None if places is None else places.label(str(lookup))
    return None if label is None else label.name


def label_entities(lookup: object) -> list[str]:
    """The entities that carry a label, or whose device does."""
    places = _places()
    found = lookup if label_name(lookup) is not None else label_id(lookup)
    return [] if places is None or found is None else _listed(places.ids_with_label(str(found)))


def label_devices(lookup: object) -> list[str]:
    """The ids of the devices that carry a label."""
    places = _places()
    found = lookup if label_name(lookup) is not None else label_id(lookup)
    if places is None or found is None:
        return []
    return [device.id for device in places.devices(OWNER) if str(found) in device.labels]


FUNCTIONS: dict[str, Callable[..., object]] = {
    "area_devices": area_devices,
    "area_entities": area_entities,
    "area_id": area_id,
    "area_name": area_name,
    "areas": areas,
    "device_attr": device_attr,
    "device_entities": device_entities,
    "device_id": device_id,
    "is_device_attr": is_device_attr,
    "label_devices": label_devices,
    "label_entities": label_entities,
    "label_id": label_id,
    "label_name": label_name,
    "labels": labels,
}
"""Not offered to limited templates; all but `areas` also as filters."""
