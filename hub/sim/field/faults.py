"""What can be wrong with a meter, a wire or a gateway: each fault by its name, with the one thing that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

from hub.core.config import did_you_mean
from hub.core.errors import HubError


class FaultKind(Enum):
    """The faults that can be switched on; `Fault` says for whom and how long."""

    SILENT = "silent"
    """It hears and obeys nothing."""
    LOST_REPLY = "lost_reply"
    """It obeys, and the reply is lost."""
    LATE = "late"
    """The reply comes `late_s` later than usual, 0.5 s unless said; past the caller's patience it still arrives."""
    WRONG_CRC = "wrong_crc"
    WRONG_UNIT = "wrong_unit"
    WRONG_FUNCTION = "wrong_function"
    WRONG_LENGTH = "wrong_length"
    """A sound frame with a register too few."""
    WRONG_ECHO = "wrong_echo"
    """The reply to a write names another address."""
    SHORT = "short"
    """The frame ends early."""
    STRAY_BYTE = "stray_byte"
    """A 0x00 comes before the reply, as when an RS485 driver turns round."""
    FOREIGN_FRAME = "foreign_frame"
    """A frame of another unit comes in the same chunk as the reply, before it."""
    EXCEPTION = "exception"
    """The meter answers with exception `code`."""
    BUSY = "busy"
    """The meter answers that it is busy, exception 6."""
    NOISE = "noise"
    """Bytes of the reply are mutilated, for a share `chance` of all replies."""
    REBOOT = "reboot"
    """It restarts: silent for two seconds, counters at 0. Happens once."""
    STUCK_REGISTER = "stuck_register"
    """`point` goes on showing what it shows now."""
    TRANSIENT_ZERO = "transient_zero"
    """`point` reads 0, `times` times."""
    RELAY_STUCK = "relay_stuck"
    """Relay writes are accepted, and nothing moves."""
    LYING_RELAY = "lying_relay"
    """The relay's status follows the command, and its contact stays where it is."""
    STATUS_LAG = "status_lag"
    """The relay's status follows its contact `late_s` later, 30 s unless said."""
    SWAPPED = "swapped"
    """Another instrument, with the number `serial` and counters at 0, answers at the address."""
    SELF_TRIP = "self_trip"
    """It opens its relay by itself, now. Happens once."""
    TRIPS_AT_ZERO = "trips_at_zero"
    """Its own prepaid function opens the relay when its credit is used up."""
    GATEWAY_DROP = "gateway_drop"
    """The connection is cut, and while the fault lasts none is taken."""
    HALF_OPEN = "half_open"
    """The connection stands, and swallows everything."""


REPLIES = frozenset({
    FaultKind.SILENT, FaultKind.LOST_REPLY, FaultKind.LATE, FaultKind.WRONG_CRC, FaultKind.WRONG_UNIT,
    FaultKind.WRONG_FUNCTION, FaultKind.WRONG_LENGTH, FaultKind.WRONG_ECHO, FaultKind.SHORT, FaultKind.STRAY_BYTE,
    FaultKind.FOREIGN_FRAME, FaultKind.EXCEPTION, FaultKind.BUSY, FaultKind.NOISE, FaultKind.GATEWAY_DROP,
    FaultKind.HALF_OPEN,
})  # fmt: skip
"""Faults of transactions; the others are of the meter itself."""

WHOLE_BUS = frozenset({FaultKind.GATEWAY_DROP, FaultKind.HALF_OPEN})
"""Faults that no single meter can have."""

_NEEDS = {
    FaultKind.STUCK_REGISTER: "point",
    FaultKind.TRANSIENT_ZERO: "point",
    FaultKind.SWAPPED: "serial",
}
_ARGUMENTS = {
    FaultKind.LATE: "late_s",
    FaultKind.STATUS_LAG: "late_s",
    FaultKind.EXCEPTION: "code",
    FaultKind.NOISE: "chance",
    **_NEEDS,
}
"""What a fault's one argument is; for all others it is `times`."""


_LATE_S = {FaultKind.STATUS_LAG: 30.0}


class BadFault(HubError):
    """A fault that cannot be: of no known kind, or without what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, for a unit or for all on the bus."""

    kind: FaultKind
    unit: int | None = None
    """None: all meters on the bus."""
    times: int | None = None
    """How many transactions it spoils before it is over; None: until it is cleared."""
    late_s: float | None = None
    """None: as long as is usual for the kind."""
    code: int = 4
    chance: float = 1.0
    point: str = ""
    serial: str = ""

    def __post_init__(self) -> None:
        """Refuse a fault that could not work, with the reason."""
        kind, needed = self.kind.value, _NEEDS.get(self.kind)
        if needed is not None and not getattr(self, needed):
            raise BadFault(f"fault {kind} needs a {needed}")
        if self.kind in WHOLE_BUS and self.unit is not None:
            raise BadFault(f"fault {kind} is of the whole bus; name no unit")
        if self.kind is FaultKind.SWAPPED and self.unit is None:
            raise BadFault("fault swapped is of one meter; name its unit")
        if self.times is not None and self.times < 1:
            raise BadFault(f"fault {kind}: times is 1 or more, not {self.times}")
        if not 1 <= self.code <= 255:
            raise BadFault(f"fault {kind}: an exception code is 1 to 255, not {self.code}")
        if not 0 < self.chance <= 1:
            raise BadFault(f"fault {kind}: the chance is above 0 and at most 1, not {self.chance:g}")
        if self.late_s is not None and not 0 <= self.late_s <= 86_400:
            raise BadFault(f"fault {kind}: late by 0 to 86,400 s, not {self.late_s:g}")

    @property
    def late_us(self) -> int:
        """How late it makes a reply or a status."""
        return round((_LATE_S.get(self.kind, 0.5) if self.late_s is None else self.late_s) * 1e6)


def kind_named(name: str) -> FaultKind:
    """The kind of a fault by its name; raises `BadFault` with a close one."""
    try:
        return FaultKind(name)
    except ValueError:
        names = [kind.value for kind in FaultKind]
        hint = did_you_mean(name, names) or f" There are: {', '.join(names)}."
        raise BadFault(f"there is no fault {name!r}.{hint}") from None


def parse_fault(text: str) -> Fault:
    """A fault as it is typed: `KIND`, `KIND:UNIT` or `KIND:UNIT:ARGUMENT`; an empty unit means all."""
    name, _, rest = text.partition(":")
    unit_text, _, argument = rest.partition(":")
    kind = kind_named(name)
    if unit_text and not (unit_text.isdecimal() and 1 <= int(unit_text) <= 247):
        raise BadFault(f"fault {text!r}: {unit_text!r} is no unit; it is a number from 1 to 247, or empty for all")
    unit = int(unit_text) if unit_text else None
    field = _ARGUMENTS.get(kind, "times")
    if not argument:
        return Fault(kind=kind, unit=unit)
    if field == "point":
        return Fault(kind=kind, unit=unit, point=argument)
    if field == "serial":
        return Fault(kind=kind, unit=unit, serial=argument)
    try:
        number = Decimal(argument)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or (field in {"times", "code"} and number != int(number)):
        raise BadFault(f"fault {text!r}: {argument!r} is no {field}, which is a number")
    if field == "late_s":
        return Fault(kind=kind, unit=unit, late_s=float(number))
    if field == "chance":
        return Fault(kind=kind, unit=unit, chance=float(number))
    return (
        Fault(kind=kind, unit=unit, code=int(number))
        if field == "code"
        else Fault(kind=kind, unit=unit, times=int(number))
    )
