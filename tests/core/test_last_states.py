"""Last states: everything comes back with its number and times, as stale; nothing comes back that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from hub.core import last_states as last_states_module
from hub.core.bus import Bus
from hub.core.clock import to_us
from hub.core.context import Context
from hub.core.ids import SeededIds
from hub.core.last_states import LastStates
from hub.core.registry import DeviceWanted, EntityWanted, Registry
from hub.core.schema import CORE_MIGRATIONS
from hub.core.states import BAD, GOOD, NO_ATTRIBUTES, STALE, UNCERTAIN, Quality, StateChanged, StateMachine, Value
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop, run_virtual


class House:
    """States that are saved, over a database file."""

    def __init__(self, loop: VirtualLoop, path: Path) -> None:
        self.clock = VirtualClock(loop)
        self.ids = SeededIds(1)
        self.db = Database(path, self.clock, runs_twice=True)
        self.wake()

    def wake(self) -> None:
        """Forget all that is in memory, as a new start does."""
        self.bus = Bus(lambda owner, name, work: None)
        self.states = StateMachine(self.bus, self.clock)
        self.registry = Registry(self.db, self.states, self.bus, self.clock, self.ids)
        self.last = LastStates(self.db, self.states, self.registry)

    async def restart(self) -> int:
        """Start anew; how many states came back."""
        self.wake()
        await self.registry.load()
        return await self.last.restore()

    async def saved(self) -> list[str]:
        """The entity ids on disk."""
        rows = await self.db.read(lambda reader: reader.all("SELECT entity_id FROM core__last_states ORDER BY 1"))
        return [row[0] for row in rows]


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


VALUES: dict[str, Value] = {
    "an int": 7,
    "a big int": 10**30,
    "a float that is whole": 1.0,
    "a float": 0.1,
    "a Decimal with its zeros": Decimal("12.30"),
    "text": "offen ✓",
    "true": True,
    "false": False,
    "nothing": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_every_kind_of_value_comes_back_as_what_it_was(tell: Tell, value: Value) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", value)
        await house.last.save()
        await house.restart()
        state = house.states.get("sensor.a")
        assert state is not None
        assert type(state.value) is type(value)
        assert str(state.value) == str(value)

    tell(story)


@pytest.mark.parametrize(
    ("was", "becomes"), [(GOOD, STALE), (UNCERTAIN, STALE), (STALE, STALE), (BAD, BAD)], ids=lambda q: q.value
)
def test_a_state_comes_back_with_unit_times_and_attributes_and_loses_its_quality(
    tell: Tell, was: Quality, becomes: Quality
) -> None:
    async def story(house: House) -> None:
        when = datetime(2026, 3, 1, tzinfo=UTC)
        house.states.set("sensor.a", 1, unit="V")
        await asyncio.sleep(5)
        before = house.states.set(
            "sensor.a", 1, quality=was, source_us=to_us(when), context=Context("c1", "plugin:kit"),
            attributes={"price": Decimal("1.20"), "at": when, "phases": [1, 2], "nested": {"n": None}},
        )  # fmt: skip
        await house.last.save()

        assert await house.restart() == 1

        after = house.states.get("sensor.a")
        assert after is not None
        assert after == before._replace(quality=becomes, context=after.context)
        assert after.context.actor == "system"
        with pytest.raises(TypeError):
            after.attributes["price"] = 0  # type: ignore[index]

    tell(story)


def test_a_state_without_attributes_shares_the_one_empty_mapping(tell: Tell) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        await house.last.save()
        await house.restart()
        state = house.states.get("sensor.a")
        assert state is not None
        assert state.attributes is NO_ATTRIBUTES

    tell(story)


def test_an_entity_that_has_a_state_already_keeps_it(tell: Tell) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        house.states.set("sensor.b", 1)
        await house.last.save()
        house.wake()
        newer = house.states.set("sensor.a", 2)
        assert await house.last.restore() == 1
        assert house.states.get("sensor.a") is newer

    tell(story)


def test_what_comes_back_is_told_as_a_change(tell: Tell) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        await house.last.save()
        house.wake()
        changes: list[StateChanged] = []
        house.bus.subscribe(StateChanged, changes.append, owner="test")
        await house.last.restore()
        assert [(change.old, change.new) for change in changes] == [(None, house.states.get("sensor.a"))]

    tell(story)


def test_a_later_save_replaces_the_earlier_and_drops_what_is_gone(tell: Tell) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        house.states.set("sensor.b", 1)
        await house.last.save()
        house.states.remove("sensor.a")
        house.states.set("sensor.b", 2)
        house.states.set("sensor.c", 3)
        assert await house.last.save() == 2
        assert await house.saved() == ["sensor.b", "sensor.c"]
        await house.restart()
        assert [(state.entity_id, state.value) for state in house.states] == [("sensor.b", 2), ("sensor.c", 3)]
        for state in house.states:
            house.states.remove(state.entity_id)
        await house.last.save()
        assert await house.saved() == []

    tell(story)


def test_many_states_are_written_in_short_writes(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_states_module, "CHUNK", 10)

    async def story(house: House) -> None:
        for number in range(25):
            house.states.set(f"sensor.s{number}", number)
        before = await house.db.read(lambda reader: reader.value("SELECT count(*) FROM core__changes"))
        assert await house.last.save() == 25
        after = await house.db.read(lambda reader: reader.value("SELECT count(*) FROM core__changes"))
        assert isinstance(before, int)
        assert isinstance(after, int)
        assert after - before == 3
        assert await house.restart() == 25

    tell(story)


def test_strange_attributes_of_one_entity_cost_nobody_his_number(
    tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1, attributes={"what": object()})
        house.states.set("sensor.b", 2, attributes={"what": float("nan")})
        house.states.set("sensor.c", 3, attributes={"what": {1, 2}})
        await house.last.save()
        assert await house.restart() == 3
        assert [(state.value, dict(state.attributes)) for state in house.states] == [
            (1, {}),
            (2, {}),
            (3, {"what": [1, 2]}),
        ]
        assert "sensor.a: its attributes are not saved for the next start: object cannot be recorded" in caplog.text

    tell(story)


BROKEN_ROWS = {
    "a value that is no JSON": "('sensor.broken', '{', NULL, 'good', 1, 1, 1, 1, '{}')",
    "a Decimal that is none": """('sensor.broken', '{"$decimal":"x"}', NULL, 'good', 1, 1, 1, 1, '{}')""",
    "a name that is none": "('Broken', '1', NULL, 'good', 1, 1, 1, 1, '{}')",
    "a quality of the future": "('sensor.broken', '1', NULL, 'splendid', 1, 1, 1, 1, '{}')",
    "attributes that are a list": "('sensor.broken', '1', NULL, 'good', 1, 1, 1, 1, '[1]')",
    "a value that is a list": "('sensor.broken', '[1]', NULL, 'good', 1, 1, 1, 1, '{}')",
}


@pytest.mark.parametrize("row", BROKEN_ROWS.values(), ids=BROKEN_ROWS.keys())
def test_a_saved_state_that_cannot_be_read_is_left_out_by_name(
    tell: Tell, caplog: pytest.LogCaptureFixture, row: str
) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        await house.last.save()
        await house.db.write(lambda tx: tx.execute(f"INSERT INTO core__last_states VALUES {row}"))
        assert await house.restart() == 1
        assert "roken: its saved state cannot be read and is left out" in caplog.text

    tell(story)


def test_a_disabled_entity_gets_no_state_back(tell: Tell) -> None:
    async def story(house: House) -> None:
        device = await house.registry.hardware.ensure(DeviceWanted("d", "Box"), owner="kit")
        await house.registry.ensure_entity(EntityWanted("a", "sensor.a", "A", device.id), owner="kit")
        house.states.set("sensor.a", 1)
        await house.last.save()
        await house.registry.hardware.disable(device.id, "user:anna", "broken")
        assert await house.saved() == ["sensor.a"]
        assert await house.restart() == 0

    tell(story)


@pytest.mark.parametrize("change", ["rename", "remove", "disable"])
def test_a_save_under_way_leaves_no_ghost_of_an_entity_that_changes_meanwhile(tell: Tell, change: str) -> None:
    async def story(house: House) -> None:
        registry = house.registry
        entity = await registry.ensure_entity(EntityWanted("a", "sensor.a", "A"), owner="kit")
        house.states.set("sensor.a", 1)
        changes: dict[str, Callable[[], Awaitable[object]]] = {
            "rename": lambda: registry.rename(entity.id, "sensor.b"),
            "remove": lambda: registry.remove(entity.id),
            "disable": lambda: registry.disable(entity.id, "user:anna", "broken"),
        }
        before = list(house.states)
        await asyncio.sleep(1)
        await changes[change]()
        await house.db.write(lambda tx: last_states_module._save(before, tx))  # the chunk that was in flight

        await house.restart()

        assert [state.entity_id for state in house.states] == []

    tell(story)
