"""A clock that cannot be trusted holds the site, says why, and is trusted again only for a reason."""

from __future__ import annotations

import asyncio
import os
import time  # noqa: TID251 - real time
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core import context as contexts
from hub.core.bus import Bus
from hub.core.clock import EARLIEST_SANE_US, SystemClock, to_us
from hub.core.context import Context
from hub.core.guards import ClockConfirmed, ClockGuard, ClockInsane, ClockStepped, Confirmation
from hub.core.holds import CLOCK_DOUBTFUL, HoldChanged, Holds
from hub.core.ids import SeededIds
from hub.core.supervisor import Supervisor
from hub.sim import DEFAULT_EPOCH, VirtualClock, VirtualLoop, advance, run_virtual

EPOCH_US = to_us(DEFAULT_EPOCH)  # 2026-03-02 00:00:00
HOUR_S = 3600.0
PERSON = Context("c1", "user:ann")


class Site:
    """A clock, its guard, and what was told."""

    def __init__(self, loop: VirtualLoop, epoch: datetime = DEFAULT_EPOCH, **options: Any) -> None:
        """Start the guard as the hub does: one check, then for ever."""
        self.loop = loop
        self.clock = VirtualClock(loop, epoch)
        self.bus = Bus(Supervisor(self.clock, SeededIds(1)).spawn)
        self.holds = Holds(self.bus)
        self.told: list[HoldChanged] = []
        self.steps: list[float] = []
        self.confirmed: list[ClockConfirmed] = []
        self.bus.subscribe(HoldChanged, self.told.append, owner="test")
        self.bus.subscribe(ClockStepped, lambda event: self.steps.append(event.step_s), owner="test")
        self.bus.subscribe(ClockConfirmed, self.confirmed.append, owner="test")
        newest_us = options.pop("newest_us", None)
        self.guard = ClockGuard(self.clock, self.holds, self.bus, newest_us, **options)
        self.guard.check()
        self.running = loop.create_task(self.guard.run())

    @property
    def detail(self) -> str | None:
        """Why the site is on hold, if it is."""
        return self.holds.reasons.get(CLOCK_DOUBTFUL)

    async def step(self, seconds: float) -> None:
        """Step the clock and let the guard see it."""
        self.clock.step(seconds)
        await advance(self.loop, 60)


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("epoch", "newest", "detail"),
    [
        pytest.param("2026-03-02 00:00", None, None, id="a new database"),
        pytest.param("2026-03-02 00:00", "2026-03-01 23:59:59", None, id="records before now"),
        pytest.param("2026-03-02 00:00", "2026-03-02 00:00:02", None, id="2 s behind: a leap second and then some"),
        pytest.param(
            "2026-03-02 00:00",
            "2026-03-02 02:00:00",
            "the wall clock reads 2026-03-02 00:00:00 UTC, 2:00:00 before the newest record (2026-03-02 02:00:00 "
            "UTC); check the machine's clock; the hold ends when the clock has passed that record, or when a "
            "person confirms the clock",
            id="2 h behind",
        ),
        pytest.param(
            "1970-01-01 00:00",
            None,
            "the wall clock reads 1970-01-01 00:00:00 UTC, so the machine lost its time; check its battery and its "
            "time server, or set the clock; the hold ends by itself then",
            id="1970, with a new database",
        ),
        pytest.param(
            "2000-01-01 00:03",
            "2026-03-01 00:00:00",
            "the wall clock reads 2000-01-01 00:03:00 UTC, so the machine lost its time; check its battery and its "
            "time server, or set the clock; the hold ends by itself then",
            id="2000",
        ),
    ],
)
def test_at_start_the_clock_is_held_against_our_time_and_our_records(
    epoch: str, newest: str | None, detail: str | None
) -> None:
    async def main(loop: VirtualLoop) -> None:
        start = datetime.fromisoformat(epoch).replace(tzinfo=UTC)
        site = Site(loop, start, newest_us=us(newest) if newest else None)
        assert site.detail == detail
        assert site.guard.check() is (detail is None)
        assert site.steps == []

    run_virtual(main)


def test_just_over_two_seconds_behind_is_behind() -> None:
    async def main(loop: VirtualLoop) -> None:
        assert Site(loop, newest_us=EPOCH_US + 2_000_001).detail is not None

    run_virtual(main)


def test_a_clock_that_is_behind_is_trusted_once_it_has_passed_the_newest_record() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, newest_us=EPOCH_US + 600_000_000)
        await advance(loop, 599)
        assert site.guard.check() is False  # 1 s is still missing: within the tolerance, but not passed
        await advance(loop, 1)
        assert site.guard.check() is True
        assert [event.detail is None for event in site.told] == [False, True]

    run_virtual(main)


