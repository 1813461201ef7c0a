"""Tables of every kind: XLSX, other separators, formulas, and the way there and back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from books_stage import SHANGHAI
from places_stage import Site, local, on_site

from hub.core.principals import Principal
from plugins.prepaid.places.columns import COLUMNS, Local
from plugins.prepaid.places.opening import OpeningRefused, gather_opening, is_empty, take_in
from plugins.prepaid.places.tables import read_table, write_csv

RICH = (Path(__file__).parent / "rich_site.csv").read_text(encoding="utf-8")


def test_a_site_goes_out_and_comes_back_to_the_byte(tmp_path: Path) -> None:
    async def first(site: Site) -> str:
        answer = await site.bring(RICH)
        assert answer["problems"] == []
        await site.use("store", 0)
        opening = f"point,opening_kwh,opening_at,serial\nstall,0.25,{local(site.now_us - 7_000_001)},1001\n"
        assert (await site.bring(opening))["problems"] == []
        await site.use("stall", 3_000)
        await site.call("topup.cash", account="noodles", amount=100, receipt="r1")
        return await site.export()

    async def second(site: Site) -> str:
        await site.harness.advance("1 day")
        answer = await site.bring(exported)
        assert answer["problems"] == []
        return await site.export()

    async def third(site: Site) -> str:
        await site.harness.advance("1 day")
        again = await site.bring(exported)
        assert (again["outcome"], again["changed"]) == ("done", [])
        same = await site.bring(exported + "\r\n")
        assert (same["outcome"], same["created"], same["changed"]) == ("done", [], [])
        return await site.export()

    exported = on_site(tmp_path / "a", first)
    assert on_site(tmp_path / "b", second) == exported
    assert on_site(tmp_path / "c", third) == exported
    assert exported.startswith("\ufeffarea,area_name,point,")
    assert "'=Stall 7" in exported
    assert "'+86 21 5555" in exported
    assert "Floor 1\\> up" in exported


def test_an_export_shows_a_tenant_the_own_rows_only(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await site.bring(RICH)
        anna = Principal("anna", frozenset({"site.*"}), {"account": frozenset({"noodles"})})
        table = read_table("x", (await site.export(anna)).encode())
        assert {row.cells["account"] for row in table.rows} == {"noodles"}
        assert {row.cells["contract"] for row in table.rows} == {"n1", "n2"}

    on_site(tmp_path, scene)


HEADINGS = ("Point", "point name", "account", "Tariff", "start", "share", "credit_limit", "opening_balance")
AT = datetime.fromisoformat("2026-03-01T08:30")


def xlsx(*rows: Sequence[object], percent: str | None = None) -> bytes:
    """A workbook with one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    if percent is not None:
        sheet[percent].number_format = "0.00%"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_as_people_see_it(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        content = xlsx(
            (*HEADINGS, "#ours"),
            ("stall", 7, "noodles", "flat", AT, 0.25, 100, 0.1, "x"),
            (None, None, None, None, None, None, None, None, None),
            ("store", 8.5, "noodles", "flat", date(2026, 3, 1), None, None, None, None),
            percent="F2",
        )  # fmt: skip
        answer = await site.bring(content, name="site.xlsx")
        assert [(one["row"], one["column"]) for one in answer["problems"]] == [(4, "start")]
        content = xlsx(
            HEADINGS,
            ("stall", 7, "noodles", "flat", AT, 0.25, 100, 0.1),
            percent="F2",
        )
        answer = await site.bring(content, name="site.xlsx")
        assert answer["problems"] == []
        [row] = read_table("x", (await site.export()).encode()).rows
        assert row.cells["point_name"] == "7"
        assert row.cells["share"] == "25"
        assert row.cells["start"] == "2026-03-01 08:30:00+08:00"
        assert (row.cells["credit_limit"], row.cells["opening_balance"]) == ("100.00", "0.10")

    on_site(tmp_path, scene)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_with_the_separator_that_it_has(separator: str) -> None:
    text = f'\ufeffPoint{separator}Point Name\r\nstall{separator}"A,B;C\tD"\r\n'
    [row] = read_table("x", text.encode()).rows
    assert row.cells == {"point": "stall", "point_name": "A,B;C D"}


@pytest.mark.parametrize(
    "name", ["=1+1", "+49", "-5", "-five", "@home", "'quoted", "'", "''", "-", "plain", "面馆"]
)
def test_no_name_becomes_a_formula_and_none_changes_on_the_way(name: str) -> None:
    text = write_csv(["point", "point_name"], [{"point": "stall", "point_name": name}])
    [row] = read_table("x", text.encode()).rows
    assert row.cells["point_name"] == name
    written = text.splitlines()[1].split(",")[1]
    assert written[0] not in "=+@" or name == written


def test_a_row_number_is_that_of_the_row_even_behind_a_cell_of_two_lines() -> None:
    table = read_table("x", b'point,point_name\nstall,"two\nlines"\nstore,one\n')
    assert [(row.number, row.cells["point_name"]) for row in table.rows] == [(2, "two lines"), (4, "one")]


def test_a_configuration_may_name_a_table(tmp_path: Path) -> None:
    """`opening: {places: shops.csv}` goes the same way as rows that stand in place."""
    here = Local(2, SHANGHAI)
    (tmp_path / "shops.csv").write_text("point,account,tariff,tenant_name\nstall,noodles,flat,面馆\n")
    from_file = gather_opening("shops.csv", tmp_path, here)
    rows = [{"point": "stall", "account": "noodles", "tariff": "flat", "tenant": "面馆", "role": "tenant"}]
    in_place = gather_opening(rows, tmp_path, here)
    assert from_file.points.keys() == in_place.points.keys()
    assert from_file.contracts["noodles"]["tariff"].value == "flat"  # type: ignore[index]

    async def scene(site: Site) -> list[tuple[object, ...]]:
        assert await site.read(is_empty)
        await site.write(lambda tx: take_in(tx, from_file, site.now_us))
        assert not await site.read(is_empty)
        return await site.rows(
            "SELECT a.id, t.name FROM prepaid__accounts a JOIN prepaid__tenants t ON t.id = a.tenant"
        )

    assert on_site(tmp_path / "site", scene) == [("noodles", "面馆")]


def test_a_configuration_with_contradictions_is_refused_whole(tmp_path: Path) -> None:
    here = Local(2, SHANGHAI)
    (tmp_path / "shops.csv").write_text("point,account,tariff\nstall,noodles,flat\nstall,noodles,dear\nx y,a,b\n")
    with pytest.raises(OpeningRefused, match=r"prepaid.opening.places: row 4, point: the id 'x y' is no id"):
        gather_opening("shops.csv", tmp_path, here)
    with pytest.raises(OpeningRefused, match=r"nowhere.csv cannot be read"):
        gather_opening("nowhere.csv", tmp_path, here)
    row = {"point": "stall", "account": "noodles", "tariff": "flat", "role": "tenant", "load_class": "icecream"}

    async def scene(site: Site) -> None:
        with pytest.raises(OpeningRefused, match="row 1, load_class: point stall: there is no load class"):
            await site.write(lambda tx: take_in(tx, [row], site.now_us))

    on_site(tmp_path / "site", scene)


def test_the_page_names_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "site-import.md").read_text()
    assert [column.name for column in COLUMNS if f"| `{column.name}` |" not in page] == []
