"""Supply without policy: reasons, intents and requests in a real database; the test plays what policy decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.contracts.axes import CreditState, OffReason, shown_state
from hub.contracts.ids import AccountId, Fence, PointId
from hub.contracts.relays import Desired, Evidence, Position, Relays
from hub.contracts.supply import (
    Commissioning,
    CreditEffect,
    Intent,
    IntentChanged,
    OffEntry,
    PendingTrip,
    SupplyView,
    TripAnswer,
    TripRequest,
    TripRequested,
)
from hub.contracts.units import ZERO, MinorUnits
from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.core.principals import Principal
from hub.core.storage import Database, Migration, Reader, Row, Tx
from hub.testing.fakes.faults import Faults

OWNER = "fake_supply"
ESCALATE_AFTER_US = 3_600_000_000

_TABLES = Migration(
    1,
    "points, reasons, intents, requests",
    """
    CREATE TABLE fake_supply__points (
      point TEXT PRIMARY KEY, account TEXT NOT NULL, reconnect_minor BIGINT NOT NULL, seq BIGINT NOT NULL,
      is_manual_only BIGINT NOT NULL);
    CREATE TABLE fake_supply__off (
      point TEXT NOT NULL, reason TEXT NOT NULL, since_us BIGINT NOT NULL, note TEXT NOT NULL,
      context_id TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (point, reason));
    CREATE TABLE fake_supply__intents (
      point TEXT NOT NULL, seq BIGINT NOT NULL, desired TEXT NOT NULL, decided_us BIGINT NOT NULL,
      context_id TEXT NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (point, seq));
    CREATE TABLE fake_supply__requests (
      point TEXT NOT NULL, reason TEXT NOT NULL, id TEXT NOT NULL, requested_us BIGINT NOT NULL,
      PRIMARY KEY (point, reason));
    """,
)


@dataclass(slots=True, kw_only=True)
class SupplyFaults(Faults):
    """What the test decides in the place of policy and guard."""

    answer: TripAnswer | None = None
    """What every request is answered, such as GUARD_SPENT; None to take it as pending."""


class FakeSupply:
    """Points with accounts. `decide` is what policy would do; nothing is off before the test says so."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        faults: SupplyFaults | None = None,
        publish: Callable[[Event], object] = lambda event: None,
        relays: Relays | None = None,
    ) -> None:
        """Keep rows in the database; with `relays` the views show what they observe."""
        self._db = db
        self._clock = clock
        self.faults = faults or SupplyFaults()
        self._publish = publish
        self._relays = relays

    async def open(self) -> None:
        """Make the fake's tables."""
        await self._db.migrate(OWNER, [_TABLES])

    async def add_point(
        self,
        point: PointId,
        account: AccountId,
        *,
        reconnect_minor: MinorUnits = ZERO,
        is_manual_only: bool = False,
    ) -> None:
        """Let an account pay for a point; below the reconnect balance it stays off once it is."""
        row = (point, account, reconnect_minor, int(is_manual_only))
        await self._db.write(
            lambda tx: tx.execute("INSERT INTO fake_supply__points VALUES (?, ?, ?, 0, ?)", row), owner=OWNER
        )

    async def decide(self, point: PointId, reason: OffReason, *, is_off: bool, note: str = "by the test") -> Intent:
        """What policy does once all holds: put a reason in, or take it out, with the intent in one transaction."""

        def fn(tx: Tx) -> Intent:
            self._row(tx, point)
            tx.execute("DELETE FROM fake_supply__requests WHERE point = ? AND reason = ?", (point, reason.value))
            if is_off:
                cause = tx.context
                tx.execute(
                    "INSERT INTO fake_supply__off VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (point, reason.value, self._clock.now_us(), note, cause.id, cause.actor),
                )
            else:
                tx.execute("DELETE FROM fake_supply__off WHERE point = ? AND reason = ?", (point, reason.value))
            return self._intend(tx, point)

        return await self._db.write(fn, owner=OWNER)

    def credit_changed(self, tx: Tx, account: AccountId, spendable_minor: MinorUnits) -> CreditEffect:
        """Take `credit` out of the account's points from their reconnect balance up."""
        tx = tx.bound_to(OWNER)
        intents: list[Intent] = []
        missing_minor = 0
        for row in tx.all(
            "SELECT p.point, p.reconnect_minor FROM fake_supply__points p JOIN fake_supply__off o"
            " ON o.point = p.point AND o.reason = 'credit' WHERE p.account = ? ORDER BY p.point",
            (account,),
        ):
            if spendable_minor < row["reconnect_minor"]:
                missing_minor = max(missing_minor, row["reconnect_minor"] - spendable_minor)
                continue
            tx.execute("DELETE FROM fake_supply__off WHERE point = ? AND reason = 'credit'", (row["point"],))
            intents.append(self._intend(tx, row["point"]))
        return CreditEffect(intents=tuple(intents), missing_minor=MinorUnits(missing_minor))

    def request_trip(self, tx: Tx, request: TripRequest) -> TripAnswer:
        """Note a request; `decide` is what makes a trip of it."""
        tx = tx.bound_to(OWNER)
        answer = self._answer(tx, request)
        tx.on_commit(
            lambda: self._publish(
                TripRequested(
                    context=tx.context,
                    point=request.point,
                    reason=request.reason,
                    answer=answer,
                    note=request.note,
                )
            )
        )
        return answer

    def commissioning(self, tx: Tx, point: PointId, stage: Commissioning, evidence: Evidence | None) -> None:
        """Note a stage; a passed trip test ends `manual only`."""
        tx = tx.bound_to(OWNER)
        self._row(tx, point)
        if stage is Commissioning.PASSED:
            if evidence is None or evidence.position is not Position.OPEN:
                raise ValueError(f"{point}: a passed trip test needs the evidence of an open relay")
            tx.execute("UPDATE fake_supply__points SET is_manual_only = 0 WHERE point = ?", (point,))

    async def view(self, principal: Principal, point: PointId) -> SupplyView:
        """One point's supply."""
        found = [view for view in await self.views(principal) if view.point == point]
        if not found:
            raise NotFound(f"there is no point {point!r} for {principal.actor}; see `hub supply list`")
        return found[0]

    async def views(self, principal: Principal) -> list[SupplyView]:
        """All points that the principal may see."""
        await self.faults.strike(self._clock, "supply")

        def read(reader: Reader) -> list[SupplyView]:
            rows = reader.all("SELECT * FROM fake_supply__points ORDER BY point")
            return [self._view(reader, row) for row in rows if principal.sees("account", row["account"])]

        return await self._db.read(read, owner=OWNER)

    def _answer(self, tx: Tx, request: TripRequest) -> TripAnswer:
        point, reason = request.point, request.reason.value
        row = self._row(tx, point)
        if self.faults.answer is not None:
            return self.faults.answer
        if row["is_manual_only"]:
            return TripAnswer.NEEDS_PERSON
        if tx.one("SELECT 1 FROM fake_supply__off WHERE point = ? AND reason = ?", (point, reason)):
            return TripAnswer.ALREADY_OFF
        is_new = tx.execute(
            "INSERT INTO fake_supply__requests VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (point, reason, f"{point}/{reason}/{tx.change_seq}", self._clock.now_us()),
        )
        return TripAnswer.PENDING if is_new else TripAnswer.ALREADY_PENDING

    def _intend(self, tx: Tx, point: PointId) -> Intent:
        """Write the intent that the set of reasons asks for; the last one stands if it already does."""
        reasons = [
            OffReason(row[0]) for row in tx.all("SELECT reason FROM fake_supply__off WHERE point = ?", (point,))
        ]
        desired = Desired.OPEN if reasons else Desired.CLOSED
        last = _last_intent(tx, point)
        if last is not None and last.desired is desired:
            return last
        row = tx.one("UPDATE fake_supply__points SET seq = seq + 1 WHERE point = ? RETURNING seq", (point,))
        assert row is not None
        intent = Intent(
            point=point, desired=desired, seq=Fence(row[0]), decided_us=self._clock.now_us(), context=tx.context
        )
        tx.execute(
            "INSERT INTO fake_supply__intents VALUES (?, ?, ?, ?, ?, ?)",
            (point, intent.seq, desired.value, intent.decided_us, tx.context.id, tx.context.actor),
        )
        changed = IntentChanged(context=tx.context, point=point, intent=intent, reasons=frozenset(reasons))
        tx.on_commit(lambda: self._publish(changed))
        return intent

    def _view(self, reader: Reader, row: Row) -> SupplyView:
        point = PointId(row["point"])
        off = tuple(
            OffEntry(
                reason=OffReason(one["reason"]), since_us=one["since_us"], note=one["note"],
                context=Context(one["context_id"], one["actor"]),
            )
            for one in reader.all("SELECT * FROM fake_supply__off WHERE point = ? ORDER BY reason", (point,))
        )  # fmt: skip
        asked = reader.one("SELECT * FROM fake_supply__requests WHERE point = ? ORDER BY requested_us", (point,))
        pending = None if asked is None else PendingTrip(
            request_id=asked["id"], reason=OffReason(asked["reason"]), waits_for=frozenset(),
            requested_us=asked["requested_us"], escalates_us=asked["requested_us"] + ESCALATE_AFTER_US,
        )  # fmt: skip
        observed = None if self._relays is None else self._relays.observed(point)
        reasons = {entry.reason for entry in off}
        credit = CreditState.EXHAUSTED if OffReason.CREDIT in reasons else CreditState.GOOD
        position = None if observed is None else observed.position
        return SupplyView(
            point=point, account=AccountId(row["account"]), credit=credit, off=off,
            intent=_last_intent(reader, point), observed=observed, pending=pending,
            shown=shown_state(credit, reasons, position, is_pending=pending is not None),
            is_manual_only=bool(row["is_manual_only"]),
        )  # fmt: skip

    @staticmethod
    def _row(tx: Tx, point: PointId) -> Row:
        row = tx.one("SELECT * FROM fake_supply__points WHERE point = ?", (point,))
        if row is None:
            raise NotFound(f"there is no point {point!r}; see `hub supply list`")
        return row


def _last_intent(reader: Reader, point: PointId) -> Intent | None:
    row = reader.one("SELECT * FROM fake_supply__intents WHERE point = ? ORDER BY seq DESC LIMIT 1", (point,))
    if row is None:
        return None
    return Intent(
        point=point, desired=Desired(row["desired"]), seq=Fence(row["seq"]), decided_us=row["decided_us"],
        context=Context(row["context_id"], row["actor"]),
    )  # fmt: skip
