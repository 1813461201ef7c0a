"""Prepaid accounts as a plugin: readings in, charges out, top-ups at the counter, supply under control."""

from __future__ import annotations

from decimal import Decimal

import voluptuous as vol

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.metering import READINGS
from hub.contracts.naming import account_sensor, action_name, check_slug, unique_id
from hub.contracts.relays import RELAYS, RelayObserved
from hub.contracts.supply import DISCONNECT, SUPPLY, TripRequest
from hub.contracts.topups import TOPUPS, Settled, SettledAs, Settlement, Via
from hub.contracts.units import major_units, minor_units
from hub.core.actions import Call, Effect
from hub.core.config.fields import decimal
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.core.storage import Tx
from plugins.prepaid.accounts import Accounts, Tariff
from plugins.prepaid.schema import MIGRATIONS
from plugins.prepaid.supply import SupplyControl

MICRO = 6
READINGS_AT_ONCE = 1000


def slug(value: object) -> str:
    """An id in configuration."""
    try:
        return check_slug(str(value), "id")
    except ValueError as error:
        raise vol.Invalid(str(error)) from None


CONFIG = {
    vol.Optional("currency", default="CNY"): vol.All(str, vol.Length(3, 3)),
    vol.Optional("scale", default=2): vol.All(int, vol.Range(0, 4)),
    vol.Required("price_per_kwh"): vol.All(decimal, vol.Range(min=Decimal(0))),
    vol.Optional("trips_per_hour_max", default=2): vol.All(int, vol.Range(min=0)),
    vol.Required("accounts"): [{vol.Required("id"): slug, vol.Required("point"): slug}],
}


class PrepaidPlugin(Plugin):
    """Accounts, charges, top-ups and supply."""

    manifest = Manifest(
        name="prepaid",
        version="0.1.0",
        description="Prepaid accounts: charges by the meter, top-ups, and supply that follows the balance.",
        provides=(TOPUPS, SUPPLY),
        needs=(READINGS, RELAYS),
        config=CONFIG,
        migrations=MIGRATIONS,
        critical=True,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Open the accounts of the configuration, register their entities and actions."""
        self._hub = hub
        config = hub.config
        points = {AccountId(row["id"]): PointId(row["point"]) for row in config["accounts"]}
        await hub.db.write(
            lambda tx: tx.many(
                "INSERT INTO prepaid__accounts VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET point = excluded.point",
                list(points.items()),
            )
        )
        handles = await hub.add_entities(
            [
                EntityWanted(
                    unique_id("account", account, "balance"),
                    account_sensor(account, "balance"),
                    f"{account} balance",
                    unit=config["currency"],
                )
                for account in points
            ]
        )
        self._tariff = Tariff(minor_units(config["price_per_kwh"], MICRO), config["currency"], config["scale"])
        self._supply = SupplyControl(hub, points, config["trips_per_hour_max"])
        self._accounts = Accounts(hub, self._tariff, self._supply, points, dict(zip(points, handles, strict=True)))
        self._supply.accept = self._accounts.accept
        self._supply.outstanding = self._accounts.outstanding
        hub.provide(TOPUPS, self._accounts)
        hub.provide(SUPPLY, self._supply)
        self._points = points
        self._register_actions(hub)
        hub.bus.subscribe(RelayObserved, lambda event: self._supply.look_at(event.observed.point))
        await self._accounts.show_all()
        for point in points.values():
            hub.keep(f"reconcile {point}", lambda point=point: self._supply.reconcile(point))  # type: ignore[misc]

    async def run(self) -> None:
        """Take every reading into the books."""
        stream = self._hub.get(READINGS).subscribe(points=set(self._points.values()))
        try:
            while readings := await stream.take(READINGS_AT_ONCE):
                for reading in readings:
                    await self._accounts.accept(reading)
        finally:
            stream.close()

    def _register_actions(self, hub: PluginHub) -> None:
        def disconnect(tx: Tx, call: Call) -> dict[str, str]:
            request = TripRequest(
                point=PointId(call.data["point"]), reason=OffReason.CREDIT, note=str(call.data.get("note", ""))
            )
            return {"answer": self._supply.request_trip(tx, request).value}

        def topup(tx: Tx, call: Call) -> dict[str, object]:
            return self._describe(self._accounts.settle(tx, self._at_the_counter(call)))

        hub.actions.register(
            DISCONNECT,
            disconnect,
            effect=Effect.TX,
            description="Ask for a credit trip of a point; supply control decides whether and when.",
            schema={vol.Required("point"): slug, vol.Optional("note", default=""): str},
            returns="answer: what became of the request at once",
        )
        hub.actions.register(
            action_name("topup", "cash"),
            topup,
            effect=Effect.TX,
            description="Credit cash taken at the counter; the receipt number makes it happen once.",
            schema={
                vol.Required("account"): slug,
                vol.Required("amount"): decimal,
                vol.Required("receipt"): vol.All(str, vol.Length(1, 100)),
            },
            returns="outcome, balance and what is still missing until power comes back",
        )

    def _at_the_counter(self, call: Call) -> Settlement:
        return Settlement(
            provider="cash",
            transaction_id=call.data["receipt"],
            account=AccountId(call.data["account"]),
            amount_minor=minor_units(call.data["amount"], self._tariff.scale),
            currency=self._tariff.currency,
            paid_us=self._hub.clock.now_us(),
            via=Via.COUNTER,
        )

    def _describe(self, settled: Settled) -> dict[str, object]:
        shown: dict[str, object] = {"outcome": settled.outcome.value, "attempt": settled.attempt_id}
        if settled.outcome is SettledAs.REFUSED:
            shown["error"] = str(settled.error)
        if settled.balance_minor is not None:
            shown["balance"] = major_units(settled.balance_minor, self._tariff.scale)
            shown["missing"] = major_units(settled.missing_minor, self._tariff.scale)
        return shown
