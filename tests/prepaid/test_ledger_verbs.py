"""`hub ledger` and `hub statement` on a site's files, and the watch that stops a broken ledger."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from books_stage import FLAT, Books, at
from click.testing import CliRunner, Result
from ledger_office import LedgerHub, LedgerPlugin, with_ledger
from statement_stage import a_november, play

from hub.contracts.accounting import LedgerBroken
from hub.core.errors import NotFound
from hub.core.principals import OWNER, Principal
from plugins.prepaid.commands.books import NoBooks
from plugins.prepaid.commands.ledger import ledger
from plugins.prepaid.commands.statement import UnknownForm, statement
from plugins.prepaid.statements.bundle import NoBundle
from plugins.prepaid.statements.closing import Moved
from plugins.prepaid.statements.guard import LedgerStopped
from plugins.prepaid.statements.offered import BadForm

YAML = "site: {name: North Mall, time_zone: Asia/Shanghai}\nplugins:\n  prepaid: {currency: CNY}\n"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub left that had closed and sealed a November."""
    folder = tmp_path_factory.mktemp("left")
    (folder / "hub.yaml").write_text(YAML)
    (folder / "data").mkdir()

    async def scene(books: Books) -> None:
        office = await a_november(books, hours=48)
        await office.close("noodles", "2026-11", at("2026-12-01 08:00"))
        await office.seal(at("2026-12-01 09:00"))

    play(folder / "data", scene)
    return folder


