"""The words of supply: credit state, OFF reasons, what a trip waits for, and the one word shown for all of it."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from hub.contracts.relays import Position


class CreditState(Enum):
    """How an account stands; with hysteresis on the way up."""

    GOOD = "good"
    LOW = "low"
    CRITICAL = "critical"
    EXHAUSTED = "exhausted"
    GRACE = "grace"
    """Exhausted inside a friendly window, or on emergency credit."""


class OffReason(Enum):
    """Why a point shall be off. A top-up takes away `CREDIT` and nothing else."""

    CREDIT = "credit"
    MANUAL_LOCK = "manual_lock"
    SAFETY_TRIP = "safety_trip"
    MAINTENANCE_LOCKOUT = "maintenance_lockout"
    """Taken away only by the one who set it."""
    MOVE_OUT = "move_out"


class WaitsFor(Enum):
    """What a requested trip waits for; all of them must hold at once."""

    FRESH_READ = "fresh_read"
    LEDGER = "ledger"
    """The ledger posted up to the fresh read, and the posted balance still says so."""
    PAYMENT = "payment"
    """No payment is under way, and every provider could say so."""
    NOTICE = "notice"
    WINDOW = "window"
    APPROVAL = "approval"
    CLOCK = "clock"
    BUS = "bus"
    GUARD = "guard"
    START_GRACE = "start_grace"
    HOLD = "hold"
    PERSON = "person"
    """A protected or manual-only point: never by itself."""


class ShownState(Enum):
    """The one word people see, derived from the three axes."""

    CONNECTED = "connected"
    WARNED = "warned"
    GRACE = "grace"
    PENDING_TRIP = "pending_trip"
    TRIPPING = "tripping"
    TRIPPED = "tripped"
    RESTORING = "restoring"
    ARMED = "armed"
    MANUAL_LOCK = "manual_lock"
    SAFETY_LOCK = "safety_lock"
    COMM_LOST = "comm_lost"
    MISMATCH = "mismatch"


def shown_state(
    credit: CreditState,
    reasons: Collection[OffReason],
    position: Position | None,
    *,
    is_comm_lost: bool = False,
    is_pending: bool = False,
    is_mismatched: bool = False,
) -> ShownState:
    """The one word for three axes; `is_mismatched` when the reconciler gave up, `position` None without a relay."""
    if is_comm_lost or position is Position.UNKNOWN:
        return ShownState.COMM_LOST
    if reasons and position is not Position.OPEN:
        return ShownState.MISMATCH if is_mismatched or position is None else ShownState.TRIPPING
    if OffReason.SAFETY_TRIP in reasons:
        return ShownState.SAFETY_LOCK
    if reasons:
        return ShownState.TRIPPED if set(reasons) == {OffReason.CREDIT} else ShownState.MANUAL_LOCK
    if position is Position.OPEN:
        return ShownState.MISMATCH if is_mismatched else ShownState.RESTORING
    if position is Position.ARMED:
        return ShownState.ARMED
    if is_pending:
        return ShownState.PENDING_TRIP
    if credit is CreditState.GRACE:
        return ShownState.GRACE
    return ShownState.CONNECTED if credit is CreditState.GOOD else ShownState.WARNED
