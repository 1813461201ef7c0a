"""Prepaid accounts as a plugin: readings in, charges out, money in, supply under control."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS, RelayObserved
from hub.contracts.supply import DISCONNECT, SUPPLY, TripRequest
from hub.contracts.topups import TOPUPS
from hub.core.actions import Call, Effect
from hub.core.config.fields import duration
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.principals import OWNER
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book, load_book
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.charging.edges import Edges
from plugins.prepaid.charging.intake import Intake
from plugins.prepaid.charging.live import LiveAccounts
from plugins.prepaid.charging.shown import Shown
from plugins.prepaid.gate.keeper import Keeper
from plugins.prepaid.money.counter import register_counter
from plugins.prepaid.money.moved import MoneyWatch
from plugins.prepaid.money.offered import register_money
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.money.standing import Standing, standing
from plugins.prepaid.places.areas import make_areas, tree_of
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening import PLACES, gather_opening, is_empty, slug, take_in
from plugins.prepaid.places.register import register_places
from plugins.prepaid.pricing import PeriodState, PlanChanged
from plugins.prepaid.rebilling.offered import register_tariffs
from plugins.prepaid.schema import MIGRATIONS
from plugins.prepaid.statements.guard import GuardedJournal, Watch
from plugins.prepaid.statements.offered import register_statements
from plugins.prepaid.supply import SupplyControl
from plugins.prepaid.tariffs import load_tariff
from plugins.prepaid.tariffs.publishing import publish

READINGS_AT_ONCE = 1000
USE_SHOWN_EVERY_S = 60
THE_BEGINNING_US = 0

CONFIG = {
    vol.Optional("currency", default="CNY"): vol.All(str, vol.Length(3, 3)),
    vol.Optional("scale", default=2): vol.All(int, vol.Range(0, 4)),
    vol.Optional("billing_grid", default="60 min"): duration,
    vol.Optional("trips_per_hour_max", default=2): vol.All(int, vol.Range(min=0)),
    vol.Optional("opening", default=dict): {
        vol.Optional("tariffs", default=list): [str],
        vol.Optional("places", default=list): PLACES,
    },
}


class PrepaidPlugin(Plugin):
    """Accounts, charges, top-ups and supply."""

    manifest = Manifest(
        name="prepaid",
        version="0.2.0",
        description="Prepaid accounts: charges by the meter, top-ups, and supply that follows the balance.",
        provides=(TOPUPS, SUPPLY),
        needs=(READINGS, RELAYS),
        config=CONFIG,
        migrations=MIGRATIONS,
        critical=True,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Open the books, take in what a new site starts with, offer services, actions and entities."""
        self._hub = hub
        self._driven: set[PointId] = set()
        await self._open_books()
        self._register_actions()
        hub.provide(TOPUPS, self._topups)
        hub.provide(SUPPLY, self._supply)
        hub.bus.subscribe(RelayObserved, lambda event: self._supply.look_at(event.observed.point))
        await self._watch.at_start()
        hub.spawn("verify the ledger", self._watch.in_background())
        await self._intake.take_up()
        await self._take_up_money()
        await self._shown.register()
        for account in self._charger.book.accounts:
            self._shown.show_balance(account)
        await self._shown.show_use()
        self._drive_points()
        hub.keep("reads at edges", self._edges.read_at_edges)
        for code in {one.tariff for one in self._charger.book.contracts.values()}:
            await self._publisher.catch_up(code)
        hub.keep("days and months", self._edges.pass_days)
        hub.keep("use and cost", self._show_use)

    async def run(self) -> None:
        """Take every reading into the books."""
        stream = self._hub.get(READINGS).subscribe()
        try:
            while readings := await stream.take(READINGS_AT_ONCE):
                await self._intake.take(readings)
        finally:
            stream.close()

    async def _open_books(self) -> None:
        hub, config = self._hub, self._hub.config
        self._watch = Watch(hub)
        journal = GuardedJournal(hub.clock, self._watch.refuse_if_broken)
        await self._take_in_opening(config["opening"])
        keepers: dict[PointId, Keeper] = {}
        book = await hub.db.read(load_book)
        self._charger = Charger(journal, book, lambda *posted: self._live.note_posted(*posted))
        self._live = LiveAccounts(self._book, keepers)
        self._shown = Shown(hub, self._charger, self._live, config["currency"], config["scale"])
        self._supply = SupplyControl(hub, self._book, config["trips_per_hour_max"])
        self._money = MoneyWatch(hub.clock, self._supply, self._money_moved)
        grid_us = round(config["billing_grid"].total_seconds()) * 1_000_000
        self._intake = Intake(
            hub,
            self._charger,
            self._live,
            keepers,
            grid_us,
            self._money.charged,
            self._shown.show_balance,
            self._shown.note,
        )
        self._edges = Edges(hub, self._charger, keepers, self._money.charged, self._shown.note)
        self._topups = Topups(hub, journal, config["currency"], self._money.moved)
        register_places(
            Office(
                desk=self._topups.desk, charger=self._charger, intake=self._intake, keepers=keepers,
                charged=self._money.charged, places_changed=self._places_changed,
            )
        )  # fmt: skip
        register_statements(hub, self._charger, journal)
        self._publisher = register_tariffs(hub, self._charger, self._money.charged)
        self._supply.accept = self._intake.take
        self._supply.outstanding = self._topups.outstanding

    async def _places_changed(self) -> None:
        """New accounts and points: entities, what they have, and somebody who drives their relay."""
        await self._shown.register()
        now_us = self._hub.clock.now_us()
        new = [account for account in self._charger.book.accounts if account not in self._shown.standings]
        found = await self._hub.db.read(lambda reader: {one: standing(reader, one, now_us) for one in new})
        for account, now in found.items():
            if account not in self._shown.standings:
                self._money_moved(account, now)
        for account in self._charger.book.accounts:
            self._shown.show_balance(account)
        self._drive_points()

    def _drive_points(self) -> None:
        for point in self._charger.book.points.keys() - self._driven:
            self._driven.add(point)
            self._hub.keep(f"reconcile {point}", lambda point=point: self._supply.reconcile(point))  # type: ignore[misc]

    def _book(self) -> Book:
        return self._charger.book

    async def _take_in_opening(self, opening: dict[str, Any]) -> None:
        """Tariffs and places of the configuration count once: when there is no account yet."""
        hub = self._hub
        if not opening["places"] or not await hub.db.read(is_empty):
            return
        places = gather_opening(
            opening["places"], hub.site.folder, Local(hub.config["scale"], hub.site.time_zone),
            tree_of(hub.registry.areas(OWNER)),
        )  # fmt: skip
        await make_areas(hub.registry, places.areas)
        files = [hub.site.folder / name for name in opening["tariffs"]]
        tariffs = [(load_tariff(file, hub.site.folder), file.read_text(encoding="utf-8")) for file in files]
        now_us = hub.clock.now_us()

        def take(tx: Tx) -> None:
            for tariff, source in tariffs:
                publish(tx, tariff, source, THE_BEGINNING_US, now_us)
            take_in(tx, places, now_us)

        await hub.db.write(take)

    async def _take_up_money(self) -> None:
        """What accounts and running periods have come to by the books."""
        book, now_us = self._charger.book, self._hub.clock.now_us()

        def stand(reader: Reader) -> dict[AccountId, Standing]:
            for contract, timeline in book.timelines.items():
                for period, row in periods.all_of(reader, contract).items():
                    if row.state is None or timeline.plan(period).end_us < now_us - 40 * 86_400_000_000:
                        continue
                    try:
                        state = PeriodState.from_json(timeline.plan(period), row.state.encode())
                    except PlanChanged:
                        continue  # the next read folds it anew
                    self._live.note_posted(contract, state, row)
            return {account: standing(reader, account, now_us) for account in book.accounts}

        for account, one in (await self._hub.db.read(stand)).items():
            self._live.posted_minor[account] = one.balance_minor
            self._shown.standings[account] = one

    def _money_moved(self, account: AccountId, now: Standing) -> None:
        self._live.posted_minor[account] = now.balance_minor
        self._shown.standings[account] = now
        self._shown.show_balance(account)

    async def _show_use(self) -> None:
        while True:
            await self._hub.clock.sleep(USE_SHOWN_EVERY_S)
            await self._shown.show_use()

    def _register_actions(self) -> None:
        def disconnect(tx: Tx, call: Call) -> dict[str, str]:
            request = TripRequest(
                point=PointId(call.data["point"]), reason=OffReason.CREDIT, note=str(call.data.get("note", ""))
            )
            return {"answer": self._supply.request_trip(tx, request).value}

        self._hub.actions.register(
            DISCONNECT,
            disconnect,
            effect=Effect.TX,
            description="Ask for a credit trip of a point; supply control decides whether and when.",
            schema={vol.Required("point"): slug, vol.Optional("note", default=""): str},
            returns="answer: what became of the request at once",
        )
        register_counter(self._hub, self._topups, self._hub.config["currency"], self._hub.config["scale"])
        self._refunds = register_money(self._topups)
