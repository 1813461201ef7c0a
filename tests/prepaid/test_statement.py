"""Statements: what they say, that they say it again byte for byte, and what closing them means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from books_stage import FLAT, MALL, Books, at
from statement_stage import DAY, HOUR, SITE, STATEMENT_TABLES, Office, a_november, play

from hub.contracts.ids import AccountId, PointId
from hub.core.clock import SystemClock
from hub.core.errors import NotFound
from hub.core.storage import ConstraintViolated, Migration
from plugins.prepaid.journal import PeriodClosed, verify
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, prepaid
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.statements import closing
from plugins.prepaid.statements.closing import Moved, NotClosable
from plugins.prepaid.statements.gathering import StatementDiffers

NOVEMBER_ENDS = at("2026-12-01 00:00")
MORNING = at("2026-12-01 08:00")


def test_a_statement_adds_up_in_every_direction(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        statement = await office.look()
        document = json.loads(statement.body)
        assert document["total_wh"] == 30 * (3_217 + 811) == sum(line["wh"] for line in document["energy"])
        assert document["total_wh"] == sum(segment[2] for segment in document["segments"])
        assert document["total_wh"] == sum(one["wh"] for one in document["reads"])
        energy, service = document["components"]
        assert sum(line["minor"] for line in document["energy"]) == energy["minor"]
        assert (service["component"], service["minor"]) == ("fixed:service", 9_000)
        assert (
            document["due_minor"]
            == energy["minor"] + service["minor"]
            == -document["money"]["charges"][0]["amount_minor"]
        )
        assert document["money"]["closing_minor"] == 70_000 - document["due_minor"]
        assert document["included_taxes"] == {"vat": round(document["due_minor"] * 13 / 113)}
        assert statement.is_as_posted
        assert [one["serial"] for one in document["reads"]] == ["S1", "S1"]
        assert document["reads"][0]["last"]["raw"] == 1_000_000 + 30 * 3_217

    play(tmp_path, scene, runs_twice=True)


def test_the_same_books_give_the_same_bytes_until_something_is_posted(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        first = await office.look()
        assert (await office.look()).body == first.body
        await office.top_up("noodles", 100, at("2026-11-30 23:00"))
        assert (await office.look()).body != first.body

    play(tmp_path, scene)


def test_a_closed_statement_gives_its_bytes_whatever_comes_later(tmp_path: Path) -> None:
    """A late read, another tariff, another name, a moved-out tenant, another month: nothing touches it."""

    async def scene(books: Books) -> None:
        office = await a_november(books)
        [row] = await office.close("noodles", "2026-11", MORNING)
        body = (await office.closed()).body
        await office.accept(PointId("stall"), at("2026-11-10 06:00"), 3_217 * 9 + 500)
        await books.publish(MALL.replace("0.6523", "0.7000"), at("2026-12-10 00:00"))
        await books.write(lambda tx: tx.execute("UPDATE prepaid__tenants SET name = 'Sold'"))
        await books.write(
            lambda tx: tx.execute("UPDATE prepaid__contracts SET end_us = ?", (at("2026-12-20 00:00"),))
        )
        await books.write(lambda tx: tx.execute("UPDATE prepaid__terms SET end_us = ?", (at("2026-12-20 00:00"),)))
        await office.accept(PointId("stall"), at("2026-12-05 00:00"), 3_217 * 30 + 9_000)
        again = await office.closed()
        assert again.body == body
        assert again.sha == row.sha

    play(tmp_path, scene)


def test_a_late_read_corrects_a_closed_month_in_the_next_statement_with_its_own_dates(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        [row] = await office.close("noodles", "2026-11", MORNING)
        late_us = at("2026-11-10 06:00")
        await office.accept(PointId("stall"), late_us, 3_217 * 9 + 2_500)
        december = await office.look(period="2026-12")
        [correction] = december.flows.charges
        assert (correction.period, correction.corrects) == ("2026-11", "statement:noodles:2026-11")
        assert correction.from_us == correction.last_us == late_us
        assert correction.amount_minor != 0
        assert december.flows.opening_minor == row.closing_minor
        assert december.flows.closing_minor == row.closing_minor + correction.amount_minor
        corrected = await office.look()
        assert corrected.due_minor == row.due_minor - correction.amount_minor
        assert corrected.is_as_posted
        report = await books.read(lambda reader: verify(reader, SystemClock()))
        assert report.findings == []

    play(tmp_path, scene)


def test_statements_follow_each_other_without_a_gap_in_the_money(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        [november] = await office.close("noodles", "2026-11", MORNING)
        await office.top_up("noodles", 7_777, at("2026-12-02 10:00"))
        times = [NOVEMBER_ENDS + step * 24 * HOUR for step in range(1, 32)]
        for point, total in (("stall", 30 * 3_217), ("store", 30 * 811)):
            await office.read_on(point, times, total, 1_000)
        await office.finish("noodles", "2026-12")
        [december] = await office.close("noodles", "2026-12", at("2027-01-01 09:00"))
        statement = await office.closed("noodles:2026-12")
        assert statement.evidence.frame.opening.statement == "noodles:2026-11"
        assert statement.flows.opening_minor == november.closing_minor
        assert december.closing_minor == november.closing_minor + 7_777 - december.due_minor
        held = await books.read(
            lambda reader: reader.value(
                "SELECT amount_minor FROM prepaid__balances WHERE account = ?", (prepaid(AccountId("noodles")),)
            )
        )
        assert december.closing_minor == -held  # type: ignore[operator]

    play(tmp_path, scene)


def test_nothing_is_dated_before_a_closed_statement_without_saying_what_it_corrects(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await office.close("noodles", "2026-11", MORNING)
        with pytest.raises(PeriodClosed, match=r"is closed until .* by noodles:2026-11; say what it corrects"):
            await office.top_up("noodles", 100, at("2026-11-30 23:00"))
        account = prepaid(AccountId("noodles"))
        postings = (Posting(account, 5), Posting(ENERGY_RECOVERY, -5))  # type: ignore[arg-type]
        entry = Entry(
            "correction", "by hand", at("2026-11-30 23:00"), postings, corrects="statement:noodles:2026-11"
        )
        await books.write(lambda tx: books.journal.post(tx, entry))
        [move] = (await office.look(period="2026-12")).flows.moves
        assert (move.kind, move.amount_minor, move.effective_us) == ("correction", -5, at("2026-11-30 23:00"))

    play(tmp_path, scene)


REFUSED = {
    "a month that is not over": ("2026-11", at("2026-11-20 00:00"), "2026-11 is not over for contract noodles"),
    "a month before others that are open": (
        "2026-12",
        at("2027-01-02 00:00"),
        "close 2026-11 of contract noodles first",
    ),
}


@pytest.mark.parametrize(("period", "now_us", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_closed_yet_says_why(tmp_path: Path, period: str, now_us: int, text: str) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        with pytest.raises(NotClosable, match=text):
            await office.close("noodles", period, now_us)
        assert await books.read(lambda reader: reader.value("SELECT count(*) FROM prepaid__statements")) == 0

    play(tmp_path, scene)


def test_a_month_whose_last_reads_are_missing_is_not_closed(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await books.write(lambda tx: tx.execute("UPDATE prepaid__periods SET is_finished = 0"))
        with pytest.raises(NotClosable, match="its last reads are not in"):
            await office.close("noodles", "2026-11", MORNING)

    play(tmp_path, scene)


def test_what_was_not_posted_as_it_derives_is_not_closed(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        account = prepaid(AccountId("noodles"))
        postings = (Posting(account, 1), Posting(ENERGY_RECOVERY, -1, None, {"component": "energy"}))  # type: ignore[arg-type]
        entry = Entry("charge", "chg:noodles:2026-11:9999", at("2026-11-30 23:00"), postings)
        await books.write(lambda tx: books.journal.post(tx, entry))
        with pytest.raises(NotClosable, match="what was posted is not what its reads come to"):
            await office.close("noodles", "2026-11", MORNING)

    play(tmp_path, scene)


@pytest.mark.parametrize("what", ["a top-up", "a read", "a tariff"])
def test_what_moves_while_a_statement_is_made_makes_it_anew(tmp_path: Path, what: str) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        made = await books.read(
            lambda reader: closing.draft(reader, books.charger.book, SITE, AccountId("noodles"), "2026-11", MORNING)
        )
        if what == "a top-up":
            await office.top_up("noodles", 100, MORNING)
        elif what == "a read":
            await office.accept(PointId("store"), MORNING, 30 * 811)
        else:
            await books.publish(FLAT, 0)
        with pytest.raises(Moved, match="noodles moved while its statement was made"):
            await books.write(lambda tx: closing.close(tx, books.journal, made))
        [row] = await office.close("noodles", "2026-11", MORNING)
        assert (await office.closed()).sha == row.sha

    play(tmp_path, scene)


def test_closing_twice_changes_nothing(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await office.close("noodles", "2026-11", MORNING)
        assert await office.close("noodles", "2026-11", MORNING + DAY) == []
        for table in ("prepaid__statements", "prepaid__closings"):
            assert await books.read(lambda reader, table=table: reader.value(f"SELECT count(*) FROM {table}")) == 1  # type: ignore[misc]

    play(tmp_path, scene, runs_twice=True)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE prepaid__statements SET due_minor = 0",
        "DELETE FROM prepaid__statements",
        "INSERT OR REPLACE INTO prepaid__statements SELECT * FROM prepaid__statements",
    ],
)
def test_a_closed_statement_cannot_be_changed_in_the_database(tmp_path: Path, sql: str) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await office.close("noodles", "2026-11", MORNING)
        with pytest.raises(ConstraintViolated, match="a correction is posted in the open period"):
            await books.write(lambda tx: tx.execute(sql))

    play(tmp_path, scene)


def test_changed_reads_under_a_closed_statement_are_told(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await office.close("noodles", "2026-11", MORNING)
        drop = Migration(3, "somebody with a tool", "DROP TRIGGER prepaid__reads_are_final;")
        await books.db.migrate("prepaid", (*STATEMENT_TABLES, drop))
        await books.write(lambda tx: tx.execute("UPDATE prepaid__reads SET total_wh = total_wh + 1 WHERE id = 9"))
        with pytest.raises(StatementDiffers, match=r"noodles:2026-11 was closed as .*restore a backup"):
            await office.closed()

    play(tmp_path, scene)


def test_contracts_of_one_account_are_closed_together(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        await _second_contract(office)
        rows = await office.close("noodles", "2026-11", MORNING)
        assert [row.id for row in rows] == ["kiosk:2026-11", "noodles:2026-11"]
        assert rows[0].closing_minor == rows[1].closing_minor
        charges = (await office.closed()).flows.charges
        assert [(one.contract, one.amount_minor) for one in charges] == [
            ("kiosk", -rows[0].due_minor), ("noodles", -rows[1].due_minor)
        ]  # fmt: skip

    play(tmp_path, scene)


async def _second_contract(office: Office) -> None:
    """The noodle shop's kiosk, on the same account."""
    start = at("2026-11-01 00:00")
    await office.books.move_in("kiosk", start, ["hut"])
    await office.books.write(
        lambda tx: tx.execute("UPDATE prepaid__contracts SET account = 'noodles' WHERE id = 'kiosk'")
    )
    await office.books.write(lambda tx: tx.execute("UPDATE prepaid__book SET version = version + 1"))
    await office.begin("hut", start)
    await office.read_on("hut", [start + 30 * DAY], 0, 50_000)
    await office.finish("kiosk", "2026-11")


def test_a_shared_meter_is_proven_without_naming_who_shares_it(tmp_path: Path) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        start = at("2026-11-01 00:00")
        for name in ("noodles_hall", "secret_neighbour"):
            await books.move_in(name, start, ["hall"], tariff="mall", share_ppm=300_000)
        await office.begin("hall", start)
        await office.read_on("hall", [start + 15 * DAY, start + 30 * DAY], 0, 12_345)
        statement = await office.look("noodles_hall")
        assert statement.rated.state.total_wh == 2 * 12_345 * 3 // 10
        assert statement.is_as_posted
        assert b"secret" not in statement.body

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("contract", "period", "text"),
    [
        ("nobody", "2026-11", "there is no contract 'nobody'"),
        ("noodles", "2026-10", "contract noodles has no period '2026-10'"),
        ("noodles", "soon", "contract noodles has no period 'soon'; a period is a month"),
    ],
)
def test_a_statement_of_nothing_says_so(tmp_path: Path, contract: str, period: str, text: str) -> None:
    async def scene(books: Books) -> None:
        office = await a_november(books)
        with pytest.raises(NotFound, match=text):
            await office.look(contract, period)

    play(tmp_path, scene)
