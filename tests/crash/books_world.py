"""The prepaid plugin alone over meters that run on: top-ups, holds and readings, on a real file that is killed.

Virtual time makes hours of the site pass in a moment. The process, the file and the deaths are real.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from books_field import Meters, begin_of, relays_of
from books_proof import promises
from records import Records

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS
from hub.contracts.topups import TOPUPS, SettledAs, Settlement, TopupRefused, Topups, Via
from hub.contracts.units import MinorUnits
from hub.core.config import ConfigDict
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found, PluginState
from hub.core.site import Site
from hub.core.storage import Tx
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Contract, SupplyPoint, Term
from plugins.prepaid.plugin import PrepaidPlugin

NAME = "books"
BAKERY, OVEN = AccountId("bread"), PointId("oven")
"""It pays what it owes in the morning and little more, so that it is cut off before and let in after."""
ACCOUNTS = ("steaks", BAKERY, "books")
CUSTOMER = "wechat"
TURNS = 4
MINUTE_S = 60

TARIFF = """
tariff: mall
name: Peak and valley, two blocks, a service charge by the day, a minimum
currency: CNY
time_zone: Asia/Shanghai
times:
  - bands: {peak: [08:00-12:00, 18:00-22:00], valley: 23:00-07:00, flat: rest}
energy:
  prices: {peak: 1.0231, flat: 0.6523, valley: 0.3384}
  tiers:
    kind: graduated
    blocks:
      - {up_to: 40, adder: 0}
      - {up_to: 90, adder: 0.05}
      - {adder: 0.12}
fixed:
  service: {amount: 90, accrue: daily}
