"""Staleness: one definition, one timer, no work per write, and clock steps that change nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from hub.core.bus import Bus
from hub.core.context import SYSTEM
from hub.core.ids import SeededIds
from hub.core.registry import EntityWanted, Registry
from hub.core.schema import CORE_MIGRATIONS
from hub.core.staleness import StaleWatch, is_stale
from hub.core.states import BAD, GOOD, STALE, UNCERTAIN, Quality, State, StateChanged, StateMachine
from hub.core.storage import Database
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

MINUTE_S = 60.0
MINUTE_US = 60_000_000
HOUR_S = 3600.0
STALE_AFTER_S = 2.5 * MINUTE_S


class House:
    """States under watch in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.bus = Bus(lambda owner, name, work: None)
        self.states = StateMachine(self.bus, self.clock)
        self.watch = StaleWatch(self.states, self.clock)

    async def advance(self, seconds: float) -> None:
        await advance(self.loop, seconds)

    def state(self, entity_id: str = "sensor.a") -> State:
        state = self.states.get(entity_id)
        assert state is not None
        return state

    def quality(self, entity_id: str = "sensor.a") -> Quality:
        return self.state(entity_id).quality

    def report_each_minute(self, entity_id: str, reports: int) -> None:
        """Write the entity now and at each full minute from now on."""
        self.states.set(entity_id, 1)
        if reports > 1:
            self.clock.call_later(MINUTE_S, lambda: self.report_each_minute(entity_id, reports - 1))


Story = Callable[[House], Coroutine[None, None, None]]


def tell(story: Story) -> None:
    """Run a story in virtual time."""

    async def main(loop: VirtualLoop) -> None:
        await story(House(loop))

    run_virtual(main)


@pytest.mark.parametrize(
    ("age_us", "period_us", "expected"),
    [
        pytest.param(0, 10, False, id="new"),
        pytest.param(25, 10, False, id="exactly 2.5 periods old"),
        pytest.param(26, 10, True, id="older"),
        pytest.param(7, 3, False, id="an odd period, just before"),
        pytest.param(8, 3, True, id="an odd period, just after"),
        pytest.param(-5, 10, False, id="from the future"),
    ],
)
def test_stale_is_older_than_two_and_a_half_periods(age_us: int, period_us: int, expected: bool) -> None:
    assert is_stale(age_us, period_us) is expected


def test_a_silent_value_becomes_stale_just_after_two_and_a_half_periods_and_keeps_its_number() -> None:
    async def story(house: House) -> None:
        before = house.states.set("sensor.a", 21.5, unit="C")
        house.watch.watch("sensor.a", MINUTE_US)
        changes: list[StateChanged] = []
        house.bus.subscribe(StateChanged, changes.append, owner="test")
        await house.advance(STALE_AFTER_S)
        assert house.quality() is GOOD
        await house.advance(0.001)
        after = house.state()
        assert after == before._replace(quality=STALE, updated_us=after.updated_us, context=SYSTEM)
        assert not changes[0].is_value_edge
        assert len(changes) == 1

    tell(story)


def test_a_value_that_keeps_coming_stays_good_and_one_that_returns_is_good_again() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        house.report_each_minute("sensor.a", 30)
        for _ in range(60):
            await house.advance(MINUTE_S / 2)
            assert house.quality() is GOOD
        await house.advance(HOUR_S)
        assert house.quality() is STALE
        house.states.set("sensor.a", 1)
        await house.advance(STALE_AFTER_S)
        assert house.quality() is GOOD
        await house.advance(1)
        assert house.quality() is STALE

    tell(story)


def test_what_counts_is_when_it_was_measured_not_when_it_was_told() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        house.states.set("sensor.a", 1, source_us=house.clock.now_us() - 2 * MINUTE_US)
        await house.advance(0.5 * MINUTE_S + STALE_AFTER_S)
        assert house.quality() is STALE
        house.states.set("sensor.a", 1, source_us=house.clock.now_us() + 1_000 * MINUTE_US)
        await house.advance(STALE_AFTER_S + 1)
        assert house.quality() is STALE, "a source ahead of the clock buys no time"

    tell(story)


QUALITIES = {"good": (GOOD, STALE), "uncertain": (UNCERTAIN, STALE), "stale": (STALE, STALE), "bad": (BAD, BAD)}


@pytest.mark.parametrize(("was", "becomes"), QUALITIES.values(), ids=QUALITIES.keys())
def test_only_bad_stays_what_it_was(was: Quality, becomes: Quality) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1, quality=was)
        house.watch.watch("sensor.a", MINUTE_US)
        await house.advance(HOUR_S)
        assert house.quality() is becomes

    tell(story)


