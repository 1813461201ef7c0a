"""The registry: what plugins say and people change, on disk first, in memory after, remembered when removed."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest
from registry_house import House, Tell, refusal, telling

from hub.core import context as contexts
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.core.principals import OWNER
from hub.core.registry import DeviceWanted, EntityWanted, RegistryChanged
from hub.core.states import GOOD
from hub.core.storage import StorageClosed


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Run a story in virtual time over a new database."""
    return telling(tmp_path)


SAVED = "INSERT INTO core__last_states VALUES (?, ?, NULL, 'good', 1, 1, 1, 1, '{}')"


def test_a_new_entity_is_found_by_every_name_it_has_also_after_a_restart(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        for _ in range(2):
            found = house.registry
            assert found.get("sensor.hall") == entity
            assert found.by_id(entity.id) == entity
            assert found.by_unique_id("kit", "t1") == entity
            assert found.by_unique_id("other", "t1") is None
            assert "sensor.hall" in found
            assert len(found) == 1
            assert (entity.unit, entity.period_us, entity.created_us) == ("C", 60_000_000, house.clock.now_us())
            await house.restart()

    tell(story)


def test_ensuring_again_keeps_what_people_said_and_takes_what_the_owner_says(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        area = await house.registry.places.create_area("Ground floor")
        label = await house.registry.places.create_label("Critical")
        await house.registry.rename(entity.id, "sensor.lobby")
        await house.registry.set_place(entity.id, area.id, [label.id])
        await house.registry.disable(entity.id, "user:anna", "broken")
        await house.restart()

        again = await house.entity(EntityWanted("t1", "sensor.hall", "Hall north", unit="K"))

        assert again.id == entity.id
        assert (again.entity_id, again.area_id, again.labels) == ("sensor.lobby", "ground_floor", ("critical",))
        assert (again.disabled_by, again.disabled_reason) == ("user:anna", "broken")
        assert (again.name, again.unit, again.period_us) == ("Hall north", "K", None)
        assert house.registry.get("sensor.lobby") == again

    tell(story)


def test_ensuring_what_is_as_it_should_be_writes_and_tells_nothing(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        device = await house.registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        before = await house.db.read(lambda reader: reader.value("SELECT count(*) FROM core__changes"))
        house.told.clear()
        assert await house.entity() == entity
        assert await house.registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit") == device
        assert await house.db.read(lambda reader: reader.value("SELECT count(*) FROM core__changes")) == before
        assert house.told == []

    tell(story)


def test_owners_do_not_share_unique_ids_and_a_taken_name_gets_a_number(tell: Tell) -> None:
    async def story(house: House) -> None:
        first = await house.entity(owner="kit")
        second = await house.entity(owner="kat")
        third, fourth = await house.registry.ensure_entities(
            [EntityWanted("t2", "sensor.hall", "Hall"), EntityWanted("t3", "sensor.hall", "Hall")], owner="kit"
        )
        names = [entity.entity_id for entity in (first, second, third, fourth)]
        assert names == ["sensor.hall", "sensor.hall_2", "sensor.hall_3", "sensor.hall_4"]
        assert len({entity.id for entity in (first, second, third, fourth)}) == 4

    tell(story)


def test_a_number_is_not_given_twice_when_somebody_suggests_it_in_the_same_call(tell: Tell) -> None:
    async def story(house: House) -> None:
        suggested = ["sensor.a", "sensor.a", "sensor.a_3", "sensor.a", "sensor.a_2"]
        entities = await house.registry.ensure_entities(
            [EntityWanted(f"u{number}", name, "A") for number, name in enumerate(suggested)], owner="kit"
        )
        names = [entity.entity_id for entity in entities]
        assert names == ["sensor.a", "sensor.a_2", "sensor.a_3", "sensor.a_4", "sensor.a_2_2"]

    tell(story)


BAD_WANTED = {
    "a malformed entity id": (
        [EntityWanted("u1", "Sensor Hall", "Hall")],
        "kit: 'Sensor Hall' is no entity id (unique_id 'u1'); write domain.name in lower case",
    ),
    "an empty unique id": ([EntityWanted("", "sensor.hall", "Hall")], "unique_id '' of 'sensor.hall' is empty"),
    "a unique id twice": (
        [EntityWanted("u1", "sensor.a", "A"), EntityWanted("u1", "sensor.b", "B")],
        "kit: the unique_id 'u1' of 'sensor.b' is twice in one call; each entity needs a lasting one of its own",
    ),
    "a device that is not there": (
        [EntityWanted("u0", "sensor.b", "B"), EntityWanted("u1", "sensor.a", "A", device_id="d9")],
        "kit: 'sensor.a' names the device 'd9', which does not exist; ensure the device first",
    ),
}


@pytest.mark.parametrize(("wanted", "text"), BAD_WANTED.values(), ids=BAD_WANTED.keys())
def test_a_wrong_wish_is_refused_whole_and_named(tell: Tell, wanted: list[EntityWanted], text: str) -> None:
    async def story(house: House) -> None:
        assert text in await refusal(house.registry.ensure_entities(wanted, owner="kit"))
        await house.restart()
        assert len(house.registry) == 0

    tell(story)


def test_memory_never_knows_what_is_not_on_disk(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        await house.db.close()
        with pytest.raises(StorageClosed):
            await house.registry.rename(entity.id, "sensor.lobby")
        with pytest.raises(StorageClosed):
            await house.entity(EntityWanted("t2", "sensor.b", "B"))
        assert house.registry.entity_ids() == ["sensor.hall"]
        await house.db.open()

    tell(story)


def test_a_caller_that_gives_up_does_not_leave_memory_behind_the_disk(tell: Tell) -> None:
    async def story(house: House) -> None:
        task = asyncio.create_task(house.entity())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await house.db.write(lambda tx: None)
        assert house.registry.get("sensor.hall") is not None

    tell(story)


def test_a_rename_moves_the_state_and_its_saved_copy_and_remembers_the_old_names(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        began_us = house.clock.now_us()
        state = house.states.set("sensor.hall", 21.5, unit="C")
        await house.db.write(lambda tx: tx.many(SAVED, [("sensor.hall", "1"), ("sensor.lobby", "2")]))
        await asyncio.sleep(10)
        house.told.clear()

        renamed = await house.registry.rename(entity.id, "sensor.lobby")

        assert renamed.id == entity.id
        assert house.states.get("sensor.hall") is None
        assert house.states.get("sensor.lobby") == state._replace(entity_id="sensor.lobby")
        assert house.registry.get("sensor.hall") is None
        assert house.registry.get("sensor.lobby") == renamed
        assert [(event.key, event.kind, event.old, event.new) for event in house.told] == [
            ("sensor.hall", "entity", entity, renamed)
        ]
        assert await house.registry.names(entity.id) == [
            ("sensor.hall", began_us),
            ("sensor.lobby", began_us + 10_000_000),
        ]
        saved = await house.db.read(lambda reader: reader.all("SELECT entity_id, value FROM core__last_states"))
        assert [tuple(row) for row in saved] == [("sensor.lobby", "1")]

    tell(story)


@pytest.mark.parametrize("change", ["disable", "remove"])
def test_the_saved_state_of_an_entity_that_is_taken_out_is_dropped(tell: Tell, change: str) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        await house.db.write(lambda tx: tx.many(SAVED, [("sensor.hall", "1"), ("sensor.lobby", "2")]))
        if change == "disable":
            await house.registry.disable(entity.id, "user:anna", "broken")
        else:
            await house.registry.remove(entity.id)
        saved = await house.db.read(lambda reader: reader.all("SELECT entity_id FROM core__last_states"))
        assert [row[0] for row in saved] == ["sensor.lobby"]

    tell(story)


def test_two_renames_at_one_instant_leave_the_last_name(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        now_us = house.clock.now_us()
        await house.registry.rename(entity.id, "sensor.b")
        await house.registry.rename(entity.id, "sensor.c")
        assert await house.registry.names(entity.id) == [("sensor.c", now_us)]

    tell(story)


def test_a_rename_to_a_name_that_cannot_be_is_refused_and_says_why(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        await house.entity(EntityWanted("t2", "sensor.lobby", "Lobby"), owner="kat")
        house.states.set("sensor.ghost", 1)
        rename = house.registry.rename
        assert await refusal(rename(entity.id, "Lobby")) == (
            "'Lobby' is no entity id; write domain.name in lower case, digits and underscores"
        )
        assert await refusal(rename(entity.id, "sensor.lobby")) == (
            "sensor.hall cannot be renamed to 'sensor.lobby': that is 'Lobby' of kat; "
            "choose another, or rename that one first"
        )
        assert "taken by a state that belongs to no registered entity" in await refusal(
            rename(entity.id, "sensor.ghost")
        )
        assert "takes the stable id, not the entity id" in await refusal(
            rename("sensor.hall", "sensor.b"), NotFound
        )
        assert await rename(entity.id, "sensor.hall") == entity
        assert house.registry.get("sensor.hall") == entity

    tell(story)


def test_a_disabled_entity_loses_its_state_until_it_is_enabled_and_written_again(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        house.states.set("sensor.hall", 1)
        disabled = await house.registry.disable(entity.id, "user:anna", "wrong sensor")
        assert (disabled.disabled_by, disabled.disabled_reason) == ("user:anna", "wrong sensor")
        assert house.registry.is_disabled("sensor.hall")
        assert house.states.get("sensor.hall") is None
        await house.restart()
        assert house.registry.is_disabled("sensor.hall")
        assert await house.registry.enable(entity.id) == entity
        assert not house.registry.is_disabled("sensor.hall")

    tell(story)


def test_a_removed_entity_is_gone_and_gets_everything_back_when_it_returns(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        area = await house.registry.places.create_area("Hall")
        label = await house.registry.places.create_label("Critical")
        await house.registry.set_place(entity.id, area.id, [label.id])
        placed = await house.registry.rename(entity.id, "sensor.lobby")
        house.states.set("sensor.lobby", 1)
        await house.registry.remove(entity.id)
        for _ in range(2):
            assert house.registry.get("sensor.lobby") is None
            assert house.registry.by_id(entity.id) is None
            assert house.registry.entities(OWNER, area_id="hall") == []
            assert house.states.get("sensor.lobby") is None
            await house.restart()

        back = await house.entity()

        assert back == placed
        assert house.registry.entities(OWNER, area_id="hall") == [back]
        assert [(event.old, event.new) for event in house.told] == [(None, back)]

    tell(story)


def test_a_returning_entity_whose_name_is_taken_or_label_is_gone_gets_what_is_left(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        places = house.registry.places
        area, label = await places.create_area("Hall"), await places.create_label("Critical")
        await house.registry.set_place(entity.id, area.id, [label.id])
        await house.registry.remove(entity.id)
        await places.remove_area(area.id)
        await places.remove_label(label.id)
        await house.entity(owner="kat")
        await asyncio.sleep(1)

        back = await house.entity()

        assert back.id == entity.id
        assert (back.entity_id, back.area_id, back.labels) == ("sensor.hall_2", None, ())
        assert [name.entity_id for name in await house.registry.names(entity.id)] == [
            "sensor.hall",
            "sensor.hall_2",
        ]

    tell(story)


def test_changes_carry_the_context_of_whoever_made_them_and_find_everything_in_place(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        house.states.set("sensor.hall", 1)
        cause = Context("c1", "os:anna")
        seen: list[tuple[Context, Context, bool, bool]] = []

        def look(event: RegistryChanged) -> None:
            state = house.states.get("sensor.lobby")
            found = house.registry.get("sensor.lobby") == event.new
            seen.append((event.context, contexts.current(), found, state is not None and state.quality is GOOD))

        house.bus.subscribe(RegistryChanged, look, key="sensor.hall", owner="test")
        with contexts.use(cause):
            await house.registry.rename(entity.id, "sensor.lobby")
        assert seen == [(cause, cause, True, True)]

    tell(story)


def test_changes_asked_for_at_once_all_happen_one_after_the_other(tell: Tell) -> None:
    async def story(house: House) -> None:
        entity = await house.entity()
        await asyncio.gather(
            house.registry.rename(entity.id, "sensor.b"),
            house.registry.disable(entity.id, "user:anna", "why"),
            *(house.entity(EntityWanted(f"n{number}", "sensor.new", "N")) for number in range(5)),
        )
        both = house.registry.by_id(entity.id)
        assert both is not None
        assert (both.entity_id, both.disabled_by) == ("sensor.b", "user:anna")
        names = sorted(house.registry.entity_ids())
        assert names == ["sensor.b", "sensor.new", "sensor.new_2", "sensor.new_3", "sensor.new_4", "sensor.new_5"]
        in_memory = {entity.id: entity for entity in house.registry.entities(OWNER)}
        await house.restart()
        assert {entity.id: entity for entity in house.registry.entities(OWNER)} == in_memory

    tell(story)


def test_an_entity_with_its_state_stays_under_three_kilobytes(tell: Tell) -> None:
    async def story(house: House) -> None:
        count = 2000
        device = await house.registry.hardware.ensure(DeviceWanted("d1", "Box"), owner="kit")
        wanted = [
            EntityWanted(
                f"serial-{n:08}-register-{n}", f"sensor.shop_{n}_value", f"Value of shop {n}", device.id, "V", 10
            )
            for n in range(count)
        ]
        await house.registry.ensure_entities(wanted, owner="kit")
        house.wake()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await house.registry.load()
            for number, entity in enumerate(house.registry.entities(OWNER)):
                attributes = {"register": number, "scale": 0.1, "alias": f"shop {number}"}
                house.states.set(entity.entity_id, number + 0.5, unit="V", attributes=attributes)
            each = (tracemalloc.get_traced_memory()[0] - before) / count
        finally:
            tracemalloc.stop()
        assert len(house.states) == count
        assert 300 < each < 3000

    tell(story)