minimum: {amount: 200}
"""

PLACES = [
    {"point": "grill", "account": "steaks", "tariff": "mall", "credit_limit_minor": 50_000},
    {"point": "oven", "account": "bread", "tariff": "mall", "trip_tested": True},
    {"point": "shelf", "account": "books", "tariff": "mall", "trip_tested": True},
]
CONFIG: dict[str, Any] = {"opening": {"tariffs": ["mall.yaml"], "places": PLACES}}
HALL = PointId("hall")
"""Lit for two of the tenants, who share its meter."""


def hits_max(point: str) -> int:
    """Up to which passage of a point a death is interesting."""
    return 40 if point.startswith("storage.") else 6


def prepare(folder: Path, number: int) -> None:
    """A site with its tariff."""
    folder.mkdir(exist_ok=True)
    (folder / "mall.yaml").write_text(TARIFF)


def live(folder: Path, number: int, *, is_last: bool) -> None:
    """One life: look at what the last one left, tell again what was not acknowledged, and let a morning pass."""
    records = Records(folder)
    for text in violations(folder, records):
        records.violation(f"life {number}: {text}")
    run_virtual(lambda loop: _live(loop, folder, number, records))
    if is_last:
        for text in violations(folder, records):
            records.violation(f"at the end: {text}")


async def _live(loop: VirtualLoop, folder: Path, number: int, records: Records) -> None:
    clock = VirtualClock(loop, begin_of(number))
    site = Site(folder, "Books", ZoneInfo("Asia/Shanghai"), {}, ballast_mb=0)
    hub = Hub(site, clock, SystemIds(), found=[])
    await hub.start()
    meters = Meters(clock)
    hub.kernel.services.provide(READINGS, meters, owner="test")
    hub.kernel.services.provide(RELAYS, relays_of(clock), owner="test")
    status = await hub.plugins.add(Found("prepaid", "test", PrepaidPlugin), ConfigDict(CONFIG))
    if status.state is not PluginState.RUNNING:
        records.violation(f"life {number}: {status}")
    await hub.kernel.db.write(_share_the_hall, owner="prepaid")
    people = People(hub, records, number)
    await people.tell_again()
    await meters.poll_all()
    await people.cut_off()
    await advance(loop, 5)
    await people.pay_debt()
    for turn in range(TURNS):
        left_out = ("shelf", "hall") if turn % 2 else ()
        missed_us = clock.now_us()
        await asyncio.gather(people.take_turn(turn), meters.poll_all(left_out))
        await advance(loop, 11 * MINUTE_S)
        for _ in range(4):
            await meters.poll_all()
            await advance(loop, 40)
        await advance(loop, 50 * MINUTE_S)
        await meters.poll_all()
        for name in left_out:
            meters.tell_late(name, missed_us)
    await hub.stop()


def _share_the_hall(tx: Tx) -> None:
    """Two contracts hold a third and two thirds of one meter."""
    if repository.point(tx, HALL) is not None:
        return
    repository.save_point(tx, SupplyPoint(id=HALL, name="hall"))
    for account, share_ppm in (("steaks", 333_333), ("bread", 666_667)):
        contract = ContractId(f"{account}_hall")
        found = repository.account(tx, AccountId(account))
        assert found is not None
        repository.save_contract(tx, Contract(id=contract, account=found.id, tariff="mall", start_us=0))
        repository.save_term(tx, Term(contract=contract, point=HALL, start_us=0, share_ppm=share_ppm))
    turn_page(tx)


class People:
    """Those who pay, and the platform that sets money aside."""

    def __init__(self, hub: Hub, records: Records, life: int) -> None:
        """Ask under keys that no other life uses."""
        self._hub = hub
        self._records = records
        self._life = life

    @property
    def _topups(self) -> Topups:
        return self._hub.kernel.services.get(TOPUPS)

    async def take_turn(self, turn: int) -> None:
        """Everybody pays at once, some twice, and somebody's money is set aside and let go again."""
        keys = [f"pay {self._life}-{turn}-{account}" for account in ACCOUNTS]
        for key, account in zip(keys, ACCOUNTS, strict=True):
            self._records.ask(key, "pay", account=account, amount=100 + 137 * turn + 1_500 * (account != BAKERY))
        await asyncio.gather(*(self._pay(key) for key in [*keys, keys[0]]))
        hold = f"hold {self._life}-{turn}"
        self._records.ask(hold, "hold", account=ACCOUNTS[turn % 3], minutes=20 if turn == 3 else 1 << 20)
        await self._hold(hold)
        if turn % 2:
            await self._release(f"hold {self._life}-{turn - 1}")

    async def cut_off(self) -> None:
        """Somebody asks for the baker's power to be cut."""
        await self._hub.kernel.actions.call("supply.disconnect", {"point": OVEN})

    async def pay_debt(self) -> None:
        """The baker comes to the counter, and pays."""
        stands = await self._hub.kernel.db.read(
            lambda reader: standing(reader, BAKERY, self._hub.kernel.clock.now_us()), owner="prepaid"
        )
        key = f"pay {self._life}-debt"
        self._records.ask(key, "pay", account=BAKERY, amount=stands.debt_minor + 500)
        await self._pay(key)

    async def tell_again(self) -> None:
        """Do once more what was never answered, and the last that was."""
        asked, answered = self._records.asked, self._records.answered
        for key in [*(set(asked) - set(answered) - self._records.settled), *list(answered)[-2:]]:
            await {"pay": self._pay, "hold": self._hold, "release": self._release}[asked[key]["kind"]](key)

    async def _pay(self, key: str) -> None:
        asked, now_us = self._records.asked[key], self._hub.kernel.clock.now_us()
        settlement = Settlement(
            provider=CUSTOMER, transaction_id=key, account=AccountId(asked["account"]),
            amount_minor=MinorUnits(asked["amount"]), currency="CNY", paid_us=now_us, via=Via.CALLBACK,
        )  # fmt: skip
        settled = await self._hub.kernel.db.write(lambda tx: self._topups.settle(tx, settlement), owner="till")
        if settled.outcome not in {SettledAs.CREDITED, SettledAs.ALREADY}:
            self._records.violation(f"{key}: {settled}")
        self._records.answer(key, "paid")

    async def _hold(self, key: str) -> None:
        asked = self._records.asked[key]
        account = AccountId(asked["account"])
        until_us = self._hub.kernel.clock.now_us() + asked["minutes"] * MINUTE_S * 1_000_000
        try:
            await self._hub.kernel.db.write(
                lambda tx: self._topups.hold(tx, account, MinorUnits(7), key, until_us), owner="till"
            )
        except TopupRefused:  # nothing of its own is left to set aside
            self._records.settle(key)
        else:
            self._records.answer(key, "held")

    async def _release(self, hold: str) -> None:
        key = hold if hold.startswith("release ") else f"release {hold}"
        self._records.ask(key, "release")
        held = key.removeprefix("release ")
        await self._hub.kernel.db.write(lambda tx: self._topups.release(tx, held), owner="till")
        self._records.answer(key, "released")


def violations(folder: Path, records: Records) -> Iterator[str]:
    """Every broken promise that the file shows."""
    path = folder / "data" / "hub.db"
    if not path.exists() or path.stat().st_size == 0:
        if records.answered:
            yield "payments were acknowledged, and the file is gone"
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as file:
        if file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'prepaid__intents'").fetchone() is None:
            if records.answered:
                yield "payments were acknowledged, and the tables are gone"
            return
        yield from promises(file, records)
