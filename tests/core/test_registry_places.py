"""Devices, areas and labels of the registry: what hangs where, what that means for entities, who may see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_house import House, Tell, refusal, telling

from hub.core.errors import NotFound
from hub.core.principals import OWNER, Principal
from hub.core.registry import Area, Device, DeviceWanted, EntityWanted


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Run a story in virtual time over a new database."""
    return telling(tmp_path)


def test_a_disabled_device_disables_its_entities_and_leaves_their_own_reason_alone(tell: Tell) -> None:
    async def story(house: House) -> None:
        device = await house.registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        one = await house.entity(EntityWanted("u1", "sensor.one", "One", device.id))
        await house.entity(EntityWanted("u2", "sensor.two", "Two", device.id))
        await house.entity(EntityWanted("u3", "sensor.three", "Three"))
        for entity_id in ("sensor.one", "sensor.two", "sensor.three"):
            house.states.set(entity_id, 1)
        await house.registry.disable(one.id, "user:anna", "noise")
        await house.registry.hardware.disable(device.id, "user:anna", "in repair")
        assert [state.entity_id for state in house.states] == ["sensor.three"]
        for _ in range(2):
            assert house.registry.is_disabled("sensor.two")
            assert not house.registry.is_disabled("sensor.three")
            await house.restart()
        await house.registry.hardware.enable(device.id)
        assert not house.registry.is_disabled("sensor.two")
        assert house.registry.is_disabled("sensor.one")

    tell(story)


def test_a_removed_device_takes_its_entities_along_and_both_come_back(tell: Tell) -> None:
    async def story(house: House) -> None:
        wanted = DeviceWanted("d1", "Box", maker="ACME", model="B2", serial="77")
        device = await house.registry.hardware.ensure(wanted, owner="kit")
        area = await house.registry.places.create_area("Hall")
        placed = await house.registry.hardware.set_place(device.id, area.id)
        entity = await house.entity(EntityWanted("u1", "sensor.one", "One", device.id))
        house.told.clear()

        await house.registry.hardware.remove(device.id)

        assert [(event.kind, event.old, event.new) for event in house.told] == [
            ("entity", entity, None),
            ("device", placed, None),
        ]
        assert house.registry.devices(OWNER) == []
        assert "ensure the device first" in await refusal(
            house.entity(EntityWanted("u1", "sensor.one", "One", device.id))
        )
        assert await house.registry.hardware.ensure(wanted, owner="kit") == placed
        assert await house.entity(EntityWanted("u1", "sensor.one", "One", device.id)) == entity
        await house.restart()
        assert house.registry.devices(OWNER, owner="kit") == [placed]
        assert house.registry.device_by_unique_id("kit", "d1") == placed

    tell(story)


def test_a_device_takes_its_owners_new_words_and_names_the_device_it_hangs_on(tell: Tell) -> None:
    async def story(house: House) -> None:
        gateway = await house.registry.hardware.ensure(DeviceWanted("g", "Gateway"), owner="kit")
        await house.registry.hardware.ensure(DeviceWanted("d", "Box"), owner="kit")
        device = await house.registry.hardware.ensure(
            DeviceWanted("d", "Big box", serial="78", via_device_id=gateway.id), owner="kit"
        )
        assert (device.name, device.serial, device.via_device_id) == ("Big box", "78", gateway.id)
        text = await refusal(
            house.registry.hardware.ensure(DeviceWanted("e", "E", via_device_id="g9"), owner="kit"), NotFound
        )
        assert text == "there is no device with id 'g9'; ensure it first, or check whether it was removed"

    tell(story)


def test_an_entity_is_in_its_own_area_else_in_its_devices_and_areas_hold_what_lies_inside(tell: Tell) -> None:
    async def story(house: House) -> None:
        places, registry = house.registry.places, house.registry
        site = await places.create_area("Site")
        floor = await places.create_area("First floor", parent_id=site.id)
        shop = await places.create_area("Shop", parent_id=floor.id)
        device = await registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        await registry.hardware.set_place(device.id, shop.id)
        on_device = await house.entity(EntityWanted("u1", "sensor.on_device", "1", device.id))
        own = await house.entity(EntityWanted("u2", "sensor.own", "2", device.id))
        own = await registry.set_place(own.id, site.id)
        await house.entity(EntityWanted("u3", "sensor.nowhere", "3"))

        for _ in range(2):
            assert registry.area_of(on_device) == "shop"
            assert registry.area_path("shop") == ["shop", "first_floor", "site"]
            assert registry.area_tree("site") == ["site", "first_floor", "shop"]
            assert registry.ids_in_area("shop") == registry.ids_in_area("first_floor") == {"sensor.on_device"}
            assert registry.ids_in_area("site") == {"sensor.on_device", "sensor.own"}
            assert registry.entities(OWNER, device_id=device.id, area_id="first_floor") == [on_device]
            await house.restart()
            registry = house.registry
        await registry.places.move_area(floor.id, None)
        assert registry.ids_in_area("site") == {"sensor.own"}
        assert registry.ids_in_area("no_such_area") == set()

    tell(story)


def test_an_entity_carries_its_own_labels_and_its_devices(tell: Tell) -> None:
    async def story(house: House) -> None:
        registry = house.registry
        for name in ("Red", "Blue"):
            await registry.places.create_label(name)
        device = await registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        await registry.hardware.set_place(device.id, None, ["blue", "red"])
        entity = await house.entity(EntityWanted("u1", "sensor.one", "1", device.id))
        entity = await registry.set_place(entity.id, None, ["red", "red"])
        await house.entity(EntityWanted("u2", "sensor.two", "2"))
        assert entity.labels == ("red",)
        assert registry.labels_of(entity) == ("red", "blue")
        assert registry.ids_with_label("blue") == {"sensor.one"}
        assert registry.entities(OWNER, label="red", owner="kit") == [entity]
        assert "there is no label 'green' (there are: blue, red)" in await refusal(
            registry.set_place(entity.id, None, ["green"]), NotFound
        )
        assert "there is no area 'attic' (there are: none)" in await refusal(
            registry.set_place(entity.id, "attic"), NotFound
        )

    tell(story)


