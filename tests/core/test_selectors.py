"""Selectors: whom they hit, and sets that stay true as entities come, go, move and are renamed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.bus import Bus
from hub.core.globs import GlobIndex, compiled, names_in
from hub.core.ids import SeededIds
from hub.core.registry import DeviceWanted, Entity, EntityWanted, Registry
from hub.core.schema import CORE_MIGRATIONS
from hub.core.selectors import Selection, Selections, Selector, subscribe_selection
from hub.core.states import StateChanged, StateMachine
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop, run_virtual


class House:
    """Selections over a registry and states."""

    def __init__(self, loop: VirtualLoop, path: Path) -> None:
        clock = VirtualClock(loop)
        self.db = Database(path, clock, runs_twice=True)
        self.bus = Bus(lambda owner, name, work: None)
        self.states = StateMachine(self.bus, clock)
        self.registry = Registry(self.db, self.states, self.bus, clock, SeededIds(1))
        self.selections = Selections(self.registry, self.states, self.bus)
        self.log: list[str] = []

    def select(self, **parts: tuple[str, ...]) -> Selection:
        """A selection whose changes go to the log."""
        return self.selections.open(
            Selector(**parts),
            owner="test",
            on_add=lambda entity_id: self.log.append(f"+{entity_id}"),
            on_remove=lambda entity_id: self.log.append(f"-{entity_id}"),
        )

    def told(self) -> list[str]:
        """What was logged since the last call."""
        log, self.log = self.log, []
        return log

    async def entity(self, entity_id: str, device_id: str | None = None) -> Entity:
        return await self.registry.ensure_entity(EntityWanted(entity_id, entity_id, "E", device_id), owner="kit")


Story = Callable[[House], Coroutine[None, None, None]]
Tell = Callable[[Story], None]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Run a story in virtual time over a new database."""

    def run(story: Story) -> None:
        async def main(loop: VirtualLoop) -> None:
            house = House(loop, tmp_path / "hub.db")
            await house.db.open()
            await house.db.migrate("core", CORE_MIGRATIONS)
            try:
                await story(house)
            finally:
                await house.db.close()

        run_virtual(main)

    return run


SELECTORS: dict[str, tuple[Selector, set[str]]] = {
    "nothing": (Selector(), set()),
    "ids": (Selector(entity_ids=("lamp.hall", "lamp.none", "state.alone")), {"lamp.hall", "state.alone"}),
    "a glob from the start": (Selector(globs=("lamp.*",)), {"lamp.hall", "lamp.shop"}),
    "a glob from the end": (Selector(globs=("*_alone", "*.alone")), {"state.alone"}),
    "a glob in the middle": (Selector(globs=("*.sh?p*",)), {"lamp.shop", "fan.shop_2"}),
    "a glob with a choice": (Selector(globs=("[fl]a[mn]*.[!h]*",)), {"lamp.shop", "fan.shop_2"}),
    "a glob without a wildcard": (Selector(globs=("lamp.hall",)), {"lamp.hall"}),
    "a domain": (Selector(domains=("fan", "state")), {"fan.shop_2", "state.alone"}),
    "an area with what lies inside": (Selector(areas=("site",)), {"lamp.hall", "lamp.shop", "fan.shop_2"}),
    "an area": (Selector(areas=("shop",)), {"lamp.shop"}),
    "a label of a device": (Selector(labels=("red",)), {"lamp.shop", "fan.shop_2"}),
    "all parts together, each once": (
        Selector(("lamp.hall",), ("lamp.*",), ("shop",), ("red",), ("state",)),
        {"lamp.hall", "lamp.shop", "fan.shop_2", "state.alone"},
    ),
}


async def furnish(house: House) -> None:
    """Three registered entities in two areas, one of them without a state, and a state without an entity."""
    places = house.registry.places
    await places.create_area("Site")
    await places.create_area("Shop", parent_id="site")
    await places.create_label("Red")
    device = await house.registry.hardware.ensure(DeviceWanted("d", "Box"), owner="kit")
    await house.registry.hardware.set_place(device.id, "shop", ["red"])
    hall = await house.entity("lamp.hall")
    await house.registry.set_place(hall.id, "site")
    await house.entity("lamp.shop", device.id)
    fan = await house.entity("fan.shop_2", device.id)
    await house.registry.set_place(fan.id, "site")
    off = await house.entity("lamp.off", device.id)
    await house.registry.disable(off.id, "user:anna", "broken")
    house.states.set("lamp.hall", 1)
    house.states.set("state.alone", 1)


@pytest.mark.parametrize(("selector", "expected"), SELECTORS.values(), ids=SELECTORS.keys())
def test_a_selector_hits_the_same_entities_whether_they_were_there_before_or_come_after(
    tell: Tell, selector: Selector, expected: set[str]
) -> None:
    async def story(house: House) -> None:
        before = house.selections.open(selector, owner="test")
        assert list(before) == []
        await furnish(house)
        after = house.selections.open(selector, owner="test")
        assert list(after) == sorted(expected)
        assert list(before) == sorted(expected)
        assert house.selections.select(selector) == expected
        assert len(before) == len(expected)

    tell(story)


