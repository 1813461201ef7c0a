"""What time itself brings: reads at the edges of bands and months, standing charges by the day, months that end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from functools import partial

from hub.contracts.ids import ContractId, PointId
from hub.contracts.metering import READINGS
from hub.core.clock import to_us
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging import periods
from plugins.prepaid.charging.book import Book
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.gate.keeper import Keeper
from plugins.prepaid.statements.daily import daily

LOOK_AHEAD_US = 900_000_000
"""Edges are planned again at least this often, so that a change of the book is seen."""

GRACE_US = 86_400_000_000
"""A month whose last read does not come is finished without it after so long; it is corrected when it comes."""

JUST_AFTER_US = 1_000
"""So much after an edge the next one is looked for: whoever wakes at the edge would find it again."""

MoneyMoved = Callable[[Tx, Iterable[Charged]], object]


class Edges:
    """Two loops: one asks for reads at edges, one looks after days and months."""

    def __init__(
        self,
        hub: PluginHub,
        charger: Charger,
        keepers: dict[PointId, Keeper],
        money_moved: MoneyMoved,
        touched: Callable[[Iterable[PointId]], object],
    ) -> None:
        """Work on the charger's book."""
        self._hub = hub
        self._charger = charger
        self._keepers = keepers
        self._money_moved = money_moved
        self._touched = touched

    async def read_at_edges(self) -> None:
        """Ask the field layer for a read of every point at every edge of its bands and months, for ever."""
        clock = self._hub.clock
        while True:
            now_us = clock.now_us()
            edge_us, points = next_edge(self._charger.book, now_us)
            if edge_us > now_us + LOOK_AHEAD_US:
                await clock.sleep(clock.seconds_until(now_us + LOOK_AHEAD_US))
                continue
            metering = self._hub.find(READINGS)
            if metering is not None:
                known = [point for point in points if point in self._keepers]
                self._hub.spawn(f"reads at {edge_us}", metering.read_at(known, edge_us))
            await clock.sleep(clock.seconds_until(edge_us + JUST_AFTER_US))
            self._touched(points)

    async def pass_days(self) -> None:
        """Post what falls due by time: now for what was missed, then after every local midnight."""
        clock = self._hub.clock
        while True:
            await self.catch_up()
            await clock.sleep(clock.seconds_until(self._next_midnight_us()) + 5)

    async def catch_up(self) -> None:
        """Post every contract's standing charges up to now, and finish the months that are over."""
        now_us = self._hub.clock.now_us()
        yesterday = self._hub.clock.now().astimezone(self._hub.site.time_zone).date() - timedelta(days=1)
        await self._hub.db.write(partial(daily, day=yesterday, now_us=now_us), origin="days")
        for contract in list(self._charger.book.timelines):
            await self._hub.db.write(partial(self._accrue, contract=contract, now_us=now_us), origin="days")

    def _accrue(self, tx: Tx, contract: ContractId, now_us: int) -> None:
        charged = self._charger.accrue(tx, contract, now_us)
        fault_point("prepaid.after_accrual")
        for period in unfinished(tx, self._charger.book, contract, now_us):
            if self._is_read(tx, contract, period, now_us):
                charged += self._charger.finish(tx, contract, period)
        self._money_moved(tx, charged)

    def _is_read(self, reader: Reader, contract: ContractId, period: str, now_us: int) -> bool:
        """Whether every point of the contract was read at or after the period's end, or it is too late to wait."""
        book = self._charger.book
        end_us = book.timelines[contract].plan(period).end_us
        if now_us >= end_us + GRACE_US:
            return True
        newest = reader.all(
            "SELECT max(r.at_us) FROM prepaid__terms t JOIN prepaid__epochs e ON e.point = t.point"
            " JOIN prepaid__reads r ON r.epoch = e.id WHERE t.contract = ? GROUP BY t.point",
            (contract,),
        )
        return all(row[0] >= end_us for row in newest)

    def _next_midnight_us(self) -> int:
        zone = self._hub.site.time_zone
        today = self._hub.clock.now().astimezone(zone).date()
        return to_us(datetime.combine(today + timedelta(days=1), time(), tzinfo=zone))


def next_edge(book: Book, now_us: int) -> tuple[int, list[PointId]]:
    """The next instant at which a read is worth money, and the points whose it is."""
    edges: dict[int, list[PointId]] = {}
    for point in book.points:
        for contract in book.holders(point, now_us):
            if contract in book.timelines:
                edges.setdefault(book.timelines[contract].next_edge(now_us), []).append(point)
    if not edges:
        return 1 << 62, []
    soonest = min(edges)
    return soonest, edges[soonest]


def unfinished(reader: Reader, book: Book, contract: ContractId, now_us: int) -> list[str]:
    """A contract's periods that are over and not finished yet."""
    timeline = book.timelines[contract]
    rows = periods.all_of(reader, contract)
    return [
        period for period, row in rows.items() if not row.is_finished and timeline.plan(period).end_us <= now_us
    ]
