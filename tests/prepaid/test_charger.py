"""From accepted reads to postings: whatever order they come in, the same money in the end."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from books_stage import FLAT, MALL, Books, at, with_books
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts.ids import AccountId, ContractId
from plugins.prepaid.charging.charger import segments_of_period
from plugins.prepaid.charging.periods import all_of, days_of
from plugins.prepaid.gate.reads import Basis

HOUR = 3_600_000_000
START = at("2026-11-20 00:00")


def test_a_flat_price_charges_what_was_used(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        await books.publish(FLAT, 0)
        account = await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)
        [charged] = await books.accept("stall", START + HOUR, 1_000)
        assert charged.charged_minor == 83
        for hour in range(2, 11):
            await books.accept("stall", START + hour * HOUR, hour * 1_000)
        assert await books.charged(account) == 833  # ten times 83.33 is 833.3, and never 10 x 83

    with_books(tmp_path, scene, runs_twice=True)


def test_a_late_read_corrects_the_split_and_nothing_else(tmp_path: Path) -> None:
    """The bands were split by time; a read at the band edge, coming late, says what really flowed when."""

    async def scene(books: Books) -> None:
        await books.publish(MALL, 0)
        account = await books.move_in("noodles", START, ["stall"])
        await books.begin("stall", START)
        await books.accept("stall", START + 7 * HOUR, 0)
        await books.accept("stall", START + 9 * HOUR, 2_000)
        service = (await books.components("noodles"))["fixed:service"]
        assert await books.charged(account) == service + round(100 * (0.6523 + 1.0231))
        await books.accept("stall", START + 8 * HOUR, 2_000, Basis.BOUNDARY)
        assert await books.charged(account) == service + round(100 * 2 * 0.6523)

    with_books(tmp_path, scene)


def test_two_tenants_of_one_meter_share_an_edge(tmp_path: Path) -> None:
    """The closing read of the one is the opening read of the other; energy is charged once."""

    async def scene(books: Books) -> None:
        edge = START + 12 * HOUR
        await books.publish(FLAT, 0)
        first = await books.move_in("first", START, ["stall"], tariff="flat", end_us=edge)
        second = await books.move_in("second", edge, ["stall"], tariff="flat")
        await books.begin("stall", START)
        await books.accept("stall", START + 6 * HOUR, 6_000)
        await books.accept("stall", START + 18 * HOUR, 30_000)
        assert await books.charged(first) == round((6 + 12) * 83.33)
        assert await books.charged(second) == round(12 * 83.33)

    with_books(tmp_path, scene)


def test_a_shared_meter_charges_each_its_part(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        await books.publish(FLAT, 0)
        for name in ("a", "b"):
            await books.move_in(name, START, ["stall"], tariff="flat", share_ppm=500_000)
        await books.begin("stall", START)
        for hour in range(1, 4):
            await books.accept("stall", START + hour * HOUR, hour * 1_001)
        book = await books.read(lambda reader: books.charger.book)
        used = {}
        for name in ("a", "b"):
            segments = await books.read(
                lambda reader, name=name: segments_of_period(reader, book, ContractId(name), "2026-11")  # type: ignore[misc]
            )
            used[name] = sum(one.wh for one in segments)
        assert used == {"a": 1501, "b": 1502}

    with_books(tmp_path, scene)


def test_a_standing_charge_falls_due_without_any_reading(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        await books.publish(MALL, 0)
        account = await books.move_in("noodles", at("2026-11-01 00:00"), ["stall"])
        for day in (1, 2, 3):
            noon = at(f"2026-11-0{day} 12:00")
            await books.write(lambda tx, noon=noon: books.charger.accrue(tx, ContractId("noodles"), noon))  # type: ignore[misc]
            assert await books.charged(account) == 300 * day
            await books.write(lambda tx, noon=noon: books.charger.accrue(tx, ContractId("noodles"), noon))  # type: ignore[misc]
            assert await books.charged(account) == 300 * day

    with_books(tmp_path, scene)


def test_a_month_edge_splits_the_energy_between_two_periods(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        await books.publish(FLAT, 0)
        start = at("2026-11-30 20:00")
        await books.move_in("noodles", start, ["stall"], tariff="flat")
        await books.begin("stall", start)
        await books.accept("stall", start + 6 * HOUR, 6_000)
        rows = await books.read(lambda reader: all_of(reader, ContractId("noodles")))
        assert {period: row.posted["energy"] for period, row in rows.items()} == {"2026-11": 333, "2026-12": 167}
        days = await books.read(lambda reader: days_of(reader, ContractId("noodles"), "2026-11-01", "2026-12-31"))
        assert days == [("2026-11-30", 4_000, 333), ("2026-12-01", 2_000, 167)]

    with_books(tmp_path, scene)


def test_a_tariff_published_for_the_past_posts_only_the_difference(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        await books.publish(FLAT, 0)
        account = await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)
        await books.accept("stall", START + 10 * HOUR, 10_000)
        await books.publish(FLAT.replace("0.8333", "0.5"), START + 5 * HOUR)

        def again(tx):  # type: ignore[no-untyped-def]
            book = books.charger.current_book(tx)
            return books.charger.refold(
                tx, book, ContractId("noodles"), "2026-11", "rebuild:test", START + 10 * HOUR
            )

        [charged] = await books.write(again)
        assert await books.charged(account) == round(5 * 83.33 + 5 * 50)
        assert charged.charged_minor == round(5 * 83.33 + 5 * 50) - 833

    with_books(tmp_path, scene)


@st.composite
def _days_of_reads(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Reads of two meters over some days, rising, at odd instants."""
    reads = []
    for point in ("stall", "store"):
        instants = sorted(draw(st.sets(st.integers(1, 5 * 24 * 60), min_size=1, max_size=7)))
        total = 0
        for minute in instants:
            total += draw(st.integers(0, 20_000))
            reads.append((point, START + minute * 60_000_000, total))
    return reads


