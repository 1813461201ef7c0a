"""Supply control, first form: reasons and intents in the books, and a reconciler per point that carries them out.

A rule requests a trip. The trip is decided here, after a read taken now was posted, on the posted balance, with no
payment under way, no hold on the site and budget left in the guard. A restore is decided in the payment's own
transaction; no rule takes part in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hub.contracts.axes import CreditState, OffReason, shown_state
from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import AccountId, Fence, PointId
from hub.contracts.metering import READINGS, ReadFailed, Reading
from hub.contracts.relays import RELAYS, CommandResult, Desired, Evidence, Outcome, Position
from hub.contracts.supply import (
    Commissioning,
    CreditEffect,
    GuardHeld,
    Intent,
    IntentChanged,
    SupplyChanged,
    SupplyView,
    TripAnswer,
    TripRequest,
    TripRequested,
)
from hub.contracts.topups import Outstanding, OutstandingState
from hub.contracts.units import MinorUnits
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.charging.book import Book
from plugins.prepaid.money.standing import balance

_ANYTHING_OFF = (
    "SELECT 1 FROM prepaid__off_reasons WHERE reason = 'credit' UNION ALL"
    " SELECT 1 FROM prepaid__trips WHERE reason = 'credit' LIMIT 1"
)
"""Nearly always nobody is off or about to be: one look spares the others."""

COMMAND_LIMIT_US = 10_000_000
READ_LIMIT_US = 10_000_000
RETRY_S = 2
HOUR_US = 3_600_000_000


class SupplyControl:
    """The `supply` service over a set of points."""

    def __init__(self, hub: PluginHub, book: Callable[[], Book], trips_per_hour_max: int) -> None:
        """Control the book's points; the guard lets so many credit trips an hour through, or 10 %."""
        self._hub = hub
        self._book = book
        self._trips_per_hour_min = trips_per_hour_max
        self._wake: dict[PointId, asyncio.Event] = {}
        self.accept: Callable[[Sequence[Reading]], Awaitable[object]]
        self.outstanding: Callable[[AccountId, int], Awaitable[Outstanding]]

    @property
    def trips_per_hour_max(self) -> int:
        """The guard's budget."""
        return max(self._trips_per_hour_min, len(self._book().points) // 10)

    def credit_changed(self, tx: Tx, account: AccountId, spendable_minor: MinorUnits) -> CreditEffect:
        """Take `CREDIT` away and write the restoring intent, in the transaction that brought the money."""
        tx = self._hub.db.join(tx)
        points = self._book().points_of(account, self._hub.clock.now_us())
        if not points:
            return CreditEffect(intents=(), missing_minor=MinorUnits(0))
        if spendable_minor <= 0:
            return CreditEffect(intents=(), missing_minor=MinorUnits(1 - spendable_minor))
        if tx.one(_ANYTHING_OFF) is None:
            return CreditEffect(intents=(), missing_minor=MinorUnits(0))
        intents = []
        for point in points:
            tx.execute("DELETE FROM prepaid__trips WHERE point = ? AND reason = 'credit'", (point,))
            removed = tx.execute(
                "DELETE FROM prepaid__off_reasons WHERE point = ? AND reason = ?", (point, OffReason.CREDIT.value)
            )
            if removed and not _reasons(tx, point):
                intents.append(self._decide(tx, point, Desired.CLOSED))
        return CreditEffect(intents=tuple(intents), missing_minor=MinorUnits(0))

    def request_trip(self, tx: Tx, request: TripRequest) -> TripAnswer:
        """Note the wish for a trip; the reconciler decides."""
        tx = self._hub.db.join(tx)
        point = request.point
        account = self._account(point)
        if request.reason in _reasons(tx, point):
            answer = TripAnswer.ALREADY_OFF
        elif request.reason is OffReason.CREDIT and balance(tx, account) > 0:
            answer = TripAnswer.NO_GROUNDS
        else:
            added = tx.execute(
                "INSERT INTO prepaid__trips VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (point, request.reason.value, tx.context.id, self._hub.clock.now_us(), request.note),
            )
            answer = TripAnswer.PENDING if added else TripAnswer.ALREADY_PENDING
        event = TripRequested(
            context=tx.context, point=point, reason=request.reason, answer=answer, note=request.note
        )
        tx.on_commit(lambda: self._hub.bus.publish(event))
        tx.on_commit(lambda: self.look_at(point))
        return answer

    def commissioning(self, tx: Tx, point: PointId, stage: Commissioning, evidence: Evidence | None) -> None:
        """Points of this first form are commissioned by their configuration."""
        self._account(point)

    async def view(self, principal: Principal, point: PointId) -> SupplyView:
        """One point's supply."""
        account = self._account(point)
        if not principal.sees("account", account):
            raise NotFound(f"there is no point {point!r}")
        amount, intent, reasons = await self._hub.db.read(
            lambda reader: (balance(reader, account), _intent(reader, point), _reasons(reader, point))
        )
        observed = self._hub.get(RELAYS).observed(point)
        credit = CreditState.GOOD if amount > 0 else CreditState.EXHAUSTED
        return SupplyView(
            point=point, account=account, credit=credit, off=(), intent=intent, observed=observed, pending=None,
            shown=shown_state(credit, reasons, observed.position), is_manual_only=False,
        )  # fmt: skip

    async def views(self, principal: Principal) -> list[SupplyView]:
        """All points that the principal may see."""
        book, now_us = self._book(), self._hub.clock.now_us()
        visible = [
            point
            for point in sorted(book.points)
            if any(principal.sees("account", book.contracts[one].account) for one in book.holders(point, now_us))
        ]
        return [await self.view(principal, point) for point in visible]

    def look_at(self, point: PointId) -> None:
        """A relay was seen elsewhere than before: look whether that is where it shall be."""
        if point in self._wake:
            self._wake[point].set()

    async def reconcile(self, point: PointId) -> None:
        """Drive one point's relay towards its intent, for ever; trips that were requested are decided first."""
        wake = self._wake.setdefault(point, asyncio.Event())
        while True:
            wake.clear()
            pending = await self._hub.db.read(lambda reader: _pending(reader, point))
            waits = False
            if pending is not None:
                waits = not await self._decide_trip(point, pending)
            done = await self._carry_out(point)
            pause_s = None if done and not waits else RETRY_S
            try:
                async with asyncio.timeout(pause_s):
                    await wake.wait()
            except TimeoutError:
                pass

    async def _decide_trip(self, point: PointId, pending: Row) -> bool:
        """Decide a requested trip on what is true now; False when it has to wait."""
        account = self._account(point)
        if self._hub.holds.ask():
            self._hub.log.warning("%s: trip waits, the site is on hold: %s", point, dict(self._hub.holds.reasons))
            return False
        now_us = self._hub.clock.now_us()
        try:
            readings = await self._hub.get(READINGS).read_now(point, now_us + READ_LIMIT_US)
        except ReadFailed as error:
            self._hub.log.warning("%s: trip waits, no fresh read: %s", point, error)
            return False
        await self.accept(readings)
        outstanding = await self.outstanding(account, now_us + READ_LIMIT_US)
        if outstanding.state is not OutstandingState.NONE:
            self._hub.log.warning("%s: trip waits, a payment may be under way: %s", point, outstanding.detail)
            return False
        self._hub.holds.ask()
        return await self._hub.db.write(lambda tx: self._trip(tx, point, account, pending))

    def _trip(self, tx: Tx, point: PointId, account: AccountId, pending: Row) -> bool:
        """The decision itself, in one transaction; False when a hold or the guard holds it back."""
        if self._hub.holds.is_held:
            return False
        if balance(tx, account) > 0 or _pending(tx, point) is None:
            tx.execute("DELETE FROM prepaid__trips WHERE point = ?", (point,))
            return True
        since_us = self._hub.clock.now_us() - HOUR_US
        spent = tx.value(
            "SELECT count(*) FROM prepaid__intents WHERE is_credit_trip = 1 AND decided_us > ?", (since_us,)
        )
        assert isinstance(spent, int)
        if spent >= self.trips_per_hour_max:
            held = GuardHeld(reason=OffReason.CREDIT, waiting=1, budget=self.trips_per_hour_max)
            tx.on_commit(lambda: self._hub.bus.publish(held))
            return False
        tx.execute("DELETE FROM prepaid__trips WHERE point = ?", (point,))
        tx.execute(
            "INSERT INTO prepaid__off_reasons VALUES (?, ?, ?, ?, ?, ?)",
            (
                point, pending["reason"], self._hub.clock.now_us(), pending["note"],
                tx.context.id, tx.context.actor,
            ),
        )  # fmt: skip
        self._decide(tx, point, Desired.OPEN)
        return True

    def _decide(self, tx: Tx, point: PointId, desired: Desired) -> Intent:
        """Write a new intent; the reconciler acts on it after the commit."""
        before = _intent(tx, point)
        intent = Intent(
            point=point,
            desired=desired,
            seq=Fence((before.seq if before is not None else 0) + 1),
            decided_us=self._hub.clock.now_us(),
            context=tx.context,
        )
        tx.execute(
            "INSERT INTO prepaid__intents VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                point, intent.seq, desired.value, intent.decided_us, tx.context.id, tx.context.actor,
                int(desired is Desired.OPEN),
            ),
        )  # fmt: skip
        fault_point("prepaid.after_intent")
        event = IntentChanged(
            context=tx.context, point=point, intent=intent, reasons=frozenset(_reasons(tx, point))
        )
        tx.on_commit(lambda: self._hub.bus.publish(event))
        tx.on_commit(lambda: self.look_at(point))
        return intent

    async def _carry_out(self, point: PointId) -> bool:
        """Bring the relay where the newest intent wants it; True when it stands there, or nothing is intended."""
        intent, reasons = await self._hub.db.read(lambda reader: (_intent(reader, point), _reasons(reader, point)))
        if intent is None:
            return True
        wanted = Position.CLOSED if intent.desired is Desired.CLOSED else Position.OPEN
        observed = self._hub.get(RELAYS).observed(point)
        if observed.position is wanted:
            return True
        if intent.desired is Desired.OPEN and self._hub.holds.ask():
            self._hub.log.warning(
                "%s: stays as it is, the site is on hold: %s", point, dict(self._hub.holds.reasons)
            )
            return False
        now_us = self._hub.clock.now_us()
        deadline_us = now_us + COMMAND_LIMIT_US
        grant = mint_for_supply(intent, now_us=now_us, expires_us=deadline_us)
        result: CommandResult = await self._hub.get(RELAYS).ensure(
            point, intent.desired, grant, intent.seq, deadline_us
        )
        if result.outcome is not Outcome.CONFIRMED:
            self._hub.log.error("%s: %s was %s: %s", point, wanted.value, result.outcome.value, result.detail)
            return False
        was = shown_state(CreditState.EXHAUSTED, reasons, observed.position)
        shown = shown_state(CreditState.EXHAUSTED if reasons else CreditState.GOOD, reasons, wanted)
        self._hub.bus.publish(SupplyChanged(context=intent.context, point=point, was=was, shown=shown))
        return True

    def _account(self, point: PointId) -> AccountId:
        book = self._book()
        holders = book.holders(point, self._hub.clock.now_us())
        if not holders:
            raise NotFound(f"there is no supply point {point!r} that somebody holds now")
        return book.contracts[holders[0]].account


def _reasons(reader: Reader, point: PointId) -> set[OffReason]:
    rows = reader.all("SELECT reason FROM prepaid__off_reasons WHERE point = ?", (point,))
    return {OffReason(row[0]) for row in rows}


def _pending(reader: Reader, point: PointId) -> Row | None:
    return reader.one("SELECT * FROM prepaid__trips WHERE point = ? ORDER BY requested_us", (point,))


def _intent(reader: Reader, point: PointId) -> Intent | None:
    row = reader.one("SELECT * FROM prepaid__intents WHERE point = ? ORDER BY seq DESC LIMIT 1", (point,))
    if row is None:
        return None
    return Intent(
        point=point,
        desired=Desired(row["desired"]),
        seq=Fence(row["seq"]),
        decided_us=row["decided_us"],
        context=Context(row["context_id"], row["actor"]),
    )
