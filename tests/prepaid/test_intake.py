"""From readings to accepted reads: what is written down when, and what it is charged as."""

from __future__ import annotations

from pathlib import Path

from metered_stage import BANDED, STALL, Metered, play, register

from hub.contracts.ids import PointId, RegisterId
from hub.contracts.metering import ReadingTag

MINUTE_US = 60_000_000


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
