"""A table with mistakes: all of them at once, each by its row and column, and nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from places_stage import Site, on_site

from hub.core.errors import HubError
from plugins.prepaid.places.tables import TableUnreadable, read_table

HEAD = "point,point_name,parent,area,role,load_class,tenant,tenant_name,phone,account,credit_limit,opening_balance"
HEAD += ",contract,tariff,start,end,held_from,share,serial,opening_kwh,opening_raw,opening_at,count_wh,ratio"
COLUMNS = HEAD.split(",")


def rows(*cells: dict[str, str]) -> str:
    """A table with these cells."""
    return "\n".join([HEAD, *(",".join(row.get(column, "") for column in COLUMNS) for row in cells)]) + "\n"


STALL = {"point": "stall", "account": "noodles", "tariff": "flat", "start": "2026-03-01"}

KIOSK = {"tenant_name": "Kiosk", "phone": "12345"}
MARCH = "2026-02-28 16:00:00+00:00"

WRONG = [
    ("two mistakes are told together",
        [{**STALL, "credit_limit": "x"}, {**STALL, "point": "Store 2", "start": "soon"}],
        [(2, "credit_limit", "'x' is no number such as 1234.5"),
         (3, "point", "the id 'Store 2' is no id: write lower-case letters"),
         (3, "start", "'soon' is no time such as 2026-03-01 or 2026-03-01 08:30")]),
    ("a share of nothing", [{**STALL, "share": "0"}],
        [(2, "share", "'0' is no share; write percent above 0 up to 100, with at most four decimals")]),
    ("money finer than the currency", [{**STALL, "opening_balance": "1.005"}],
        [(2, "opening_balance", "1.005 is no amount of a currency with 2 decimals; write it exactly")]),
    ("thousands separators", [{**STALL, "opening_balance": '"1,005.00"'}],
        [(2, "opening_balance", "'1,005.00' is no number such as 1234.5")]),
    ("an unknown parent", [{**STALL, "parent": "stal"}],
        [(2, "parent", "point stall: there is no point 'stal' that could feed it. Did you mean 'stall'?")]),
    ("points that feed each other", [{"point": "a", "parent": "b"}, {"point": "b", "parent": "a"}],
        [(2, "parent", "point a: it would feed itself: a <- b <- a")]),
    ("an unknown load class", [{**STALL, "load_class": "cold_storge"}],
        [(2, "load_class", "there is no load class 'cold_storge'. Did you mean 'cold_storage'? There are ")]),
    ("a point held to more than all of it", [STALL, {**STALL, "account": "fish", "share": "20"}],
        [(2, "share", f"from {MARCH} on stall is held to 120 %: fish 20 %, noodles 100 %; end one")]),
    ("one contract with two tariffs", [STALL, {**STALL, "point": "store", "tariff": "dear"}],
        [(3, "tariff", "contract noodles has something else here in row 2; one of the two is wrong")]),
    ("two shops of one name", [KIOSK, {**KIOSK, "phone": "54321"}],
        [(3, "phone", "tenant kiosk has something else here in row 2; one of the two is wrong")]),
    ("the same hold twice", [STALL, STALL],
        [(3, "contract", "contract noodles holds point stall by row 2 already")]),
    ("a hold before its contract", [{**STALL, "held_from": "2026-02-01"}],
        [(2, "held_from", f"it holds stall from 2026-01-31 16:00:00+00:00, before its start {MARCH}")]),
    ("an end before the start", [{**STALL, "end": "2026-02-01"}],
        [(2, "end", f"contract noodles: it ends 2026-01-31 16:00:00+00:00, not after its start {MARCH}"),
         (2, "held_until", f"it holds stall until 2026-01-31 16:00:00+00:00, not after {MARCH}")]),
    ("a contract without a tariff", [{**STALL, "tariff": ""}],
        [(2, "tariff", "contract noodles is new and needs its tariff")]),
    ("a contract without a point", [{**STALL, "point": ""}],
        [(2, "point", "contract noodles names no point here that it holds")]),
    ("a main meter held by a tenant", [{**STALL, "role": "main"}],
        [(2, "role", "stall is a main meter: others pay for what flows there, so its contract is a landlord's")]),
    ("an opening read of a register that nobody knows", [{"point": "cellar", "opening_kwh": "12"}],
        [(2, "count_wh", "the field layer does not know this point yet, so say what one count")]),
    ("an opening read between two counts", [{"point": "cellar", "opening_kwh": "12.345", "count_wh": "10"}],
        [(2, "opening_kwh", "12.345 kWh is between two counts: the register counts steps of 0.01 kWh")]),
    ("two opening reads that differ", [{"point": "stall", "opening_kwh": "1", "opening_raw": "900"}],
        [(2, "opening_raw", "opening_kwh says something else; give one of the two")]),
    ("an opening read of tomorrow", [{"point": "stall", "opening_kwh": "1", "opening_at": "2099-01-01"}],
        [(2, "opening_at", "an opening read is of the past, and this time is not yet")]),
    ("another instrument than the field layer expects", [{"point": "stall", "opening_kwh": "1", "serial": "9"}],
        [(2, "serial", "the field layer has 1001 at stall; one of the two is wrong")]),
    ("another ratio than the field layer has", [{"point": "stall", "opening_kwh": "1", "ratio": "200/5"}],
        [(2, "ratio", "the field layer has 1/1 at stall; one of the two is wrong")]),
    ("a row that does not say whose it is", [{"phone": "12345"}],
        [(2, "tenant", "the row says something of a tenant and does not name it")]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "cells", "expected"), WRONG, ids=[case for case, _, _ in WRONG])
def test_mistakes_are_told_by_row_and_column(
    tmp_path: Path, case: str, cells: list[dict[str, str]], expected: list[tuple[int, str, str]]
) -> None:
    async def scene(site: Site) -> None:
        answer = await site.bring(rows(*cells))
        told = answer["problems"]
        assert [(one["row"], one["column"]) for one in told] == [(row, column) for row, column, _ in expected]
        assert [text for (_, _, text), one in zip(expected, told, strict=True) if text not in one["text"]] == []
        assert answer["outcome"] == "wrong"
        for table in ("points", "tenants", "accounts", "contracts", "epochs", "imports", "journal"):
            assert await site.rows(f"SELECT * FROM prepaid__{table}") == [], table

    on_site(tmp_path, scene)


def test_an_unknown_column_is_told_with_a_close_one(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        answer = await site.bring("point,acount,colour,#note\nstall,noodles,red,ours\n")
        assert [(one["row"], one["column"], one["text"]) for one in answer["problems"]] == [
            (1, "acount", "there is no such column. Did you mean 'account'?"),
            (1, "colour", "there is no such column. A column of your own begins with #."),
        ]

    on_site(tmp_path, scene)


def test_what_a_record_is_for_ever_is_not_changed_by_a_table(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await site.bring(rows({**STALL, "opening_kwh": "0.5", "opening_balance": "10", "serial": "1001"}))
        changed = {
            **STALL, "tariff": "dear", "start": "2026-04-01", "end": "2026-12-01", "opening_kwh": "0.6",
            "opening_balance": "11", "tenant": "somebody", "share": "50",
        }  # fmt: skip
        answer = await site.bring(rows(changed))
        told = {one["column"]: one["text"] for one in answer["problems"]}
        assert told["tariff"].endswith("cannot be changed by a table; close it and open another")
        assert told["start"].startswith("the start of contract noodles cannot be changed")
        assert told["end"].startswith("the end of contract noodles cannot be changed")
        assert told["tenant"] == "the tenant of account noodles cannot be changed by a table; open another"
        assert told["opening_balance"].startswith("account noodles was opened with another balance")
        assert told["opening_kwh"].endswith("`hub meter replace` changes a meter")
        assert told["share"].startswith("contract noodles holds stall otherwise")
        assert answer["outcome"] == "wrong"

    on_site(tmp_path, scene)


def test_a_trip_test_is_not_made_by_a_table(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        await site.bring("point\nstall\n")
        answer = await site.bring("point,trip_tested\nstall,yes\n")
        assert [one["text"] for one in answer["problems"]] == [
            "point stall has no trip test on record; commission it, a table cannot stand in for it"
        ]

    on_site(tmp_path, scene)


UNREADABLE = [
    ("nothing", b"", "f is empty; its first row names the columns"),
    ("old Excel", b"\xd0\xcf\x11\xe0rest", "f is an XLS file of old; save it as XLSX, or as CSV UTF-8"),
    (
        "another encoding",
        "point\n面馆\n".encode("gb18030"),
        "f: line 2 is no UTF-8; save it as CSV UTF-8",
    ),
    (
        "a broken archive",
        b"PK\x03\x04 and no more",
        "f cannot be read as XLSX (BadZipFile",
    ),
    ("a heading twice", b"point,Point\na,b\n", "f: the column 'point' is there twice"),
    ("a column without heading", b"point,,role\na,b,c\n", "f: column 2 has no heading"),
    ("a cell too far", b"point\nstall,extra\n", "f: row 2: 'extra' stands beyond the last heading"),
    ("a control character", b"point\nst\x07all\n", "f: row 2: the character '\\x07' cannot be kept; remove it"),
    ("an endless cell", b"point\n" + b"x" * 501, "f: row 2: a cell is longer than 500 characters"),
    ("an open quote", b'point\n"stall\n', "f: line 2: unexpected end of data"),
    ("too many rows", b"point\n" + b"a\n" * 50_001, "f has more than 50000 rows; split it"),
]


@pytest.mark.parametrize(("case", "content", "text"), UNREADABLE, ids=[case for case, _, _ in UNREADABLE])
def test_what_is_no_table_says_why(case: str, content: bytes, text: str) -> None:
    with pytest.raises(TableUnreadable) as error:
        read_table("f", content)
    assert str(error.value).startswith(text)


def test_a_damaged_document_is_refused(tmp_path: Path) -> None:
    async def scene(site: Site) -> None:
        with pytest.raises(HubError, match="the document is damaged"):
            await site.call("site.import", name="x", document="%%%")

    on_site(tmp_path, scene)
