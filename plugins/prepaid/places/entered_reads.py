"""Reads for people's decisions: taken now through the gate, or typed in by somebody who read the display."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from decimal import Decimal

from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS, ReadFailed, Reading, ReadingTag
from hub.contracts.units import WattHours
from hub.core.errors import HubError
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.charger import Charged
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.judge import Nature
from plugins.prepaid.gate.keeper import instant_of
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.places import repository
from plugins.prepaid.places.columns import plain
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_reads import kwh_of, raw_of
from plugins.prepaid.places.records import Epoch

READ_LIMIT_US = 15_000_000


class NoRead(HubError):
    """A read that a decision rests on could not be had; nothing was changed."""


class ReadRefused(HubError):
    """A figure that cannot be what the register showed; nothing was changed."""


async def read_now(office: Office, points: Collection[PointId]) -> dict[PointId, int]:
    """Read points and have the reads in the books; the instants they count for. `NoRead` names all that failed."""
    taken = await asyncio.gather(*(_read(office, point) for point in points), return_exceptions=True)
    failed = [f"{point}: {one}" for point, one in zip(points, taken, strict=True) if isinstance(one, HubError)]
    for one in taken:
        if isinstance(one, BaseException) and not isinstance(one, HubError):
            raise one
    if failed:
        raise NoRead(
            f"nothing was changed, there is no read to go by: {'; '.join(failed)}. Give what the display shows,"
            " or a time that reads lie around"
        )
    return {point: one for point, one in zip(points, taken, strict=True) if isinstance(one, int)}


async def main_reading(office: Office, point: PointId) -> tuple[Reading, tuple[Reading, ...]]:
    """What a point's main register says now, and all of its registers in the same look; raises `NoRead`."""
    hub = office.desk.hub
    try:
        register = office.register(point)
        if register is None:
            raise NoRead(f"{point} has no meter in the field layer's configuration")
        readings = await hub.get(READINGS).read_now(point, hub.clock.now_us() + READ_LIMIT_US, ReadingTag.FINAL)
    except ReadFailed as error:
        raise NoRead(str(error)) from None
    main = next((one for one in readings if one.register == register.register), None)
    if main is None:
        raise NoRead(f"{point}: the meter did not say {register.register}")
    return main, readings


async def _read(office: Office, point: PointId) -> int:
    main, readings = await main_reading(office, point)
    await office.intake.take(readings)
    at_us = instant_of(main)
    is_accepted = await office.desk.hub.db.read(lambda reader: _is_accepted(reader, point, at_us))
    if not is_accepted:
        raise NoRead("its reading is held; see `hub meter show`, then settle it (`accept-jump`, `replace`)")
    return at_us


def _is_accepted(reader: Reader, point: PointId, at_us: int) -> bool:
    epoch = repository.open_epoch(reader, point)
    return epoch is not None and reads.at(reader, epoch.id, at_us) is not None


def enter(office: Office, tx: Tx, point: PointId, kwh: Decimal, at_us: int) -> list[Charged]:
    """Accept what a person read off a display, and charge up to it; raises `ReadRefused`."""
    epoch = repository.open_epoch(tx, point)
    if epoch is None:
        raise ReadRefused(
            f"{point} has no count yet that a read could go on; give an opening read by a table first"
        )
    read = entered(office, tx, epoch, kwh, at_us)
    charged = office.charger.accept(tx, point, read)
    office.go_on(tx, epoch, read)
    return charged


def entered(office: Office, reader: Reader, epoch: Epoch, kwh: Decimal, at_us: int) -> AcceptedRead:
    """A figure off a display as a read that goes on from the last one; raises `ReadRefused`."""
    last, _ = reads.newest(reader, epoch.id)
    try:
        raw = raw_of(kwh, epoch.scale)
    except ValueError as error:
        raise ReadRefused(f"{epoch.point}: {error}; nothing was changed") from None
    if last is None:
        raise ReadRefused(f"{epoch.point} has no read yet that this one could go on from")
    if raw < last.raw:
        shown = plain(kwh_of(last.raw, epoch.scale))
        raise ReadRefused(
            f"{epoch.point}: {plain(kwh)} kWh is less than the {shown} kWh read before; nothing was changed"
        )
    if at_us <= last.at_us:
        raise ReadRefused(f"{epoch.point} was read after that time already; nothing was changed")
    register = office.register(epoch.point)
    nature = nature_of(epoch, 0 if register is None else register.power_max_w)
    total_wh = nature.total_wh(raw, last.wraps)
    most_wh = nature.most_wh(at_us - last.at_us)
    if register is not None and total_wh - last.total_wh > most_wh:
        raise ReadRefused(
            f"{epoch.point}: {total_wh - last.total_wh} Wh since the last read, where {most_wh} Wh can have flowed;"
            " nothing was changed, look at the display again"
        )
    return AcceptedRead(
        epoch=epoch.id, at_us=at_us, raw=raw, wraps=last.wraps, total_wh=WattHours(total_wh), basis=Basis.ENTERED,
        scale=epoch.scale, serial=epoch.serial, received_us=office.now_us(),
    )  # fmt: skip


def nature_of(epoch: Epoch, power_max_w: int) -> Nature:
    """What the gate knows of an epoch."""
    return Nature(epoch.open_raw, epoch.scale, epoch.ratio, epoch.modulus_raw, power_max_w)
