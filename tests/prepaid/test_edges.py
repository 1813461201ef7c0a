"""What time itself brings: reads asked for at edges of price, standing charges by the day, months that end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from books_stage import FLAT, Books, at, with_books
from metered_stage import BANDED, STALL, Metered, play, register

from hub.contracts.ids import ContractId, PointId
from hub.contracts.metering import ReadingTag
from hub.core.clock import to_us
from hub.core.storage import Tx
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.charging.charger import Charged
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Term
from plugins.prepaid.pricing import Timeline, Version
from plugins.prepaid.tariffs import tariff_from_text

SERVICED = """
tariff: flat
name: A service charge by the day and a minimum by the month
currency: CNY
time_zone: Asia/Shanghai
energy: {price: 1}
fixed:
  service: {amount: 30, accrue: daily}
minimum: {amount: 100}
"""


def test_a_read_is_asked_for_at_every_edge_of_price(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(13 * 3_600)
        [(points, at_us), (_, next_us)] = metered.field.asked
        assert points == [STALL]
        assert next_us - at_us == 12 * 3_600_000_000
        assert (at_us // 1_000_000 + 8 * 3_600) % 86_400 == 20 * 3_600

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:40+08:00")


def test_a_point_that_was_never_read_is_not_asked(tmp_path: Path) -> None:
    """Nobody knows a meter there: the field layer would answer with an error."""

    async def scene(metered: Metered) -> None:
        await metered.hub.advance(3_600)
        assert [points for points, _ in metered.field.asked] == [[]]

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:40+08:00")


def test_without_a_field_layer_edges_pass_and_are_asked_for_again_once_it_is_back(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        metered.withdraw_readings()
        await metered.hub.advance(13 * 3_600)
        assert metered.field.asked == []

    play(tmp_path, scene, tariff=BANDED, begins="2026-11-20T19:40+08:00")


PLACES = [
    {"point": "stall", "account": "noodles", "tariff": "flat"},
    {"point": "store", "account": "shoes", "tariff": "unpublished"},
]


def test_a_contract_whose_tariff_is_not_published_is_not_charged_and_stops_nobody(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        for raw in (0, 1_000):
            await metered.say(raw)
            await metered.say(raw, PointId("store"))
            await metered.hub.advance(3_600)
        assert (await metered.charged("noodles"), await metered.charged("shoes")) == (200, 0)
        assert await metered.totals() == [0, 1_000, 0, 1_000]
        assert str(metered.shown("balance", "shoes")) == "0.00"
        assert (metered.shown("band", "store"), metered.shown("price", "store")) == (None, None)

    registers = {point: (register(point),) for point in (STALL, PointId("store"))}
    play(tmp_path, scene, tariff=SERVICED, places=PLACES, registers=registers)


async def end_of_november(metered: Metered, raw: int) -> int:
    """Let the month end, with a read at its very end; the instant of that."""
    end_us = to_us(datetime.fromisoformat("2026-12-01T00:00+08:00"))
    await metered.hub.advance((end_us - metered.now_us) // 1_000_000 + 1)
    await metered.say(raw, tag=ReadingTag.BOUNDARY, asked_us=end_us)
    return end_us


async def posted(metered: Metered) -> dict[str, tuple[str, int]]:
    """What each month has come to: components, and whether it is finished."""
    rows = await metered.rows("SELECT period, posted, is_finished FROM prepaid__periods ORDER BY period")
    return {period: (text, is_finished) for period, text, is_finished in rows}


def test_standing_charges_fall_due_after_every_midnight(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        charged = []
        for _ in range(4):
            await metered.hub.advance(43_200)
            charged.append(await metered.charged())
        first = charged[0] % 3_000
        assert [one - charged[0] for one in charged] == [0, 100, 100, 200]
        assert first % 100 == 0
        assert metered.shown("balance") == -charged[-1] // 100

    play(tmp_path, scene, tariff=SERVICED, begins="2026-11-20T08:00+08:00")


def test_a_month_that_is_read_at_its_end_is_finished_then(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await end_of_november(metered, 10_000)
        assert (await posted(metered))["2026-11"] == ('{"energy":1000,"fixed:service":100}', 0)
        await metered.hub.advance(10)
        assert (await posted(metered))["2026-11"] == ('{"energy":1000,"fixed:service":100,"minimum":9000}', 1)

    play(tmp_path, scene, tariff=SERVICED, begins="2026-11-30T12:00+08:00")


def test_a_month_whose_last_read_does_not_come_is_finished_a_day_later(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(12 * 3_600 + 10)
        assert (await posted(metered))["2026-11"][1] == 0
        await metered.hub.advance(24 * 3_600)
        assert (await posted(metered))["2026-11"] == ('{"fixed:service":100,"minimum":10000}', 1)

    play(tmp_path, scene, tariff=SERVICED, begins="2026-11-30T12:00+08:00")


def test_what_comes_after_a_finished_month_is_held_against_its_minimum(tmp_path: Path) -> None:
    """The minimum is not given back: what was used counts towards it."""

    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(37 * 3_600)
        assert await metered.charged() == 100 + 10_000 + 194
        end_us = to_us(datetime.fromisoformat("2026-12-01T00:00+08:00"))
        await metered.say(60_000)
        await metered.say(20_000, source_us=end_us)
        assert (await posted(metered))["2026-11"] == ('{"energy":2000,"fixed:service":100,"minimum":8000}', 1)
        assert await metered.charged() == 100 + 10_000 + 194 + 4_000

    play(tmp_path, scene, tariff=SERVICED, begins="2026-11-30T12:00+08:00")


def test_days_that_passed_while_the_hub_was_off_are_posted_at_its_start(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        assert await metered.charged() == 100
        await metered.restart(off_s=5 * 86_400)
        assert await metered.charged() == 600

    play(tmp_path, scene, tariff=SERVICED, begins="2026-11-20T12:00+08:00")


def test_what_is_not_charged_yet_is_neither_accrued_nor_finished(tmp_path: Path) -> None:
    """The tariff of one is not published, and the other begins tomorrow."""

    async def scene(books: Books) -> list[list[Charged]]:
        begin_us = at("2026-11-20 00:00")
        await books.move_in("shoes", begin_us, ["store"], tariff="unpublished")
        await books.publish(FLAT, 0)
        await books.move_in("noodles", begin_us + 86_400_000_000, ["stall"], tariff="flat")
        charger = books.charger

        def ask(tx: Tx) -> list[list[Charged]]:
            return [
                charger.accrue(tx, ContractId("shoes"), begin_us),
                charger.finish(tx, ContractId("shoes"), "2026-11"),
                charger.accrue(tx, ContractId("noodles"), begin_us),
            ]

        return await books.write(ask)

    assert with_books(tmp_path, scene) == [[], [], []]


def test_a_read_before_the_first_of_its_epoch_is_charged_with_nothing(tmp_path: Path) -> None:
    async def scene(books: Books) -> tuple[list[Charged], int]:
        begin_us = at("2026-11-20 00:00")
        await books.publish(FLAT, 0)
        account = await books.move_in("noodles", begin_us, ["stall"], tariff="flat")
        await books.begin("stall", begin_us)
        return await books.accept("stall", begin_us - 1, 0), await books.charged(account)

    assert with_books(tmp_path, scene) == ([], 0)


def test_where_the_price_never_changes_there_is_no_edge_to_look_for() -> None:
    """Two versions, since with one it goes without saying."""
    versions = [Version(tariff_from_text(FLAT, "flat.yaml"), from_us) for from_us in (0, at("2026-11-20 00:00"))]
    assert Timeline(versions, 0).next_band_edge(at("2026-11-21 00:00")) is None


def test_a_month_rests_on_no_point_that_was_held_in_another_one_only(tmp_path: Path) -> None:
    async def scene(books: Books) -> tuple[list[Charged], int]:
        begin_us, month_us = at("2026-10-30 00:00"), at("2026-11-01 00:00")
        await books.publish(FLAT, 0)
        account = await books.move_in("noodles", begin_us, ["stall", "store"], tariff="flat")
        for point in ("stall", "store"):
            await books.begin(point, begin_us)
            await books.accept(point, month_us, 1_000)
            await books.accept(point, month_us + 3_600_000_000, 3_000)
        ended = Term(contract=ContractId("noodles"), point=PointId("store"), start_us=begin_us, end_us=month_us)

        def end(tx: Tx) -> list[Charged]:
            repository.save_term(tx, ended)
            turn_page(tx)
            book = books.charger.current_book(tx)
            return books.charger.refold(tx, book, ContractId("noodles"), "2026-11", "test", month_us + 1)

        return await books.write(end), await books.charged(account)

    charged, total = with_books(tmp_path, scene)
    assert [one.charged_minor for one in charged] == [-166]
    assert total == 167 + 167