def test_areas_refuse_what_would_tear_the_tree(tell: Tell) -> None:
    async def story(house: House) -> None:
        places = house.registry.places
        site = await places.create_area("Site")
        floor = await places.create_area("Floor", parent_id=site.id)
        assert await refusal(places.move_area(site.id, floor.id)) == (
            "area 'site' cannot lie in 'floor', which lies in 'site' itself; move that one out first"
        )
        assert "cannot lie in 'site'" in await refusal(places.move_area(site.id, site.id))
        assert "in area 'site' there is an area 'Floor' already (floor)" in await refusal(
            places.create_area(" Floor ", parent_id=site.id)
        )
        assert "there is no area 'moon'" in await refusal(places.create_area("X", parent_id="moon"), NotFound)
        assert "the area needs a name" in await refusal(places.create_area("  "))
        assert "'A b' is no area id" in await refusal(places.create_area("X", area_id="A b"))
        assert "area 'site' exists already" in await refusal(places.create_area("X", area_id="site"))
        assert [area.id for area in house.registry.areas(OWNER)] == ["floor", "site"]

    tell(story)


AREA_IDS = {
    "accents go": (["Café Süd"], ["cafe_sud"]),
    "a name twice in different places": (["A"], ["a_2"]),
    "nothing that a plain id could be made of": (["一楼", "二楼"], ["area", "area_2"]),
}


@pytest.mark.parametrize(("names", "ids"), AREA_IDS.values(), ids=AREA_IDS.keys())
def test_an_areas_id_is_made_from_its_name(tell: Tell, names: list[str], ids: list[str]) -> None:
    async def story(house: House) -> None:
        site = await house.registry.places.create_area("A")
        areas = [await house.registry.places.create_area(name, parent_id=site.id) for name in names]
        assert [area.id for area in areas] == ids

    tell(story)


def test_a_place_in_use_is_not_removed_and_its_users_are_named(tell: Tell) -> None:
    async def story(house: House) -> None:
        registry, places = house.registry, house.registry.places
        area = await places.create_area("Hall")
        await places.create_area("Corner", parent_id=area.id)
        label = await places.create_label("Red")
        device = await registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        await registry.hardware.set_place(device.id, area.id, [label.id])
        for number in range(5):
            entity = await house.entity(EntityWanted(f"u{number}", f"sensor.s{number}", "S"))
            await registry.set_place(entity.id, area.id, [label.id])
        assert await refusal(places.remove_area(area.id)) == (
            "area 'hall' is in use by area corner, device Box, sensor.s0, sensor.s1, sensor.s2 and 2 more; "
            "move them elsewhere first"
        )
        assert await refusal(places.remove_label(label.id)) == (
            "label 'red' is in use by device Box, sensor.s0, sensor.s1, sensor.s2, sensor.s3 and 1 more; "
            "take it off them first"
        )

    tell(story)


def test_a_renamed_place_keeps_its_id_and_a_removed_one_is_gone(tell: Tell) -> None:
    async def story(house: House) -> None:
        places = house.registry.places
        area, label = await places.create_area("Hall"), await places.create_label("Red")
        assert await places.rename_area(area.id, "Lobby") == Area("hall", "Lobby", None)
        assert (await places.rename_label(label.id, "Crimson")).id == "red"
        assert "there is a label 'Crimson' already (red)" in await refusal(places.create_label("Crimson"))
        await house.restart()
        registry = house.registry
        assert [area.name for area in registry.areas(OWNER)] == ["Lobby"]
        assert [label.name for label in registry.labels(OWNER)] == ["Crimson"]
        await registry.places.remove_area(area.id)
        await registry.places.remove_label(label.id)
        assert [(event.kind, event.key, event.new) for event in house.told] == [
            ("area", None, None),
            ("label", None, None),
        ]
        assert registry.area("hall") is None
        assert registry.label("red") is None
        assert "there is no area 'hall'" in await refusal(registry.places.rename_area("hall", "X"), NotFound)

    tell(story)


def test_lists_show_a_principal_only_what_it_may_see(tell: Tell) -> None:
    async def story(house: House) -> None:
        for number in (2, 1, 3):
            await house.entity(EntityWanted(f"u{number}", f"sensor.s{number}", "S"))
        device = await house.registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        await house.registry.hardware.ensure(DeviceWanted("d2", "Box"), owner="kit")
        tenant = Principal(
            "user:7",
            scopes={"entity": frozenset({"sensor.s2"}), "device": frozenset({device.id}), "area": frozenset()},
        )
        await house.registry.places.create_area("Hall")
        registry = house.registry
        assert [entity.entity_id for entity in registry.entities(OWNER)] == ["sensor.s1", "sensor.s2", "sensor.s3"]
        assert [entity.entity_id for entity in registry.entities(tenant)] == ["sensor.s2"]
        assert [entity.entity_id for entity in registry.entities(tenant, owner="kit")] == ["sensor.s2"]
        assert registry.devices(tenant) == [device]
        assert registry.areas(tenant) == []

    tell(story)


def test_records_are_frozen_and_have_no_dict() -> None:
    device = Device("d", "kit", "u", "Box", None, (), None, None, None, None, None, None)
    with pytest.raises(AttributeError):
        device.name = "Lobby"  # type: ignore[misc]
    assert "__dict__" not in dir(device)
