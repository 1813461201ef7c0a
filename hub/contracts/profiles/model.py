"""The parts of a device profile, as they are after loading and checking: frozen, exact, and without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from hub.contracts.links import Function


class Status(Enum):
    """How sure a profile is."""

    DOCUMENTED = "documented"
    """Written from the manufacturer's or third parties' documents; never tried on a meter by us."""
    BENCH_TESTED = "bench_tested"


class WordType(Enum):
    """How registers make a value."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    BCD = "bcd"
    ASCII = "ascii"
    BITS = "bits"
    """Coils or discrete inputs, the first lowest; the count is their number."""


class Order(Enum):
    """The order of a value's bytes on the wire; A is the highest."""

    ABCD = "abcd"
    CDAB = "cdab"
    BADC = "badc"
    DCBA = "dcba"


class Kind(Enum):
    """What a point is."""

    GAUGE = "gauge"
    COUNTER = "counter"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Addresses of one function's table, both ends included."""

    function: Function
    first: int
    last: int
    reason: str = ""
    """Why it is listed, for the text of a refusal."""

    def touches(self, first: int, last: int) -> bool:
        """Whether a span of addresses meets this range."""
        return first <= self.last and last >= self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDefaults:
    """How the meter speaks when it comes from its maker."""

    baud: int = 9600
    parity: str = "E"
    stop_bits: int = 1
    unit: int = 1
    turn_s: Decimal = Decimal("0.02")
    """The answer delay to plan with before it is measured."""

    @property
    def bits_per_character(self) -> int:
        """Start, eight data bits, parity if any, stop."""
        return 9 + (self.parity != "N") + self.stop_bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the meter can do and stand."""

    functions: frozenset[Function]
    registers_max: int
    """The largest read it accepts, as far as is known."""
    coils_max: int = 16
    min_gap_s: Decimal = Decimal(0)
    """Extra silence that it needs between transactions."""
    needs_button: bool = False
    """A close ends at ARMED: somebody must press the meter's button."""
    is_self_powered_behind_relay: bool = False
    """It dies with its own relay, so it is never tripped remotely."""
    has_prepaid: bool = False
    """It keeps a balance of its own, and may trip by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What the gate must know of a register that only grows."""

    modulus_raw: int | None
    """Where the raw number starts again at 0, in units of ten to `scale`; None when it never does."""
    scale: int
    """The raw number is whole in units of ten to this (-2: hundredths)."""
    rate_max_per_h: Decimal
    """The most that can honestly flow in an hour, in the point's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of the meter."""

    name: str
    function: Function
    address: int
    count: int
    """Registers (or bits) that it takes; never split over two reads."""
    type: WordType
    order: Order = Order.ABCD
    scale: Decimal = Decimal(1)
    """The number on the wire times this is the value in `unit`."""
    unit: str = ""
    kind: Kind = Kind.GAUGE
    group: str = "normal"
    """`fast`, `normal` or `slow`: how often it is read."""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    not_a_number: tuple[int, ...] = ()
    """Raw words, as one number, that mean that there is no value."""
    multiply_by: tuple[str, ...] = ()
    """Names of points whose values multiply this one (transformer ratios that the meter does not apply)."""
    counter: Counter | None = None
    is_billing: bool = False
    """Goes to the readings stream."""
    characters: int | None = None
    """How many characters of a text count, when its registers hold more; None for all."""

    @property
    def last(self) -> int:
        """The last address that it takes."""
        return self.address + self.count - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The register that proves who answers."""

    point: Point
    pattern: str
    """A regular expression that every serial number of this type fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One write of an action."""

    function: Function
    address: int
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A read that shows where the relay stands: the masked value for open and for closed."""

    function: Function
    address: int
    count: int
    mask: int
    open_value: int
    closed_value: int
    armed_value: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """How a relay is brought to a level, and how that is seen."""

    before: tuple[Step, ...]
    """Writes that must come first, such as a mode or a password."""
    command: Step
    settle_s: Decimal
    timeout_s: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A number that the meter only shows, and that we may set: what is left of the tenant's credit."""

    point: Point
    """Where it stands; a write sets it and never adds."""
    function: Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One circuit of a meter with several: each is a supply point of its own behind one unit address."""

    name: str
    """Comes before the names of its points: `c1` has `c1_power`."""
    points: Mapping[str, Point]
    """Its points by their plain names, `power`; they stand in the profile's points as well."""
    relay: Check | None
    actions: Mapping[str, Action]


class FrameOrigin(Enum):
    """Where an example frame comes from."""

    CAPTURED = "captured"
    """Recorded from a meter."""
    DOCUMENTED = "documented"
    """Printed in the manual."""
    CONSTRUCTED = "constructed"
    """Made up from the register map: it proves the profile's arithmetic, and nothing about the meter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An example transaction, whole RTU frames with their CRC, and what it says."""

    name: str
    origin: FrameOrigin
    request: bytes
    reply: bytes
    expect: Mapping[str, Decimal | int | str | None]
    """Values by point; besides, `serial` a text, `relay` a position's word, and `action` `open` or `close`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One meter type."""

    id: str
    vendor: str
    models: tuple[str, ...]
    status: Status
    source: str
    """Where the register map comes from."""
    notes: str
    link: LinkDefaults
    capabilities: Capabilities
    identity: Identity | None
    """None for a meter without a serial number: it may not be tripped after a discontinuity of its counter."""
    points: tuple[Point, ...]
    relay: Check | None
    actions: Mapping[str, Action]
    """`open` and `close`, for a meter with a relay."""
    deny: tuple[Range, ...]
    """What is never written, whoever asks."""
    gaps_proven: tuple[Range, ...]
    """Unlisted addresses that may be read across."""
    forbidden: tuple[Range, ...]
    """Addresses that no read may touch."""
    frames: tuple[Frame, ...]
    """Example frames with the values that they carry; loading checks them, and tests are made from them."""
    channels: tuple[Channel, ...] = ()
    """The circuits of a meter with several."""
    balance: Balance | None = None
    """The credit on the meter's display, if it can be set; used only once the profile is bench-tested."""

    def point(self, name: str) -> Point:
        """A point by its name; raises `KeyError`."""
        for point in self.points:
            if point.name == name:
                return point
        raise KeyError(name)
