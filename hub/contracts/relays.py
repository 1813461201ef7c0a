"""Relays: the one way to move one, and what is known of where it stands.

The field layer provides `RELAYS` and owns the rows of attempts and of the highest fence per point; supply calls it
from its reconciler, and a recorded commissioning session for its one point. Nobody else can: a command needs a
`Grant`, and only `hub.contracts.grants` makes one. A relay is named by the supply point that it feeds.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from enum import Enum
from typing import Protocol

from hub.contracts.ids import Fence, PointId
from hub.core.bus import Event
from hub.core.context import Context
from hub.core.services import ServiceKey

OPEN_DEADLINE_MAX_US = 30_000_000
"""An order to open is never older than this when it is obeyed: the tenant may have paid since."""

_SEAL = object()


class Desired(Enum):
    """Where a relay shall stand: a level, never a toggle."""

    CLOSED = "closed"
    OPEN = "open"


class Position(Enum):
    """Where a relay stands, as far as is known."""

    CLOSED = "closed"
    OPEN = "open"
    ARMED = "armed"
    """Closing is permitted; somebody must press the meter's button."""
    UNKNOWN = "unknown"


class GrantSource(Enum):
    """Who may move a relay at all."""

    SUPPLY = "supply"
    COMMISSIONING = "commissioning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The right to bring one point's relay to one position, until an instant; see `hub.contracts.grants`."""

    point: PointId
    desired: Desired
    fence: Fence
    expires_us: int
    source: GrantSource
    reference: str
    """What it rests on: the intent or the commissioning session, for the record of the attempt."""
    context: Context
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse a grant that nobody minted, a changed copy included."""
        if seal is not _SEAL:
            raise TypeError("a Grant is minted by hub.contracts.grants, for supply or a commissioning session only")


class Outcome(Enum):
    """How a command ended."""

    CONFIRMED = "confirmed"
    """The relay stands as desired (ARMED where it needs its button), by read-back and electrical evidence."""
    UNCONFIRMED = "unconfirmed"
    """The meter took the write, but read-back or electrical evidence does not agree."""
    REFUSED = "refused"
    """Not tried, for the reason given; the relay was not touched."""
    FAILED = "failed"
    """Certainly not done: no write left, or the meter answered that it did not obey."""
    UNKNOWN = "unknown"
    """A write left and nobody knows what became of it: read before anything is repeated."""


class Refusal(Enum):
    """Why a command was not tried."""

    GRANT_MISMATCH = "grant_mismatch"
    EXPIRED = "expired"
    DEADLINE_TOO_FAR = "deadline_too_far"
    FENCE_LOWER = "fence_lower"
    FENCE_REUSED = "fence_reused"
    SUPERSEDED = "superseded"
    """A newer fence came while this one waited."""
    NO_RELAY = "no_relay"
    QUARANTINED = "quarantined"
    WRONG_IDENTITY = "wrong_identity"
    STALE = "stale"
    """The target has not answered of late; refuses an open only, a close is tried once at once."""
    TOO_SOON = "too_soon"
    """The relay's minimum time in a position is not over; refuses an open only."""
    DENIED = "denied"
    """The meter's profile does not allow the write."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a position was read from."""

    position: Position
    """What the status register says."""
    status_words: tuple[int, ...]
    current_ma: int | None
    """The largest phase current; None when it was not read."""
    voltage_mv: int | None
    """The load-side voltage where the meter has it."""
    serial: str | None
    source_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRelay:
    """Where a relay stands and how old that knowledge is; UNKNOWN when status and electrical evidence disagree."""

    point: PointId
    position: Position
    since_us: int | None
    """When it was first seen in this position; None while unknown."""
    evidence: Evidence | None

    def age_us(self, now_us: int) -> int | None:
        """How long ago it was last looked at; None if never since the process started."""
        return None if self.evidence is None else now_us - self.evidence.source_us


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTraits:
    """What a point's relay can do, from its meter's profile."""

    needs_button: bool
    """A close ends at ARMED."""
    may_open_remotely: bool
    """False when the meter hangs behind its own relay, or has no identity to prove: it is never tripped."""
    min_interval_us: int
    """How long it stays in a position before an open is obeyed; a close never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The end of one command; stored by the field layer with each attempt."""

    point: PointId
    desired: Desired
    fence: Fence
    outcome: Outcome
    detail: str
    """What happened, in words for people."""
    refusal: Refusal | None = None
    not_before_us: int | None = None
    """With TOO_SOON: when it may be asked again."""
    writes: int = 0
    observed: ObservedRelay | None = None
    queued_us: int
    first_byte_us: int | None = None
    """When the first byte of the first write left; None when nothing was written."""
    finished_us: int


