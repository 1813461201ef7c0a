"""Devices: what plugins say they have, and what people make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hub.core.clock import Clock
from hub.core.errors import NotFound
from hub.core.ids import Ids
from hub.core.registry import repository
from hub.core.registry.changes import Changeable
from hub.core.registry.places import checked_place, standing_labels
from hub.core.registry.records import Change, Device, DeviceWanted, RegistryRefused
from hub.core.storage import Reader, Tx


class Devices:
    """Creates, places, disables and removes devices."""

    def __init__(self, registry: Changeable, clock: Clock, ids: Ids) -> None:
        """Work on one registry."""
        self._registry = registry
        self._clock = clock
        self._ids = ids

    async def ensure(self, wanted: DeviceWanted, *, owner: str) -> Device:
        """The device that the owner calls so: known, come back or new; what people said of it stays."""
        known = self._registry.device_by_unique_id(owner, wanted.unique_id)
        if known is not None and _as_wanted(known, wanted) == known:
            return known
        if not wanted.unique_id:
            raise RegistryRefused(f"{owner}: device {wanted.name!r} has an empty unique_id; give it a lasting one")
        new_id = self._ids.new()

        def decide(tx: Tx, changes: list[Change]) -> Device:
            remembered = repository.remembered_device(tx, owner, wanted.unique_id)
            if wanted.via_device_id is not None:
                _device(tx, wanted.via_device_id)
            if remembered is None:
                old, is_deleted = _new_device(new_id, owner, wanted), True
                device = old
            else:
                old, is_deleted = remembered
                device = _as_wanted(old, wanted)
            if is_deleted:
                device = replace(device, labels=standing_labels(tx, device.labels))
            if is_deleted or device != old:
                repository.save_device(tx, device)
                changes.append(Change(None if is_deleted else old, device))
            return device

        return await self._registry.change(decide)

    async def set_place(self, id: str, area_id: str | None, labels: Iterable[str] = ()) -> Device:  # noqa: A002
        """Say where a device is and how it is marked; its entities follow unless they have their own area."""
        marks = tuple(labels)
        return await self._update(
            id, lambda tx, old: replace(old, area_id=area_id, labels=checked_place(tx, area_id, marks))
        )

    async def disable(self, id: str, by: str, reason: str) -> Device:  # noqa: A002
        """Disable a device and with it all its entities: they lose their states until it is enabled."""
        return await self._update(id, lambda _, old: replace(old, disabled_by=by, disabled_reason=reason))

    async def enable(self, id: str) -> Device:  # noqa: A002
        """Enable a device; entities that were disabled on their own stay so."""
        return await self._update(id, lambda _, old: replace(old, disabled_by=None, disabled_reason=None))

    async def remove(self, id: str) -> None:  # noqa: A002
        """Remove a device and its entities; all are remembered, should the owner name them again."""
        now_us = self._clock.now_us()

        def decide(tx: Tx, changes: list[Change]) -> None:
            device = _device(tx, id)
            for entity in repository.entities_of_device(tx, id):
                repository.delete_entity(tx, entity, now_us)
                changes.append(Change(entity, None))
            repository.delete_device(tx, device, now_us)
            changes.append(Change(device, None))

        await self._registry.change(decide)

    async def _update(self, id: str, changed: Callable[[Tx, Device], Device]) -> Device:  # noqa: A002
        def decide(tx: Tx, changes: list[Change]) -> Device:
            old = _device(tx, id)
            device = changed(tx, old)
            if device != old:
                repository.save_device(tx, device)
                changes.append(Change(old, device))
            return device

        return await self._registry.change(decide)


def _device(reader: Reader, id: str) -> Device:  # noqa: A002 - the field's own word
    device = repository.device(reader, id)
    if device is None:
        raise NotFound(f"there is no device with id {id!r}; ensure it first, or check whether it was removed")
    return device


def _new_device(id: str, owner: str, wanted: DeviceWanted) -> Device:  # noqa: A002 - the field's own word
    return Device(
        id=id, owner=owner, unique_id=wanted.unique_id, name=wanted.name, area_id=None, labels=(),
        maker=wanted.maker, model=wanted.model, serial=wanted.serial, via_device_id=wanted.via_device_id,
        disabled_by=None, disabled_reason=None,
    )  # fmt: skip


def _as_wanted(device: Device, wanted: DeviceWanted) -> Device:
    return replace(
        device, name=wanted.name, maker=wanted.maker, model=wanted.model, serial=wanted.serial,
        via_device_id=wanted.via_device_id,
    )  # fmt: skip
