"""The registry in memory: by entity id, id, owner, device, area and label, without a scan."""

from __future__ import annotations

from collections.abc import Iterable

from hub.core.principals import Principal
from hub.core.registry.records import Area, Device, Entity, Label, Record


class Lookups:
    """All records that are not deleted, and the ways to find them."""

    def __init__(self) -> None:
        """Start without records."""
        self._areas: dict[str, Area] = {}
        self._area_children = _Index()
        self._labels: dict[str, Label] = {}
        self._devices: dict[str, Device] = {}
        self._devices_by_owner: dict[str, dict[str, Device]] = {}
        self._devices_in_area = _Index()
        self._devices_with_label = _Index()
        self._by_id: dict[str, Entity] = {}
        self._by_entity_id: dict[str, Entity] = {}
        self._by_owner: dict[str, dict[str, Entity]] = {}
        self._on_device = _Index()
        self._in_area = _Index()
        self._with_label = _Index()
        self._disabled: set[str] = set()
        self.get = self._by_entity_id.get
        """The entity that has an entity id, or None."""
        self.by_id = self._by_id.get
        """The entity with a stable id, or None."""
        self.area = self._areas.get
        """The area with an id, or None."""
        self.label = self._labels.get
        """The label with an id, or None."""
        self.device = self._devices.get
        """The device with an id, or None."""

    def __len__(self) -> int:
        """How many entities there are."""
        return len(self._by_id)

    def __contains__(self, entity_id: str) -> bool:
        """Whether an entity has this entity id."""
        return entity_id in self._by_entity_id

    def entity_ids(self) -> list[str]:
        """The entity ids of all entities."""
        return list(self._by_entity_id)

    def by_unique_id(self, owner: str, unique_id: str) -> Entity | None:
        """The entity that an owner calls so, or None."""
        return self._by_owner.get(owner, {}).get(unique_id)

    def device_by_unique_id(self, owner: str, unique_id: str) -> Device | None:
        """The device that an owner calls so, or None."""
        return self._devices_by_owner.get(owner, {}).get(unique_id)

    def is_disabled(self, entity_id: str) -> bool:
        """Whether an entity, or its device, is disabled: then it has no state, and writes to it are ignored."""
        return entity_id in self._disabled

    def area_of(self, entity: Entity) -> str | None:
        """The area an entity is in: its own, else its device's."""
        if entity.area_id is not None or entity.device_id is None:
            return entity.area_id
        device = self._devices.get(entity.device_id)
        return None if device is None else device.area_id

    def labels_of(self, entity: Entity) -> tuple[str, ...]:
        """The labels of an entity: its own and its device's."""
        device = None if entity.device_id is None else self._devices.get(entity.device_id)
        if device is None or not device.labels:
            return entity.labels
        return (*entity.labels, *(label for label in device.labels if label not in entity.labels))

    def area_path(self, area_id: str | None) -> list[str]:
        """An area and those it lies in, up to the root."""
        path: list[str] = []
        area = None if area_id is None else self._areas.get(area_id)
        while area is not None:
            path.append(area.id)
            area = None if area.parent_id is None else self._areas.get(area.parent_id)
        return path

    def area_tree(self, area_id: str) -> list[str]:
        """An area and all areas inside it."""
        tree = [area_id] if area_id in self._areas else []
        for inside in tree:  # grows while it is walked
            tree.extend(self._area_children.under(inside))
        return tree

    def ids_in_area(self, area_id: str) -> set[str]:
        """The entity ids in an area or in areas inside it."""
        found: set[str] = set()
        for inside in self.area_tree(area_id):
            found.update(self._by_id[one].entity_id for one in self._in_area.under(inside))
            for device_id in self._devices_in_area.under(inside):
                on_device = (self._by_id[one] for one in self._on_device.under(device_id))
                found.update(entity.entity_id for entity in on_device if entity.area_id is None)
        return found

    def ids_with_label(self, label_id: str) -> set[str]:
        """The entity ids that carry a label, or whose device does."""
        found = {self._by_id[one].entity_id for one in self._with_label.under(label_id)}
        for device_id in self._devices_with_label.under(label_id):
            found |= self.ids_on_device(device_id)
        return found

    def ids_on_device(self, device_id: str) -> set[str]:
        """The entity ids of a device."""
        return {self._by_id[one].entity_id for one in self._on_device.under(device_id)}

    def entities(
        self,
        principal: Principal,
        *,
        owner: str | None = None,
        device_id: str | None = None,
        area_id: str | None = None,
        label: str | None = None,
    ) -> list[Entity]:
        """The entities that the principal may see and that fit all that is given, by entity id."""
        wanted: set[str] | None = None
        if owner is not None:
            wanted = {entity.entity_id for entity in self._by_owner.get(owner, {}).values()}
        if device_id is not None:
            wanted = _both(wanted, self.ids_on_device(device_id))
        if area_id is not None:
            wanted = _both(wanted, self.ids_in_area(area_id))
        if label is not None:
            wanted = _both(wanted, self.ids_with_label(label))
        found: Iterable[str] = self._by_entity_id if wanted is None else wanted
        return [self._by_entity_id[name] for name in sorted(found) if principal.sees("entity", name)]

    def devices(self, principal: Principal, *, owner: str | None = None) -> list[Device]:
        """The devices that the principal may see, by name."""
        devices = (
            self._devices if owner is None else {d.id: d for d in self._devices_by_owner.get(owner, {}).values()}
        )
        found = (device for device in devices.values() if principal.sees("device", device.id))
        return sorted(found, key=lambda device: (device.name, device.id))

    def areas(self, principal: Principal) -> list[Area]:
        """The areas that the principal may see, by id."""
        return [area for _, area in sorted(self._areas.items()) if principal.sees("area", area.id)]

    def labels(self, principal: Principal) -> list[Label]:
        """The labels that the principal may see, by id."""
        return [label for _, label in sorted(self._labels.items()) if principal.sees("label", label.id)]

    def _remember(self, record: Record) -> None:
        match record:
            case Entity():
                self._by_id[record.id] = self._by_entity_id[record.entity_id] = record
                self._by_owner.setdefault(record.owner, {})[record.unique_id] = record
                self._on_device.add(record.device_id, record.id)
                self._in_area.add(record.area_id, record.id)
                self._with_label.add_all(record.labels, record.id)
                self._judge_disabled(record)
            case Device():
                self._devices[record.id] = record
                self._devices_by_owner.setdefault(record.owner, {})[record.unique_id] = record
                self._devices_in_area.add(record.area_id, record.id)
                self._devices_with_label.add_all(record.labels, record.id)
                for one in self._on_device.under(record.id):
                    self._judge_disabled(self._by_id[one])
            case Area():
                self._areas[record.id] = record
                self._area_children.add(record.parent_id, record.id)
            case Label():
                self._labels[record.id] = record

    def _forget(self, record: Record) -> None:
        match record:
            case Entity():
                del self._by_id[record.id], self._by_entity_id[record.entity_id]
                del self._by_owner[record.owner][record.unique_id]
                self._on_device.discard(record.device_id, record.id)
                self._in_area.discard(record.area_id, record.id)
                self._with_label.discard_all(record.labels, record.id)
                self._disabled.discard(record.entity_id)
            case Device():
                del self._devices[record.id], self._devices_by_owner[record.owner][record.unique_id]
                self._devices_in_area.discard(record.area_id, record.id)
                self._devices_with_label.discard_all(record.labels, record.id)
            case Area():
                del self._areas[record.id]
                self._area_children.discard(record.parent_id, record.id)
            case Label():
                del self._labels[record.id]

    def _judge_disabled(self, entity: Entity) -> None:
        device = None if entity.device_id is None else self._devices.get(entity.device_id)
        if entity.disabled_by is not None or (device is not None and device.disabled_by is not None):
            self._disabled.add(entity.entity_id)
        else:
            self._disabled.discard(entity.entity_id)


class _Index:
    """Ids under a key, in the order in which they came."""

    __slots__ = ("_under",)

    def __init__(self) -> None:
        self._under: dict[str, dict[str, None]] = {}

    def under(self, key: str) -> Iterable[str]:
        return self._under.get(key, ())

    def add(self, key: str | None, id: str) -> None:  # noqa: A002 - the field's own word
        if key is not None:
            self._under.setdefault(key, {})[id] = None

    def add_all(self, keys: tuple[str, ...], id: str) -> None:  # noqa: A002
        for key in keys:
            self.add(key, id)

    def discard(self, key: str | None, id: str) -> None:  # noqa: A002
        if key is not None and key in self._under:
            self._under[key].pop(id, None)
            if not self._under[key]:
                del self._under[key]

    def discard_all(self, keys: tuple[str, ...], id: str) -> None:  # noqa: A002
        for key in keys:
            self.discard(key, id)


def _both(wanted: set[str] | None, found: set[str]) -> set[str]:
    return found if wanted is None else wanted & found