def test_a_detail_is_told_once_however_often_the_clock_is_checked() -> None:
    async def main(loop: VirtualLoop) -> int:
        site = Site(loop, newest_us=EPOCH_US + 86_400_000_000)
        for _ in range(100):
            await advance(loop, 60)
            site.guard.check()
        return len(site.told)

    assert run_virtual(main) == 1


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, 2.1, -2.1, 86_400.0 * 365])
def test_a_step_holds_for_five_minutes_and_is_told_with_its_length(step_s: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, newest_us=EPOCH_US)
        await advance(loop, 86_400 * 2)
        await site.step(step_s)
        assert site.steps == [pytest.approx(step_s, abs=1e-5)]
        assert site.detail is not None
        await advance(loop, 299)
        assert site.guard.check() is False
        await advance(loop, 61)
        assert site.holds.is_held is False
        assert len(site.steps) == 1

    run_virtual(main)


@pytest.mark.parametrize(
    ("step_s", "what"),
    [
        (HOUR_S, "forward by 1:00:00 to 2026-03-02 02:00:00 UTC (it was set, or the machine slept)"),
        (-HOUR_S, "back by 1:00:00 to 2026-03-02 00:00:00 UTC (it was set)"),
    ],
    ids=["forward", "back"],
)
def test_the_detail_of_a_step_says_what_happened_and_what_to_do(step_s: float, what: str) -> None:
    async def main(loop: VirtualLoop) -> str | None:
        site = Site(loop)
        await advance(loop, HOUR_S)
        site.clock.step(step_s)
        site.guard.check()
        return site.detail

    assert run_virtual(main) == (
        f"the wall clock jumped {what}; check it against a watch; the hold ends after 0:05:00 without another "
        "jump, or when a person confirms the clock"
    )


def test_another_step_starts_the_five_minutes_again() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        await site.step(10)
        await advance(loop, 240)
        await site.step(10)
        await advance(loop, 240)
        assert site.guard.check() is False
        await advance(loop, 61)
        assert site.guard.check() is True
        assert site.steps == [pytest.approx(10), pytest.approx(10)]

    run_virtual(main)


def test_a_step_behind_the_newest_record_holds_until_the_record_is_passed() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        await advance(loop, HOUR_S)
        site.guard.note_record(site.clock.now_us())
        await site.step(-HOUR_S)
        await advance(loop, 600)
        assert site.detail is not None
        assert "before the newest record (2026-03-02 01:00:00 UTC)" in site.detail
        assert "jumped" not in site.detail  # the five minutes are over, the record is not passed
        await advance(loop, HOUR_S - 660)
        assert site.guard.check() is True

    run_virtual(main)


def test_a_machine_that_boots_in_1970_is_trusted_after_its_time_server_has_set_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, datetime(1970, 1, 1, tzinfo=UTC), newest_us=us("2026-03-01 00:00:00"))
        await advance(loop, 90)
        await site.step((EPOCH_US / 1e6) - 90)
        assert site.steps == [pytest.approx(EPOCH_US / 1e6 - 90)]
        assert site.detail is not None
        assert "jumped forward" in site.detail
        await advance(loop, 300)
        assert site.guard.check() is True

    run_virtual(main)


def test_the_earliest_sane_instant_itself_is_sane() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
        assert site.guard.check() is False
        await advance(loop, 1)
        assert site.clock.now_us() == EARLIEST_SANE_US
        assert site.guard.check() is True

    run_virtual(main)


def test_whoever_is_about_to_act_sees_a_step_at_once_and_timers_hear_of_it_after_the_hold_stands() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        held_when_told: list[bool] = []
        site.bus.subscribe(ClockStepped, lambda event: held_when_told.append(site.holds.is_held), owner="timers")
        site.clock.step(-30)
        assert site.guard.check() is False
        assert held_when_told == [True]

    run_virtual(main)


@pytest.mark.parametrize("step_s", [1.0, -1.0, 2.0, -2.0], ids=["leap second left out", "leap second", "+2", "-2"])
def test_a_step_of_up_to_two_seconds_is_nothing(step_s: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        await site.step(step_s)
        assert (site.told, site.steps) == ([], [])

    run_virtual(main)


def test_small_steps_add_up_until_they_count() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        site = Site(loop)
        for _ in range(5):
            await site.step(-0.9)
        return site.steps

    assert run_virtual(main) == [pytest.approx(-2.7)]


def test_a_month_without_a_step_is_a_month_without_a_hold() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, newest_us=EPOCH_US)
        for _ in range(30):
            await advance(loop, 86_400.7)
            site.guard.note_record(site.clock.now_us())
        assert (site.told, site.steps) == ([], [])

    run_virtual(main)


def test_a_zone_and_its_daylight_saving_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clocks are the machine's own here: only they could know of a zone."""

    async def main() -> list[object]:
        clock = SystemClock()
        bus = Bus(lambda owner, name, work: None)
        told: list[object] = []
        bus.subscribe(ClockStepped, told.append, owner="test")
        guard = ClockGuard(clock, Holds(bus), bus, clock.now_us())
        for zone in ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC0", "XST-5XDT,0,364"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert guard.check() is True
        return told

    try:
        assert asyncio.run(main()) == []
    finally:
        monkeypatch.undo()
        time.tzset()
    assert os.environ.get("TZ") != "XST-5XDT,0,364"


