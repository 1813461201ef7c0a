"""Tenants, points and accounts by action; and what people may ask of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from places_stage import Site, on_site

from hub.core.actions import InvalidCall
from hub.core.errors import HubError, NotAllowed, NotFound
from hub.core.principals import Principal
from plugins.prepaid.money.desk import MoveRefused
from plugins.prepaid.places.checks import PlacesRefused

EVERYTHING = frozenset({"account.*", "contract.*", "meter.*", "site.*"})
ANNA = Principal("anna", EVERYTHING, {"account": frozenset({"anna"})})


async def two_shops(site: Site) -> None:
    """Anna holds the stall, Bert the store."""
    answer = await site.bring(
        "point,tenant_name,tenant,account,tariff,opening_balance\n"
        "stall,Anna's,anna,anna,dear,10\nstore,Bert's,bert,bert,flat,-5\n"
    )
    assert answer["problems"] == []
    await site.use("stall", 0)
    await site.use("stall", 1_000)


def test_a_site_can_be_made_by_hand(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await site.harness.kernel.registry.places.create_area("Hall")
        assert (await site.call("point.save", point="stall", name="Stall 7", area="hall"))["outcome"] == "done"
        assert (await site.call("tenant.save", tenant="anna", name="Anna's", phone="12345"))["outcome"] == "done"
        assert (await site.call("account.open", account="a1", tenant="anna", credit_limit="20"))[
            "outcome"
        ] == "done"
        await site.call("contract.open", account="a1", tariff="dear", points=["stall"])
        await site.use("stall", 1_000)
        shown = await site.ask("account.show", account="a1")
        assert (shown["balance"], shown["available"]) == (-2, 18)
        assert (shown["name"], shown["tenant_name"], shown["phone"]) == ("Anna's", "Anna's", "12345")
        assert [one["point"] for one in shown["contracts"][0]["points"]] == ["stall"]

    on_site(tmp_path, scene)


def test_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        await site.call("tenant.save", tenant="anna", phone="12345", language="zh")
        await site.call("tenant.save", tenant="anna", email="a@b.cn")
        assert (await site.call("tenant.save", tenant="anna", email="a@b.cn"))["outcome"] == "already"
        [row] = await site.rows("SELECT name, language, phone, email FROM prepaid__tenants WHERE id = 'anna'")
        assert row == ("Anna's", "zh", "12345", "a@b.cn")
        await site.call("tenant.save", tenant="anna", phone=None)
        assert await site.rows("SELECT phone FROM prepaid__tenants WHERE id = 'anna'") == [(None,)]

    on_site(tmp_path, scene)


REFUSED: list[tuple[str, str, dict[str, Any], type[Exception], str]] = [
    ("an unknown area", "point.save", {"point": "stall", "area": "hal"}, PlacesRefused,
        "nothing was changed: point stall: there is no area 'hal'"),
    ("a point that feeds itself", "point.save", {"point": "stall", "parent": "stall"}, HubError, "feed itself"),
    ("a parent that is not there", "point.save", {"point": "stall", "parent": "stor"}, PlacesRefused,
        "there is no point 'stor' that could feed it. Did you mean 'store'?"),
    ("a load class that is none", "point.save", {"point": "stall", "load_class": "ice"}, InvalidCall, "load_class"),
    ("a main meter that a tenant holds", "point.save", {"point": "stall", "role": "main"}, PlacesRefused,
        "its contract is a landlord's"),
    ("an account of nobody", "account.open", {"account": "x", "tenant": "ana"}, NotFound,
        "there is no tenant 'ana'; nothing was changed. Did you mean 'anna'?"),
    ("an account of another", "account.open", {"account": "anna", "tenant": "bert"}, PlacesRefused,
        "account anna is anna's; nothing was changed. Open another for bert"),
    ("a limit below zero", "account.set_credit_limit", {"account": "anna", "amount": -1, "reason": "x"},
        PlacesRefused,
        "a credit limit of -1 was not set"),
    ("closing what holds contracts", "account.close", {"account": "anna", "reason": "gone"}, PlacesRefused,
        "account anna holds contracts: anna; close them first"),
    ("a phone that is none", "tenant.save", {"tenant": "anna", "phone": "call me"}, InvalidCall,
        "'call me' is no telephone number"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "action", "data", "kind", "text"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, case: str, action: str, data: dict[str, Any], kind: type[Exception], text: str
) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        before = await site.export()
        with pytest.raises(kind) as error:
            await site.call(action, **data)
        assert text in str(error.value)
        assert await site.export() == before

    on_site(tmp_path, scene)


def test_an_account_is_closed_when_nothing_is_in_it(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        await site.call("contract.close", contract="anna")
        with pytest.raises(MoveRefused, match=r"account anna stands at 8\.00 CNY; nothing was changed. Refund it"):
            await site.call("account.close", account="anna", reason="gone")
        await site.bring("tenant,account\ncleo,cleo\n")
        assert (await site.call("account.close", account="cleo", reason="gone"))["outcome"] == "done"
        [closed] = [one for one in await site.ask("account.list") if one["account"] == "cleo"]
        assert closed["status"] == "closed"
        with pytest.raises(HubError, match="account cleo is closed"):
            await site.call("contract.open", account="cleo", tariff="flat", points=["stall"])
        assert (await site.call("account.open", account="cleo"))["outcome"] == "done"

    on_site(tmp_path, scene)


def test_a_higher_limit_is_available_at_once(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        answer = await site.call("account.set_credit_limit", account="bert", amount="30", reason="agreed")
        assert (answer["outcome"], answer["credit_limit"]) == ("done", 30)
        await site.harness.advance(0.1)
        available = site.harness.kernel.states.get("sensor.bert_available")
        assert available is not None
        assert available.value == 25
        again = await site.call("account.set_credit_limit", account="bert", amount="30", reason="agreed")
        assert again["outcome"] == "already"

    on_site(tmp_path, scene)


def test_accounts_are_found_by_what_is_wrong_with_them(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        assert [one["account"] for one in await site.ask("account.list")] == ["anna", "bert"]
        assert [one["account"] for one in await site.ask("account.list", low=Decimal(8))] == ["bert"]
        assert [one["account"] for one in await site.ask("account.list", low=Decimal("8.01"))] == ["anna", "bert"]
        assert [one["account"] for one in await site.ask("account.list", arrears=True)] == ["bert"]

    on_site(tmp_path, scene)


def test_a_history_reads_as_people_think_of_money(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        await site.call("topup.cash", account="anna", amount=100, receipt="r1")
        page = await site.ask("account.history", account="anna", limit=2)
        assert [(one["kind"], one["amount"], one["balance"]) for one in page["lines"]] == [
            ("topup", 100, 108),
            ("charge", -2, 8),
        ]
        assert page["lines"][1]["kwh"] is None or page["lines"][1]["kwh"] == 1
        older = await site.ask("account.history", account="anna", before=page["older"])
        assert [(one["kind"], one["amount"], one["balance"]) for one in older["lines"]] == [("opening", 10, 10)]
        assert older["older"] is None

    on_site(tmp_path, scene)


def test_a_contract_shows_its_reads_and_months(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        shown = await site.ask("contract.show", contract="anna")
        assert [month["charged"] for month in shown["months"]] == [2]
        assert shown["months"][0]["components"] == {"energy": 2}
        with pytest.raises(NotFound, match=r"there is no contract 'ana'\. Did you mean 'anna'?"):
            await site.ask("contract.show", contract="ana")

    on_site(tmp_path, scene)


def test_a_tenant_sees_the_own_records_only(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        assert [one["account"] for one in await site.ask("account.list", ANNA)] == ["anna"]
        assert [one["contract"] for one in await site.ask("contract.list", ANNA)] == ["anna"]
        assert [one["point"] for one in await site.ask("meter.list", ANNA)] == ["stall"]
        assert "bert" not in await site.export(ANNA)
        for query, params in (
            ("account.show", {"account": "bert"}),
            ("account.history", {"account": "bert"}),
            ("contract.show", {"contract": "bert"}),
            ("contract.list", {"account": "bert"}),
            ("meter.show", {"point": "store"}),
        ):
            with pytest.raises(HubError, match="there is no") as error:
                await site.ask(query, ANNA, **params)
            assert "Did you mean 'bert'" not in str(error.value)
            assert "Did you mean 'store'" not in str(error.value)
        with pytest.raises(NotAllowed):
            await site.ask("account.list", Principal("nobody"))
        with pytest.raises(HubError, match="there is no account 'bert'"):
            await site.call("account.close", principal=ANNA, account="bert", reason="x")

    on_site(tmp_path, scene)


QUESTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("account.show", {}, "say which account is meant"),
    ("account.list", {"low": "much"}, "low is 'much'; give an amount such as 100"),
    ("account.history", {"account": "anna", "limit": 0}, "limit is 0; give a number from 1 to 1000"),
    ("account.history", {"account": "anna", "before": [1]}, "before is what `older` of the page before it says"),
]


@pytest.mark.parametrize(("query", "params", "text"), QUESTIONS)
def test_a_question_that_means_nothing_is_told(
    tmp_path: Path, query: str, params: dict[str, Any], text: str
) -> None:
    async def scene(site: Site) -> None:
        await two_shops(site)
        with pytest.raises(HubError) as error:
            await site.ask(query, **params)
        assert str(error.value) == text

    on_site(tmp_path, scene)
