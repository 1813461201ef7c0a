"""The life of contracts: people move in and out, and every watt-hour is charged to whoever used it, once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from places_stage import HOUR, Site, local, on_site

from hub.contracts.ids import PointId
from hub.core.actions import InvalidCall
from hub.core.errors import HubError, NotFound
from hub.core.principals import Principal
from plugins.prepaid.places.contracts import ContractRefused
from plugins.prepaid.places.entered_reads import NoRead, ReadRefused

PEOPLE = "point,tenant,account\nstall,,\nstore,,\n,anna,anna\n,bert,bert\n"


async def two_tenants(site: Site) -> None:
    """Two points, and two tenants with an account each, who hold nothing yet."""
    answer = await site.bring(PEOPLE)
    assert answer["problems"] == []


async def both(site: Site) -> list[Decimal]:
    """What Anna and Bert have."""
    return [await site.balance("anna"), await site.balance("bert")]


async def anna_moves_in(site: Site, *points: str, tariff: str = "dear") -> None:
    await site.call("contract.open", account="anna", tariff=tariff, points=list(points))


def test_who_moves_in_is_charged_from_a_read_taken_now(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await site.use("stall", 7_000)
        await site.flow("stall", 500)
        answer = await site.call("contract.open", account="anna", tariff="dear", points=["stall"])
        assert (answer["outcome"], answer["contract"]) == ("done", "anna")
        assert answer["points"][0]["read"] == Decimal("8.5")
        await site.use("stall", 1_000)
        assert await site.balance("anna") == -2
        await site.check()

    on_site(tmp_path, scene)


def test_the_closing_read_of_one_tenant_is_the_opening_read_of_the_next(tmp_path: Path) -> None:
    """I6: no gap, no overlap, and energy is charged once."""

    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 3_000)
        await site.flow("stall", 1_000)
        closed = await site.call("contract.close", contract="anna")
        assert (closed["outcome"], closed["is_settled"]) == ("done", True)
        assert (closed["balance"], closed["owed"]) == (Decimal("-8.00"), Decimal("8.00"))
        opened = await site.call("contract.open", account="bert", tariff="flat", points=["stall"], follows="anna")
        assert opened["points"][0]["from"] == closed["points"][0]["until"]
        assert opened["points"][0]["read"] == closed["points"][0]["read"] == Decimal("5.0")
        await site.use("stall", 6_000)
        assert await both(site) == [-8, -5]
        [(ends, starts)] = await site.rows(
            "SELECT a.end_us, b.start_us FROM prepaid__terms a, prepaid__terms b"
            " WHERE a.contract = 'anna' AND b.contract = 'bert'"
        )
        assert ends == starts
        await site.check()

    on_site(tmp_path, scene)


def test_what_flows_while_nobody_holds_a_point_is_charged_to_nobody(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.call("contract.close", contract="anna")
        await site.use("stall", 9_000)
        await site.call("contract.open", account="bert", tariff="dear", points=["stall"])
        await site.use("stall", 1_000)
        assert await both(site) == [0, -2]
        await site.check()

    on_site(tmp_path, scene)


def test_moving_out_settles_standing_charges_to_the_last_day(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall", tariff="serviced")
        await site.harness.advance("4 days")
        assert await site.balance("anna") == Decimal("-14.52"), "five days have begun"
        closed = await site.call("contract.close", contract="anna")
        assert (closed["is_settled"], closed["balance"]) == (True, Decimal("-11.61"))
        await site.harness.advance("4 days")
        assert await site.balance("anna") == Decimal("-11.61"), "the day of the key is the next tenant's"
        await site.check()

    on_site(tmp_path, scene)


def test_moving_out_in_the_past_takes_back_what_was_charged_since(tmp_path: Path) -> None:
    """The key was handed over an hour ago; what the next one used is not the last one's."""

    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 2_000)
        handed_over = site.now_us
        await site.use("stall", 5_000)
        assert await site.balance("anna") == -14
        closed = await site.call("contract.close", contract="anna", at=local(handed_over))
        assert closed["balance"] == -4
        await site.call("contract.open", account="bert", tariff="dear", points=["stall"], at=local(handed_over))
        assert await site.balance("bert") == -10
        await site.check()

    on_site(tmp_path, scene)


