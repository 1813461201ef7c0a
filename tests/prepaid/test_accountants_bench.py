"""`hub tariff check` and `hub tariff rate`: a bill from a tariff and a register series, without a hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rated import EXAMPLES, HEAD

from plugins.prepaid.commands.reads_file import ReadsInvalid, load_reads
from plugins.prepaid.commands.tariff import tariff

TNB_B = str(EXAMPLES / "tnb_b.yaml")
C2 = str(EXAMPLES / "tnb_c2.yaml")


def run(*words: str) -> Result:
    return CliRunner().invoke(tariff, list(words))


def bill_of(*words: str) -> dict[str, Any]:
    done = run("rate", *words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_are_right(file: Path) -> None:
    done = run("check", str(file))
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{file} is right: {file.stem} in " in done.output


def test_a_wrong_tariff_is_told_with_its_places(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("tariff: t\nenergy: {prize: 1}\n")
    done = run("check", str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "t.yaml:2:10: tariff at energy.prize: unknown key 'prize'. Did you mean 'price'?" in done.stderr


def test_energy_between_two_dates_is_rated_for_people() -> None:
    done = run("rate", "--tariff", TNB_B, "--wh", "350000", "--from", "2026-03-01", "--to", "2026-04-01")
    assert [line.split() for line in done.output.splitlines()] == [
        ["2026-03", "350.000", "kWh", "by", "tnb_b"],
        ["energy", "163.35"],
        ["energy,", "block", "1:", "200.000", "kWh", "x", "0.435", "87.00"],
        ["energy,", "block", "2:", "150.000", "kWh", "x", "0.509", "76.35"],
        ["together", "163.35"],
        ["total", "MYR", "163.35"],
    ]


def test_json_holds_every_component_tax_and_total_in_minor_units() -> None:
    words = ["--tariff", str(EXAMPLES / "pretoria.yaml"), "--wh", "412000"]
    found = bill_of(*words, "--from", "2026-06-01", "--to", "2026-07-01")
    assert (found["total"], found["currency"], found["scale"]) == (1124_72, "ZAR", 2)
    [period] = found["periods"]
    assert period["components"] == {"energy": 978_02, "tax:vat": 146_70}
    assert period["exact_nano"] == {"energy": "978015600000", "tax:vat": "146702340000"}
    assert [line["amount"] for line in period["energy"]] == [209_70, 736_23, 32_09]


def test_reads_of_a_file_are_rated(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text(
        "\ufefftime,wh_total,demand_w\n2026-06-01 00:00,1000000,\n\n2026-06-01T09:00:00+08:00,1009000,\n"
        "2026-06-01 09:30,1059250,100500\n2026-06-30 16:00:00Z,1100000,\n"
    )
    found = bill_of("--tariff", C2, "--reads", str(file))
    [period] = found["periods"]
    assert period["wh"] == 100_000
    assert period["components"]["demand"] == 4510_00


def test_the_meters_own_bands_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("time,wh_total,wh_peak,wh_off_peak\n2026-06-01,0,0,0\n2026-07-01,1000000,100000,900000\n")
    [period] = bill_of("--tariff", C2, "--reads", str(file))["periods"]
    assert {line["band"]: line["wh"] for line in period["energy"]} == {"peak": 100_000, "off_peak": 900_000}


def test_taxes_inside_prices_are_shown_and_not_added() -> None:
    words = [
        "--tariff",
        str(EXAMPLES / "mall_tou.yaml"),
        "--wh",
        "1000000",
        "--from",
        "2026-07-01",
        "--to",
        "2026-08-01",
    ]
    [period] = bill_of(*words)["periods"]
    assert period["total"] == sum(period["components"].values())
    assert period["included_taxes"] == {"vat": round(period["total"] * 13 / 113)}
    assert "(included: vat" in run("rate", *words).output


def test_steps_and_a_month_without_energy_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    tiers = "{kind: flat_step, blocks: [{up_to: 5, amount: 3}, {amount: 7}]}"
    file.write_text(f"{HEAD}time_zone: Asia/Shanghai\nenergy: {{price: 1, tiers: {tiers}}}\n")
    done = run("rate", "--tariff", str(file), "--wh", "6000", "--from", "2026-04-01", "--to", "2026-05-01")
    assert [line.split() for line in done.output.splitlines()[2:4]] == [
        ["energy,", "block", "2:", "6.000", "kWh", "x", "1", "6.00"],
        ["energy,", "step", "2", "7.00"],
    ]
    words = ["--tariff", str(file), "--wh", "0", "--from", "2026-04-01", "--to", "2026-05-01"]
    assert run("rate", *words).output.splitlines()[0] == "2026-04  0.000 kWh by t"
    assert bill_of(*words)["periods"][0]["energy"] == []


def test_a_tariff_can_follow_another(tmp_path: Path) -> None:
    head = f"{HEAD}time_zone: Asia/Shanghai\n"
    for name, price in (("old", 1), ("new", 2)):
        (tmp_path / f"{name}.yaml").write_text(f"{head}energy: {{price: {price}}}\n")
    words = ["--tariff", str(tmp_path / "old.yaml"), "--tariff", f"{tmp_path / 'new.yaml'}@2026-04-16"]
    assert bill_of(*words, "--wh", "30000", "--from", "2026-04-01", "--to", "2026-05-01")["total"] == 45_00


def test_an_open_month_has_no_minimum_and_no_ratchet() -> None:
    words = [
        "--tariff",
        C2,
        "--wh",
        "1000",
        "--from",
        "2026-06-01",
        "--to",
        "2026-06-02",
        "--past-demand-w",
        "100000",
    ]
    assert bill_of(*words)["total"] == 3157_00 + 31
    assert bill_of(*words, "--open")["total"] == 31
    assert bill_of(*words, "--demand-w", "100000")["total"] == 4510_00 + 31


SERIES = ["--wh", "1", "--from", "2026-06-01", "--to", "2026-07-01"]
USAGE = {
    "nothing to rate": (["--tariff", TNB_B], "give --reads FILE, or --wh with --from and --to"),
    "half of it": (["--tariff", TNB_B, "--wh", "5", "--from", "2026-01-01"], "give --reads FILE, or --wh with"),
    "both": (["--tariff", TNB_B, *SERIES, "--reads", TNB_B], "give either --reads, or --wh with --from and --to"),
    "no time": (
        ["--tariff", TNB_B, "--wh", "5", "--from", "May", "--to", "2026-07-01"],
        "'May' is no time such as",
    ),
    "backwards": (
        ["--tariff", TNB_B, "--wh", "5", "--from", "2026-07-01", "--to", "2026-06-01"],
        "2026-06-01 is not later than 2026-07-01",
    ),
    "no such file": (["--tariff", "none.yaml@2026-01-01", *SERIES], "there is no file 'none.yaml'"),
    "no demand": (["--tariff", TNB_B, *SERIES, "--demand-w", "5"], "no demand is charged in that time"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_is_written_wrongly_is_said(case: str) -> None:
    words, text = USAGE[case]
    done = run("rate", *words)
    assert done.exit_code == 2
    assert text in " ".join(done.stderr.replace("│", " ").split())


FILES = {
    "no columns": (
        "",
        [
            "1: there is no column 'time'. Needed: time,wh_total",
            "1: there is no column 'wh_total'. Needed: time,wh_total",
        ],
    ),
    "columns that nobody knows": (
        "time,wh_totl,note,time\n",
        [
            "1: there is no column 'wh_total'. Did you mean 'wh_totl'? Needed: time,wh_total",
            "1: the column 'time' is there twice",
            "1: unknown column 'note'; there are time, wh_total, demand_w and wh_<band>",
            "1: the column 'time' is there twice",
        ],
    ),
    "one read": (
        "time,wh_total\n2026-01-01,5\n",
        [" 1 reads have no energy between them; at least two are needed"],
    ),
    "rows that are wrong": (
        "time,wh_total,demand_w\n2026-01-01,5.5,\nyesterday,-1,x\n2026-01-01,7\n2026-01-03,9,\n2026-01-02,8,\n",
        [
            "2: wh_total is '5.5'; expected whole Wh or W, 0 or more",
            "3: 'yesterday' is no time such as 2026-03-01T00:15:00+08:00 or 2026-03-01 00:15",
            "3: wh_total is '-1'; expected whole Wh or W, 0 or more",
            "3: demand_w is 'x'; expected whole Wh or W, 0 or more",
            "4: 2 cells, and the head has 3",
            "6: 2026-01-02 is not later than line 5; sort the rows by time",
            "6: the register falls from 9 to 8 Wh; rate what follows a reset by itself",
        ],
    ),
    "a time that clocks skip": (
        "time,wh_total\n2026-03-29 02:30,1\n",
        ["2: '2026-03-29 02:30' does not exist in Europe/Berlin: clocks go forward over it"],
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_all_that_is_wrong_with_reads_is_told_by_line(case: str, tmp_path: Path) -> None:
    text, expected = FILES[case]
    file = tmp_path / "reads.csv"
    file.write_text(text)
    with pytest.raises(ReadsInvalid) as caught:
        load_reads(file, "Europe/Berlin")
    assert str(caught.value).splitlines() == [f"{file}:{line}" for line in expected]


def test_the_repeated_hour_is_told_apart_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text(
        "time,wh_total\n2026-10-25 01:30,0\n2026-10-25 02:30,1\n2026-10-25 02:30,2\n2026-10-25 03:30,3\n"
    )
    lengths = [(one.t1_us - one.t0_us) // 60_000_000 for one in load_reads(file, "Europe/Berlin").intervals]
    assert lengths == [60, 60, 60]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "reads.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadsInvalid, match="cannot be read as UTF-8 text"):
        load_reads(file, "UTC")
