"""The verbs of money against a hub that runs for real: the counter, batches, moves, and what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sites import make_site, running

from hub.cli import exits, main

pytestmark = pytest.mark.real_time

YAML = """\
site: {name: Test hall, time_zone: Asia/Shanghai}
limits: {ballast_mb: 0}
plugins:
  simulator:
    buses: {hall: [{unit: 1, serial: 33B1225950027, load_w: 0, energy_wh: 1234567}]}
  kpm_modbus:
    buses:
      - id: hall
        link: sim://hall
        meters: [{point: stall_07, profile: compere_kpm33b, unit: 1, serial: 33B1225950027}]
  prepaid:
    opening:
      tariffs: [flat.yaml]
      places:
        - {point: stall_07, account: anna, tariff: flat}
        - {point: stall_08, account: bert, tariff: flat}
"""
FLAT = """\
tariff: flat
name: One price
currency: CNY
time_zone: Asia/Shanghai
energy: {price: 0.8333}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site with two accounts whose hub runs."""
    folder = make_site(tmp_path_factory.mktemp("hall"), YAML)
    (folder / "flat.yaml").write_text(FLAT)
    with running(folder):
        yield folder


def account(site: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["account", *map(str, arguments), "--folder", str(site)])


def said(site: Path, *arguments: str | Path) -> str:
    done = account(site, *arguments)
    assert done.exit_code == exits.OK, done.stderr
    return done.stdout


def test_the_counter_credits_once_and_prints_a_receipt(site: Path) -> None:
    first = said(site, "topup", "anna", "100", "--receipt", "4711")
    assert re.fullmatch(r"credited, receipt 4711, balance [0-9.]+, missing 0.00\n", first)
    assert said(site, "topup", "anna", "100", "--receipt", "4711").startswith("already, receipt 4711")
    printed = said(site, "topup", "anna", "5.5", "--bank", "--paid", "2026-03-01T08:00+08:00", "--print")
    assert ("Test hall" in printed, "5.50 CNY" in printed, "bank transfer" in printed) == (True, True, True)
    assert "100.00 CNY" in said(site, "receipt", "4711")
    page = site / "receipt.html"
    assert said(site, "receipt", "cash:4711", "--html", page) == f"written to {page}\n"
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("topup", "anne", "1"), exits.REFUSED, "no account 'anne'; nothing was credited. Did you mean 'anna'"),
        (("topup", "anna", "0"), exits.REFUSED, "a top-up of 0.00 CNY was not made"),
        (("topup", "anna", "much"), exits.REFUSED, "expected a number, got 'much'"),
        (("topup", "anna", "1", "--paid", "2026-03-01"), exits.USAGE, "--paid is for --bank"),
        (("receipt", "none"), exits.REFUSED, "there is no receipt 'none'"),
        (("write-off", "bert", "--reason", "x"), exits.REFUSED, "bert owes nothing"),
        (("goodwill", "anna", "1"), exits.USAGE, "--reason"),
        (("refund", "paid", "99", "--reason", "x"), exits.REFUSED, "there is no refund 99"),
        (("suspense", "assign", "99", "anna", "--reason", "x"), exits.REFUSED, "attempt 99 brought no money"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_refusal_is_a_message_and_an_exit_code(
    site: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    done = account(site, *arguments)
    assert done.exit_code == code, done.stderr
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_money_moves_there_and_back(site: Path) -> None:
    why = ("--reason", "because")
    assert "balance 20.00" in said(site, "goodwill", "bert", "20", *why)
    assert "done, entry" in said(site, "transfer", "bert", "anna", "5", *why)
    begun = said(site, "refund", "begin", "bert", "10", "--by", "cash", *why)
    refund = re.search(r"refund (\d+), balance 15.00", begun)
    assert refund is not None
    assert f"refunds: refund {refund[1]}, account bert, amount 10.00" in said(site, "suspense", "list")
    assert "account bert, balance 5.00" in said(site, "refund", "paid", refund[1], *why)
    assert said(site, "suspense", "list") == "nothing waits\n"
    assert "done, amount 50.00" in said(site, "deposit", "take", "bert", "50", "--receipt", "D1")
    assert "deposit 0.00" in said(site, "deposit", "return", "bert", *why)
    entry = str(json.loads(said(site, "goodwill", "bert", "1", *why, "--json"))["entry"])
    assert "balance 8.00" in said(site, "correct", entry, "3", *why)
    assert "balance 5.00" in said(site, "reverse", entry, *why)


def test_the_same_key_moves_once(site: Path) -> None:
    for _ in range(2):
        said(site, "goodwill", "bert", "2", "--reason", "sorry", "--key", "k1")
    same = json.loads(said(site, "goodwill", "bert", "2", "--reason", "sorry", "--key", "k1", "--json"))
    other = json.loads(said(site, "goodwill", "bert", "2", "--reason", "sorry", "--json"))
    assert Decimal(other["balance"]) - Decimal(same["balance"]) == 2


def test_a_batch_is_rehearsed_applied_and_known_again(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "march.csv"
    file.write_text("account,amount\nanna,30\nbert,40.50\n")
    dry = said(site, "batch", file)
    assert "row 3: bert: amount 40.50" in dry
    assert dry.endswith("dry run: 2 rows, 70.50 in all; --apply does it\n")
    assert said(site, "batch", file, "--apply").endswith("applied: 2 rows, 70.50 in all\n")
    again = said(site, "batch", file, "--apply")
    assert re.fullmatch(
        r"march.csv was applied before, as march.csv on .* by os:.*; nothing was changed. --again REASON .*\n",
        again,
    )
    assert "applied" in said(site, "batch", file, "--apply", "--again", "for April too")
    limits = tmp_path / "limits.csv"
    limits.write_text("account,credit_limit\nanna,30\n")
    assert "applied" in said(site, "batch-limits", limits, "--apply")


def test_the_longest_batch_goes_through_and_a_longer_one_is_not_sent(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    rows = [f"anna,{n}.50,payment {n}" for n in range(1, 5_001)]
    file.write_text("\n".join(["account,amount,reference", *rows]))
    assert said(site, "batch", file).endswith("dry run: 5000 rows, 12505000.00 in all; --apply does it\n")
    file.write_text("\n".join(["account,amount,reference", *(row + "x" * 200 for row in rows)]))
    done = account(site, "batch", file)
    assert (done.exit_code, "5000 rows with this much text are too many; split it" in done.stderr) == (
        exits.ERRORS, True,
    )  # fmt: skip


def test_all_errors_of_a_batch_are_printed_with_row_and_column(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text("account,amount\nanne,1\nanna,0\n")
    done = account(site, "batch", file, "--apply")
    assert done.exit_code == exits.ERRORS
    assert done.stderr.splitlines() == [
        "wrong.csv:2: account: there is no account 'anne'. Did you mean 'anna'?",
        "wrong.csv:3: amount: 0 is not above zero; money goes out by a refund",
        "2 errors; nothing was changed",
    ]
    file.write_text("acount,amount\nanna,1\n")
    unread = account(site, "batch", file)
    assert (unread.exit_code, "unknown column 'acount'. Did you mean 'account'?" in unread.stderr) == (
        exits.ERRORS, True,
    )  # fmt: skip
