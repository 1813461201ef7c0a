"""What every function that changes people and places works with, and what must follow such a change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from hub.contracts.ids import AccountId, PointId
from hub.contracts.metering import READINGS, Register
from hub.core.errors import NotFound
from hub.core.principals import OWNER
from hub.core.storage import Tx
from plugins.prepaid.charging.book import Book, turn_page
from plugins.prepaid.charging.charger import Charged, Charger
from plugins.prepaid.charging.intake import Intake
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.keeper import Keeper
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.money.desk import Desk
from plugins.prepaid.places import repository
from plugins.prepaid.places.opening_reads import Known, known_register
from plugins.prepaid.places.records import Epoch
from plugins.prepaid.places.snapshot import Places, load_places


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The books' side of people and places."""

    desk: Desk
    charger: Charger
    intake: Intake
    keepers: dict[PointId, Keeper]
    """The gates of points, shared with the intake."""
    charged: Callable[[Tx, Iterable[Charged]], object]
    """Called in every transaction that charged something."""
    places_changed: Callable[[], Awaitable[object]]
    """Called after the commit: new accounts and points need entities and somebody who drives their relay."""

    def now_us(self) -> int:
        """The instant of what happens now."""
        return self.desk.now_us()

    def areas(self) -> set[str]:
        """The ids of the site's areas."""
        return {area.id for area in self.desk.hub.registry.areas(OWNER)}

    def places(self, tx: Tx) -> Places:
        """All records as this transaction sees them."""
        return load_places(tx, self.areas())

    def turn_page(self, tx: Tx) -> Book:
        """Say that people and places have changed; the book as it is from now on."""
        turn_page(tx)
        tx.on_commit(lambda: self.desk.hub.spawn("places changed", _awaited(self.places_changed)))
        return self.charger.current_book(tx)

    def recharge(self, tx: Tx, book: Book, point: PointId, from_us: int, why: str) -> list[Charged]:
        """Charge a point's time anew from an instant on, where it was charged before under other terms."""
        lasts = [reads.last(tx, epoch.id) for epoch in repository.epochs_of(tx, point)]
        newest_us = max((last.at_us for last in lasts if last is not None), default=0)
        if newest_us <= from_us:
            return []
        # Whoever held the point right before is charged anew as well: an interval may lie across the instant.
        return self.charger.rebuild(tx, book, point, from_us - 1, newest_us + 1, why, self.now_us())

    def moved(self, tx: Tx, account: AccountId, charged: Iterable[Charged] = ()) -> None:
        """What an account can spend may be another now; whoever was charged besides hears of it too."""
        listed = list(charged)
        self.charged(tx, [one for one in listed if one.account != account])
        self.desk.moved(tx, account)

    def register(self, point: PointId) -> Register | None:
        """A point's main register in the field layer; None while that does not know it."""
        metering = self.desk.hub.find(READINGS)
        if metering is None:
            return None
        try:
            registers = metering.registers(point)
        except NotFound:
            return None
        return next((one for one in registers if one.band is None), None)

    def known(self, point: PointId) -> Known | None:
        """What the field layer knows of a point's main register, in the books' terms."""
        register = self.register(point)
        if register is None:
            return None
        return known_register(register, self.desk.hub.get(READINGS).status(point).serial)

    def go_on(self, tx: Tx, epoch: Epoch, last: AcceptedRead) -> None:
        """Let the gate go on from here after the commit: an epoch has begun, or a read was taken past it."""

        def committed() -> None:
            self.intake.forget(epoch.point)
            register = self.register(epoch.point)
            if register is not None and register.register == epoch.register:
                keeper = self.keepers[epoch.point] = Keeper(epoch.point, register)
                keeper.take_up(epoch, last)

        tx.on_commit(committed)


async def _awaited(work: Callable[[], Awaitable[object]]) -> None:
    await work()
