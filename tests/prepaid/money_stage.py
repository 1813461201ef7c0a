"""Money without meters: a plugin that has all of money and nothing else, over a supply that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import voluptuous as vol

from hub.contracts.ids import AccountId, TenantId
from hub.contracts.topups import Settled, Settlement, Via
from hub.contracts.units import MinorUnits
from hub.core.bus import Event
from hub.core.clock import to_us
from hub.core.plugins import Manifest, Plugin, PluginHub, PluginState
from hub.core.principals import OWNER, Principal
from hub.core.storage import Reader, Tx
from hub.sim import VirtualLoop, run_virtual
from hub.testing.fakes import FakeSupply
from hub.testing.harness import HubHarness, start_hub
from plugins.prepaid.journal import Entry, Journal, Posting, verify
from plugins.prepaid.journal.balances import balances
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, prepaid
from plugins.prepaid.money.counter import register_counter
from plugins.prepaid.money.moved import MoneyWatch
from plugins.prepaid.money.offered import register_money
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.money.standing import balance, standing
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Account, Tenant
from plugins.prepaid.schema import MIGRATIONS

T = TypeVar("T")
E = TypeVar("E", bound=Event)

ANNA, BERT, NOBODY = AccountId("anna"), AccountId("bert"), AccountId("nobody")
PAID_US = to_us(datetime.fromisoformat("2026-03-01T12:00+08:00"))
PAID = Settlement(
    provider="fake_pay", transaction_id="tx-1", order_id="order-1", account=ANNA, amount_minor=MinorUnits(10_000),
    currency="CNY", paid_us=PAID_US, via=Via.CALLBACK,
)  # fmt: skip


class MoneyPlugin(Plugin):
    """Money only; the test opens its accounts."""

    manifest = Manifest(
        name="prepaid",
        version="0",
        description="Money only.",
        config={vol.Optional("currency", default="CNY"): str, vol.Optional("scale", default=2): int},
        migrations=MIGRATIONS,
        critical=True,
    )
    supply: FakeSupply
    here: MoneyPlugin

    async def setup(self, hub: PluginHub) -> None:
        """What the whole plugin does about money."""
        self.hub = hub
        MoneyPlugin.here = self
        journal = Journal(hub.clock)
        self.shown: list[AccountId] = []
        watch = MoneyWatch(hub.clock, self.supply, lambda account, now: self.shown.append(account))
        self.topups = Topups(hub, journal, hub.config["currency"], watch.moved)
        self.journal = journal
        register_counter(hub, self.topups, hub.config["currency"], hub.config["scale"])
        self.refunds = register_money(self.topups)


@dataclass(slots=True)
class Till:
    """The running plugin, and short words for what tests do with it."""

    harness: HubHarness
    supply: FakeSupply

    @property
    def plugin(self) -> MoneyPlugin:
        """The plugin as it runs now."""
        return MoneyPlugin.here

    @property
    def topups(self) -> Topups:
        """The service under test."""
        return self.plugin.topups

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """One transaction of the prepaid plugin."""
        return await self.plugin.hub.db.write(fn)

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """One snapshot for the prepaid plugin."""
        return await self.plugin.hub.db.read(fn)

    async def settle(self, settlement: Settlement) -> Settled:
        """Settle in a transaction of its own."""
        return await self.write(lambda tx: self.topups.settle(tx, settlement))

    async def call(self, action: str, key: str | None = None, principal: Principal = OWNER, **data: object) -> Any:
        """Call an action."""
        return await self.harness.call(action, data, key=key, principal=principal)

    async def ask(self, query: str, principal: Principal = OWNER, **params: object) -> Any:
        """Ask a query."""
        return await self.harness.kernel.queries.ask(query, params, principal)

    async def open_account(self, account: AccountId, *, limit: int = 0, is_open: bool = True) -> None:
        """Open an account, or change it."""

        def save(tx: Tx) -> None:
            repository.save_tenant(tx, Tenant(id=TenantId(account), name=f"{account} & Co <1>"))
            repository.save_account(
                tx,
                Account(
                    id=account, tenant=TenantId(account), name=account, credit_limit_minor=MinorUnits(limit),
                    is_open=is_open, opened_us=0,
                ),
            )  # fmt: skip

        await self.write(save)

    async def charge(self, account: AccountId, amount: int, key: str) -> int:
        """Use energy."""
        entry = Entry(
            "energy", key, self.harness.clock.now_us(),
            (Posting(prepaid(account), MinorUnits(amount)), Posting(ENERGY_RECOVERY, MinorUnits(-amount))),
        )  # fmt: skip
        return (await self.write(lambda tx: self.plugin.journal.post(tx, entry))).seq

    async def balance(self, account: AccountId = ANNA) -> int:
        """What an account has."""
        return await self.read(lambda reader: balance(reader, account))

    async def spendable(self, account: AccountId = ANNA) -> int:
        """What an account can spend."""
        now_us = self.harness.clock.now_us()
        return (await self.read(lambda reader: standing(reader, account, now_us))).spendable_minor

    async def books(self) -> dict[str, int]:
        """Every ledger account that is not at zero."""
        found = await self.read(balances)
        return {name: amount for name, amount in found.items() if amount}

    async def rows(self, table: str, columns: str = "*") -> list[tuple[object, ...]]:
        """All rows of a table of money."""
        found = await self.read(lambda reader: reader.all(f"SELECT {columns} FROM prepaid__{table}"))
        return [tuple(row) for row in found]

    async def check(self) -> None:
        """The books are whole: chain, sums, balances."""
        report = await self.read(lambda reader: verify(reader, self.harness.clock))
        assert not report.findings, report.findings
        assert sum((await self.books()).values()) == 0


Scene = Callable[[Till], Coroutine[Any, Any, T]]


def at_the_till(folder: Path, scene: Scene[T], config: Mapping[str, object] | None = None) -> T:
    """Play a scene with two open accounts, in virtual time; every transaction function runs twice."""

    async def main(loop: asyncio.AbstractEventLoop) -> T:
        assert isinstance(loop, VirtualLoop)
        harness = await start_hub(folder)
        try:
            till = await open_till(harness, config)
            return await scene(till)
        finally:
            await harness.hub.stop()

    return run_virtual(main)


async def open_till(harness: HubHarness, config: Mapping[str, object] | None = None) -> Till:
    """Load the plugin on a hub, and open two accounts."""
    supply = FakeSupply(harness.kernel.db, harness.clock, None, harness.fire)
    await supply.open()
    MoneyPlugin.supply = supply
    status = await harness.load_plugin(MoneyPlugin, config)
    assert status.state is PluginState.RUNNING, status.reason
    till = Till(harness, supply)
    for account in (ANNA, BERT):
        await till.open_account(account)
    return till


def money(text: str) -> Decimal:
    """An amount in major units."""
    return Decimal(text)