def test_a_selection_says_which_named_entities_are_missing(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        selection = house.select(entity_ids=("lamp.hall", "lamp.off", "lamp.typo"))
        assert selection.missing == ["lamp.off", "lamp.typo"]
        assert "lamp.hall" in selection
        assert "lamp.off" not in selection

    tell(story)


def test_disabling_removing_and_enabling_are_followed(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        house.select(domains=("lamp",))
        hall = house.registry.get("lamp.hall")
        device = house.registry.device_by_unique_id("kit", "d")
        assert hall is not None
        assert device is not None
        await house.registry.disable(hall.id, "user:anna", "broken")
        assert house.told() == ["-lamp.hall"]
        await house.registry.enable(hall.id)
        assert house.told() == ["+lamp.hall"]
        await house.registry.hardware.disable(device.id, "user:anna", "broken")
        assert house.told() == ["-lamp.shop"]
        await house.registry.hardware.enable(device.id)
        assert house.told() == ["+lamp.shop"]
        await house.registry.remove(hall.id)
        assert house.told() == ["-lamp.hall"]
        await house.registry.hardware.remove(device.id)
        assert house.told() == ["-lamp.shop"]

    tell(story)


def test_a_rename_leaves_one_glob_and_enters_another(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        house.select(globs=("lamp.h*",))
        house.select(globs=("lamp.w*",))
        by_area = house.select(areas=("site",))
        hall = house.registry.get("lamp.hall")
        assert hall is not None
        await house.registry.rename(hall.id, "lamp.wall")
        assert sorted(house.told()) == ["+lamp.wall", "+lamp.wall", "-lamp.hall", "-lamp.hall"]
        assert list(by_area) == ["fan.shop_2", "lamp.shop", "lamp.wall"]

    tell(story)


def test_moves_of_entities_devices_and_areas_are_followed(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        registry, places = house.registry, house.registry.places
        await places.create_area("Yard")
        in_yard, in_site = house.select(areas=("yard",)), house.select(areas=("site",))
        red = house.select(labels=("red",))
        hall, device = registry.get("lamp.hall"), registry.device_by_unique_id("kit", "d")
        assert hall is not None
        assert device is not None
        await registry.set_place(hall.id, "yard", ["red"])
        assert sorted(house.told()) == ["+lamp.hall", "+lamp.hall", "-lamp.hall"]
        await registry.hardware.set_place(device.id, "yard", [])
        assert list(in_yard) == ["lamp.hall", "lamp.shop"]
        assert list(red) == ["lamp.hall"]
        await registry.hardware.set_place(device.id, "shop", [])
        await places.move_area("shop", "yard")
        assert list(in_yard) == ["lamp.hall", "lamp.shop"]
        assert list(in_site) == ["fan.shop_2"]

    tell(story)


def test_states_without_an_entity_come_and_go_for_globs_domains_and_ids(tell: Tell) -> None:
    async def story(house: House) -> None:
        for parts in ({"globs": ("demo.*",)}, {"domains": ("demo",)}, {"entity_ids": ("demo.a",)}):
            selection = house.select(**parts)
            house.states.set("demo.a", 1)
            house.states.set("demo.a", 2)
            assert list(selection) == ["demo.a"]
            house.states.remove("demo.a")
            assert list(selection) == []
            assert house.told() == ["+demo.a", "-demo.a"]
            selection.close()

    tell(story)


def test_a_registered_entity_stays_selected_when_its_state_goes(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        selection = house.select(globs=("lamp.*",))
        house.states.remove("lamp.hall")
        assert "lamp.hall" in selection
        assert house.told() == []

    tell(story)


def test_a_closed_selection_stands_still_and_leaves_nothing_behind(tell: Tell) -> None:
    async def story(house: House) -> None:
        await furnish(house)
        selection = house.select(
            entity_ids=("lamp.hall",), globs=("f*",), areas=("site",), labels=("red",), domains=("state",)
        )
        for _ in range(2):
            selection.close()
        house.states.remove("state.alone")
        house.states.set("fan.new", 1)
        assert house.told() == []
        inside = house.selections
        for index in (inside._by_id, inside._by_domain, inside._by_area, inside._by_label, inside._member_of):
            assert index == {}
        assert list(inside._by_glob.who_wants("fan.new")) == []

    tell(story)


def test_a_failing_callback_is_logged_with_its_owner_and_stops_nobody(
    tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(house: House) -> None:
        def fail(entity_id: str) -> None:
            raise ValueError("not today")

        house.selections.open(Selector(domains=("demo",)), owner="broken", on_add=fail)
        house.select(domains=("demo",))
        house.states.set("demo.a", 1)
        assert house.told() == ["+demo.a"]
        assert "broken: following 'demo.a' in a selection failed: ValueError: not today" in caplog.text

    tell(story)


def test_a_callback_that_undoes_what_it_hears_leaves_all_selections_true(tell: Tell) -> None:
    async def story(house: House) -> None:
        house.selections.open(Selector(domains=("demo",)), owner="test", on_add=house.states.remove)
        later = house.select(domains=("demo",))
        house.states.set("demo.a", 1)
        assert list(later) == []
        assert house.told() in ([], ["+demo.a", "-demo.a"], ["-demo.a"])

    tell(story)


def test_a_subscription_hears_all_selected_entities_from_their_first_state_to_their_end(tell: Tell) -> None:
    async def story(house: House) -> None:
        heard: list[str] = []

        def hear(change: StateChanged) -> None:
            heard.append(f"{change.entity_id} {change.new and change.new.value}")

        house.states.set("demo.before", 1)
        unsubscribe = subscribe_selection(
            house.bus, house.selections, StateChanged, hear, Selector(globs=("demo.*",)), owner="test"
        )
        house.states.set("demo.before", 2)
        house.states.set("demo.after", 1)
        house.states.set("other.after", 1)
        house.states.remove("demo.before")
        house.states.set("demo.before", 3)
        assert heard == ["demo.before 2", "demo.after 1", "demo.before None", "demo.before 3"]
        unsubscribe()
        house.states.set("demo.after", 2)
        house.states.set("demo.new", 2)
        assert len(heard) == 4
        assert house.bus.channel(StateChanged).by_key == {}

    tell(story)


def test_a_subscription_follows_a_rename_without_seeing_an_edge_under_the_new_name(tell: Tell) -> None:
    async def story(house: House) -> None:
        heard: list[tuple[str, bool]] = []
        entity = await house.entity("lamp.hall")
        subscribe_selection(
            house.bus,
            house.selections,
            StateChanged,
            lambda change: heard.append((change.entity_id, change.new is None)),
            Selector(domains=("lamp",)),
            owner="test",
        )
        house.states.set("lamp.hall", 1)
        await house.registry.rename(entity.id, "lamp.wall")
        house.states.set("lamp.wall", 2)
        assert heard == [("lamp.hall", False), ("lamp.hall", True), ("lamp.wall", False)]

    tell(story)


def test_an_entity_that_two_parts_name_is_heard_once(tell: Tell) -> None:
    async def story(house: House) -> None:
        heard: list[StateChanged] = []
        subscribe_selection(
            house.bus,
            house.selections,
            StateChanged,
            heard.append,
            Selector(entity_ids=("demo.a",), globs=("demo.*", "*.a"), domains=("demo",)),
            owner="test",
        )
        house.states.set("demo.a", 1)
        assert len(heard) == 1

    tell(story)


def test_an_unregistered_state_that_gets_an_entity_stays_selected_without_a_word(tell: Tell) -> None:
    async def story(house: House) -> None:
        selection = house.select(globs=("lamp.*",))
        house.states.set("lamp.hall", 1)
        await house.entity("lamp.hall")
        assert house.told() == ["+lamp.hall"]
        house.states.remove("lamp.hall")
        assert "lamp.hall" in selection

    tell(story)


GLOB_PARTS = st.sampled_from(["*", "?", "a", "b", "ab", ".", "_", "[ab]", "[!a]", "[]", "[", "]", "[]a]", "[!]"])
NAMES = st.text(alphabet="ab._]![", max_size=6)


@settings(max_examples=400, deadline=None)
@given(globs=st.lists(st.lists(GLOB_PARTS, max_size=5).map("".join), max_size=6), names=st.sets(NAMES, max_size=8))
def test_many_globs_find_what_each_alone_would(globs: list[str], names: set[str]) -> None:
    index: GlobIndex[str] = GlobIndex()
    for glob in globs:
        index.add(glob, glob)
    for name in names:
        assert set(index.who_wants(name)) == {glob for glob in globs if fnmatchcase(name, glob)}
    for glob in set(globs):
        assert set(names_in(compiled(glob), sorted(names))) == {n for n in names if fnmatchcase(n, glob)}
    for glob in globs:
        index.discard(glob, glob)
    assert not any(_all_wanted(index, names))


def _all_wanted(index: GlobIndex[str], names: set[str]) -> Iterator[str]:
    for name in names:
        yield from index.who_wants(name)


def test_a_glob_is_wanted_until_the_last_who_wants_it_is_gone() -> None:
    index: GlobIndex[str] = GlobIndex()
    for who in ("anna", "bert"):
        index.add("lamp.*", who)
    index.discard("lamp.*", "anna")
    assert list(index.who_wants("lamp.hall")) == ["bert"]
    index.discard("lamp.*", "bert")
    index.discard("lamp.*", "bert")
    assert list(index.who_wants("lamp.hall")) == []