def _charge_all(reads: list[tuple[str, int, int]]) -> tuple[dict[str, int], int]:
    """What is posted for reads taken in this order; and how often it was posted."""

    async def scene(books: Books) -> tuple[dict[str, int], int]:
        await books.publish(MALL, 0)
        await books.move_in("noodles", START, ["stall", "store"])
        for point in ("stall", "store"):
            await books.begin(point, START)
        for point, at_us, total in reads:
            await books.accept(point, at_us, total)
        newest = max(at_us for _, at_us, _ in reads)
        await books.write(lambda tx: books.charger.accrue(tx, ContractId("noodles"), newest))
        components = await books.components("noodles")
        assert await books.charged(AccountId("noodles")) == sum(components.values())
        rows = await books.read(lambda reader: all_of(reader, ContractId("noodles")))
        return components, sum(row.postings for row in rows.values())

    with tempfile.TemporaryDirectory() as folder:
        return with_books(Path(folder), scene)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_days_of_reads(), st.randoms(use_true_random=False))
def test_any_order_of_the_same_reads_gives_the_same_charges(reads: list[tuple[str, int, int]], random) -> None:  # type: ignore[no-untyped-def]
    in_order, _ = _charge_all(sorted(reads, key=lambda read: read[1]))
    shuffled = list(reads)
    random.shuffle(shuffled)
    out_of_order, _ = _charge_all(shuffled)
    assert out_of_order == in_order


@pytest.mark.parametrize("step", [1, 2, 3])
def test_reading_less_often_changes_only_what_the_bands_cannot_tell(tmp_path: Path, step: int) -> None:
    """Under one price, splitting an interval changes nothing at all."""

    async def scene(books: Books) -> int:
        await books.publish(FLAT, 0)
        account = await books.move_in("noodles", START, ["stall"], tariff="flat")
        await books.begin("stall", START)
        for hour in range(step, 13, step):
            await books.accept("stall", START + hour * HOUR, hour * 777)
        return await books.charged(account)

    assert with_books(tmp_path, scene) == round(12 * 777 * 83.33 / 1000)
