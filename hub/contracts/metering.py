"""Readings: what billing gets from the field layer, in order, whole, and with its proof.

The field layer provides `READINGS`; the gate of the money plugin subscribes, and supply asks for reads before a
trip. A silent meter gives no reading at all: a `Reading` always holds words that a meter sent. Bad words (not a
number, wrong identity) never become one either, so its quality is good, or uncertain with a reason to look twice.
Nor does a register whose transformer ratio is not known: what cannot be multiplied is not billed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal, Protocol

from hub.contracts.ids import BusId, MeterId, PointId, RegisterId
from hub.core.bus import Event
from hub.core.errors import HubError
from hub.core.services import ServiceKey
from hub.core.states import Quality
from hub.core.storage import Tx


class ReadingTag(Enum):
    """Why a reading was taken, for those that no stream may drop."""

    BOUNDARY = "boundary"
    """At an instant asked for by `read_at`: a band, day or contract edge."""
    FINAL = "final"
    """The last of a contract or of an instrument."""
    REQUESTED = "requested"
    """Asked for by `read_now`, such as before a trip."""


class EpochHint(Enum):
    """What the field layer makes of a register beside its last value; the gate decides."""

    FIRST = "first"
    """Nothing to compare with since the process started."""
    CONTINUES = "continues"
    ROLLOVER = "rollover"
    RESET = "reset"
    """It fell, and not by rolling over: a new epoch, which needs confirmation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One register of one point at one instant, as the meter said it."""

    point: PointId
    meter: MeterId
    register: RegisterId
    serial: str | None
    """Who answered, proven in the same run of transactions; None for a meter without a serial number."""
    words: tuple[int, ...]
    """The 16-bit words as they came."""
    raw: int
    scale: int
    unit: str
    quality: Quality
    source_us: int
    """The middle of the transaction that read it."""
    received_us: int
    epoch: EpochHint = EpochHint.CONTINUES
    frame_sha: str
    """The SHA-256 of the whole reply, in hex."""
    plan: str
    """The id of the read plan, which says what else was read in the same frame."""
    tag: ReadingTag | None = None
    asked_us: int | None = None
    """The instant a boundary read was asked for; `source_us` says how close it came, before or after."""
    ratio: tuple[int, int] = (1, 1)
    """The transformer ratio when it was read, as a fraction: primary energy per registered energy."""

    @property
    def value(self) -> Decimal:
        """The register in its unit, exactly: raw times ten to the scale."""
        return Decimal(self.raw).scaleb(self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What the gate must know of a billing register to judge its readings."""

    point: PointId
    meter: MeterId
    register: RegisterId
    unit: str
    scale: int
    modulus_raw: int | None
    """Where the raw number starts again at 0; None when it never does in a meter's life."""
    power_max_w: int
    """Imax x U x root 3 of the circuit: no more can have flowed."""
    ratio: tuple[int, int] = (1, 1)
    """Transformer ratio as a fraction: primary energy per registered energy. Each reading carries its own."""
    flagged_for: str | None = None
    """Why nothing should be billed by it now, in words: its transformer ratio is not known, or has changed."""
    band: str | None = None
    """The tariff band that a meter with band registers counts here."""


class Liveness(Enum):
    """How a meter answers."""

    LIVE = "live"
    SUSPECT = "suspect"
    DEAD = "dead"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStatus:
    """A meter as the field layer sees it now."""

    meter: MeterId
    bus: BusId
    liveness: Liveness
    serial: str | None
    last_good_us: int | None
    """The source time of its last good reading; None before the first one since the process started."""
    period_us: int
    """How often its billing registers are read now."""
    is_bus_healthy: bool
    quarantined_for: str | None = None
    """Why it is neither billed nor commanded, in words; None when it is in order."""


class ReadFailure(Enum):
    """Why a read that was asked for gave nothing."""

    NO_REPLY = "no_reply"
    DEADLINE = "deadline"
    BAD_REPLY = "bad_reply"
    QUARANTINED = "quarantined"
    STOPPING = "stopping"


class ReadFailed(HubError):
    """A read that was asked for gave no reading."""

    def __init__(self, point: PointId, reason: ReadFailure, text: str) -> None:
        """Name the point, the reason for programs, and the text for people."""
        super().__init__(text)
        self.point = point
        self.reason = reason


class IdentityTaken(HubError):
    """The serial number belongs to another meter's place already."""


class StreamOverflowed(HubError):
    """A reader was so slow that tagged readings would have been dropped: it must subscribe and catch up anew."""


