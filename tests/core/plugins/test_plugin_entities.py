"""A plugin writes its own entities only; when it goes, their numbers stay and lose their quality."""

from __future__ import annotations

import pytest
from plugin_samples import a_plugin, raising

from hub.core.errors import HubError, NotFound
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import BAD, GOOD, STALE, State
from hub.testing import HubHarness


class Writer:
    """A plugin with entities, and what it holds of the hub."""

    def __init__(self, name: str, *entity_ids: str) -> None:
        """Register these entities."""
        self.hub: PluginHub
        self.handles: list[EntityHandle] = []
        self._wanted = [EntityWanted(entity_id, entity_id, entity_id) for entity_id in entity_ids]
        self.plugin = a_plugin(name, setup=self._setup)

    async def _setup(self, hub: PluginHub) -> None:
        self.hub = hub
        self.handles = await hub.add_entities(self._wanted)


async def load(hub: HubHarness, name: str, *entity_ids: str) -> Writer:
    writer = Writer(name, *entity_ids)
    await hub.load_plugin(writer.plugin)
    return writer


def shown(hub: HubHarness, entity_id: str) -> State:
    state = hub.kernel.states.get(entity_id)
    assert state is not None
    return state


async def rename(hub: HubHarness, old: str, new: str) -> None:
    await hub.call("entity.rename", {"entity_id": old, "new_entity_id": new})


async def test_the_states_of_an_unloaded_plugin_keep_their_numbers_and_become_stale(hub: HubHarness) -> None:
    writer = await load(hub, "sample", "sensor.a", "sensor.b", "sensor.c")
    for number, handle in enumerate(writer.handles):
        handle.set(number, quality=BAD if number == 2 else GOOD)
    writer.hub.states.set("sensor.unregistered", 7)
    written_us = shown(hub, "sensor.a").source_us
    await hub.advance("1 min")
    await hub.unload_plugin("sample")
    ids = ("sensor.a", "sensor.b", "sensor.c", "sensor.unregistered")
    assert [shown(hub, one).value for one in ids] == [0, 1, 2, 7]
    assert [shown(hub, one).quality for one in ids] == [STALE, STALE, BAD, STALE]
    assert shown(hub, "sensor.a").source_us == written_us


async def test_they_are_stale_after_a_crash_too_and_good_once_written_again(hub: HubHarness) -> None:
    entity: list[EntityHandle] = []

    async def setup(plugin: PluginHub) -> None:
        entity[:] = await plugin.add_entities([EntityWanted("a", "sensor.a", "A")])

    async def run(plugin: PluginHub) -> None:
        entity[0].set(1)
        await plugin.clock.sleep(10)
        await raising(OSError("gone"))(plugin)

    await hub.load_plugin(a_plugin(setup=setup, run=run))
    qualities = hub.capture_states("sensor.a")
    await hub.advance(12)
    assert [event.new.quality for event in qualities if event.new is not None] == [GOOD, STALE, GOOD]


async def test_another_plugin_may_not_write_them(hub: HubHarness) -> None:
    first = await load(hub, "first", "sensor.a")
    second = await load(hub, "second")
    first.handles[0].set(1)
    first.hub.states.set("sensor.loose", 1)
    for entity_id in ("sensor.a", "sensor.loose"):
        told = f"plugin 'second' may not write {entity_id}: it belongs to 'first'; register an entity"
        with pytest.raises(HubError, match=told):
            second.hub.states.set(entity_id, 2)
        with pytest.raises(HubError, match=told):
            second.hub.states.mark(entity_id, BAD)
        with pytest.raises(HubError, match=told):
            second.hub.states.remove(entity_id)
        assert (shown(hub, entity_id).value, shown(hub, entity_id).quality) == (1, GOOD)


async def test_a_registered_entity_stays_its_owners_while_that_is_away(hub: HubHarness) -> None:
    await load(hub, "first", "sensor.a")
    await hub.unload_plugin("first")
    second = await load(hub, "second")
    with pytest.raises(HubError, match="it belongs to 'first'"):
        second.hub.states.set("sensor.a", 2)
    first = await load(hub, "first", "sensor.a")
    assert first.handles[0].set(3) is not None


