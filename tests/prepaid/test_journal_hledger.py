"""The real hledger reads our books, finds the same balances, and agrees with every balance we asserted."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from journal_stage import BAKERY, CASH, NOODLES, Stage, charge, play, topup

from hub.contracts.units import MinorUnits
from plugins.prepaid.journal import (
    Currency,
    Entry,
    Posting,
    assert_balance,
    balances,
    checkpoint,
    export,
    reverse,
)
from plugins.prepaid.journal import hledger as module
from plugins.prepaid.journal.chart import SUSPENSE

HLEDGER = shutil.which("hledger")
needs_hledger = pytest.mark.skipif(HLEDGER is None, reason="hledger is not installed: apt-get install hledger")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY_US = 86_400_000_000


def exported(folder: Path, currency: Currency) -> tuple[Path, Mapping[str, int]]:
    """A ledger with something of everything, as text, and its balances."""

    async def scene(stage: Stage) -> tuple[str, Mapping[str, int]]:
        await stage.post(topup("t1", 90_000), charge("c2", 12_345), charge("c3", 7, BAKERY))
        odd = Entry(
            "gift;  of\nnight", "k;4, x", 5 * DAY_US,
            (Posting(SUSPENSE, MinorUnits(-1)), Posting(CASH, MinorUnits(1))),
            ref="a\n    asset:cash  5.00 CNY", note="第一; 号:店",
        )  # fmt: skip
        await stage.post(odd)
        await stage.write(lambda tx: checkpoint(tx, date(2026, 11, 21), 5, {}))
        await stage.clock.sleep(3 * 86_400)
        await stage.write(lambda tx: reverse(stage.journal, tx, 2, "r", "misread", 7 * DAY_US))
        await stage.write(lambda tx: assert_balance(tx, NOODLES, MinorUnits(-90_000), 5))
        await stage.post(charge("c6", 80))
        lines = await stage.read(lambda reader: list(export(reader, currency, SHANGHAI)))
        return "\n".join(lines) + "\n", await stage.read(balances)

    text, sums = play(folder, scene)
    file = folder / "books.journal"
    file.write_text(text)
    return file, sums


def hledger(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert HLEDGER is not None
    return subprocess.run(
        [HLEDGER, *arguments, "-f", str(file)], capture_output=True, text=True, timeout=30, check=False,
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@needs_hledger
@pytest.mark.parametrize("currency", [Currency("CNY", 2), Currency("JPY", 0), Currency("BHD", 3)], ids=str)
def test_hledger_finds_our_balances(tmp_path: Path, currency: Currency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_ENTRIES", 2)
    file, sums = exported(tmp_path, currency)
    checked = hledger(file, "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")
    found = hledger(file, "balance", "--no-total", "--empty", "--flat", "--format", "%(account) %(total)")
    theirs = {line.rsplit(maxsplit=2)[0].strip(): line.split()[-2:] for line in found.stdout.splitlines()}
    ours = {account: Decimal(amount).scaleb(-currency.scale) for account, amount in sums.items()}
    assert {account: Decimal(words[0]) for account, words in theirs.items() if words[0] != "0"} == {
        account: amount for account, amount in ours.items() if amount
    }
    assert theirs.keys() == ours.keys()


@needs_hledger
def test_hledger_sees_when_an_amount_was_changed_in_the_text(tmp_path: Path) -> None:
    file, _ = exported(tmp_path, Currency("CNY", 2))
    text = file.read_text()
    file.write_text(text.replace(" 900.00 CNY", " 901.00 CNY").replace(" -900.00 CNY", " -901.00 CNY", 1))
    checked = hledger(file, "check")
    assert checked.returncode != 0
    assert "assertion" in checked.stderr


def test_the_text_keeps_who_what_and_when(tmp_path: Path) -> None:
    file, _ = exported(tmp_path, Currency("CNY", 2))
    lines = file.read_text().splitlines()
    assert lines[0] == "commodity 1000.00 CNY"
    assert lines[1:6] == [
        "account asset:cash  ; type: A",
        "account clearing:energy_recovery  ; type: L",
        "account liability:tenant:bakery:prepaid  ; type: L",
        "account liability:tenant:noodle_bar:prepaid  ; type: L",
        "account suspense:unidentified  ; type: L",
    ]
    start = lines.index("    ; key: k;4, x")
    assert lines[start - 2].endswith("* (4) gift, of night")
    assert lines[start - 1 : start + 6] == [
        "    ; effective: 1970-01-06T08:00:00+08:00",
        "    ; key: k;4, x",
        "    ; ref: a asset:cash 5.00 CNY",
        "    ; note: 第一; 号:店",
        "    ; actor: system",
        "    suspense:unidentified  -0.01 CNY",
        "    asset:cash  0.01 CNY",
    ]
    energy = lines.index("    liability:tenant:noodle_bar:prepaid  123.45 CNY  ; wh: 24690")
    assert lines[energy + 1] == '    ; meta: {"band":"尖","component":"energy"}'
    assert "    ; corrects: entry:2" in lines
    assert "    liability:tenant:noodle_bar:prepaid  0.00 CNY = -900.00 CNY" in lines


def test_days_never_go_back_though_the_clock_does(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> list[str]:
        await stage.post(topup("t1", 1))
        stage.clock.step(-40 * 86_400)  # type: ignore[attr-defined]
        await stage.post(topup("t2", 1))
        return await stage.read(lambda reader: list(export(reader, Currency("CNY", 2), SHANGHAI)))

    first, second = (line.split()[0] for line in play(tmp_path, scene) if " * (" in line)
    assert first == second


def test_an_empty_ledger_is_a_short_text(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> list[str]:
        return await stage.read(lambda reader: list(export(reader, Currency("CNY", 2), SHANGHAI)))

    assert play(tmp_path, scene) == ["commodity 1000.00 CNY"]