@pytest.fixture
def site(left: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    shutil.copytree(left, tmp_path / "site")
    return tmp_path / "site"


def run(group: Any, *words: object) -> Result:
    """Run a verb as it would be typed."""
    return CliRunner().invoke(group, [str(word) for word in words])


def spoil(site: Path, sql: str) -> None:
    """Change the file as somebody with a database tool would."""
    connection = sqlite3.connect(site / "data" / "hub.db")
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(sql)
    connection.commit()
    connection.close()


def test_whole_books_verify(left: Path) -> None:
    done = run(ledger, "verify", "--deep", "--folder", left)
    assert done.exit_code == 0, done.output
    assert "the ledger holds" in done.output
    assert "segments rated again" in done.output
    verdict = json.loads(run(ledger, "verify", "--json", "--folder", left).stdout)
    assert (verdict["good"], verdict["reads"], verdict["segments"]) == (True, 32, None)


SPOILT = {
    "an amount": (
        "UPDATE prepaid__postings SET amount_minor = amount_minor + 1 WHERE entry = 5 AND n = 0",
        "entry 5",
    ),
    "a balance": ("UPDATE prepaid__balances SET amount_minor = 0 WHERE account = 'asset:cash'", "asset:cash"),
    "a read": ("UPDATE prepaid__reads SET raw = raw + 1 WHERE id = 7", "read 7"),
    "an entry that is gone": ("DELETE FROM prepaid__journal WHERE seq = 9", "9"),
    "a seal": ("UPDATE prepaid__seals SET to_seq = to_seq - 1 WHERE n = 1", "seal"),
}


@pytest.mark.parametrize(("sql", "text"), SPOILT.values(), ids=SPOILT.keys())
def test_spoilt_books_are_found_with_the_place(site: Path, sql: str, text: str) -> None:
    spoil(site, sql)
    done = run(ledger, "verify", "--folder", site)
    assert done.exit_code == 1
    assert text in done.stderr
    assert "places are wrong" in done.stdout


DEEP = {
    "a tariff": (
        "UPDATE prepaid__tariffs SET body = replace(body, '1.0231', '1.0331')",
        "I5: noodles 2026-11: energy comes to",
    ),
    "a term": (
        "UPDATE prepaid__terms SET share_ppm = 500000 WHERE point = 'store'",
        "I5: noodles 2026-11: energy comes to",
    ),
    "what a month says": (
        "UPDATE prepaid__periods SET posted = replace(posted, '9000', '9001')",
        "I5: noodles 2026-11: fixed:service comes to 9000 by its reads, 9000 was posted, the period says 9001",
    ),
    "a frozen frame": (
        "UPDATE prepaid__statements SET frame = replace(frame, 'noodles\"', 'noddles\"')",
        "I8: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "text"), DEEP.values(), ids=DEEP.keys())
def test_what_only_rating_again_can_find_is_found_deep(site: Path, sql: str, text: str) -> None:
    spoil(site, sql)
    assert run(ledger, "verify", "--folder", site).exit_code == 0
    done = run(ledger, "verify", "--deep", "--folder", site)
    assert done.exit_code == 1
    assert text in done.stderr


def test_balances_are_shown_as_people_read_them(left: Path) -> None:
    done = run(ledger, "balance", "liability:", "--json", "--folder", left)
    [(name, balance)] = json.loads(done.stdout).items()
    assert name == "liability:tenant:noodles:prepaid"
    statement_balance = json.loads(run(statement, "list", "--json", "--folder", left).stdout)[0]["balance"]
    assert balance == statement_balance
    assert "asset:cash" in run(ledger, "balance", "--folder", left).stdout


def test_the_checkpoint_is_shown_to_be_written_down(left: Path) -> None:
    done = run(ledger, "checkpoint", "--folder", left)
    assert done.stdout.startswith("2026-12-01  ")


def test_the_export_is_read_by_hledger(left: Path, tmp_path: Path) -> None:
    target = tmp_path / "books.journal"
    assert run(ledger, "export-hledger", "--to", target, "--folder", left).exit_code == 0
    assert run(ledger, "export-hledger", "--folder", left).stdout == target.read_text()
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed here")
    subprocess.run(["hledger", "-f", str(target), "check"], check=True, capture_output=True)


def test_a_statement_is_shown_and_its_json_bears_its_hash(left: Path) -> None:
    shown = run(statement, "show", "noodles", "2026-11", "--folder", left)
    assert "Charges of this period" in shown.stdout
    assert "no hub runs here" in shown.stderr
    assert "账单" in run(statement, "show", "noodles", "2026-11", "--language", "zh", "--folder", left).stdout
    body = run(statement, "show", "noodles", "2026-11", "--json", "--folder", left).stdout_bytes
    [row] = json.loads(run(statement, "list", "--json", "--folder", left).stdout)
    assert hashlib.sha256(body).hexdigest() == row["hash"]
    assert row["hash"][:16] in run(statement, "list", "--account", "noodles", "--folder", left).stdout


@pytest.mark.parametrize("ending", ["html", "csv", "json", "zip"])
def test_a_statement_is_exported_by_the_ending_of_its_file(left: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"nov.{ending}"
    done = run(statement, "export", "noodles", "2026-11", "--to", target, "--folder", left)
    assert done.exit_code == 0, done.output
    first = target.read_bytes()
    assert len(first) > 1_000
    run(statement, "export", "noodles", "2026-11", "--to", target, "--folder", left)
    assert target.read_bytes() == first


def test_an_exported_bundle_verifies_without_the_site(left: Path, tmp_path: Path) -> None:
    target = tmp_path / "nov.zip"
    run(statement, "export", "noodles", "2026-11", "--to", target, "--folder", left)
    done = run(statement, "verify", target)
    assert done.exit_code == 0, done.output
    assert "noodles:2026-11: every figure follows from the reads" in done.stdout
    verdict = json.loads(run(statement, "verify", target, "--json").stdout)
    assert run(statement, "verify", target, "--expect", verdict["hash"][:32]).exit_code == 0
    wrong = run(statement, "verify", target, "--expect", "0123 4567 89ab")
    assert wrong.exit_code == 1
    assert "0123 4567 89ab is neither the statement's hash nor the checkpoint's" in wrong.stderr


REFUSED: dict[str, tuple[tuple[str, ...], type[Exception], str]] = {
    "an ending that says nothing": (
        ("export", "noodles", "2026-11", "--to", "nov.pdf"),
        UnknownForm,
        "ends in .html",
    ),
    "no such contract": (("show", "nobody", "2026-11"), NotFound, "there is no contract 'nobody'"),
    "no bundle": (("verify", "{hub.yaml}"), NoBundle, "this is no proof bundle"),
}


@pytest.mark.parametrize(("words", "error", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_done_says_why(
    left: Path, words: tuple[str, ...], error: type[Exception], text: str
) -> None:
    written = [str(left / "hub.yaml") if word == "{hub.yaml}" else word for word in words]
    where = () if words[0] == "verify" else ("--folder", left)
    done = run(statement, *written, *where)
    assert isinstance(done.exception, error)
    assert text in str(done.exception)


def test_a_folder_without_books_says_so(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(YAML)
    done = run(ledger, "verify", "--folder", tmp_path)
    assert isinstance(done.exception, NoBooks)
    assert "no hub has kept books in" in str(done.exception)


def test_a_running_hub_answers_the_same(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        assert await hub.ask("statement.closable", period="2026-02") == ["noodles"]
        closed = await hub.call("statement.close", account="noodles", period="2026-02")
        [row] = closed["statements"]
        assert (closed["outcome"], str(row["due"]), row["actor"]) == ("closed", "233.32", "os:anna")
        assert (await hub.call("statement.close", account="noodles", period="2026-02"))[
            "outcome"
        ] == "nothing to close"
        assert await hub.ask("statement.closable", period="2026-02") == []
        assert (await hub.call("ledger.seal"))["entries"] > 20
        assert (await hub.call("ledger.seal"))["entries"] == 0
        verdict = await hub.ask("ledger.verify", deep=True)
        assert (verdict["good"], verdict["findings"]) == (True, [])
        text = await hub.ask("statement.export", contract="noodles", period="2026-02", form="json")
        assert hashlib.sha256(text["noodles_2026-02.json"].encode()).hexdigest() == row["hash"]
        with pytest.raises(BadForm, match="'pdf' is no form; there are text, json"):
            await hub.ask("statement.export", contract="noodles", period="2026-02", form="pdf")

    with_ledger(tmp_path, scene)


def test_a_tenant_sees_its_own_only(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles", "bakery")
        for account in ("noodles", "bakery"):
            await hub.call("statement.close", account=account, period="2026-02")
        tenant = Principal("tenant", OWNER.permissions, {"account": frozenset({"bakery"})})
        assert [one["account"] for one in await hub.ask("statement.list", tenant)] == ["bakery"]
        names = await hub.ask("ledger.balances", tenant, prefix="liability:tenant:")
        assert list(names) == ["liability:tenant:bakery:prepaid"]
        await hub.ask("statement.export", tenant, contract="bakery", period="2026-02")
        with pytest.raises(NotFound, match="there is no contract 'noodles'"):
            await hub.ask("statement.export", tenant, contract="noodles", period="2026-02")

    with_ledger(tmp_path, scene)


def test_an_account_that_never_rests_is_told_after_some_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        read, tries = hub.books.db.read, 0

        async def and_pay(fn: Callable[..., Any], *, owner: str = "core") -> Any:
            nonlocal tries
            tries += 1
            answer = await read(fn, owner=owner)
            await hub.top_up("noodles", 100, at("2026-03-02 09:00") + tries)
            return answer

        monkeypatch.setattr(hub.books.db, "read", and_pay)
        with pytest.raises(Moved, match="noodles moved while its statement was made"):
            await hub.call("statement.close", account="noodles", period="2026-02")
        assert tries == 3

    with_ledger(tmp_path, scene)


BREAKS = {
    "behind the checkpoint: before anything is posted": ("entry = 40", False),
    "before it: as soon as it is found": ("entry = 3", True),
}


@pytest.mark.parametrize(("where", "is_found_later"), BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_ledger_stops_posting_and_alarms(tmp_path: Path, where: str, is_found_later: bool) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        await hub.seal(at("2026-03-01 00:00"))
        await hub.a_february("bakery")

    async def after(hub: LedgerHub) -> None:
        alarms = hub.harness.capture(LedgerBroken)
        if is_found_later:
            await hub.top_up("noodles", 100, at("2026-03-02 09:00"))
            await hub.harness.advance(1)
            assert alarms.last().findings > 0
        watch = LedgerPlugin.here.watch
        assert watch.broken is not None
        assert "entry" in watch.broken
        with pytest.raises(LedgerStopped, match=r"nothing is posted: .* Run `hub ledger verify`"):
            await hub.top_up("bakery", 100, at("2026-03-02 10:00"))
        assert "prepaid:ledger_broken" in hub.harness.kernel.holds.reasons

    with_ledger(tmp_path, scene)
    database = next(tmp_path.rglob("hub.db"))
    connection = sqlite3.connect(database)
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(f"UPDATE prepaid__postings SET amount_minor = amount_minor + 1 WHERE {where} AND n = 0")
    connection.commit()
    connection.close()
    with_ledger(tmp_path, after)


def test_a_whole_ledger_is_left_alone_by_its_watch(tmp_path: Path) -> None:
    async def scene(hub: LedgerHub) -> None:
        await hub.books.publish(FLAT, 0)
        await hub.a_february("noodles")
        await hub.harness.advance(10)
        assert LedgerPlugin.here.watch.broken is None

    with_ledger(tmp_path, scene)
