"""`hub site import`: a table becomes a site, all of it or nothing, once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from places_stage import Site, local, on_site

MALL = """\
area_name,point,point_name,parent,role,load_class,serial,opening_kwh,count_wh,tenant_name,landlord,account,credit_limit,opening_balance,tariff,share
Mall,main,Main meter,,main,,,,,Landlord,yes,landlord,,,flat,
Mall > Floor 1,stall,面馆 7号,main,,,1001,1,1,面馆,,noodles,50,123.45,flat,
Mall > Floor 1,store,Cold store,main,,cold_storage,,,,Fish & Co,,fish,,-20,dear,50
Mall > Floor 1,store,,,,,,,,面馆,,noodles,,,flat,50
"""


def test_a_table_becomes_a_site(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        answer = await site.bring(MALL)
        assert answer["problems"] == []
        assert (answer["outcome"], answer["rows"], answer["opening_balances"]) == ("done", 4, 2)
        created = {(one["kind"], one["id"]) for one in answer["created"]}
        assert {("area", "mall"), ("area", "floor_1"), ("point", "main"), ("tenant", "u9762_u9986")} <= created
        assert site.harness.kernel.registry.area("floor_1").parent_id == "mall"  # type: ignore[union-attr]
        assert await site.balance("noodles") == Decimal("123.45")
        assert await site.balance("fish") == -20
        accounts = {one["account"]: one for one in await site.ask("account.list")}
        assert accounts["noodles"]["available"] == Decimal("173.45")
        assert accounts["noodles"]["points"] == ["stall"]
        await site.use("stall", 10_000)
        assert await site.balance("noodles") == Decimal("123.45") - Decimal("8.33")
        await site.check()

    on_site(tmp_path, scene)


def test_energy_counts_from_the_opening_read_that_was_written_down(tmp_path: Path) -> None:
    """The display said 0.4 kWh when the tenant moved in; the field layer saw 1.0 first."""

    async def scene(site: Site) -> None:
        await site.harness.advance("1 hour")
        moved_in = local(site.now_us - 1_800_000_000)
        await site.bring(
            f"point,opening_kwh,opening_at,account,tariff,start\nstall,0.4,{moved_in},noodles,dear,{moved_in}\n"
        )
        await site.use("stall", 0)
        assert await site.balance("noodles") == Decimal("-1.20")
        [(basis, raw)] = await site.rows("SELECT basis, raw FROM prepaid__reads ORDER BY id LIMIT 1")
        assert (basis, raw) == ("opening", 400)
        await site.check()

    on_site(tmp_path, scene)


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        dry = await site.bring(MALL, dry_run=True)
        assert (dry["outcome"], dry["problems"]) == ("dry_run", [])
        assert await site.rows("SELECT id FROM prepaid__points") == []
        assert await site.rows("SELECT sha FROM prepaid__imports") == []
        assert site.harness.kernel.registry.area("mall") is None
        wet = await site.bring(MALL)
        assert wet["created"] == dry["created"]

    on_site(tmp_path, scene)


def test_the_same_file_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        first = await site.bring(MALL)
        again = await site.bring(MALL, name="copy.csv")
        assert (again["outcome"], again["created"], again["changed"]) == ("already", [], [])
        assert again["sha"] == first["sha"]
        assert again["already"]["rows"] == 4
        assert await site.balance("noodles") == Decimal("123.45")
        assert len(await site.rows("SELECT sha FROM prepaid__imports")) == 1

    on_site(tmp_path, scene)


def test_another_file_that_says_the_same_changes_nothing_either(tmp_path: Path) -> None:
    """Row by row: a space more makes another hash, and the same site."""

    async def scene(site: Site) -> None:
        await site.bring(MALL)
        lines = MALL.splitlines()
        again = await site.bring("\n".join([lines[0], *reversed(lines[1:])]))
        assert (again["outcome"], again["created"], again["changed"]) == ("done", [], [])
        assert again["unchanged"] > 10
        assert await site.balance("noodles") == Decimal("123.45")

    on_site(tmp_path, scene)


def test_a_changed_table_changes_what_it_changes(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await site.bring(MALL)
        answer = await site.bring("account,credit_limit,tenant_name,phone\nnoodles,80,面馆,+86 138 0000 0000\n")
        assert answer["problems"] == []
        assert [(one["kind"], one["id"], one["fields"]) for one in answer["changed"]] == [
            ("tenant", "u9762_u9986", ["phone"]),
            ("account", "noodles", ["credit_limit"]),
        ]
        accounts = {one["account"]: one for one in await site.ask("account.list")}
        assert accounts["noodles"]["credit_limit"] == 80
        cleared = await site.bring("tenant,phone\nu9762_u9986,-\n")
        assert cleared["changed"] == [{"kind": "tenant", "id": "u9762_u9986", "fields": ["phone"]}]

    on_site(tmp_path, scene)


def test_new_accounts_and_points_have_entities_at_once(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        assert site.harness.kernel.registry.get("sensor.noodles_balance") is None
        await site.bring(MALL)
        await site.harness.advance(1)
        assert site.harness.kernel.registry.get("sensor.noodles_balance") is not None
        assert site.harness.kernel.registry.get("sensor.stall_energy_today") is not None

    on_site(tmp_path, scene)


def test_a_tariff_that_is_not_published_is_told_and_stops_nothing(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        answer = await site.bring("point,account,tariff\nstall,noodles,night\n")
        assert answer["outcome"] == "done"
        assert answer["notes"] == ["tariff night is not published: what is under it is not charged until it is"]

    on_site(tmp_path, scene)


def test_a_contract_from_the_past_is_charged_for_what_was_read_since(tmp_path: Path) -> None:
    """The meter was read before anybody held the point; the table says who held it."""

    async def scene(site: Site) -> None:
        await site.bring("point\nstall\nstore\n")
        await site.use("stall", 0)
        began = site.now_us
        await site.use("stall", 5_000)
        assert await site.rows("SELECT * FROM prepaid__journal") == []
        await site.bring(f"point,account,tariff,start\nstall,noodles,dear,{local(began - 20_000)}\n")
        assert await site.balance("noodles") == -10
        await site.check()

    on_site(tmp_path, scene)
