"""The registry's tables: every SQL statement over areas, labels, devices, entities and their names."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hub.core.codec import decode, encode
from hub.core.registry.records import Area, Device, Entity, EntityName, Label
from hub.core.storage import Reader, Row, Tx

_DEVICE = (
    "id, owner, unique_id, name, area_id, labels, maker, model, serial, via_device_id, disabled_by, disabled_reason"
)
_ENTITY = (
    "id, owner, unique_id, entity_id, name, device_id, area_id, labels, unit, period_us, "
    "disabled_by, disabled_reason, created_us"
)
_NO_LABELS = "[]"


def areas(reader: Reader) -> list[Area]:
    """All areas."""
    return [Area(*row) for row in reader.all("SELECT id, name, parent_id FROM core__areas ORDER BY id")]


def area(reader: Reader, area_id: str) -> Area | None:
    """One area."""
    row = reader.one("SELECT id, name, parent_id FROM core__areas WHERE id = ?", (area_id,))
    return None if row is None else Area(*row)


def save_area(tx: Tx, area: Area) -> None:
    """Write an area, new or changed."""
    tx.execute(
        "INSERT INTO core__areas (id, name, parent_id) VALUES (?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, parent_id = excluded.parent_id",
        (area.id, area.name, area.parent_id),
    )


def area_uses(reader: Reader, area_id: str) -> list[str]:
    """The names of what lies in an area: areas, devices and entities."""
    rows = reader.all(
        "SELECT 'area ' || id FROM core__areas WHERE parent_id = ? "
        "UNION ALL SELECT 'device ' || name FROM core__devices WHERE area_id = ? AND deleted_us IS NULL "
        "UNION ALL SELECT entity_id FROM core__entities WHERE area_id = ? AND deleted_us IS NULL",
        (area_id, area_id, area_id),
    )
    return [str(row[0]) for row in rows]


def drop_area(tx: Tx, area_id: str) -> None:
    """Delete an area that nothing lies in; deleted records that remember it forget it."""
    tx.execute("UPDATE core__devices SET area_id = NULL WHERE area_id = ?", (area_id,))
    tx.execute("UPDATE core__entities SET area_id = NULL WHERE area_id = ?", (area_id,))
    tx.execute("DELETE FROM core__areas WHERE id = ?", (area_id,))


def labels(reader: Reader) -> list[Label]:
    """All labels."""
    return [Label(*row) for row in reader.all("SELECT id, name FROM core__labels ORDER BY id")]


def label(reader: Reader, label_id: str) -> Label | None:
    """One label."""
    row = reader.one("SELECT id, name FROM core__labels WHERE id = ?", (label_id,))
    return None if row is None else Label(*row)


def save_label(tx: Tx, label: Label) -> None:
    """Write a label, new or changed."""
    tx.execute(
        "INSERT INTO core__labels (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        (label.id, label.name),
    )


def label_uses(reader: Reader, label_id: str) -> list[str]:
    """The names of the devices and entities that carry a label."""
    pattern = f"%{encode(label_id)}%"
    rows = reader.all(
        "SELECT 'device ' || name AS name, labels FROM core__devices WHERE labels LIKE ? AND deleted_us IS NULL "
        "UNION ALL SELECT entity_id, labels FROM core__entities WHERE labels LIKE ? AND deleted_us IS NULL",
        (pattern, pattern),
    )
    return [row["name"] for row in rows if label_id in decode(row["labels"])]


def drop_label(tx: Tx, label_id: str) -> None:
    """Delete a label that nothing carries."""
    tx.execute("DELETE FROM core__labels WHERE id = ?", (label_id,))


def devices(reader: Reader) -> list[Device]:
    """All devices that are not deleted."""
    rows = reader.all(f"SELECT {_DEVICE} FROM core__devices WHERE deleted_us IS NULL ORDER BY id")  # noqa: S608
    return [_device(row) for row in rows]


def device(reader: Reader, id: str) -> Device | None:  # noqa: A002 - the field's own word
    """One device that is not deleted."""
    row = reader.one(f"SELECT {_DEVICE} FROM core__devices WHERE id = ? AND deleted_us IS NULL", (id,))  # noqa: S608
    return None if row is None else _device(row)


def remembered_device(reader: Reader, owner: str, unique_id: str) -> tuple[Device, bool] | None:
    """The device that an owner ever named so, and whether it is deleted now."""
    row = reader.one(
        f"SELECT {_DEVICE}, deleted_us FROM core__devices WHERE owner = ? AND unique_id = ?",  # noqa: S608
        (owner, unique_id),
    )
    return None if row is None else (_device(row), row["deleted_us"] is not None)


def save_device(tx: Tx, device: Device) -> None:
    """Write a device, new, changed or come back."""
    tx.execute(
        f"INSERT INTO core__devices ({_DEVICE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, area_id = excluded.area_id, "
        "labels = excluded.labels, maker = excluded.maker, model = excluded.model, serial = excluded.serial, "
        "via_device_id = excluded.via_device_id, disabled_by = excluded.disabled_by, "
        "disabled_reason = excluded.disabled_reason, deleted_us = NULL",
        (
            device.id, device.owner, device.unique_id, device.name, device.area_id, _label_text(device.labels),
            device.maker, device.model, device.serial, device.via_device_id, device.disabled_by,
            device.disabled_reason,
        ),
    )  # fmt: skip


def delete_device(tx: Tx, device: Device, now_us: int) -> None:
    """Mark a device as deleted; it is remembered."""
    tx.execute("UPDATE core__devices SET deleted_us = ? WHERE id = ?", (now_us, device.id))


def entities(reader: Reader) -> list[Entity]:
    """All entities that are not deleted, in the order in which they were created."""
    rows = reader.all(
        f"SELECT {_ENTITY} FROM core__entities WHERE deleted_us IS NULL ORDER BY created_us, id"  # noqa: S608
    )
    return [_entity(row) for row in rows]


def entity(reader: Reader, id: str) -> Entity | None:  # noqa: A002 - the field's own word
    """One entity that is not deleted."""
    row = reader.one(f"SELECT {_ENTITY} FROM core__entities WHERE id = ? AND deleted_us IS NULL", (id,))  # noqa: S608
    return None if row is None else _entity(row)


def entities_of_device(reader: Reader, device_id: str) -> list[Entity]:
    """The entities of a device that are not deleted."""
    rows = reader.all(
        f"SELECT {_ENTITY} FROM core__entities "  # noqa: S608
        "WHERE device_id = ? AND deleted_us IS NULL ORDER BY created_us, id",
        (device_id,),
    )
    return [_entity(row) for row in rows]


def remembered_entity(reader: Reader, owner: str, unique_id: str) -> tuple[Entity, bool] | None:
    """The entity that an owner ever named so, and whether it is deleted now."""
    row = reader.one(
        f"SELECT {_ENTITY}, deleted_us FROM core__entities WHERE owner = ? AND unique_id = ?",  # noqa: S608
        (owner, unique_id),
    )
    return None if row is None else (_entity(row), row["deleted_us"] is not None)


def holder(reader: Reader, entity_id: str) -> Entity | None:
    """The entity that has this entity id now."""
    row = reader.one(
        f"SELECT {_ENTITY} FROM core__entities WHERE entity_id = ? AND deleted_us IS NULL",  # noqa: S608
        (entity_id,),
    )
    return None if row is None else _entity(row)


def is_taken(reader: Reader, entity_id: str) -> bool:
    """Whether an entity has this entity id now."""
    return (
        reader.value("SELECT 1 FROM core__entities WHERE entity_id = ? AND deleted_us IS NULL", (entity_id,))
        is not None
    )


def numbered(reader: Reader, entity_id: str) -> set[str]:
    """The entity ids in use that are this one with `_` and a digit behind it."""
    rows = reader.all(
        "SELECT entity_id FROM core__entities WHERE entity_id >= ? AND entity_id < ? AND deleted_us IS NULL",
        (f"{entity_id}_0", f"{entity_id}_:"),  # the colon follows the 9
    )
    return {row[0] for row in rows}


def save_entity(tx: Tx, entity: Entity) -> None:
    """Write an entity, new, changed or come back."""
    tx.execute(
        f"INSERT INTO core__entities ({_ENTITY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
        "ON CONFLICT (id) DO UPDATE SET entity_id = excluded.entity_id, name = excluded.name, "
        "device_id = excluded.device_id, area_id = excluded.area_id, labels = excluded.labels, "
        "unit = excluded.unit, period_us = excluded.period_us, disabled_by = excluded.disabled_by, "
        "disabled_reason = excluded.disabled_reason, deleted_us = NULL",
        (
            entity.id, entity.owner, entity.unique_id, entity.entity_id, entity.name, entity.device_id,
            entity.area_id, _label_text(entity.labels), entity.unit, entity.period_us, entity.disabled_by,
            entity.disabled_reason, entity.created_us,
        ),
    )  # fmt: skip


def delete_entity(tx: Tx, entity: Entity, now_us: int) -> None:
    """Mark an entity as deleted; it is remembered, its last state is not."""
    tx.execute("UPDATE core__entities SET deleted_us = ? WHERE id = ?", (now_us, entity.id))
    forget_last_state(tx, entity.entity_id)


def record_name(tx: Tx, entity: Entity, since_us: int) -> None:
    """Remember that an entity has its entity id from an instant on."""
    tx.execute(
        "INSERT INTO core__entity_names (id, entity_id, since_us) VALUES (?, ?, ?) "
        "ON CONFLICT (id, since_us) DO UPDATE SET entity_id = excluded.entity_id",
        (entity.id, entity.entity_id, since_us),
    )


def names(reader: Reader, id: str) -> list[EntityName]:  # noqa: A002 - the field's own word
    """All entity ids that an entity has had, oldest first."""
    rows = reader.all("SELECT entity_id, since_us FROM core__entity_names WHERE id = ? ORDER BY since_us", (id,))
    return [EntityName(*row) for row in rows]


def forget_last_state(tx: Tx, entity_id: str) -> None:
    """Drop the saved state of an entity id that is about to lose or change its entity."""
    tx.execute("DELETE FROM core__last_states WHERE entity_id = ?", (entity_id,))


def move_last_state(tx: Tx, old_id: str, new_id: str) -> None:
    """Keep a saved state with its entity when that is renamed."""
    forget_last_state(tx, new_id)
    tx.execute("UPDATE core__last_states SET entity_id = ? WHERE entity_id = ?", (new_id, old_id))


def _label_text(labels: Sequence[str]) -> str:
    return encode(list(labels)) if labels else _NO_LABELS


def _labels(text: str) -> tuple[str, ...]:
    return () if text == _NO_LABELS else tuple(sys.intern(label) for label in decode(text))


def _interned(text: str | None) -> str | None:
    return None if text is None else sys.intern(text)


def _device(row: Row) -> Device:
    return Device(
        row[0], sys.intern(row[1]), row[2], row[3], _interned(row[4]), _labels(row[5]), _interned(row[6]),
        _interned(row[7]), row[8], row[9], row[10], row[11],
    )  # fmt: skip


def _entity(row: Row) -> Entity:
    # Ten thousand entities share a few owners, units, devices and areas: one copy of each is enough.
    return Entity(
        row[0], sys.intern(row[1]), row[2], row[3], row[4], _interned(row[5]), _interned(row[6]), _labels(row[7]),
        _interned(row[8]), row[9], row[10], row[11], row[12],
    )  # fmt: skip
