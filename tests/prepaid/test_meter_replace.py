"""Instruments come and go, and jumps are settled by people; the books stay whole."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from places_stage import Site, on_site

from hub.contracts.accounting import EpochBegan, ReadingHeld
from hub.contracts.ids import PointId
from hub.core.actions import InvalidCall
from hub.core.errors import HubError, NotFound
from plugins.prepaid.places.entered_reads import NoRead, ReadRefused
from plugins.prepaid.places.meters import MeterRefused

STALL = PointId("stall")


async def anna_holds_the_stall(site: Site) -> None:
    await site.bring("point,tenant,account\nstall,anna,anna\n")
    await site.call("contract.open", account="anna", tariff="dear", points=["stall"])
    await site.use("stall", 1_000)
    assert await site.balance("anna") == -2


async def replace(site: Site, **more: Any) -> Any:
    """Hang meter 2002, which shows 0.5 kWh, in the place of the stall's."""
    data = {"point": "stall", "serial": "2002", "opening": "0.5", "reason": "glass broken", **more}
    return await site.call("meter.replace", **data)


def test_the_new_meter_goes_on_where_the_old_one_ends(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        began = site.harness.capture(EpochBegan)
        await site.harness.advance("1 hour")
        site.readings.swap(STALL, serial="2002", raw=500)
        await site.readings.poll(STALL)
        assert site.readings.status(STALL).quarantined_for is not None
        answer = await replace(site, final="3.000")
        assert (answer["old_serial"], answer["final_kwh"], answer["opening_kwh"]) == ("1001", 3, Decimal("0.5"))
        assert site.readings.status(STALL).quarantined_for is None, "the field layer expects it by the same commit"
        assert await site.balance("anna") == -4
        await site.use("stall", 2_000)
        assert await site.balance("anna") == -8
        assert [(one.point, one.is_expected) for one in began] == [(STALL, True)]
        shown = await site.ask("meter.show", point="stall")
        assert [(one["serial"], one["from_kwh"], one["until_kwh"]) for one in shown["counts"]] == [
            ("1001", 1, 3),
            ("2002", Decimal("0.5"), None),
        ]
        assert shown["kwh"] == Decimal("2.5")
        await site.check()

    on_site(tmp_path, scene)


def test_the_last_read_may_be_taken_now_while_the_old_one_still_hangs(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.flow("stall", 700)
        answer = await replace(site, final="now")
        assert answer["final_kwh"] == Decimal("2.7")
        site.readings.swap(STALL, serial="2002", raw=500)
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -2 - Decimal("1.40") - 2
        await site.check()

    on_site(tmp_path, scene)


def test_a_meter_that_died_ends_with_its_last_read(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        site.readings.silence(STALL)
        with pytest.raises(NoRead):
            await replace(site, final="now")
        answer = await replace(site, final="last")
        assert answer["final_kwh"] == 2
        site.readings.silence(STALL, is_silent=False)
        site.readings.swap(STALL, serial="2002", raw=500)
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -4
        await site.check()

    on_site(tmp_path, scene)


def test_a_meter_whose_display_nobody_noted_begins_with_its_first_read(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        site.readings.swap(STALL, serial="2002", raw=90_000)
        await site.call("meter.replace", point="stall", serial="2002", final="last", reason="dead")
        await site.use("stall", 1_000)
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -4
        await site.check()

    on_site(tmp_path, scene)


def test_everything_stands_or_nothing(tmp_path: Path) -> None:
    """The field layer refuses the serial number: it hangs elsewhere. Then the old count goes on."""

    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.harness.advance("1 hour")
        with pytest.raises(HubError, match="serial 1002 is the meter at meter_store already"):
            await replace(site, final="2.5", serial="1002")
        assert await site.balance("anna") == -2
        assert await site.rows("SELECT serial, end_us FROM prepaid__epochs") == [("1001", None)]
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -4
        await site.check()

    on_site(tmp_path, scene)


def test_asking_twice_replaces_once(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.harness.advance("1 hour")
        first = await replace(site, final="2.5")
        again = await replace(site, final="2.5")
        assert (first["outcome"], again["outcome"]) == ("done", "already")
        assert len(await site.rows("SELECT id FROM prepaid__epochs")) == 2
        assert await site.balance("anna") == -3

    on_site(tmp_path, scene)


def test_a_replaced_meter_survives_a_restart(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.harness.advance("1 hour")
        site.readings.swap(STALL, serial="2002", raw=500)
        await replace(site, final="2.5")
        readings, relays = site.readings, site.relays

        async def prepare() -> None:
            site.provide(readings, relays)

        await site.harness.restart(prepare)
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -5
        await site.check()

    on_site(tmp_path, scene)


REFUSED: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("an unknown point", {"point": "stal", "final": "last"}, NotFound, "Did you mean 'stall'?"),
    ("the instrument that hangs there", {"serial": "1001", "final": "last"}, MeterRefused,
        "meter 1001 is billed at stall already"),
    ("a last read below the one before", {"final": "1.5"}, ReadRefused, "1.5 kWh is less than the 2 kWh"),
    ("an opening between two counts", {"final": "last", "opening": "0.5", "count_wh": "1000"}, MeterRefused,
        "opening read: 0.5 kWh is between two counts: the register counts steps of 1 kWh"),
    ("a time to come", {"final": "last", "at": "2099-01-01"}, MeterRefused, "that time is not yet"),
    ("a point that was never read", {"point": "store", "final": "last"}, MeterRefused, "store has no count"),
    ("no reason", {"final": "last", "reason": " "}, InvalidCall, "reason: expected a text, got only spaces"),
    ("no last read", {}, InvalidCall, "final"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "data", "kind", "text"), REFUSED, ids=[case for case, *_ in REFUSED])
def test_what_cannot_be_is_refused(
    tmp_path: Path, case: str, data: dict[str, Any], kind: type[Exception], text: str
) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.bring("point\nstore\n")
        await site.harness.advance("1 hour")
        with pytest.raises(kind) as error:
            await replace(site, **data)
        assert text in str(error.value)
        assert await site.rows("SELECT point, serial, end_us FROM prepaid__epochs") == [("stall", "1001", None)]

    on_site(tmp_path, scene)


async def jump(site: Site, wh: int) -> None:
    """More than can have flowed is counted, and waits."""
    held = site.harness.capture(ReadingHeld)
    await site.use("stall", wh)
    assert [one.needs_person for one in held] == [True]
    [meter] = await site.ask("meter.list")
    assert "Wh can have flowed" in meter["waits"]


def test_a_jump_that_was_used_is_charged_by_a_persons_word(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await jump(site, 400_000)
        answer = await site.call("meter.accept_jump", point="stall", decision="use", reason="the gateway was off")
        assert (answer["read_kwh"], answer["charged"]) == (402, 800)
        assert await site.balance("anna") == -802
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -804
        [meter] = await site.ask("meter.list")
        assert meter["waits"] is None
        await site.check()

    on_site(tmp_path, scene)


def test_a_jump_that_nobody_used_begins_a_new_epoch(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await jump(site, 400_000)
        answer = await site.call("meter.accept_jump", point="stall", decision="new_epoch", reason="display reset")
        assert answer["charged"] == 0
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -4
        [(first, second)] = await site.rows(
            "SELECT a.close_raw, b.open_raw FROM prepaid__epochs a, prepaid__epochs b WHERE a.id = 1 AND b.id = 2"
        )
        assert (first, second) == (2_000, 402_000)
        await site.check()

    on_site(tmp_path, scene)


def test_where_nothing_waits_there_is_nothing_to_settle(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        await site.harness.advance("1 min")
        with pytest.raises(MeterRefused, match="nothing waits for a person at stall"):
            await site.call("meter.accept_jump", point="stall", decision="use", reason="x")
        assert await site.balance("anna") == -2

    on_site(tmp_path, scene)


def test_a_register_that_fell_can_only_begin_anew(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await anna_holds_the_stall(site)
        site.readings.swap(STALL, serial="1001", raw=10)
        await site.use("stall", 0)
        with pytest.raises(MeterRefused, match="the register fell from 2000 to 10, which nobody can have used"):
            await site.call("meter.accept_jump", point="stall", decision="use", reason="x")
        await site.call("meter.accept_jump", point="stall", decision="new_epoch", reason="lightning")
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -4
        await site.check()

    on_site(tmp_path, scene)
