"""Time is exact, aware and from one place; ids never repeat, and repeat exactly when seeded."""

from __future__ import annotations

import asyncio
import threading
import time  # noqa: TID251 - real time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.clock import EARLIEST_SANE_US, SystemClock, from_us, to_us
from hub.core.ids import Ids, SeededIds, SystemIds
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual

BERLIN = ZoneInfo("Europe/Berlin")
ALPHABET = set("0123456789abcdefghjkmnpqrstvwxyz")


@given(
    st.integers(
        min_value=to_us(datetime.min.replace(tzinfo=UTC)), max_value=to_us(datetime.max.replace(tzinfo=UTC))
    )
)
def test_every_microsecond_of_the_calendar_goes_there_and_back(instant_us: int) -> None:
    assert to_us(from_us(instant_us)) == instant_us


@given(st.datetimes(timezones=st.timezones()))
def test_an_aware_time_of_any_zone_is_the_same_instant(moment: datetime) -> None:
    try:
        back = from_us(to_us(moment))
    except OverflowError:  # the first and last hours of the calendar have no UTC
        assert moment.year in (1, 9999)
        return
    assert (back - moment.astimezone(UTC)) == timedelta(0)
    assert back.tzinfo is UTC


@pytest.mark.parametrize(
    ("moment", "instant_us"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2026, 1, 1, tzinfo=UTC), EARLIEST_SANE_US),
        (datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))), EARLIEST_SANE_US),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0), 1_792_888_200_000_000),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), 1_792_891_800_000_000),
    ],
    ids=["1970", "just before 1970", "2026", "2026 in Shanghai", "the first 2:30 of the night", "the second 2:30"],
)
def test_known_instants(moment: datetime, instant_us: int) -> None:
    assert to_us(moment) == instant_us
    assert from_us(instant_us) == moment.astimezone(UTC)


def test_a_naive_time_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError) as caught:
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
    assert (
        str(caught.value) == "datetime.datetime(2026, 1, 1, 0, 0) has no time zone; the hub keeps aware times only"
    )


def test_a_zone_that_knows_no_offset_is_refused() -> None:
    class Nowhere(tzinfo):
        """A zone in name only."""

        def utcoffset(self, moment: datetime | None) -> timedelta | None:
            return None

        def dst(self, moment: datetime | None) -> timedelta | None:
            return None

        def tzname(self, moment: datetime | None) -> str:
            return "nowhere"

    with pytest.raises((TypeError, ValueError)):
        to_us(datetime(2026, 1, 1, tzinfo=Nowhere()))


@pytest.mark.real_time
def test_the_system_clock_reads_the_machines_clocks() -> None:
    clock = SystemClock()
    before_ns, now_us, after_ns = time.time_ns(), clock.now_us(), time.time_ns()  # noqa: TID251 - the reference
    assert before_ns // 1000 <= now_us <= after_ns // 1000
    before_s, now_s, after_s = time.monotonic(), clock.monotonic(), time.monotonic()  # noqa: TID251
    assert before_s <= now_s <= after_s
    assert clock.is_virtual is False
    assert clock.now().utcoffset() == timedelta(0)


def test_a_deadline_fires_when_the_wall_clock_gets_there_and_at_once_when_it_has_passed() -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = VirtualClock(loop)
        fired: list[tuple[str, float]] = []
        clock.call_at(clock.now_us() - 1, lambda: fired.append(("past", clock.monotonic())))
        clock.call_at(clock.now_us(), lambda: fired.append(("now", clock.monotonic())))
        clock.call_at(clock.now_us() + 90_000_001, lambda: fired.append(("soon", clock.monotonic())))
        clock.call_later(5, lambda: fired.append(("never", clock.monotonic()))).cancel()
        await advance(loop, 100)
        assert sorted(fired) == [("now", 0.0), ("past", 0.0), ("soon", pytest.approx(90.000001, abs=1e-7))]

    run_virtual(main)


@pytest.mark.real_time
def test_sleeping_on_the_system_clock_takes_that_long() -> None:
    async def main() -> float:
        clock = SystemClock()
        began_s = clock.monotonic()
        await clock.sleep(0.05)
        return clock.monotonic() - began_s

    assert 0.045 <= asyncio.run(main()) < 2


@pytest.mark.parametrize("make", [SystemIds, lambda: SeededIds(1)], ids=["system", "seeded"])
def test_ids_of_one_start_never_repeat_and_carry_its_prefix(make: type[SystemIds]) -> None:
    ids: Ids = make()
    made = [ids.new() for _ in range(10_000)]
    assert len(set(made)) == 10_000
    assert {each.partition("-")[0] for each in made} == {ids.boot}
    assert len(ids.boot) == 10
    assert set(ids.boot) <= ALPHABET


def test_two_starts_have_two_prefixes() -> None:
    assert len({SystemIds().boot for _ in range(200)}) == 200


def test_ids_made_by_many_threads_never_repeat() -> None:
    ids = SystemIds()
    made: list[str] = []

    def make() -> None:
        made.extend([ids.new() for _ in range(2000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_the_same_seed_gives_the_same_ids_tokens_and_numbers() -> None:
    def draw(seed: int) -> list[object]:
        ids = SeededIds(seed)
        return [ids.boot, ids.new(), ids.token(), ids.random_bits(64), ids.uniform(0, 1), ids.new()]

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(1)], ids=["system", "seeded"])
def test_tokens_are_128_bits_of_hex_and_never_repeat(ids: Ids) -> None:
    tokens = [ids.token() for _ in range(1000)]
    assert len(set(tokens)) == 1000
    assert {len(token) for token in tokens} == {32}
    assert set("".join(tokens)) <= set("0123456789abcdef")


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(1)], ids=["system", "seeded"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-5.0, 5.0), (0.9, 1.1), (3.0, 3.0)])
def test_a_random_number_lies_between_its_bounds_and_spreads_over_them(ids: Ids, low: float, high: float) -> None:
    drawn = [ids.uniform(low, high) for _ in range(2000)]
    assert low <= min(drawn)
    assert max(drawn) <= high
    if high > low:
        assert sum(number < (low + high) / 2 for number in drawn) == pytest.approx(1000, abs=200)


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(1)], ids=["system", "seeded"])
def test_random_bits_use_all_bits_asked_for_and_no_more(ids: Ids) -> None:
    drawn = [ids.random_bits(8) for _ in range(5000)]
    assert (min(drawn), max(drawn)) == (0, 255)


def test_the_earliest_sane_instant_is_not_in_the_future_of_a_running_hub() -> None:
    assert from_us(EARLIEST_SANE_US).date() == date(2026, 1, 1)
    assert SystemClock().now_us() > EARLIEST_SANE_US
