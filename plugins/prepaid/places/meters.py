"""Changes of instruments, and jumps that a person settles: epochs end and begin with reads, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hub.contracts.accounting import EpochBegan
from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS, Reading
from hub.contracts.units import WattHours
from hub.core.errors import HubError
from hub.core.storage import Tx
from plugins.prepaid.charging.charger import Charged
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.keeper import instant_of, read_of
from plugins.prepaid.gate.reads import FIRST_LINK, AcceptedRead, Basis
from plugins.prepaid.places import repository
from plugins.prepaid.places.entered_reads import entered, nature_of
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_reads import raw_of
from plugins.prepaid.places.records import Epoch


class MeterRefused(HubError):
    """A change of a meter that cannot be; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMeter:
    """The instrument that comes."""

    serial: str
    open_kwh: Decimal | None
    """What its display shows; None lets its first reading begin the count."""
    scale: int | None
    """The power of ten that makes its raw count Wh; None takes what the field layer says, or the old meter's."""
    ratio: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a replacement did."""

    old: Epoch
    new: Epoch | None
    final_raw: int
    charged: tuple[Charged, ...]


def replace_meter(
    office: Office, tx: Tx, point: PointId, final_kwh: Decimal | None, new: NewMeter, reason: str, at_us: int
) -> Replaced:
    """Close the old instrument's count at its last read, begin the new one's, and lift its quarantine.

    Without `final_kwh` the newest accepted read is the last: what flowed since is not charged.
    """
    old = repository.open_epoch(tx, point)
    if old is None:
        raise MeterRefused(f"{point} has no count that a new meter could follow; its first read begins one")
    if old.serial == new.serial:
        raise MeterRefused(f"meter {new.serial} is billed at {point} already; nothing was changed")
    charged: list[Charged] = []
    last, _ = reads.newest(tx, old.id)
    if final_kwh is not None:
        last = replace(entered(office, tx, old, final_kwh, at_us), basis=Basis.FINAL)
        charged = office.charger.accept(tx, point, last)
    if last is None:
        raise MeterRefused(f"{point} was never read; nothing was changed")
    repository.end_epoch(tx, old.id, last.at_us, last.raw)
    office.desk.hub.get(READINGS).lift(tx, old.meter, new.serial)
    epoch = _begin(office, tx, old, new, reason, at_us)
    if epoch is None:
        tx.on_commit(lambda: office.intake.forget(point))
    _tell(office, tx, point, old, f"meter replaced: {reason}")
    return Replaced(old, epoch, last.raw, tuple(charged))


def accept_jump(
    office: Office, tx: Tx, reading: Reading, decision: str, reason: str
) -> tuple[AcceptedRead, list[Charged]]:
    """Settle a held reading by a person's word: it was used (`use`), or the count begins anew (`new_epoch`)."""
    point = reading.point
    epoch = repository.open_epoch(tx, point)
    last = None if epoch is None else reads.newest(tx, epoch.id)[0]
    if epoch is None or last is None:
        raise MeterRefused(f"{point} has no count yet; its first read begins one")
    if repository.waiting(tx, point) is None:
        raise MeterRefused(f"nothing waits for a person at {point}; nothing was changed")
    _refuse_other(reading, epoch)
    if instant_of(reading) <= last.at_us:
        raise MeterRefused(f"{point} was read since, and that read was accepted; nothing was changed")
    if decision == "use":
        if reading.raw < last.raw:
            raise MeterRefused(
                f"{point}: the register fell from {last.raw} to {reading.raw}, which nobody can have used;"
                " only a new epoch can begin with it"
            )
        register = office.register(point)
        nature = nature_of(epoch, 0 if register is None else register.power_max_w)
        read = read_of(reading, epoch, last.wraps, nature, None)
        charged = office.charger.accept(tx, point, read)
        office.go_on(tx, epoch, read)
        return read, charged
    repository.end_epoch(tx, epoch.id, last.at_us, last.raw)
    fresh = replace(
        epoch, id=0, start_us=instant_of(reading), end_us=None, open_raw=reading.raw, close_raw=None,
        reason=f"new epoch by a person: {reason}",
    )  # fmt: skip
    number = repository.begin_epoch(tx, fresh)
    fresh = replace(fresh, id=number)
    read = read_of(reading, fresh, 0, nature_of(fresh, 0), None)
    read = replace(read, basis=Basis.OPENING)
    reads.add(tx, read, FIRST_LINK)
    office.go_on(tx, fresh, read)
    _tell(office, tx, point, epoch, fresh.reason)
    return read, []


def _begin(office: Office, tx: Tx, old: Epoch, new: NewMeter, reason: str, at_us: int) -> Epoch | None:
    if new.open_kwh is None:
        return None
    known = office.known(old.point)
    scale = _first(new.scale, None if known is None else known.scale, old.scale)
    try:
        raw = raw_of(new.open_kwh, scale)
    except ValueError as error:
        raise MeterRefused(f"{old.point}: opening read: {error}; nothing was changed") from None
    epoch = Epoch(
        id=0, point=old.point, register=old.register, meter=old.meter, serial=new.serial, scale=scale,
        ratio=new.ratio or (old.ratio if known is None else known.ratio),
        modulus_raw=old.modulus_raw if known is None else known.modulus_raw,
        start_us=at_us, open_raw=raw, reason=f"meter replaced: {reason}",
    )  # fmt: skip
    epoch = replace(epoch, id=repository.begin_epoch(tx, epoch))
    read = AcceptedRead(
        epoch=epoch.id, at_us=at_us, raw=raw, total_wh=WattHours(0), basis=Basis.OPENING, scale=scale,
        serial=new.serial, received_us=office.now_us(),
    )  # fmt: skip
    reads.add(tx, read, FIRST_LINK)
    office.go_on(tx, epoch, read)
    return epoch


def _refuse_other(reading: Reading, epoch: Epoch) -> None:
    """A jump is a value of the billed instrument; another instrument is a replacement."""
    if None not in (reading.serial, epoch.serial) and reading.serial != epoch.serial:
        raise MeterRefused(
            f"meter {reading.serial} answers at {epoch.point}, where {epoch.serial} is billed; replace it instead"
        )
    if reading.ratio != epoch.ratio:
        raise MeterRefused(
            f"{epoch.point}: the transformer ratio is {reading.ratio[0]}/{reading.ratio[1]} now, and was"
            f" {epoch.ratio[0]}/{epoch.ratio[1]}; confirm it in the field layer, or replace the meter"
        )


def _tell(office: Office, tx: Tx, point: PointId, epoch: Epoch, reason: str) -> None:
    event = EpochBegan(
        context=tx.context, point=point, register=epoch.register, reason=reason, is_expected=True
    )  # fmt: skip
    tx.on_commit(lambda: office.desk.hub.bus.publish(event))


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
