"""The virtual wall clock: an epoch plus the loop's time, and steps that move no timer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub.sim import DEFAULT_EPOCH, VirtualClock, VirtualLoop, run_virtual


def test_the_default_calendar_starts_on_a_monday_at_midnight() -> None:
    async def main(loop: VirtualLoop) -> datetime:
        return VirtualClock(loop).now()

    start = run_virtual(main)
    assert start == DEFAULT_EPOCH == datetime(2026, 3, 2, tzinfo=UTC)
    assert start.strftime("%A %H:%M:%S.%f") == "Monday 00:00:00.000000"


def test_the_wall_clock_runs_with_the_loop_to_the_microsecond() -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = VirtualClock(loop)
        start_us = clock.now_us()
        await clock.sleep(30 * 86_400 + 0.000_001)
        assert clock.now_us() - start_us == 30 * 86_400 * 1_000_000 + 1
        assert clock.monotonic() == loop.time() == 30 * 86_400 + 0.000_001
        assert clock.now() == datetime(2026, 4, 1, 0, 0, 0, 1, tzinfo=UTC)

    run_virtual(main)


def test_tenths_of_a_second_are_rounded_not_cut() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        clock = VirtualClock(loop)
        start_us = clock.now_us()
        seen = []
        for _ in range(10):
            await clock.sleep(0.1)  # the sums are a little below 0.8, 0.9 and 1.0
            seen.append(clock.now_us() - start_us)
        return seen

    assert run_virtual(main) == [100_000 * number for number in range(1, 11)]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, -86_400 * 20_000.0, 0.000_001], ids=str)
def test_a_step_moves_the_wall_clock_and_neither_timers_nor_the_monotonic_clock(step_s: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = VirtualClock(loop)
        fired_s: list[float] = []
        clock.call_later(10, lambda: fired_s.append(clock.monotonic()))
        clock.call_at(clock.now_us() + 20_000_000, lambda: fired_s.append(clock.monotonic()))
        await clock.sleep(5)
        before_us, before_s = clock.now_us(), clock.monotonic()
        clock.step(step_s)
        assert clock.now_us() - before_us == round(step_s * 1e6)
        assert clock.now() == DEFAULT_EPOCH + timedelta(seconds=5 + step_s)
        assert clock.monotonic() == before_s == 5.0
        assert VirtualClock(loop).now() == DEFAULT_EPOCH + timedelta(seconds=5)  # another clock stays
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3600), 30)
        assert clock.monotonic() == 35.0
        assert fired_s == [10.0, 20.0]

    run_virtual(main)


def test_steps_add_up() -> None:
    async def main(loop: VirtualLoop) -> datetime:
        clock = VirtualClock(loop)
        clock.step(90)
        await clock.sleep(1)
        clock.step(-30)
        return clock.now()

    assert run_virtual(main) == DEFAULT_EPOCH + timedelta(seconds=61)


def test_an_epoch_of_another_zone_is_the_same_instant() -> None:
    async def main(loop: VirtualLoop) -> datetime:
        return VirtualClock(loop, datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=8)))).now()

    assert run_virtual(main) == DEFAULT_EPOCH


def test_an_epoch_without_a_zone_is_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(ValueError, match="has no time zone"):
            VirtualClock(loop, datetime(2026, 3, 2))  # noqa: DTZ001 - the mistake under test

    run_virtual(main)


def test_it_says_that_it_is_virtual() -> None:
    async def main(loop: VirtualLoop) -> bool:
        return VirtualClock(loop).is_virtual

    assert run_virtual(main) is True
