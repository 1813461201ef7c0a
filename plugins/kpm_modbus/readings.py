"""The `metering` service: replies become values, values become entities and readings, and doubt is never hidden."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Literal

from hub.contracts.ids import MeterId, PointId, RegisterId
from hub.contracts.links import LinkFailed, Reply
from hub.contracts.metering import (
    EpochHint,
    IdentityTaken,
    Liveness,
    MeterStatus,
    ReadFailed,
    ReadFailure,
    Reading,
    ReadingTag,
    Register,
)
from hub.contracts.profiles import Point
from hub.contracts.profiles.words import Decoded, Flaw, decode, multiplied
from hub.contracts.relays import Position
from hub.contracts.streams import ReadingStream
from hub.core.errors import NotFound
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.states import BAD, GOOD, UNCERTAIN, Quality
from hub.core.storage import Tx
from plugins.kpm_modbus.attempts import expect_serial
from plugins.kpm_modbus.bus import WrongIdentity
from plugins.kpm_modbus.commands import Place
from plugins.kpm_modbus.device import Device, Quantity
from plugins.kpm_modbus.judge import Belief, Verdict, judge
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.planner import Limits, PlannedRead, plan
from plugins.kpm_modbus.schedule import Rank
from plugins.kpm_modbus.values import shown

LOOKS_AGAIN_MAX = 3


class FieldReadings:
    """Takes in what the buses' workers read, and gives it on."""

    def __init__(
        self, hub: PluginHub, observer: Observer, handles: Mapping[tuple[PointId, str], EntityHandle]
    ) -> None:
        """Show values by these handles; `places` is filled in when the workers are made."""
        self._hub = hub
        self._observer = observer
        self._handles = handles
        self._streams: list[ReadingStream] = []
        self.places: dict[PointId, Place] = {}

    def subscribe(self, *, points: Collection[PointId] | None = None) -> ReadingStream:
        """A stream of the billing registers of some points, or of all, from now on."""
        stream = ReadingStream(points)
        self._streams.append(stream)
        return stream

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """The billing registers of a point."""
        device = self._place(point).device
        return tuple(
            self._register(device, quantity, one)
            for one in device.used
            if one.is_billing
            and (quantity := device.quantities.get(one.name)) is not None
            and quantity.point == point
        )

    def status(self, point: PointId) -> MeterStatus:
        """The state of the meter behind a point."""
        place = self._place(point)
        device = place.device
        return MeterStatus(
            meter=device.meter,
            bus=place.worker.bus,
            liveness=device.liveness,
            serial=device.serial,
            last_good_us=device.last_good_us,
            period_us=round(place.worker.period_s("fast") * 1e6),
            is_bus_healthy=not place.worker.is_silent,
            quarantined_for=device.quarantined_for,
        )

    async def read_now(
        self,
        point: PointId,
        deadline_us: int,
        tag: Literal[ReadingTag.REQUESTED, ReadingTag.FINAL] = ReadingTag.REQUESTED,
    ) -> tuple[Reading, ...]:
        """Read all billing registers of a point, measured after this call."""
        left_s = (deadline_us - self._hub.clock.now_us()) / 1e6
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                return await self._read(point, tag, None)
        except TimeoutError:
            raise ReadFailed(point, ReadFailure.DEADLINE, f"{point}: no reading before the deadline") from None

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Read points as near to an instant as their buses can."""
        await self._hub.clock.sleep(max(0.0, (instant_us - self._hub.clock.now_us()) / 1e6))

        async def one(point: PointId) -> tuple[Reading, ...] | ReadFailed:
            try:
                return await self._read(point, ReadingTag.BOUNDARY, instant_us)
            except ReadFailed as error:
                return error

        ordered = list(points)
        answers = await asyncio.gather(*(one(point) for point in ordered))
        return dict(zip(ordered, answers, strict=True))

    def lift(self, tx: Tx, meter: MeterId, serial: str) -> None:
        """Expect an instrument in a meter's place from the commit on, and lift its quarantine."""
        devices = {place.device.meter: place.device for place in self.places.values()}
        if meter not in devices:
            raise NotFound(f"there is no meter {meter!r}")
        holder = next((one for one in devices.values() if one.serial == serial and one.meter != meter), None)
        if holder is not None:
            raise IdentityTaken(f"the serial number {serial} is expected at {holder.meter}; correct that one first")
        expect_serial(self._hub.db.join(tx), meter, serial)
        tx.on_commit(lambda: _renew(devices[meter], serial))

    def took(
        self,
        device: Device,
        read: PlannedRead,
        reply: Reply,
        tag: ReadingTag | None = None,
        asked_us: int | None = None,
    ) -> list[Reading]:
        """Take in a reply: show its values, put its readings on the streams; the readings among them."""
        source_us = (reply.sent_us + reply.received_us) // 2
        readings = []
        for point in read.points:
            words = read.words_of(point, reply.words)
            decoded = decode(point, words)
            if isinstance(decoded.value, Decimal) and point.name in {n for p in device.used for n in p.multiply_by}:
                device.ratios[point.name] = decoded.value
            if point.counter is None:
                self._show(device, point, decoded, source_us)
                continue
            verdict = self._judge(device, point, decoded)
            if verdict is None or verdict.belief is Belief.HOLD:
                self._doubt(device, point, read, verdict)
                continue
            self._show(device, point, decoded, source_us)
            if point.is_billing and device.quarantined_for is None and point.name in device.quantities:
                readings.append(self._reading(device, point, words, decoded, verdict.hint, reply, tag, asked_us))
        if readings:
            device.last_good_us = source_us
        for reading in readings:
            for stream in self._streams:
                stream.put(reading)
        self._streams = [stream for stream in self._streams if not stream.is_closed]
        return readings

    def mark(self, device: Device, quality: Quality) -> None:
        """Say of all of a meter's values that they are doubtful now."""
        for quantity in device.quantities.values():
            handle = self._handles.get((quantity.point, quantity.name))
            if handle is not None and self._hub.states.get(handle.entity_id) is not None:
                self._hub.states.mark(handle.entity_id, quality)

    async def _read(self, point: PointId, tag: ReadingTag, asked_us: int | None) -> tuple[Reading, ...]:
        place = self._place(point)
        device, worker = place.device, place.worker
        if device.quarantined_for is not None:
            raise ReadFailed(point, ReadFailure.QUARANTINED, f"{point} is quarantined: {device.quarantined_for}")

        async def job() -> list[Reading]:
            await worker.prove(device)
            wanted = [one for one in device.used if one.is_billing and device.quantities.get(one.name) is not None]
            limits = Limits(timing=worker.link.timing, turn_s=device.turn_s)
            readings: list[Reading] = []
            for read in plan(wanted, device.profile, limits).reads:
                reply = await worker.transact(device, read.request(device.unit))
                readings += self.took(device, read, reply, tag, asked_us)
            return [reading for reading in readings if reading.point == point]

        try:
            readings = await worker.urgent(Rank.READ, job)
        except LinkFailed as error:
            raise ReadFailed(point, ReadFailure.NO_REPLY, str(error)) from error
        except WrongIdentity as error:
            raise ReadFailed(point, ReadFailure.QUARANTINED, str(error)) from error
        if not readings:
            raise ReadFailed(point, ReadFailure.BAD_REPLY, f"{point}: the register's value is in doubt; look again")
        return tuple(readings)

    def _judge(self, device: Device, point: Point, decoded: Decoded) -> Verdict | None:
        """What to think of a counter's value; None when the meter sent none."""
        if decoded.raw is None or decoded.flaw in {Flaw.NOT_A_NUMBER, Flaw.NOT_DECIMAL}:
            return None
        assert point.counter is not None
        now_us = round(self._hub.clock.monotonic() * 1e6)
        before = device.believed.get(point.name)
        quantity = device.quantities.get(point.name)
        was_open = False
        if before is not None and quantity is not None:
            seen = self._observer.of(quantity.point)
            ago_us = now_us - before.monotonic_us
            since_us = seen.since_us
            was_open = (
                seen.position is Position.OPEN
                and since_us is not None
                and since_us <= self._hub.clock.now_us() - ago_us
            )
        verdict = judge(decoded.raw, now_us, before, point.counter, relay_was_open=was_open)
        device.believed[point.name] = verdict.believed
        return verdict

    def _doubt(self, device: Device, point: Point, read: PlannedRead, verdict: Verdict | None) -> None:
        """A counter in doubt: nothing is shown as fresh, and it is looked at again at once, a few times."""
        quantity = device.quantities.get(point.name)
        handle = None if quantity is None else self._handles.get((quantity.point, quantity.name))
        if handle is not None and self._hub.states.get(handle.entity_id) is not None:
            self._hub.states.mark(handle.entity_id, BAD if verdict is None else UNCERTAIN)
        if verdict is None or verdict.believed.doubted_looks > LOOKS_AGAIN_MAX:
            return
        if verdict.believed.doubted_looks == 1:
            self._hub.log.warning("%s %s is in doubt (%s); looking again", device.meter, point.name, verdict.reason)
        self._hub.spawn(f"look again at {device.meter}", self._look_again(device, read))

    async def _look_again(self, device: Device, read: PlannedRead) -> None:
        place = self._place(device.points[0])

        async def job() -> None:
            self.took(device, read, await place.worker.transact(device, read.request(device.unit)))

        try:
            await place.worker.urgent(Rank.READ, job)
        except LinkFailed as error:
            self._hub.log.debug("%s did not answer the second look: %s", device.meter, error)

    def _show(self, device: Device, point: Point, decoded: Decoded, source_us: int) -> None:
        quantity = device.quantities.get(point.name)
        handle = None if quantity is None else self._handles.get((quantity.point, quantity.name))
        if handle is None:
            return
        if decoded.value is None:
            if self._hub.states.get(handle.entity_id) is not None:
                self._hub.states.mark(handle.entity_id, BAD)
            return
        value = shown(point, decoded)
        if isinstance(value, Decimal):
            missing = [name for name in point.multiply_by if name not in device.ratios]
            if missing:
                return  # not a value before its ratios are known
            value = multiplied(value, *(device.ratios[name] for name in point.multiply_by))
        quality = GOOD if decoded.flaw is None and device.quarantined_for is None else UNCERTAIN
        handle.set(value, quality=quality, source_us=source_us)

    def _reading(
        self,
        device: Device,
        point: Point,
        words: tuple[int, ...],
        decoded: Decoded,
        hint: EpochHint,
        reply: Reply,
        tag: ReadingTag | None,
        asked_us: int | None,
    ) -> Reading:
        assert decoded.raw is not None
        assert point.counter is not None
        quantity = device.quantities[point.name]
        return Reading(
            point=quantity.point,
            meter=device.meter,
            register=RegisterId(quantity.name),
            serial=device.serial,
            words=words,
            raw=decoded.raw,
            scale=point.counter.scale,
            unit=point.unit,
            quality=GOOD if decoded.flaw is None else UNCERTAIN,
            source_us=(reply.sent_us + reply.received_us) // 2,
            received_us=reply.received_us,
            epoch=hint,
            frame_sha=hashlib.sha256(reply.frame).hexdigest(),
            plan=f"{device.profile.id}/{point.name}",
            tag=tag,
            asked_us=asked_us,
        )

    @staticmethod
    def _register(device: Device, quantity: Quantity, point: Point) -> Register:
        assert point.counter is not None
        numerator, denominator = 1, 1
        for name in point.multiply_by:
            ratio = device.ratios.get(name, Decimal(1)).as_integer_ratio()
            numerator, denominator = numerator * ratio[0], denominator * ratio[1]
        return Register(
            point=quantity.point,
            meter=device.meter,
            register=RegisterId(quantity.name),
            unit=point.unit,
            scale=point.counter.scale,
            modulus_raw=point.counter.modulus_raw,
            power_max_w=int(point.counter.rate_max_per_h * 1000),
            ratio=(numerator, denominator),
        )

    def _place(self, point: PointId) -> Place:
        try:
            return self.places[point]
        except KeyError:
            raise NotFound(f"no meter is configured for point {point!r}") from None


def _renew(device: Device, serial: str) -> None:
    device.serial = serial
    device.quarantined_for = None
    device.proven_s = None
    device.believed.clear()
    device.liveness = Liveness.LIVE if device.liveness is Liveness.SUSPECT else device.liveness