def test_a_value_that_was_bad_and_turns_uncertain_without_a_new_reading_is_stale_at_the_next_look() -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1, quality=BAD)
        house.watch.watch("sensor.a", MINUTE_US)
        await house.advance(HOUR_S)
        house.states.mark("sensor.a", UNCERTAIN)
        await house.advance(STALE_AFTER_S + 1)
        assert house.quality() is STALE

    tell(story)


def test_a_watched_entity_without_a_state_is_judged_from_its_first_one() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        await house.advance(10 * HOUR_S + 7)
        assert house.states.get("sensor.a") is None
        house.states.set("sensor.a", 1)
        await house.advance(STALE_AFTER_S)
        assert house.quality() is GOOD
        await house.advance(0.001)
        assert house.quality() is STALE

    tell(story)


def test_an_old_value_is_stale_as_soon_as_it_is_watched_and_a_shorter_period_counts_at_once() -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        await house.advance(HOUR_S)
        house.watch.watch("sensor.a", 60 * MINUTE_US)
        assert house.quality() is GOOD
        house.watch.watch("sensor.a", MINUTE_US)
        assert house.quality() is STALE

    tell(story)


def test_a_forgotten_entity_is_left_alone_and_its_timer_goes_with_the_last_one() -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        house.watch.watch("sensor.a", MINUTE_US)
        house.watch.forget("sensor.a")
        house.watch.forget("sensor.a")
        await house.advance(HOUR_S)
        assert house.quality() is GOOD
        house.watch.watch("sensor.a", 60 * MINUTE_US)
        house.watch.stop()
        await house.advance(10 * HOUR_S)
        assert house.quality() is GOOD

    tell(story)


def test_an_impossible_period_is_refused_by_name() -> None:
    async def story(house: House) -> None:
        with pytest.raises(ValueError) as caught:
            house.watch.watch("sensor.a", 0)
        assert str(caught.value) == "sensor.a: a period of 0 us; give one above 0, or do not watch it"

    tell(story)


def test_watching_and_forgetting_for_ever_does_not_grow_the_heap() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.kept", MINUTE_US)
        for number in range(2000):
            house.watch.watch("sensor.a", MINUTE_US + number)
            if number % 2:
                house.watch.forget("sensor.a")
        assert len(house.watch._heap) <= 70

    tell(story)


STEPS = {
    "forward by hours": 5 * HOUR_S,
    "forward by a minute": MINUTE_S,
    "back by hours": -5 * HOUR_S,
    "back by a minute": -MINUTE_S,
    "to next year": 365 * 24 * HOUR_S,
}


@pytest.mark.parametrize("is_noticed", [True, False], ids=["noticed at once", "noticed at the next look"])
@pytest.mark.parametrize("step_s", STEPS.values(), ids=STEPS.keys())
def test_a_clock_step_makes_no_living_value_stale_and_no_dead_one_fresh(step_s: float, is_noticed: bool) -> None:
    async def story(house: House) -> None:
        for entity_id in ("sensor.dead", "sensor.silent", "sensor.living"):
            house.watch.watch(entity_id, MINUTE_US)
        house.states.set("sensor.dead", 1)
        house.report_each_minute("sensor.living", 60)
        await house.advance(10 * MINUTE_S)
        assert house.quality("sensor.dead") is STALE
        await house.advance(5)
        house.states.set("sensor.silent", 1)
        await house.advance(20)

        house.clock.step(step_s)
        if is_noticed:
            house.watch.notice_clock()

        silent_until_s = house.clock.monotonic() - 20 + STALE_AFTER_S
        while house.clock.monotonic() + 1 < silent_until_s:
            await house.advance(1)
            assert house.quality("sensor.living") is GOOD
            assert house.quality("sensor.dead") is STALE
            if is_noticed:
                assert house.quality("sensor.silent") is GOOD
        if not is_noticed:
            await house.advance(STALE_AFTER_S + MINUTE_S)
        await house.advance(2)
        assert house.quality("sensor.silent") is STALE
        for _ in range(20):
            await house.advance(MINUTE_S)
            assert house.quality("sensor.living") is GOOD
        await house.advance(2 * HOUR_S)
        assert house.quality("sensor.living") is STALE

    tell(story)


