"""From readings to accepted reads: what is written down when, what waits, and what begins a new count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from metered_stage import STALL, Metered, MeteredPlugin, play, register

from hub.contracts.accounting import EpochBegan, ReadingHeld
from hub.contracts.ids import PointId, RegisterId
from hub.contracts.metering import ReadingTag
from hub.core import faultpoints
from hub.core.states import Quality

MINUTE_US = 60_000_000
BANDED = """
tariff: flat
name: Two prices
currency: CNY
time_zone: Asia/Shanghai
times:
  - bands: {day: 08:00-20:00, night: rest}
energy:
  prices: {day: 1, night: 0.5}
"""


def test_between_steps_of_the_grid_only_the_balance_follows(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        for minute in (10, 20, 50):
            await metered.hub.advance(10 * 60)
            await metered.say(minute * 100)
        assert await metered.totals() == [0]
        assert (await metered.charged(), str(metered.shown("balance"))) == (0, "-5.00")
        await metered.hub.advance(31 * 60)
        await metered.say(8_000)
        assert await metered.totals() == [0, 8_000]
        assert (await metered.charged(), str(metered.shown("balance"))) == (800, "-8.00")

    play(tmp_path, scene)


def test_without_a_grid_every_look_is_written_down(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        for raw in (0, 10, 20):
            await metered.say(raw)
            await metered.hub.advance(10)
        assert await metered.totals() == [0, 10, 20]

    play(tmp_path, scene, grid="0 s")


def test_the_looks_on_both_sides_of_an_edge_of_price_are_written_down(tmp_path: Path) -> None:
    """The look before 20:00 and the one after it: only the minutes between them are shared by time."""

    async def scene(metered: Metered) -> None:
        await metered.say(0)
        for raw in (1_000, 2_000):
            await metered.hub.advance(9 * 60)
            await metered.say(raw)
        await metered.hub.advance(4 * 60)
        await metered.say(3_000)
        assert await metered.totals() == [0, 2_000, 3_000]
        assert await metered.charged() == round(2_500 * 0.1 + 500 * 0.05)

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:40+08:00")


def test_a_boundary_read_close_to_its_edge_stands_for_the_edge(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(20 * 60 + 2)
        edge_us = metered.now_us // MINUTE_US * MINUTE_US
        await metered.say(2_000, tag=ReadingTag.BOUNDARY, asked_us=edge_us)
        await metered.hub.advance(40 * 60)
        await metered.say(6_000, tag=ReadingTag.REQUESTED)
        instants = await metered.rows("SELECT at_us, basis FROM prepaid__reads ORDER BY at_us")
        assert instants[1] == (edge_us, "boundary")
        assert await metered.charged() == 200 + 200

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:40+08:00")


def test_a_boundary_read_far_from_its_edge_stands_for_itself(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(60)
        await metered.say(10, tag=ReadingTag.BOUNDARY, asked_us=metered.now_us - 5_000_001)
        rows = await metered.rows("SELECT at_us, received_us FROM prepaid__reads ORDER BY at_us")
        assert rows[1][0] == rows[1][1]

    play(tmp_path, scene)


HELD: dict[str, tuple[dict[str, Any], str, bool]] = {
    "of doubtful quality": ({"quality": Quality.UNCERTAIN}, "its quality is uncertain", False),
    "of another instrument": ({"serial": "S9"}, "meter S9 answers where S1 is billed", False),
    "behind another transformer": ({"ratio": (200, 5)}, "the transformer ratio is 200/5 now, and was 1/1", False),
    "too high": ({"raw": 500_000}, "499900 Wh since the last read, where 11002 Wh can have flowed", True),
    "fallen": ({"raw": 90}, "the register fell from 100 to 90", False),
}


@pytest.mark.parametrize(("changes", "reason", "needs_person"), HELD.values(), ids=HELD)
def test_a_doubtful_reading_is_on_record_told_once_and_not_billed(
    tmp_path: Path, changes: dict[str, Any], reason: str, needs_person: bool
) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(100)
        held = metered.hub.capture(ReadingHeld)
        for _ in range(2):
            await metered.hub.advance(600 if not held else 1)
            await metered.say(**{"raw": 200, **changes})
        assert [(one.point, one.reason, one.needs_person) for one in held] == [(STALL, reason, needs_person)]
        assert await metered.rows("SELECT reason FROM prepaid__read_attempts") == [(reason,)]
        assert (await metered.totals(), await metered.charged()) == ([0], 0)
        await metered.hub.advance(3_600)
        await metered.say(400)
        assert await metered.totals() == [0, 300]
        await metered.hub.advance(1)
        await metered.say(**{"raw": 410, **changes})
        assert len(held) == 2

    play(tmp_path, scene)


def test_a_reset_begins_a_new_count_and_charges_what_was_seen_before_it(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(100)
        began = metered.hub.capture(EpochBegan)
        await metered.hub.advance(600)
        await metered.say(700)  # seen, and not written down yet
        for raw in (3, 4, 5):
            await metered.hub.advance(10)
            await metered.say(raw)
        assert [(one.reason, one.is_expected) for one in began] == [
            ("the register fell from 700 to 5, 3 looks agree", False)
        ]
        assert await metered.totals() == [0, 600, 0]
        assert await metered.charged() == 60
        epochs = await metered.rows("SELECT open_raw, close_raw, reason FROM prepaid__epochs ORDER BY id")
        assert epochs == [(100, 700, "first read"), (5, None, "the register fell from 700 to 5, 3 looks agree")]
        await metered.hub.advance(3_600)
        await metered.say(1_005)
        assert await metered.charged() == 160

    play(tmp_path, scene)


def test_a_reset_right_after_a_written_read_writes_nothing_twice(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(100)
        await metered.hub.advance(3_600)
        await metered.say(700)
        for raw in (3, 4, 5):
            await metered.hub.advance(10)
            await metered.say(raw)
        assert (await metered.totals(), await metered.charged()) == ([0, 600, 0], 60)

    play(tmp_path, scene)


def test_a_rollover_goes_on_counting_in_the_same_epoch(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(999_500)
        await metered.hub.advance(3_600)
        await metered.say(500)
        rows = await metered.rows("SELECT epoch, raw, wraps, total_wh FROM prepaid__reads ORDER BY at_us")
        assert rows == [(1, 999_500, 0, 0), (1, 500, 1, 1_000)]
        assert await metered.charged() == 100
        await metered.restart()
        await metered.hub.advance(3_600)
        await metered.say(1_500)
        assert await metered.charged() == 200

    play(tmp_path, scene)


async def three_hours(metered: Metered) -> int:
    """Reads at three full hours, 1 kWh each; the instant of the first."""
    begin_us = metered.now_us
    for raw in (0, 1_000, 2_000):
        await metered.say(raw)
        await metered.hub.advance(3_600)
    return begin_us


def test_a_late_look_refines_the_past(tmp_path: Path) -> None:
    """Between 20:00 and 21:00 all of it was used in the first minutes, which were still dear."""

    async def scene(metered: Metered) -> None:
        begin_us = await three_hours(metered)
        assert await metered.charged() == (50 + 25) + 50
        await metered.say(1_000, source_us=begin_us + 30 * MINUTE_US)
        assert await metered.charged() == 100 + 50
        await metered.say(3_000)
        assert await metered.charged() == 100 + 100

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:30+08:00")


LATE = {
    "before the first": (-1, 0),
    "of the instant of one that is there": (60 * MINUTE_US, 1_000),
    "below the one before it": (70 * MINUTE_US, 999),
    "above the one after it": (70 * MINUTE_US, 2_001),
    "after the last that is written down": (121 * MINUTE_US, 2_000),
}


@pytest.mark.parametrize(("after_us", "raw"), LATE.values(), ids=LATE)
def test_a_late_look_that_does_not_fit_changes_nothing(tmp_path: Path, after_us: int, raw: int) -> None:
    async def scene(metered: Metered) -> None:
        begin_us = await three_hours(metered)
        await metered.say(2_010, source_us=begin_us + 122 * MINUTE_US)
        [(second_us,)] = await metered.rows("SELECT at_us FROM prepaid__reads WHERE total_wh = 1000")
        at_us = second_us if after_us == 60 * MINUTE_US else begin_us + after_us
        await metered.say(raw, source_us=at_us)
        assert await metered.totals() == [0, 1_000, 2_000]
        assert await metered.charged() == 200

    play(tmp_path, scene)


def test_readings_of_points_and_registers_that_the_books_do_not_know_are_nothing(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        cellar = PointId("cellar")
        metered.field.by_point[cellar] = (register(cellar),)
        await metered.say(0, cellar)
        await metered.say(0, register=RegisterId("energy_export"))
        assert await metered.totals() == []

    play(tmp_path, scene, registers={STALL: (register(), register(register=RegisterId("energy_export")))})


def test_a_point_that_has_nothing_but_band_registers_is_not_read(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        assert await metered.totals() == []

    play(tmp_path, scene, registers={STALL: (register(band="day"),)})


DAY, NIGHT = RegisterId("energy_day"), RegisterId("energy_night")


def test_a_meter_with_band_registers_says_itself_what_fell_into_which(tmp_path: Path) -> None:
    """One hour on each side of the edge, and the registers know that nearly all was used in the dear one."""
    registers = (register(), register(register=DAY, band="day"), register(register=NIGHT, band="night"))

    async def scene(metered: Metered) -> None:
        for at_s, day, night in ((0, 5, 7), (7_200, 1_905, 107)):
            await metered.hub.advance(at_s)
            await metered.say(day, register=DAY)
            await metered.say(night, register=NIGHT)
            await metered.say(day + night)
        assert await metered.charged() == 190 + 5
        stored = await metered.rows("SELECT band_wh FROM prepaid__reads ORDER BY at_us")
        assert stored == [('{"day":5,"night":7}',), ('{"day":1905,"night":107}',)]
        await metered.hub.advance(7_200)
        await metered.say(108, register=NIGHT)
        await metered.say(2_013)  # its day register has not come: two hours ago it said another thing
        assert (await metered.rows("SELECT band_wh FROM prepaid__reads ORDER BY at_us"))[2] == (None,)

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:00+08:00", registers={STALL: registers})


@contextmanager
def happening_at(point: str, what: Callable[[], object]) -> Iterator[None]:
    """Something else happens whenever a point is passed."""

    def passed(name: str) -> None:
        if name == point:
            what()

    faultpoints.install(passed)
    try:
        yield
    finally:
        faultpoints.install(None)


def _fail() -> None:
    raise RuntimeError("a test says no")


def test_what_could_not_be_written_is_written_with_the_next_look(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        with happening_at("prepaid.after_charge", _fail):
            await metered.say(1_000)
        assert (await metered.totals(), await metered.charged()) == ([0], 0)
        await metered.hub.advance(60)
        await metered.say(1_010)
        assert await metered.totals() == [0, 1_010]
        assert (await metered.charged(), str(metered.shown("balance"))) == (101, "-1.01")

    play(tmp_path, scene)


def test_a_restart_goes_on_from_what_is_written_down(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(1_000)
        await metered.hub.advance(60)
        await metered.say(1_010)
        await metered.restart()
        await metered.hub.advance(60)
        await metered.say(1_020)
        assert await metered.totals() == [0, 1_000]
        assert str(metered.shown("balance")) == "-1.02"
        await metered.hub.advance(3_600)
        await metered.say(1_500)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000, 1_500], 150)

    play(tmp_path, scene)


def test_after_a_restart_another_main_register_begins_its_own_count(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(1_000)
        metered.field.by_point[STALL] = (register(register=RegisterId("energy_total")),)
        await metered.restart()
        await metered.hub.advance(60)
        await metered.say(77_000)
        assert await metered.totals() == [0, 1_000, 0]

    play(tmp_path, scene)


def test_a_meter_that_is_replaced_while_its_read_is_written_down_is_not_missed(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        with happening_at("prepaid.after_charge", lambda: MeteredPlugin.here.intake.forget(STALL)):
            await metered.say(1_000)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000], 100)
        await MeteredPlugin.here.intake.take_up()
        await metered.hub.advance(3_600)
        await metered.say(1_500)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000, 1_500], 150)

    play(tmp_path, scene)


TAXED = """
tariff: flat
name: A tax on top
currency: CNY
time_zone: Asia/Shanghai
energy: {price: 1}
taxes:
  vat: {percent: 13, included: false}
