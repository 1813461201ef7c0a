"""What the gate does not take as it comes: doubtful readings, late ones, resets and rollovers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from metered_stage import BANDED, STALL, Metered, play

from hub.contracts.accounting import EpochBegan, ReadingHeld
from hub.contracts.metering import ReadingTag
from hub.core.states import Quality

MINUTE_US = 60_000_000

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