async def test_an_unregistered_entity_is_free_again_once_its_writer_has_gone(hub: HubHarness) -> None:
    first = await load(hub, "first")
    first.hub.states.set("sensor.loose", 1)
    await hub.unload_plugin("first")
    second = await load(hub, "second")
    second.hub.states.set("sensor.loose", 2)
    assert (shown(hub, "sensor.loose").value, shown(hub, "sensor.loose").quality) == (2, GOOD)


async def test_a_disabled_entity_gets_no_state_until_it_is_enabled(hub: HubHarness) -> None:
    writer = await load(hub, "sample", "sensor.a")
    writer.handles[0].set(1)
    await hub.call("entity.disable", {"entity_id": "sensor.a", "reason": "broken sensor"})
    assert writer.handles[0].set(2) is None
    assert hub.kernel.states.get("sensor.a") is None
    await hub.call("entity.enable", {"entity_id": "sensor.a"})
    assert writer.handles[0].set(3) is not None
    assert shown(hub, "sensor.a").value == 3


async def test_a_renamed_entity_is_written_under_its_new_name_and_goes_stale_under_it(hub: HubHarness) -> None:
    writer = await load(hub, "sample", "sensor.a")
    writer.handles[0].set(1)
    await rename(hub, "sensor.a", "sensor.z")
    assert hub.kernel.states.get("sensor.a") is None
    await hub.unload_plugin("sample")
    assert (shown(hub, "sensor.z").value, shown(hub, "sensor.z").quality) == (1, STALE)


async def test_two_plugins_go_on_writing_after_a_person_swapped_the_names_of_their_entities(
    hub: HubHarness,
) -> None:
    first = await load(hub, "first", "sensor.a")
    second = await load(hub, "second", "sensor.b")
    first.handles[0].set(1)
    second.handles[0].set(2)
    await rename(hub, "sensor.a", "sensor.spare")
    await rename(hub, "sensor.b", "sensor.a")
    await rename(hub, "sensor.spare", "sensor.b")
    first.handles[0].set(10)
    second.handles[0].set(20)
    assert (shown(hub, "sensor.b").value, shown(hub, "sensor.a").value) == (10, 20)
    with pytest.raises(HubError, match="it belongs to 'second'"):
        first.hub.states.set("sensor.a", 5)
    await hub.unload_plugin("first")
    assert (shown(hub, "sensor.b").quality, shown(hub, "sensor.a").quality) == (STALE, GOOD)


async def test_a_plugin_that_registers_an_entity_takes_it_from_whoever_wrote_it_unregistered(
    hub: HubHarness,
) -> None:
    squatter = await load(hub, "squatter")
    squatter.hub.states.set("sensor.a", 1)
    owner = await load(hub, "owner", "sensor.a")
    owner.handles[0].set(2)
    with pytest.raises(HubError, match="it belongs to 'owner'"):
        squatter.hub.states.set("sensor.a", 3)
    assert shown(hub, "sensor.a").value == 2


async def test_an_entity_that_was_removed_from_the_registry_says_so_to_its_writer(hub: HubHarness) -> None:
    writer = await load(hub, "sample", "sensor.a")
    writer.handles[0].set(1)
    entity = hub.kernel.registry.get("sensor.a")
    assert entity is not None
    await hub.kernel.registry.remove(entity.id)
    with pytest.raises(NotFound, match="was removed from the registry"):
        writer.handles[0].set(2)


async def test_a_late_write_of_a_stopped_plugin_freshens_nothing(hub: HubHarness) -> None:
    writer = await load(hub, "sample", "sensor.a")
    handle = writer.handles[0]
    handle.set(1)
    await hub.unload_plugin("sample")
    assert handle.set(2) is None
    writer.hub.states.mark("sensor.a", GOOD)
    writer.hub.states.remove("sensor.a")
    assert (shown(hub, "sensor.a").value, shown(hub, "sensor.a").quality) == (1, STALE)
