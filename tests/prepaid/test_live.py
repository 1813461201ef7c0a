"""The live balance: what is posted less what would be posted now, so that posting now changes it by nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from books_stage import MALL
from metered_stage import FLAT, STALL, Metered, MeteredPlugin, play, register

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.contracts.metering import ReadingTag
from hub.core.ids import SeededIds
from hub.core.storage import Tx
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account, Contract, SupplyPoint, Tenant, Term
from plugins.prepaid.tariffs import tariff_from_text
from plugins.prepaid.tariffs.publishing import publish

STORE = PointId("store")
TWO_POINTS = [{"point": point, "account": "noodles", "tariff": "mall"} for point in (STALL, STORE)]
TWO_REGISTERS = {point: (register(point),) for point in (STALL, STORE)}
MALL_OF_SITE = [{"point": "stall", "account": "noodles", "tariff": "mall"}]


async def balance_then_posted(metered: Metered, raw: int, point: PointId = STALL) -> tuple[object, object, int]:
    """The live balance at a look, what it is once that look is posted, and what the ledger says then."""
    await metered.say(raw, point)
    live = metered.shown("balance")
    await metered.say(raw, point, tag=ReadingTag.REQUESTED)
    return live, metered.shown("balance"), -await metered.charged()


@pytest.mark.parametrize("seed", range(6))
def test_posting_now_changes_the_live_balance_by_nothing(tmp_path: Path, seed: int) -> None:
    """Across bands, blocks, days and the end of a month, at odd instants and with odd amounts."""

    async def scene(metered: Metered) -> None:
        chance, raw = SeededIds(seed).random, 0
        await metered.say(raw)
        for _ in range(12):
            for _ in range(chance.randrange(3)):
                await metered.hub.advance(chance.randrange(60, 5_000))
                raw += chance.randrange(600)
                await metered.say(raw)
            await metered.hub.advance(chance.randrange(60, 40_000))
            raw += chance.randrange(20_000)
            live, after, posted = await balance_then_posted(metered, raw)
            assert live == after == Decimal(posted).scaleb(-2)

    play(tmp_path, scene, tariff=MALL, places=MALL_OF_SITE, begins="2026-11-28T16:11+08:00")


def test_months_that_are_long_over_are_let_go_and_the_balance_stays(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        for raw in (1_000, 2_000, 3_000, 4_000):
            metered.hub.clock.step(31 * 86_400)
            await metered.hub.advance(10)
            live, after, posted = await balance_then_posted(metered, raw)
            assert live == after == Decimal(posted).scaleb(-2)

    play(tmp_path, scene)


def test_each_holder_of_a_shared_point_sees_its_own_part(tmp_path: Path) -> None:
    def share(tx: Tx) -> None:
        for name, ppm in (("noodles", 250_000), ("shoes", 750_000)):
            term = Term(contract=ContractId(name), point=STORE, start_us=0, share_ppm=ppm)
            repository.save_term(tx, term)
        turn_page(tx)

    held = (("stall", "noodles"), ("rack", "shoes"))
    places = [{"point": point, "account": name, "tariff": "flat"} for point, name in held]

    async def scene(metered: Metered) -> None:
        await metered.hub.kernel.db.write(
            lambda tx: repository.save_point(tx, SupplyPoint(id=STORE, name="store")), owner="prepaid"
        )
        await metered.hub.kernel.db.write(share, owner="prepaid")
        await metered.say(0)  # whoever writes next turns the page
        await metered.say(0, STORE)
        await metered.hub.advance(600)
        await metered.say(4_000, STORE)
        assert (str(metered.shown("balance")), str(metered.shown("balance", "shoes"))) == ("-1.00", "-3.00")

    play(tmp_path, scene, places=places, registers={**TWO_REGISTERS, PointId("rack"): ()})


def test_a_look_behind_the_others_waits_for_its_posting_where_blocks_fill_in_order(tmp_path: Path) -> None:
    """The stall is posted up to a later instant than the store's look: the store's part is posted with the rest."""

    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.say(0, STORE)
        await metered.hub.advance(600)
        behind_us = metered.now_us
        await metered.hub.advance(10)
        await metered.say(9_000, tag=ReadingTag.REQUESTED)
        posted = metered.shown("balance")
        await metered.say(8_000, STORE, source_us=behind_us)
        assert metered.shown("balance") == posted
        await metered.hub.advance(10)
        live, after, ledger = await balance_then_posted(metered, 8_000, STORE)
        assert live == after == Decimal(ledger).scaleb(-2)
        assert after != posted

    play(tmp_path, scene, tariff=MALL, places=TWO_POINTS, registers=TWO_REGISTERS)


def test_after_a_new_tariff_the_posted_balance_stands_until_something_is_posted(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(10_000)
        assert str(metered.shown("balance")) == "-10.00"
        dearer = FLAT.replace("price: 1", "price: 3")
        from_us = metered.now_us - 1_800_000_000

        def change(tx: Tx) -> None:
            publish(tx, tariff_from_text(dearer, "dearer.yaml"), dearer, from_us, metered.now_us)
            turn_page(tx)

        await metered.hub.kernel.db.write(change, owner="prepaid")
        await metered.hub.advance(10)
        await metered.say(10_010)
        assert str(metered.shown("balance")) == "-10.01"
        await metered.hub.advance(10)
        live, after, posted = await balance_then_posted(metered, 10_020)
        assert after == Decimal(posted).scaleb(-2)
        assert after != live
        live, after, posted = await balance_then_posted(metered, 10_020)
        assert live == after == Decimal(posted).scaleb(-2)

    play(tmp_path, scene)


def test_an_account_that_was_opened_since_shows_its_balance_and_nothing_that_is_not_known(tmp_path: Path) -> None:
    def let_in(tx: Tx) -> None:
        repository.save_tenant(tx, Tenant(id=TenantId("shoes"), name="shoes"))
        account = Account(id=AccountId("shoes"), tenant=TenantId("shoes"), name="shoes", opened_us=0)
        repository.save_account(tx, account)
        repository.save_contract(
            tx, Contract(id=ContractId("shoes"), account=account.id, tariff="flat", start_us=0)
        )
        repository.save_term(tx, Term(contract=ContractId("shoes"), point=STORE, start_us=0))
        turn_page(tx)

    async def scene(metered: Metered) -> None:
        await metered.hub.kernel.db.write(
            lambda tx: repository.save_point(tx, SupplyPoint(id=STORE, name="store")), owner="prepaid"
        )
        await metered.hub.kernel.db.write(let_in, owner="prepaid")
        await metered.say(0)
        await MeteredPlugin.here.show_new_accounts()
        for _ in range(2):
            await metered.say(0, STORE)
            await metered.hub.advance(1_800)
        assert (str(metered.shown("balance", "shoes")), metered.shown("available", "shoes")) == ("0.00", None)
        await metered.hub.advance(1_800)
        await metered.say(2_000, STORE)
        assert metered.shown("balance", "shoes") == metered.shown("available", "shoes") == Decimal("-2.00")

    play(tmp_path, scene, registers=TWO_REGISTERS)