def test_what_was_charged_since_is_taken_back_even_while_another_meter_is_silent(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall", "store")
        await site.use("stall", 1_000)
        handed_over = site.now_us
        site.readings.silence(PointId("store"))
        await site.use("stall", 5_000)
        assert await site.balance("anna") == -12
        closed = await site.call("contract.close", contract="anna", at=local(handed_over))
        assert (closed["is_settled"], closed["balance"]) == (False, -2)
        site.readings.silence(PointId("store"), is_silent=False)
        await site.use("store", 0, hours=48)
        assert await site.balance("anna") == -2
        await site.check()

    on_site(tmp_path, scene)


def test_an_end_to_come_is_read_when_it_comes(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 1_000)
        ends_us = site.now_us + 10 * HOUR
        answer = await site.call("contract.close", contract="anna", at=local(ends_us))
        assert not answer["is_settled"]
        await site.use("stall", 1_000, hours=9)
        site.readings.use(PointId("stall"), 500)
        await site.harness.advance("2 hours")
        assert await site.balance("anna") == -5
        await site.use("stall", 9_000)
        assert await site.balance("anna") == -5
        await site.check()

    on_site(tmp_path, scene)


def test_another_tariff_is_another_contract_at_the_same_read(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall", "store")
        await site.use("stall", 1_000)
        await site.flow("store", 2_000)
        answer = await site.call("contract.change_tariff", contract="anna", tariff="flat")
        assert (answer["ended"], answer["began"]["contract"], answer["is_settled"]) == ("anna", "anna_2", True)
        assert await site.balance("anna") == -6
        await site.use("stall", 6_000)
        await site.use("store", 6_000)
        assert await site.balance("anna") == -16
        shown = await site.ask("contract.list", account="anna", running=True)
        assert [one["contract"] for one in shown] == ["anna_2"]
        await site.check()

    on_site(tmp_path, scene)


def test_a_shared_point_is_held_by_two(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await site.call("contract.open", account="anna", tariff="dear", points=["stall"], shares={"stall": "75"})
        await site.call("contract.open", account="bert", tariff="dear", points=["stall"], shares={"stall": "25"})
        await site.use("stall", 4_000)
        assert await both(site) == [-6, -2]
        with pytest.raises(HubError, match=r"on stall is held to 100\.0001 %"):
            await site.call("contract.open", account="bert", contract="b2", tariff="flat", points=["stall"],
                            shares={"stall": "0.0001"})  # fmt: skip
        await site.check()

    on_site(tmp_path, scene)


def test_a_meter_that_does_not_answer_is_read_by_a_person(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 1_000)
        site.readings.silence(PointId("stall"))
        with pytest.raises(NoRead, match=r"stall: stall: no reply within 0\.3 s\. Give what the display shows"):
            await site.call("contract.close", contract="anna")
        assert await site.rows("SELECT id FROM prepaid__contracts WHERE end_us IS NOT NULL") == []
        await site.harness.advance("1 hour")
        closed = await site.call("contract.close", contract="anna", reads={"stall": "3.500"})
        assert closed["points"][0]["read"] == Decimal("3.5")
        assert closed["balance"] == -5
        [(basis,)] = await site.rows("SELECT basis FROM prepaid__reads ORDER BY id DESC LIMIT 1")
        assert basis == "entered"
        await site.check()

    on_site(tmp_path, scene)


def test_the_gate_goes_on_from_a_read_that_a_person_typed_in(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        site.readings.silence(PointId("stall"))
        await site.harness.advance("1 hour")
        await site.call("contract.change_tariff", contract="anna", tariff="flat", reads={"stall": "2"})
        site.readings.silence(PointId("stall"), is_silent=False)
        await site.use("stall", 4_000)
        assert await site.balance("anna") == -2 - Decimal("2.50")
        await site.check()

    on_site(tmp_path, scene)


TYPED = [
    ("less than was read", "0.5", "0.5 kWh is less than the 2 kWh read before"),
    ("more than can have flowed", "900", "Wh can have flowed; nothing was changed, look at the display again"),
    ("between two counts", "2.0005", "is between two counts: the register counts steps of 0.001 kWh"),
]


@pytest.mark.parametrize(("case", "kwh", "text"), TYPED, ids=[case for case, _, _ in TYPED])
def test_a_figure_that_cannot_be_is_refused(tmp_path: Path, case: str, kwh: str, text: str) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 1_000)
        await site.harness.advance("1 hour")
        with pytest.raises(ReadRefused) as error:
            await site.call("contract.close", contract="anna", reads={"stall": kwh})
        assert text in str(error.value)
        assert await site.balance("anna") == -2
        assert await site.rows("SELECT id FROM prepaid__contracts WHERE end_us IS NOT NULL") == []

    on_site(tmp_path, scene)


REFUSED: list[tuple[str, str, dict[str, Any], type[Exception], str]] = [
    ("an unknown tariff", "contract.open", {"account": "bert", "tariff": "flt", "points": ["store"]},
        ContractRefused, "no tariff 'flt' is published; nothing was changed. Did you mean 'flat'?"),
    ("an unknown account", "contract.open", {"account": "berd", "tariff": "flat", "points": ["store"]},
        HubError, "there is no account 'berd'; nothing was changed. Did you mean 'bert'?"),
    ("a point that is held", "contract.open", {"account": "bert", "tariff": "flat", "points": ["stall"]},
        HubError, "is held to 200 %: anna 100 %, bert 100 %"),
    ("an id that is taken", "contract.open",
        {"account": "bert", "tariff": "flat", "points": ["store"], "contract": "anna"},
        ContractRefused, "there is a contract anna already, of anna under dear; nothing was changed"),
    ("following what goes on", "contract.open",
        {"account": "bert", "tariff": "flat", "points": ["stall"], "follows": "anna"},
        ContractRefused, "contract anna holds stall still"),
    ("following elsewhere", "contract.open",
        {"account": "bert", "tariff": "flat", "points": ["store"], "follows": "anna"},
        ContractRefused, "contract anna never held store"),
    ("closing what is not", "contract.close", {"contract": "anne"}, NotFound, "Did you mean 'anna'?"),
    ("a read of something else", "contract.close", {"contract": "anna", "reads": {"store": 5}},
        ContractRefused, "there are reads of store, which is not asked about"),
    ("a read and a time", "contract.close", {"contract": "anna", "reads": {"stall": 5}, "at": "2026-03-01"},
        ContractRefused, "a read that is typed in counts for now"),
    ("an end before the start", "contract.close", {"contract": "anna", "at": "2020-01-01"},
        ContractRefused, "and cannot end before"),
    ("the tariff that it is under", "contract.change_tariff", {"contract": "anna", "tariff": "dear"},
        ContractRefused, "contract anna is under tariff dear already"),
    ("a time that is none", "contract.close", {"contract": "anna", "at": "soon"},
        InvalidCall, "at: 'soon' is no time such as"),
    ("a negative figure", "contract.close", {"contract": "anna", "reads": {"stall": -1}},
        InvalidCall, "expected kWh of 0 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "action", "data", "kind", "text"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, case: str, action: str, data: dict[str, Any], kind: type[Exception], text: str
) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        await site.use("stall", 1_000)
        before = await site.rows("SELECT * FROM prepaid__terms UNION ALL SELECT id, tariff, start_us, end_us, 0"
                                 " FROM prepaid__contracts")  # fmt: skip
        with pytest.raises(kind) as error:
            await site.call(action, **data)
        assert text in str(error.value)
        after = await site.rows("SELECT * FROM prepaid__terms UNION ALL SELECT id, tariff, start_us, end_us, 0"
                                " FROM prepaid__contracts")  # fmt: skip
        assert after == before
        assert await site.balance("anna") == -2

    on_site(tmp_path, scene)


def test_asking_twice_does_it_once(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        first = await site.call("contract.open", account="anna", tariff="dear", points=["stall"], contract="c7")
        again = await site.call("contract.open", account="anna", tariff="dear", points=["stall"], contract="c7")
        assert (first["outcome"], again["outcome"], again["start"]) == ("done", "already", first["start"])
        await site.use("stall", 1_000)
        closed = await site.call("contract.close", contract="c7")
        twice = await site.call("contract.close", contract="c7")
        assert (closed["outcome"], twice["outcome"], twice["end"]) == ("done", "already", closed["end"])
        assert await site.balance("anna") == -2

    on_site(tmp_path, scene)


def test_a_contract_that_was_charged_in_a_later_month_is_not_ended_before_it(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        early = site.now_us + HOUR
        await site.use("stall", 1_000, hours=24)
        await site.use("stall", 1_000, hours=24 * 31)
        with pytest.raises(ContractRefused, match=r"contract anna was charged in .* after that end; nothing was"):
            await site.call("contract.close", contract="anna", at=local(early))

    on_site(tmp_path, scene)


def test_a_tenant_reaches_only_the_own_contracts(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_tenants(site)
        await anna_moves_in(site, "stall")
        bert = Principal("bert", frozenset({"contract.*"}), {"account": frozenset({"bert"})})
        with pytest.raises(NotFound, match="there is no contract 'anna'"):
            await site.call("contract.close", principal=bert, contract="anna")
        with pytest.raises(NotFound, match="there is no contract 'anna'"):
            await site.call("contract.change_tariff", principal=bert, contract="anna", tariff="flat")
        with pytest.raises(HubError, match="there is no account 'anna'"):
            await site.call("contract.open", principal=bert, account="anna", tariff="flat", points=["store"])

    on_site(tmp_path, scene)
