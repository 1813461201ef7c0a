"""The entities of accounts and points: what is left, for how long, what was used and what it costs now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.naming import account_sensor, point_sensor, unique_id
from hub.contracts.units import MinorUnits, major_units
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import Value
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.charging.day_sums import MEAN_DAYS, NOTHING, DaySums, day_sums
from plugins.prepaid.charging.live import LiveAccounts
from plugins.prepaid.money.standing import Standing
from plugins.prepaid.pricing import PeriodState, Timeline

ACCOUNT_QUANTITIES = (
    "balance",
    "available",
    "days_left",
    "energy_today",
    "cost_today",
    "energy_month",
    "cost_month",
)
POINT_QUANTITIES = ("energy_today", "energy_month", "band", "price")
MONEY = frozenset({"balance", "available", "cost_today", "cost_month"})


class Shown:
    """Writes the entities."""

    def __init__(self, hub: PluginHub, charger: Charger, live: LiveAccounts, currency: str, scale: int) -> None:
        """Show money in a currency with so many decimals."""
        self._hub = hub
        self._charger = charger
        self._live = live
        self._currency = currency
        self._scale = scale
        self._handles: dict[tuple[str, str, str], EntityHandle] = {}
        self._touched: set[PointId] = set()
        self._day: date | None = None
        self._sums = DaySums({}, {})
        self.standings: dict[AccountId, Standing] = {}
        """Every account's posted money, as of its last commit."""

    async def register(self) -> None:
        """Register the entities of every account and point in the book that have none yet."""
        book = self._charger.book
        wanted = {
            (kind, one, quantity): self._wanted(kind, one, quantity)
            for kind, ids, quantities in (
                ("account", list(book.accounts), ACCOUNT_QUANTITIES),
                ("point", list(book.points), POINT_QUANTITIES),
            )
            for one in ids
            for quantity in quantities
            if (kind, one, quantity) not in self._handles
        }
        handles = await self._hub.add_entities(list(wanted.values()))
        self._handles.update(zip(wanted, handles, strict=True))

    def show_balance(self, account: AccountId) -> None:
        """Bring an account's balance and available credit up to date."""
        at_us = self._hub.clock.now_us()
        balance = self._live.balance(account, at_us)
        self._set("account", account, "balance", self._money(balance))
        standing = self.standings.get(account)
        if standing is not None:
            spare = standing.credit_limit_minor - standing.held_minor
            self._set("account", account, "available", self._money(balance + spare))

    def note(self, points: Iterable[PointId]) -> None:
        """Something changed at these points: the next `show_use` has to do with them."""
        self._touched.update(points)

    async def show_use(self) -> None:
        """Bring use, cost, days left, band and price up to date where something changed; each new day all."""
        book, at_us = self._charger.book, self._hub.clock.now_us()
        today = self._hub.clock.now().astimezone(self._hub.site.time_zone).date()
        points, self._touched = self._touched, set()
        posted = self._live.take_posted()
        if today != self._day:
            points, posted, self._day = set(book.points), set(book.contracts), today
        await self._sum_up(posted, today)
        for account in {book.contracts[one].account for point in points for one in book.holders(point, at_us)}:
            self._show_account(account, at_us)
        for point in points & book.points.keys():
            self._show_point(point, at_us)

    async def _sum_up(self, posted: set[ContractId], today: date) -> None:
        """Read anew what postings have changed."""
        if not posted:
            return
        by_contract = self._charger.book.by_contract
        points = {term.point for contract in posted for term in by_contract.get(contract, ())}
        fresh = await self._hub.db.read(lambda reader: day_sums(reader, today, posted, points))
        self._sums.contracts.update(fresh.contracts)
        self._sums.points.update(fresh.points)

    def _show_account(self, account: AccountId, at_us: int) -> None:
        contracts = [one.id for one in self._charger.book.contracts_of(account)]
        written = self._sums.of(contracts)
        new = [self._live.unposted(one, at_us) for one in contracts]
        new_wh, new_minor = sum(one.wh for one in new), sum(one.minor for one in new)
        self._set("account", account, "energy_today", _kwh(sum(one.day_wh for one in written) + new_wh))
        self._set("account", account, "cost_today", self._money(sum(one.day_minor for one in written) + new_minor))
        self._set("account", account, "energy_month", _kwh(sum(one.month_wh for one in written) + new_wh))
        month_minor = sum(one.month_minor for one in written)
        self._set("account", account, "cost_month", self._money(month_minor + new_minor))
        balance_minor = self._live.posted_minor.get(account, 0) - new_minor
        spent_minor = sum(one.week_minor for one in written)
        self._set("account", account, "days_left", days_left(balance_minor, spent_minor))

    def _show_point(self, point: PointId, at_us: int) -> None:
        written = self._sums.points.get(point, NOTHING)
        keeper = self._live.keepers.get(point)
        new_wh = 0
        if keeper is not None and keeper.newest is not None and keeper.written is not None:
            new_wh = max(0, keeper.newest.total_wh - keeper.written.total_wh)
        self._set("point", point, "energy_today", _kwh(written.day_wh + new_wh))
        self._set("point", point, "energy_month", _kwh(written.month_wh + new_wh))
        book = self._charger.book
        contract = next(iter(book.holders(point, at_us)), None)
        timeline = None if contract is None else book.timelines.get(contract)
        if contract is not None and timeline is not None and at_us >= timeline.start_us:
            self._set("point", point, "band", timeline.band_at(at_us))
            state = self._live.state(contract, timeline.period_at(at_us))
            self._set("point", point, "price", price_now(timeline, state, at_us))

    def _set(self, kind: str, id: str, quantity: str, value: Value) -> None:  # noqa: A002 - the field's own word
        handle = self._handles.get((kind, id, quantity))
        if handle is not None:
            handle.set(value)

    def _money(self, minor: int) -> Decimal:
        return major_units(MinorUnits(minor), self._scale)

    def _wanted(self, kind: str, id: str, quantity: str) -> EntityWanted:  # noqa: A002 - the field's own word
        name = account_sensor(AccountId(id), quantity) if kind == "account" else point_sensor(PointId(id), quantity)
        units = {"days_left": "d", "band": None, "price": f"{self._currency}/kWh"}
        unit = self._currency if quantity in MONEY else units.get(quantity, "kWh")
        return EntityWanted(unique_id(kind, id, quantity), name, f"{id} {quantity}".replace("_", " "), unit=unit)


def days_left(balance_minor: int, spent_minor: int) -> Decimal | None:
    """For how many days the balance lasts at the mean of the last days; None while nothing was spent."""
    if spent_minor <= 0:
        return None
    tenths = max(0, balance_minor) * MEAN_DAYS * 10 // spent_minor
    return Decimal(tenths).scaleb(-1)


def price_now(timeline: Timeline, state: PeriodState | None, at_us: int) -> Decimal:
    """What the next kWh costs: the price of its band, and of the block that it falls into."""
    plan = timeline.plan(timeline.period_at(at_us))
    part = plan.parts[plan.part_at(at_us)]
    band = timeline.band_at(at_us)
    steps = part.rates.energy[band]
    used_wh = 0 if state is None else state.used(part.count, band if part.rates.by_band else "")
    block = steps.filling(used_wh)[0] if steps.is_graduated else steps.reached(used_wh)
    return Decimal(steps.prices[block][band, timeline.season_at(at_us)]).scaleb(-6)


def _kwh(wh: int) -> Decimal:
    return Decimal(wh).scaleb(-3)