@pytest.mark.parametrize("step_s", STEPS.values(), ids=STEPS.keys())
def test_a_report_after_a_step_that_nobody_noticed_yet_counts_from_when_it_came(step_s: float) -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        house.watch.watch("sensor.a", MINUTE_US)
        await house.advance(100)
        house.clock.step(step_s)
        await house.advance(20)
        house.states.set("sensor.a", 1)
        await house.advance(STALE_AFTER_S)
        assert house.quality() is GOOD
        await house.advance(0.001)
        assert house.quality() is STALE

    tell(story)


def test_a_report_between_two_steps_that_nobody_noticed_is_stale_late_but_not_for_ever() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        house.clock.step(5 * HOUR_S)
        await house.advance(20)
        house.states.set("sensor.a", 1)
        house.clock.step(5 * HOUR_S)
        await house.advance(STALE_AFTER_S)
        assert house.quality() is GOOD
        await house.advance(STALE_AFTER_S)
        assert house.quality() is STALE

    tell(story)


def test_each_report_is_read_in_the_wall_time_in_which_it_was_made() -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        for step_s in (HOUR_S, -3 * HOUR_S, 10 * HOUR_S):
            house.states.set("sensor.a", 1)
            await house.advance(30)
            house.clock.step(step_s)
            house.watch.notice_clock()
            await house.advance(STALE_AFTER_S - 30)
            assert house.quality() is GOOD
            await house.advance(0.001)
            assert house.quality() is STALE

    tell(story)


def test_two_steps_between_reports_do_not_confuse_the_age() -> None:
    async def story(house: House) -> None:
        house.states.set("sensor.a", 1)
        house.watch.watch("sensor.a", MINUTE_US)
        for step_s in (HOUR_S, -3 * HOUR_S, 10 * HOUR_S):
            await house.advance(30)
            house.clock.step(step_s)
            house.watch.notice_clock()
            assert house.quality() is GOOD
        await house.advance(STALE_AFTER_S - 90)
        assert house.quality() is GOOD
        await house.advance(0.001)
        assert house.quality() is STALE

    tell(story)


def test_months_are_cheap_one_look_for_each_entity_and_two_and_a_half_periods() -> None:
    async def story(house: House) -> None:
        entity_ids = [f"sensor.s{number}" for number in range(20)]
        for entity_id in entity_ids:
            house.watch.watch(entity_id, 15 * MINUTE_US)
        days = 30
        for _ in range(days * 96):
            for entity_id in entity_ids:
                house.states.set(entity_id, 1)
            await asyncio.sleep(15 * MINUTE_S)
        spans = days * 24 * 60 / (2.5 * 15)
        # A value is looked at when it could be stale; when it came meanwhile, the next look is so much later.
        assert house.watch.looks <= len(entity_ids) * (spans * 2.5 / 1.5 + 2)
        assert len(house.watch._heap) == len(entity_ids)
        assert all(house.quality(entity_id) is GOOD for entity_id in entity_ids)

    tell(story)


def test_a_watch_listens_to_no_state(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        house.watch.watch("sensor.a", MINUTE_US)
        assert not house.bus.channel(StateChanged).wants("sensor.a")

    tell(story)


def test_the_registrys_periods_are_followed_through_all_changes(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        db = Database(tmp_path / "hub.db", house.clock, runs_twice=True)
        await db.open()
        await db.migrate("core", CORE_MIGRATIONS)
        registry = Registry(db, house.states, house.bus, house.clock, SeededIds(1))

        async def ensure(unique_id: str, period_us: int | None) -> str:
            wanted = EntityWanted(unique_id, f"sensor.{unique_id}", "S", period_us=period_us)
            return (await registry.ensure_entity(wanted, owner="kit")).id

        await ensure("before", MINUTE_US)
        unfollow = house.watch.follow(registry, house.bus)
        renamed = await ensure("renamed", MINUTE_US)
        removed = await ensure("removed", MINUTE_US)
        await ensure("aperiodic", None)
        await ensure("stopped", MINUTE_US)
        await ensure("stopped", None)
        await registry.rename(renamed, "sensor.new_name")
        await registry.remove(removed)
        names = ("before", "new_name", "renamed", "removed", "aperiodic", "stopped")
        for name in names:
            house.states.set(f"sensor.{name}", 1)
        await house.advance(HOUR_S)
        stale = [name for name in names if house.quality(f"sensor.{name}") is STALE]
        assert stale == ["before", "new_name"]
        unfollow()
        await ensure("after", MINUTE_US)
        house.states.set("sensor.after", 1)
        await house.advance(HOUR_S)
        assert house.quality("sensor.after") is GOOD
        await db.close()

    tell(story)