"""


def test_a_tax_on_top_is_owed_and_not_earned(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(10_000)
        assert await metered.charged() == 1_130
        rows = await metered.rows("SELECT account, amount_minor FROM prepaid__balances ORDER BY account")
        assert rows == [
            ("clearing:energy_recovery", -1_000),
            ("liability:tenant:noodles:prepaid", 1_130),
            ("liability:vat", -130),
        ]

    play(tmp_path, scene, tariff=TAXED)


def test_a_reset_seen_in_one_bundle_with_the_last_read_before_it(tmp_path: Path) -> None:
    """The disk was slow, and readings that were asked for have piled up: the old count ends, the new one begins."""

    async def scene(metered: Metered) -> None:
        await metered.say(100)
        await metered.hub.advance(600)
        for after_us, raw in enumerate((700, 3, 4, 5)):
            metered.put(raw, tag=ReadingTag.REQUESTED, source_us=metered.now_us + after_us)
        await metered.hub.advance(10)
        assert (await metered.totals(), await metered.charged()) == ([0, 600, 0], 60)
        await metered.say(105)
        assert str(metered.shown("balance")) == "-0.70"
        await metered.hub.advance(3_600)
        await metered.say(1_005)
        assert await metered.charged() == 160

    play(tmp_path, scene)