def test_summer_time_begins_and_ends_without_a_step() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))  # in Europe, half an hour before
        await advance(loop, HOUR_S)
        assert site.guard.check() is True
        site.running.cancel()
        await advance(loop, 86_400 * 210)  # past the end of it
        assert site.guard.check() is True
        assert (site.told, site.steps) == ([], [])

    run_virtual(main)


def test_a_person_confirms_a_clock_that_the_records_contradict() -> None:
    async def main(loop: VirtualLoop) -> None:
        future_us = us("2040-01-01 00:00:00")
        site = Site(loop, newest_us=future_us)
        assert site.holds.is_held
        confirmation = site.guard.confirm(PERSON)
        assert confirmation == Confirmation(EPOCH_US, future_us)
        assert site.guard.check() is True
        [event] = site.confirmed
        assert (event.confirmation, event.context) == (confirmation, PERSON)
        assert site.told[-1].context == PERSON
        await advance(loop, 600)
        assert site.guard.check() is True

        site.clock.step(-HOUR_S)  # a word for now is no word for later
        assert site.guard.check() is False

    run_virtual(main)


def test_a_person_confirms_a_step() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        await site.step(HOUR_S)
        assert site.holds.is_held
        assert site.guard.confirm(PERSON).overruled_us is None
        assert site.guard.check() is True

    run_virtual(main)


def test_a_step_just_before_a_confirmation_is_still_told_to_timers() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        site.clock.step(HOUR_S)
        site.guard.confirm(PERSON)
        assert site.steps == [pytest.approx(HOUR_S)]
        assert site.guard.check() is True

    run_virtual(main)


@pytest.mark.parametrize(
    ("newest", "detail_holds"),
    [
        pytest.param("2040-01-01 00:00:00", False, id="the overruled record is still the newest"),
        pytest.param("2030-01-01 00:00:00", False, id="an older one that was overruled with it"),
        pytest.param("2040-01-01 00:00:01", True, id="a record newer than what was overruled"),
    ],
)
def test_after_a_restart_what_a_person_said_still_counts(newest: str, detail_holds: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        said = Confirmation(us("2026-03-01 00:00:00"), us("2040-01-01 00:00:00"))
        site = Site(loop, newest_us=us(newest), confirmed=said)
        assert site.holds.is_held is detail_holds
        if not detail_holds:
            assert site.guard.newest_us == said.at_us

    run_virtual(main)


def test_after_a_restart_the_clock_is_held_against_the_confirmed_instant() -> None:
    async def main(loop: VirtualLoop) -> None:
        said = Confirmation(us("2026-03-03 00:00:00"), us("2040-01-01 00:00:00"))
        assert Site(loop, newest_us=us("2040-01-01 00:00:00"), confirmed=said).holds.is_held

    run_virtual(main)


def test_nobody_can_confirm_1970() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop, datetime(1970, 1, 1, tzinfo=UTC))
        with pytest.raises(ClockInsane) as caught:
            site.guard.confirm(PERSON)
        assert str(caught.value) == (
            "the wall clock reads 1970-01-01 00:00:00 UTC, which cannot be right; set the machine's clock first "
            "(timedatectl, or the time server), then confirm it"
        )
        assert site.holds.is_held
        assert site.confirmed == []

    run_virtual(main)


def test_older_records_do_not_turn_the_newest_back() -> None:
    async def main(loop: VirtualLoop) -> int:
        site = Site(loop, newest_us=EPOCH_US)
        site.guard.note_record(EPOCH_US + 5)
        site.guard.note_record(EPOCH_US + 3)
        return site.guard.newest_us - EPOCH_US

    assert run_virtual(main) == 5


def test_a_record_of_an_impossible_time_still_holds() -> None:
    async def main(loop: VirtualLoop) -> str | None:
        return Site(loop, newest_us=2**62).detail

    assert f"({2**62} us since 1970)" in str(run_virtual(main))


def test_two_clocks_torn_apart_while_they_are_read_are_no_step() -> None:
    """The process was stopped for 5 s between reading one clock and the other."""

    class Torn(VirtualClock):
        """Monotonic time goes on by itself before some readings."""

        tears = 0
        lost_s = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.lost_s

        def now_us(self) -> int:
            now_us = super().now_us() + round(self.lost_s * 1e6)
            if self.tears:
                self.tears -= 1
                self.lost_s += 5.0
            return now_us

    async def main(loop: VirtualLoop) -> None:
        clock = Torn(loop)
        bus = Bus(lambda owner, name, work: None)
        guard = ClockGuard(clock, Holds(bus), bus, None)
        clock.tears = 1
        assert guard.check() is True

    run_virtual(main)


def test_whoever_asks_for_a_check_is_not_the_cause_of_what_it_finds() -> None:
    async def main(loop: VirtualLoop) -> None:
        site = Site(loop)
        site.clock.step(-30)
        with contexts.use(PERSON):
            site.guard.check()
        assert [event.context for event in site.told] == [contexts.SYSTEM]

    run_virtual(main)
