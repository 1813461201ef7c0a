"""The read with which a register's count begins, as a person writes it down: compared with the counts there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hub.contracts.ids import MeterId, PointId, RegisterId
from hub.contracts.metering import Register
from hub.contracts.units import WattHours
from plugins.prepaid.gate.keeper import THOUSANDTHS
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.places.columns import plain
from plugins.prepaid.places.gathering import Fields, Problem, column_of
from plugins.prepaid.places.records import Epoch

MAIN_REGISTER = RegisterId("energy_import")
_VALUES = ("open_kwh", "open_raw")
FROM_TABLE = "opening read"


@dataclass(frozen=True, slots=True)
class Known:
    """What the field layer knows of a point's main register."""

    meter: MeterId
    register: RegisterId
    serial: str | None
    scale: int
    """Energy in Wh is raw times ten to this times the ratio."""
    ratio: tuple[int, int]
    modulus_raw: int | None


@dataclass(frozen=True, slots=True)
class Opening:
    """A count that begins, and the read that it begins with."""

    epoch: Epoch

    def read(self, epoch: int, received_us: int) -> AcceptedRead:
        """The opening read of the epoch once it has its number."""
        one = self.epoch
        return AcceptedRead(
            epoch=epoch, at_us=one.start_us, raw=one.open_raw, total_wh=WattHours(0), basis=Basis.OPENING,
            scale=one.scale, serial=one.serial, received_us=received_us,
        )  # fmt: skip


@dataclass(slots=True)
class Planned:
    """What becomes of the meter columns of a point."""

    begins: Opening | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def known_register(register: Register, serial: str | None) -> Known:
    """A register of the field layer in the books' terms."""
    return Known(
        register.meter, register.register, serial, register.scale + THOUSANDTHS[register.unit], register.ratio,
        register.modulus_raw,
    )  # fmt: skip


def plan_opening(
    point: PointId, fields: Fields, epochs: list[Epoch], known: Known | None, *, default_us: int, now_us: int
) -> Planned:
    """Whether a count begins with what the meter columns say, or has begun so already."""
    planned = Planned()
    if epochs:
        if not any(_is_same(fields, epoch) for epoch in epochs):
            named = sorted(fields.items(), key=lambda item: item[0] not in _VALUES)
            row = named[0][1].row
            text = f"point {point} is counted by other figures already; `hub meter replace` changes a meter"
            planned.problems.append(Problem(row, column_of("point", named[0][0]), text))
        return planned
    if not any(name in fields for name in _VALUES):
        planned.notes.append("meters without an opening read begin with the first read that the field layer takes")
        return planned
    wanted = _epoch(point, fields, known, default_us, planned)
    if wanted is not None and wanted.start_us > now_us:
        text = "an opening read is of the past, and this time is not yet"
        planned.problems.append(Problem(fields["start_us"].row, "opening_at", text))
    elif wanted is not None and not planned.problems:
        planned.begins = Opening(wanted)
    return planned


def raw_of(kwh: Decimal, scale: int) -> int:
    """What a register shows, as its raw count; raises ValueError when it counts in larger steps."""
    exact = kwh.scaleb(3 - scale)
    if exact != exact.to_integral_value():
        step = plain(Decimal(1).scaleb(scale - 3))
        raise ValueError(f"{plain(kwh)} kWh is between two counts: the register counts steps of {step} kWh")
    return int(exact)


def kwh_of(raw: int, scale: int) -> Decimal:
    """A raw count as the register shows it."""
    return Decimal(raw).scaleb(scale - 3)


def _epoch(point: PointId, fields: Fields, known: Known | None, default_us: int, planned: Planned) -> Epoch | None:
    def settled(name: str, default: object = None) -> object:
        """A figure as it is given, which must be what the field layer says where that says something."""
        given, held = fields.get(name), None if known is None else getattr(known, name)
        if given is None:
            return default if held is None else held
        if held is not None and given.value != held:
            text = f"the field layer has {_shown(held)} at {point}; one of the two is wrong"
            planned.problems.append(Problem(given.row, column_of("point", name), text))
        return given.value

    scale = settled("scale")
    if scale is None:
        row = next(given.row for name, given in fields.items() if name in _VALUES)
        text = "the field layer does not know this point yet, so say what one count of the register is worth"
        planned.problems.append(Problem(row, "count_wh", text))
        return None
    assert isinstance(scale, int)
    ratio = settled("ratio", (1, 1))
    assert isinstance(ratio, tuple)
    raw = _raw(fields, scale, planned)
    if raw is None:
        return None
    start_us = fields["start_us"].value if "start_us" in fields else default_us
    assert isinstance(start_us, int)
    return Epoch(
        id=0, point=point, register=RegisterId(str(settled("register", MAIN_REGISTER))),
        meter=MeterId(str(settled("meter", point))), serial=_text(settled("serial")), scale=scale, ratio=ratio,
        modulus_raw=_whole(settled("modulus_raw")), start_us=start_us, open_raw=raw, reason=FROM_TABLE,
    )  # fmt: skip


def _raw(fields: Fields, scale: int, planned: Planned) -> int | None:
    raws: set[int] = set()
    if "open_raw" in fields:
        raws.add(_whole(fields["open_raw"].value) or 0)
    if "open_kwh" in fields:
        kwh = fields["open_kwh"]
        assert isinstance(kwh.value, Decimal)
        try:
            raws.add(raw_of(kwh.value, scale))
        except ValueError as error:
            planned.problems.append(Problem(kwh.row, "opening_kwh", str(error)))
            return None
    if len(raws) > 1:
        row = fields["open_raw"].row
        planned.problems.append(Problem(row, "opening_raw", "opening_kwh says something else; give one of the two"))
        return None
    return raws.pop()


def _is_same(fields: Fields, epoch: Epoch) -> bool:
    """Whether an epoch is what the columns say; columns that are empty say nothing."""
    shown = {
        "meter": epoch.meter, "serial": epoch.serial, "register": epoch.register, "scale": epoch.scale,
        "ratio": epoch.ratio, "modulus_raw": epoch.modulus_raw, "start_us": epoch.start_us,
        "open_raw": epoch.open_raw, "open_kwh": kwh_of(epoch.open_raw, epoch.scale),
    }  # fmt: skip
    return all(shown[name] == given.value for name, given in fields.items())


def _whole(value: object) -> int | None:
    assert value is None or isinstance(value, int)
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _shown(value: object) -> str:
    return f"{value[0]}/{value[1]}" if isinstance(value, tuple) else str(value)