class Relays(Protocol):
    """The relays of a site. All of it runs on the loop and outside every transaction: a wire is slow."""

    async def ensure(
        self, point: PointId, desired: Desired, grant: Grant, fence: Fence, deadline_us: int
    ) -> CommandResult:
        """Bring a relay to a position and prove it: identity, write, settle, read back, electrical evidence.

        Raises nothing for what can happen in the field: the result says it. A relay that stands as desired is
        read, not written. The highest fence obeyed is durable and a lower one is refused, across restarts; the same
        fence and position may be asked again, and joins the command under way. A close goes before an open. An
        open that was not obeyed at its deadline, or when the process dies, never will be. Cancelling the caller
        withdraws a command that has not begun; one on the wire ends by itself and is recorded.
        """

    def observed(self, point: PointId) -> ObservedRelay:
        """Where a relay stands as last seen; after a start UNKNOWN until it was read. Raises `NotFound`."""

    def traits(self, point: PointId) -> RelayTraits:
        """What the relay can do; raises `NotFound` for a point without one."""

    def highest_fence(self, point: PointId) -> Fence:
        """The highest fence obeyed for supply, 0 before the first; a commissioning session commands under it."""


RELAYS: ServiceKey[Relays] = ServiceKey("relays.relays")


def refusal_of(
    point: PointId,
    desired: Desired,
    grant: Grant,
    fence: Fence,
    deadline_us: int,
    *,
    now_us: int,
    highest: tuple[Fence, Desired] | None,
) -> tuple[Refusal, str] | None:
    """Why grant, fence or deadline forbid a command, with the text for people; None when they allow it.

    Part of the contract, so that the field layer and its fake cannot differ. `highest` is the highest fence obeyed
    for supply so far and what it was for; a commissioning session goes under it and does not move it.
    """
    if (grant.point, grant.desired, grant.fence) != (point, desired, fence):
        return Refusal.GRANT_MISMATCH, (
            f"{point}: the grant is for {grant.point} {grant.desired.value} under fence {grant.fence},"
            f" not for {desired.value} under {fence}; ask supply for a grant of this command"
        )
    until_us = min(deadline_us, grant.expires_us)
    if until_us <= now_us:
        return Refusal.EXPIRED, f"{point}: the order to be {desired.value} expired {now_us - until_us} us ago"
    if desired is Desired.OPEN and deadline_us - now_us > OPEN_DEADLINE_MAX_US:
        return Refusal.DEADLINE_TOO_FAR, (
            f"{point}: an open may wait {OPEN_DEADLINE_MAX_US // 1_000_000} s at most; give a nearer deadline"
        )
    if highest is not None and fence < highest[0]:
        return Refusal.FENCE_LOWER, (
            f"{point}: fence {fence} is older than {highest[0]}, which was {highest[1].value}; nothing to repeat"
        )
    is_supply = grant.source is GrantSource.SUPPLY
    if is_supply and highest is not None and fence == highest[0] and desired is not highest[1]:
        return Refusal.FENCE_REUSED, (
            f"{point}: fence {fence} was {highest[1].value} before and cannot be {desired.value}; "
            "a new decision needs a new intent"
        )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayObserved(Event):
    """A relay was seen in another position than before, by command or by itself; `was` None is the first look."""

    observed: ObservedRelay
    was: Position | None

    @property
    def key(self) -> str:
        """The point."""
        return self.observed.point


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFinished(Event):
    """A command ended, one way or another."""

    result: CommandResult

    @property
    def key(self) -> str:
        """The point."""
        return self.result.point
