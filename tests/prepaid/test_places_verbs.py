"""`hub site|account|contract|meter` against a hub that runs for real, as people type them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest
from books_stage import FLAT
from click.testing import CliRunner
from places_stage import DEAR, PlacesPlugin

from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS
from hub.core.clock import SystemClock
from hub.core.config import ConfigDict
from hub.core.control import RemoteError
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found, PluginState
from hub.core.site import Site
from hub.testing.fakes import FakeReadings, FakeRelays
from plugins.prepaid.commands.account import account
from plugins.prepaid.commands.contract import contract
from plugins.prepaid.commands.meter import meter
from plugins.prepaid.commands.site import site
from plugins.prepaid.tariffs import tariff_from_text
from plugins.prepaid.tariffs.publishing import publish

pytestmark = pytest.mark.real_time

VERBS = click.Group("hub", commands={"account": account, "contract": contract, "meter": meter, "site": site})
SHOPS = """\
point,tenant_name,tenant,account,tariff,opening_balance
stall,面馆,anna,anna,flat,10
store,Bert's,bert,bert,flat,-5
"""
STALL = PointId("stall")


class Running:
    """A hub in a thread of its own, over a field that the test plays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.do(self._start())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the hub's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        clock = SystemClock()
        place = Site(self.folder, "Test", ZoneInfo("Asia/Shanghai"), {}, ballast_mb=0)
        self._hub = Hub(place, clock, SystemIds(), found=[])
        await self._hub.start()
        self.readings, relays = FakeReadings(clock), FakeRelays(clock)
        for point in (STALL, PointId("store")):
            self.readings.add_meter(point, serial=f"1001{point}", raw=1_000)
            relays.add_relay(point)
        self._hub.kernel.services.provide(READINGS, self.readings, owner="test")
        self._hub.kernel.services.provide(RELAYS, relays, owner="test")
        found = Found("prepaid", "a test", PlacesPlugin)
        status = await self._hub.plugins.add(found, ConfigDict({"billing_grid": "0 s"}))
        assert status.state is PluginState.RUNNING, status.reason
        for text in (FLAT, DEAR):
            tariff = tariff_from_text(text, "tariff.yaml")
            await PlacesPlugin.here._hub.db.write(
                partial(publish, tariff=tariff, source=text, starts_us=0, now_us=0)
            )

    def stop(self) -> None:
        """Stop it in order."""
        self.do(self._hub.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def mall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running site with two shops."""
    folder = tmp_path_factory.mktemp("mall")
    hub = Running(folder)
    try:
        (folder / "shops.csv").write_text(SHOPS, encoding="utf-8")
        run(hub, "site", "import", str(folder / "shops.csv"))
        hub.do(hub.readings.poll(STALL))
        hub.do(asyncio.sleep(0.1))
        yield hub
    finally:
        hub.stop()


def run(hub: Running, *words: str, code: int = 0) -> str:
    """Type a verb; what it prints."""
    done = CliRunner().invoke(VERBS, [*words, "--folder", str(hub.folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def in_json(hub: Running, *words: str) -> Any:
    """The same as a program reads it."""
    return json.loads(run(hub, *words, "--json"))


def test_an_import_says_what_it_did_and_did_not(mall: Running) -> None:
    again = run(mall, "site", "import", str(mall.folder / "shops.csv"))
    assert again.startswith("shops.csv was taken in before, at 20")
    assert again.endswith("nothing was changed\n")
    (mall.folder / "more.csv").write_text("tenant,tenant_name,account\ncleo,Cleo,cleo\n")
    dry = run(mall, "site", "import", str(mall.folder / "more.csv"), "--dry-run")
    assert dry.splitlines()[-1] == (
        "more.csv: 1 rows: 2 new, 0 changed, 0 as they were; nothing was changed, this was a dry run"
    )
    assert [line.split() for line in dry.splitlines()[:3]] == [
        ["what", "kind", "id", "columns"], ["new", "tenant", "cleo", "-"], ["new", "account", "cleo", "-"],
    ]  # fmt: skip


def test_mistakes_end_with_an_exit_code_and_every_cell(mall: Running) -> None:
    (mall.folder / "wrong.csv").write_text("point,share,acount\nstall,200,x\n")
    shown = run(mall, "site", "import", str(mall.folder / "wrong.csv"), code=1)
    assert shown.splitlines() == [
        "wrong.csv: row 1, acount: there is no such column. Did you mean 'account'?",
        "wrong.csv: row 2, share: '200' is no share; write percent above 0 up to 100, with at most four decimals",
        "2 mistakes; nothing was changed",
    ]
    assert "nowhere.csv cannot be read: No such file" in run(mall, "site", "import", "nowhere.csv", code=1)


def test_an_export_is_written_once_unless_forced(mall: Running) -> None:
    file = mall.folder / "out.csv"
    assert run(mall, "site", "export", str(file)) == f"2 rows written to {file}\n"
    assert "is there already" in run(mall, "site", "export", str(file), code=1)
    assert in_json(mall, "site", "export", str(file), "--force")["rows"] == 2
    assert run(mall, "site", "export", "-") == file.read_text(encoding="utf-8")


def test_accounts_are_listed_and_shown(mall: Running) -> None:
    assert "面馆" in run(mall, "account", "list")
    assert [one["account"] for one in in_json(mall, "account", "list", "--arrears")] == ["bert"]
    assert [one["account"] for one in in_json(mall, "account", "list", "--low", "0")] == ["bert"]
    assert "such as 100" in run(mall, "account", "list", "--low", "few", code=2)
    shown = run(mall, "account", "show", "bert")
    assert "balance       -5.00" in shown
    assert shown.splitlines()[-1].split()[:2] == ["bert", "flat"]
    history = run(mall, "account", "history", "bert")
    assert history.splitlines()[0].split() == ["at", "what", "amount", "kWh", "balance", "reference", "by", "note"]
    assert "opening" in history


def test_an_account_is_opened_limited_and_closed(mall: Running) -> None:
    assert (
        run(mall, "account", "open", "spare", "--tenant", "bert", "--credit-limit", "5") == "done, account spare\n"
    )
    limited = run(mall, "account", "limit", "spare", "7.50", "--reason", "agreed")
    assert limited == "done, account spare, credit_limit 7.50\n"
    assert run(mall, "account", "close", "spare", "--reason", "a mistake") == "done, account spare\n"
    with pytest.raises(RemoteError, match="there is no account 'sparee'"):
        run(mall, "account", "close", "sparee", "--reason", "x")


def test_a_tenant_moves_out_and_another_in(mall: Running) -> None:
    closed = run(mall, "contract", "close", "anna")
    assert closed.splitlines()[0].startswith("done, contract anna, charged 0.00, balance 10.00")
    assert closed.splitlines()[-1] == "anna can have 10.00 back, see `hub account refund`"
    opened = run(mall, "contract", "open", "bert", "stall", "--tariff", "flat", "--follows", "anna", "--id", "b7")
    assert opened.splitlines()[0] == "done, contract b7, account bert, tariff flat"
    changed = run(mall, "contract", "change-tariff", "b7", "dear", "--id", "b8")
    assert changed == "b7 ended, b8 began under dear\n"
    running = in_json(mall, "contract", "list", "--account", "bert", "--running")
    assert [one["contract"] for one in running] == ["b8", "bert"]
    assert "stall" in run(mall, "contract", "show", "b8")
    assert "b8" in run(mall, "contract", "list")
    assert "no POINT=KWH" in run(mall, "contract", "close", "b8", "--read", "stall", code=2)


def test_a_meter_is_shown_and_replaced(mall: Running) -> None:
    assert [one["point"] for one in in_json(mall, "meter", "list")] == ["stall", "store"]
    assert in_json(mall, "meter", "list", "--waiting") == []
    assert "1001stall" in run(mall, "meter", "list")
    answer = run(
        mall,
        "meter",
        "replace",
        "stall",
        "--serial",
        "2002",
        "--final",
        "last",
        "--opening",
        "0",
        "--reason",
        "broken",
    )
    assert answer == "done, point stall, final_kwh 1.000, serial 2002, opening_kwh 0\n"
    shown = run(mall, "meter", "show", "stall")
    assert "meter replaced: broken" in shown
    with pytest.raises(RemoteError, match=r"meter 1001stall answers|serial 1001stall|nothing waits"):
        run(mall, "meter", "accept-jump", "stall", "use", "--reason", "x")
