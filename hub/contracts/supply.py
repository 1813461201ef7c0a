"""Supply: who has power, who shall have it, and why. Three axes that are never folded into one.

The credit state says how the money stands, the set of OFF reasons says what is intended (ON when it is empty),
the observed relay says what is; `axes` has their words. Supply control owns reasons, intents, pending trips and
the guard; rules only request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hub.contracts.axes import CreditState, OffReason, ShownState, WaitsFor
from hub.contracts.ids import AccountId, Fence, PointId
from hub.contracts.naming import action_name
from hub.contracts.relays import Desired, Evidence, ObservedRelay
from hub.contracts.units import MinorUnits
from hub.core.bus import Event
from hub.core.context import Context
from hub.core.principals import Principal
from hub.core.services import ServiceKey
from hub.core.storage import Tx

DISCONNECT = action_name("supply", "disconnect")
LOCK = action_name("supply", "lock")
UNLOCK = action_name("supply", "unlock")
APPROVE = action_name("supply", "approve")
CANCEL = action_name("supply", "cancel")

REQUESTABLE = frozenset({OffReason.CREDIT, OffReason.SAFETY_TRIP})
"""The reasons for which a trip may be requested, by rules as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffEntry:
    """One reason in a point's set, who put it there and why."""

    reason: OffReason
    since_us: int
    note: str
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A committed decision: where a point's relay shall stand. The newest holds; its number is the fence."""

    point: PointId
    desired: Desired
    seq: Fence
    decided_us: int
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTrip:
    """A requested trip that is not decided yet; it is no reason, and nothing is off because of it."""

    request_id: str
    reason: OffReason
    waits_for: frozenset[WaitsFor]
    requested_us: int
    escalates_us: int
    """When a person is called if it still waits; never an automatic trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyView:
    """All that is known of a point's supply."""

    point: PointId
    account: AccountId | None
    credit: CreditState
    off: tuple[OffEntry, ...]
    intent: Intent | None
    """None before the first decision: the hub leaves the relay as it found it."""
    observed: ObservedRelay | None
    """None for a point without a relay."""
    pending: PendingTrip | None
    shown: ShownState
    is_manual_only: bool
    """Until its first trip test is recorded, and for ever where a person said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRequest:
    """A wish to open a relay, by a rule or a person; supply decides whether and when."""

    point: PointId
    reason: OffReason
    note: str
    """Why, in words that a tenant may read."""

    def __post_init__(self) -> None:
        """Refuse a reason that only a person's own action may set."""
        if self.reason not in REQUESTABLE:
            raise ValueError(
                f"{self.point}: a trip for {self.reason.value} cannot be requested;"
                f" {LOCK} sets it, in a person's name"
            )


class TripAnswer(Enum):
    """What became of a request at once."""

    PENDING = "pending"
    ALREADY_PENDING = "already_pending"
    ALREADY_OFF = "already_off"
    NEEDS_PERSON = "needs_person"
    """Protected or manual-only: handed to a person."""
    NO_GROUNDS = "no_grounds"
    """For `CREDIT`: the account has credit, or its state is in doubt."""
    GUARD_SPENT = "guard_spent"
    """The budget of this reason is used up: an alarm went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditEffect:
    """What a change of balance did to an account's points."""

    intents: tuple[Intent, ...]
    """New intents, committed with the money; the reconciler acts on them after the commit."""
    missing_minor: MinorUnits
    """What is still missing until power comes back; 0 when nothing is."""


class Commissioning(Enum):
    """A stage of a point's commissioning that supply must know of."""

    STARTED = "started"
    """The reconciler leaves the relay alone."""
    PASSED = "passed"
    """The point may be tripped automatically from now on."""
    ABANDONED = "abandoned"


class Supply(Protocol):
    """Supply control. Functions with a `tx` are synchronous, take part in the caller's transaction and join it."""

    def credit_changed(self, tx: Tx, account: AccountId, spendable_minor: MinorUnits) -> CreditEffect:
        """Weigh an account's new spendable balance (posted plus credit limit minus holds).

        Called by the ledger, last thing in every transaction that changes that balance. From the reconnect
        balance up it takes `CREDIT` out of the set of each of the account's points and writes their new intents
        in this same transaction. It never adds a reason. Repeating it changes nothing. An account without points
        is no error.
        """

    def request_trip(self, tx: Tx, request: TripRequest) -> TripAnswer:
        """Ask for a trip: what the `tx` action `supply.disconnect` does. Raises `NotFound` for an unknown point.

        At most one request per point and reason is pending, and asking again changes nothing.
        """

    def commissioning(self, tx: Tx, point: PointId, stage: Commissioning, evidence: Evidence | None) -> None:
        """Note a stage of commissioning; called by the commissioning verb in its own transaction.

        `PASSED` needs the evidence of an open relay. Repeating a stage changes nothing. Raises `NotFound`.
        """

    async def view(self, principal: Principal, point: PointId) -> SupplyView:
        """One point's supply; raises `NotFound` for a point that is not, or not the principal's to see."""

    async def views(self, principal: Principal) -> list[SupplyView]:
        """All points that the principal may see, by point."""


SUPPLY: ServiceKey[Supply] = ServiceKey("supply.supply")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PointEvent(Event):
    point: PointId

    @property
    def key(self) -> str:
        """The point."""
        return self.point


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRequested(_PointEvent):
    """A trip was asked for, and this was the answer."""

    reason: OffReason
    answer: TripAnswer
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TripEscalated(_PointEvent):
    """A requested trip waited too long: a person is called, and nothing is off because of it."""

    request_id: str
    waits_for: frozenset[WaitsFor]
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentChanged(_PointEvent):
    """A new intent is committed; the relay has not moved yet."""

    intent: Intent
    reasons: frozenset[OffReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyChanged(_PointEvent):
    """The word that people see for a point is another one."""

    was: ShownState | None
    shown: ShownState


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardHeld(Event):
    """The mass-disconnect guard stopped trips: so many at once mean a wrong tariff, clock or import."""

    reason: OffReason
    waiting: int
    budget: int

    @property
    def key(self) -> str:
        """The reason whose budget is spent."""
        return self.reason.value
