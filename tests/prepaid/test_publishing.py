"""Publishing tariffs: whom it affects is shown, much of it needs a second person, and the past needs a word."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from books_stage import FLAT, MALL, at
from ledger_office import ANNA, BERT, MARCH, LedgerHub, LedgerPlugin, with_ledger

from hub.contracts.ids import AccountId
from hub.core.clock import to_us
from hub.core.config import ConfigErrors
from hub.core.errors import NotFound
from hub.core.principals import OWNER, Principal
from hub.core.storage import ConstraintViolated
from plugins.prepaid.tariffs.publishing import PublishRefused, percent, versions

APRIL = "2026-04-01"
DEARER = FLAT.replace("0.8333", "0.9")
MUCH_DEARER = FLAT.replace("0.8333", "1.2")


def test_a_small_change_is_published_at_once_and_says_whom_it_affects(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles", "bakery")
        answer = await hub.publish(DEARER, APRIL)
        assert (answer["outcome"], answer["affected"], answer["period"]) == ("published", 2, "2026-02")
        assert answer["largest_change"] == "+8.0 %"
        [first, _] = answer["contracts"]
        assert (first["contract"], first["kwh"]) == ("bakery", Decimal("280.000"))
        assert [str(first[name]) for name in ("now", "then", "difference")] == ["233.32", "252.00", "18.68"]
        [_, new] = (await hub.ask("tariff.list"))["versions"]
        april_us = to_us(datetime(2026, 4, 1, tzinfo=ZoneInfo("Asia/Shanghai")))
        assert (to_us(new["from"]), new["actor"], new["approver"]) == (april_us, "os:anna", None)
        assert answer["refolded"] == 0

    with_ledger(tmp_path, scene)


def test_a_large_change_waits_for_a_second_person(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        answer = await hub.publish(MUCH_DEARER, APRIL)
        assert (answer["outcome"], answer["largest_change"]) == ("proposed", "+44.0 %")
        again = await hub.publish(MUCH_DEARER, APRIL)
        assert again["proposal"] == answer["proposal"]
        assert len((await hub.ask("tariff.list"))["versions"]) == 1
        with pytest.raises(PublishRefused, match=r"os:anna proposed .* cannot approve it; .* by up to \+44.0 %"):
            await hub.call("tariff.approve", proposal=answer["proposal"])
        approved = await hub.call("tariff.approve", BERT, proposal=answer["proposal"])
        assert (approved["outcome"], approved["version"]["approver"]) == ("published", "os:bert")
        with pytest.raises(PublishRefused, match="was approved before"):
            await hub.call("tariff.reject", BERT, proposal=answer["proposal"])
        assert (await hub.ask("tariff.list"))["proposals"] == []

    with_ledger(tmp_path, scene)


@pytest.mark.parametrize("principal", [ANNA, BERT])
def test_a_proposal_can_be_taken_back_and_is_over_then(tmp_path: Path, principal: Principal) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        answer = await hub.publish(MUCH_DEARER, APRIL)
        await hub.call("tariff.reject", principal, proposal=answer["proposal"])
        with pytest.raises(PublishRefused, match="was rejected before; nothing was changed"):
            await hub.call("tariff.approve", BERT, proposal=answer["proposal"])

    with_ledger(tmp_path, scene)


def test_much_cheaper_needs_a_second_person_too(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        answer = await hub.publish(FLAT.replace("0.8333", "0.0833"), APRIL)
        assert (answer["outcome"], answer["largest_change"]) == ("proposed", "-90.0 %")

    with_ledger(tmp_path, scene)


def test_who_used_nothing_is_compared_by_a_steady_use(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.books.move_in("empty", at("2026-02-01 00:00"), ["hall"], tariff="flat")
        answer = await hub.publish(MUCH_DEARER, APRIL)
        assert answer["outcome"] == "proposed"
        [one] = answer["contracts"]
        assert (one["kwh"], one["is_stand_in"]) == (Decimal("2800.000"), True)

    with_ledger(tmp_path, scene)


def test_what_is_published_stays_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.publish(FLAT, "2026-01-01")
        again = await hub.publish(f"# a comment\n{FLAT}", "2026-01-01", BERT)
        assert (again["outcome"], again["version"]["actor"]) == ("published", "os:anna")
        with pytest.raises(PublishRefused, match=r"has another version from .*; a published version is immutable"):
            await hub.publish(DEARER, "2026-01-01")
        for sql in (
            "UPDATE prepaid__tariff_versions SET from_us = 0",
            "UPDATE prepaid__tariffs SET body = ''",
            "DELETE FROM prepaid__tariffs",
        ):
            with pytest.raises(ConstraintViolated):
                await hub.books.write(lambda tx, sql=sql: tx.execute(sql))  # type: ignore[misc]

    with_ledger(tmp_path, scene)


def test_charged_time_is_changed_only_with_a_word_and_then_by_the_difference(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles", "bakery")
        with pytest.raises(PublishRefused, match=r"bakery, noodles are charged beyond 2026-02-.*say --correct"):
            await hub.publish(DEARER, "2026-02-15")
        assert len(await hub.books.read(versions)) == 1
        answer = await hub.publish(DEARER, "2026-02-15", correct=True)
        due = round(14 * 10 * 83.33 + 14 * 10 * 90)
        assert (answer["refolded"], answer["charged"]) == (2, 2 * (Decimal(due) - 23332) / 100)
        assert await hub.books.charged(AccountId("noodles")) == due
        assert sorted(one.account for one in LedgerPlugin.here.moved) == ["bakery", "noodles"]

    with_ledger(tmp_path, scene)


def test_a_closed_month_is_corrected_and_its_statement_stays(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        [row] = (await hub.call("statement.close", account="noodles", period="2026-02"))["statements"]
        await hub.publish(DEARER, "2026-02-15", correct=True)
        assert (await hub.closed("noodles:2026-02")).sha.hex() == row["hash"]
        entry = await hub.books.read(
            lambda reader: reader.one("SELECT * FROM prepaid__journal ORDER BY seq DESC LIMIT 1")
        )
        assert entry is not None
        assert entry["corrects"] == "statement:noodles:2026-02"
        assert at("2026-02-28 00:00") < entry["effective_us"] < at("2026-03-01 00:00")

    with_ledger(tmp_path, scene)


def test_what_a_crash_left_half_refolded_is_found_again(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        await hub.books.publish(DEARER, at("2026-02-15 00:00"))
        publisher = LedgerPlugin.here.publisher
        assert await publisher.catch_up("flat") == (1, round(14 * 10 * 83.33 + 14 * 10 * 90) - 23_332)
        assert await publisher.catch_up("flat") == (0, 0)

    with_ledger(tmp_path, scene)


UNFIT = {
    "another currency": (FLAT.replace("CNY", "MYR"), "currency MYR, the site has CNY"),
    "another time zone": (FLAT.replace("Asia/Shanghai", "Asia/Kuala_Lumpur"), "the site has Asia/Shanghai"),
    "another scale": (f"{FLAT}scale: 3\n", "scale 3, the site has 2"),
    "another rounding": (f"{FLAT}rounding: half_up\n", "rounding half_up, its other versions have half_even"),
}


@pytest.mark.parametrize(("source", "text"), UNFIT.values(), ids=UNFIT.keys())
def test_a_tariff_that_does_not_fit_the_site_is_refused(tmp_path: Path, source: str, text: str) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        with pytest.raises(PublishRefused, match=text):
            await hub.publish(source, APRIL)

    with_ledger(tmp_path, scene)


def test_a_first_version_must_cover_the_contracts_under_it(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.move_in("noodles", at("2026-02-01 00:00"), ["stall"], tariff="flat")
        with pytest.raises(PublishRefused, match="contracts under it begin before: noodles; publish it from then"):
            await hub.publish(FLAT, APRIL)
        answer = await hub.publish(FLAT, "2026-02-01")
        assert (answer["outcome"], answer["affected"]) == ("published", 0)

    with_ledger(tmp_path, scene)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ({"source": FLAT, "from": "soon"}, Exception, "'soon' is no time such as"),
        ({"source": "tariff: x\n", "from": APRIL, "file": "mine.yaml"}, ConfigErrors, "mine.yaml:1:1"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, data: dict[str, str], error: type[Exception], text: str) -> None:
    async def scene(hub: LedgerHub) -> None:
        with pytest.raises(error, match=text):
            await hub.harness.call("tariff.publish", data)

    with_ledger(tmp_path, scene)


def test_a_dry_run_bills_a_past_month_again_and_changes_nothing(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.books.publish(MALL, 0)
        await hub.a_february("noodles")
        await hub.a_february("bakery", daily_wh=1_000)
        await hub.a_february("other", tariff="mall")
        answer = await hub.ask("tariff.dry_run", source=MALL, code="flat", period="2026-02")
        assert [one["contract"] for one in answer["contracts"]] == ["bakery", "noodles"]
        assert [one["now"] for one in answer["contracts"]] == [Decimal("23.33"), Decimal("233.32")]
        own = await hub.ask("tariff.dry_run", source=FLAT, code="flat", period="2026-02")
        assert [one["difference"] for one in own["contracts"]] == [0, 0]
        assert (await hub.ask("tariff.dry_run", source=MALL, code="flat", period="2025-12"))["affected"] == 0
        seen = Principal("tenant", OWNER.permissions, {"account": frozenset({"noodles"})})
        narrow = await hub.ask("tariff.dry_run", seen, source=MALL, code="flat", period="2026-02")
        assert [one["contract"] for one in narrow["contracts"]] == ["noodles"]

    with_ledger(tmp_path, scene)


def test_a_dry_run_under_ones_own_tariff_is_what_was_posted(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(MALL, 0)
        await hub.a_february("noodles", tariff="mall", daily_wh=7_777)
        answer = await hub.ask("tariff.dry_run", source=MALL, code="mall", period="2026-02")
        assert answer["contracts"][0]["now"] == Decimal(await hub.books.charged(AccountId("noodles"))) / 100

    with_ledger(tmp_path, scene)


def test_a_document_is_shown_by_code_and_by_hash(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        sha = await hub.books.publish(FLAT, 0)
        await hub.books.publish(DEARER, MARCH + 10**12)
        for name in ("flat", sha, sha[:10]):
            assert (await hub.ask("tariff.show", tariff=name))["sha"] == sha
        with pytest.raises(NotFound, match="no tariff document begins with 'ffff'"):
            await hub.ask("tariff.show", tariff="ffff")

    with_ledger(tmp_path, scene)


@pytest.mark.parametrize(
    ("ppm", "text"), [(440_000, "+44.0 %"), (-900_049, "-90.0 %"), (0, "+0.0 %"), (300_499, "+30.0 %")]
)
def test_changes_are_told_in_percent(ppm: int, text: str) -> None:
    assert percent(ppm) == text