class Stream(Protocol):
    """One subscriber's readings, with its own cursor; `contracts.streams.ReadingStream` is the one way to queue."""

    @property
    def coalesced(self) -> int:
        """How many untagged readings gave way to a newer one of their register before they were taken."""

    def __aiter__(self) -> AsyncIterator[Reading]:
        """One reading after the other; ends when the stream is closed."""

    async def take(self, limit: int) -> list[Reading]:
        """Wait for a reading, then return what waits, at most `limit`; empty only when the stream is closed.

        A cancelled take loses nothing. Raises `StreamOverflowed`.
        """

    def close(self) -> None:
        """Stop; what waits can still be taken."""


class Readings(Protocol):
    """The field layer's readings. All of it runs on the loop; only `lift` takes part in a transaction."""

    def subscribe(self, *, points: Collection[PointId] | None = None) -> Stream:
        """A stream of the billing registers of some points, or of all, from now on.

        In order per register. Under load an untagged reading gives way to a newer one of its register, counted;
        a tagged one is never dropped. At most once: what is not taken when the process dies is gone, and the
        next cumulative reading makes up for it.
        """

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """The billing registers of a point; raises `NotFound`."""

    def status(self, point: PointId) -> MeterStatus:
        """The state of the meter behind a point; raises `NotFound`."""

    async def read_now(
        self,
        point: PointId,
        deadline_us: int,
        tag: Literal[ReadingTag.REQUESTED, ReadingTag.FINAL] = ReadingTag.REQUESTED,
    ) -> tuple[Reading, ...]:
        """Read all billing registers of a point, measured after this call; they go to the streams as well.

        Ahead of polls, behind commands. Raises `ReadFailed`, never returns an older value. Safe to repeat; calls
        that overlap may share a read.
        """

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Read points as near to an instant as their buses can, tagged `boundary`; returns when all were tried.

        Asking again for the same points and instant joins the first. The plan dies with the process: whoever
        needs a boundary asks again after a start. A bus begins early enough that the instant is the middle of its
        reads, so half of them are of just before it.
        """

    def lift(self, tx: Tx, meter: MeterId, serial: str) -> None:
        """Expect an instrument in a meter's place from the commit on, and lift its quarantine.

        Called by `meter.replace` inside its own transaction; the field layer owns the row and joins `tx`.
        Repeating it changes nothing. Raises `NotFound`, or `IdentityTaken`.
        """


READINGS: ServiceKey[Readings] = ServiceKey("metering.readings")


@dataclass(frozen=True, slots=True, kw_only=True)
class _MeterEvent(Event):
    meter: MeterId
    points: tuple[PointId, ...]

    @property
    def key(self) -> str:
        """The meter."""
        return self.meter


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSilent(_MeterEvent):
    """A meter counts as dead: its values are stale, and nothing is read into that."""

    last_good_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterBack(_MeterEvent):
    """A dead meter answers again, with the right identity."""

    silent_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterQuarantined(_MeterEvent):
    """Another instrument than expected answered: no billing and no command until a person says which is right."""

    expected_serial: str
    found_serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineLifted(_MeterEvent):
    """The instrument in this place is expected and answers."""

    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRatioChanged(_MeterEvent):
    """A meter shows another transformer ratio than was confirmed: it is uncertain until a person decides."""

    ratio: str
    """The meter's register of it, such as `ct_ratio`."""
    was: tuple[int, int]
    now: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRatioConfirmed(_MeterEvent):
    """A changed transformer ratio is trusted again: a person confirmed it, or the old one is back."""

    ratio: str
    now: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterStuck(_MeterEvent):
    """Power flows and a billing register stands still: it is uncertain until it moves."""

    register: RegisterId
    since_us: int
    """When it was first read with the value that it still has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSilent(Event):
    """No meter of a bus answers: one fault, not one per meter."""

    bus: BusId
    meters: int

    @property
    def key(self) -> str:
        """The bus."""
        return self.bus


@dataclass(frozen=True, slots=True, kw_only=True)
class BusBack(Event):
    """A silent bus answers again."""

    bus: BusId
    silent_us: int

    @property
    def key(self) -> str:
        """The bus."""
        return self.bus


@dataclass(frozen=True, slots=True, kw_only=True)
class BusHasAnotherMaster(Event):
    """Somebody else was heard asking on a bus: two masters make every value doubtful; told once per start."""

    bus: BusId

    @property
    def key(self) -> str:
        """The bus."""
        return self.bus
