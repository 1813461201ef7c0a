"""The `metering` service: readings as a stream, now, and at an instant."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from hub.contracts.ids import MeterId, PointId, RegisterId
from hub.contracts.links import LinkFailed, Reply
from hub.contracts.metering import (
    IdentityTaken,
    MeterStatus,
    QuarantineLifted,
    ReadFailed,
    ReadFailure,
    Reading,
    ReadingTag,
    Register,
)
from hub.contracts.profiles import Point
from hub.contracts.streams import ReadingStream
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub
from hub.core.states import Quality
from hub.core.storage import Tx
from plugins.kpm_modbus.attempts import expect_serial
from plugins.kpm_modbus.boundaries import Answers, Boundaries
from plugins.kpm_modbus.bus import WrongIdentity
from plugins.kpm_modbus.commands import Place
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.display import offer_display
from plugins.kpm_modbus.gaps import Gaps
from plugins.kpm_modbus.intake import Handles, Intake, Purpose, Taken
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.planner import Limits, PlannedRead, plan, read_time_s
from plugins.kpm_modbus.ratios import Ratios, offer_confirmation
from plugins.kpm_modbus.schedule import Rank

LOOK_PAUSES_S = (0.0, 4.0, 4.0)
"""Before each further look at a value in doubt: at once, then when a register's passing zero is over."""


class FieldReadings:
    """Gives on what the buses' workers read."""

    def __init__(self, hub: PluginHub, observer: Observer, handles: Handles) -> None:
        """Show values by these handles; `places` is filled in when the workers are made, then `start`."""
        self._hub = hub
        self._streams: list[ReadingStream] = []
        self._ratios = Ratios(hub)
        self._intake = Intake(hub, observer, handles, self._ratios, self._put)
        self._boundaries = Boundaries(hub, self._at, self._time_s)
        self._looking_again: set[MeterId] = set()
        self.places: dict[PointId, Place] = {}

    async def start(self) -> None:
        """Take up what is known of ratios and gaps, before the workers begin."""
        gaps = Gaps(self._hub.db, self._hub.clock)
        await gaps.load()
        await self._ratios.load()
        for worker in {place.worker for place in self.places.values()}:
            worker.try_gaps(gaps)
        offer_confirmation(self._hub, self._ratios, lambda point: self._place(point).device)
        offer_display(self._hub, self._place)

    def subscribe(self, *, points: Collection[PointId] | None = None) -> ReadingStream:
        """A stream of the billing registers of some points, or of all, from now on."""
        stream = ReadingStream(points)
        self._streams.append(stream)
        return stream

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """The billing registers of a point."""
        device = self._place(point).device
        return tuple(_register(device, point, one) for one in device.billing([point]))

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
                answers = await self._measure(self._place(point), Purpose(tag=tag, points=[point]), Rank.READ)
        except TimeoutError:
            raise ReadFailed(point, ReadFailure.DEADLINE, f"{point}: no reading before the deadline") from None
        answer = answers[point]
        if isinstance(answer, ReadFailed):
            raise answer
        return answer

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Read points as near to an instant as their buses can."""
        return await self._boundaries.read_at({point: self._place(point) for point in points}, instant_us)

    def lift(self, tx: Tx, meter: MeterId, serial: str) -> None:
        """Expect an instrument in a meter's place from the commit on, and lift its quarantine."""
        places = {place.device.meter: place for place in self.places.values()}
        if meter not in places:
            raise NotFound(f"there is no meter {meter!r}")
        holder = next(
            (one for one, place in places.items() if place.device.serial == serial and one != meter), None
        )
        if holder is not None:
            raise IdentityTaken(f"the serial number {serial} is expected at {holder}; correct that one first")
        device = places[meter].device
        expect_serial(self._hub.db.join(tx), meter, serial)
        if serial != device.serial:
            self._ratios.forget(self._hub.db.join(tx), device)

        def committed() -> None:
            was = device.quarantined_for
            if serial == device.serial and was is None:
                return
            device.renew(serial)
            places[meter].worker.renewed(device)
            if was is not None:
                self._hub.bus.publish(QuarantineLifted(meter=meter, points=device.points, serial=serial))

        tx.on_commit(committed)

    def took(self, device: Device, read: PlannedRead, reply: Reply) -> None:
        """Take in the reply to a poll; what is in doubt is looked at again."""
        taken = self._intake.take(device, read, reply)
        if taken.has_doubt and device.meter not in self._looking_again:
            self._looking_again.add(device.meter)
            self._hub.spawn(f"look again at {device.meter}", self._look_again(device, read))

    def mark(self, device: Device, quality: Quality) -> None:
        """Say of all of a meter's values that they are doubtful now."""
        self._intake.mark(device, quality)

    async def _at(self, place: Place, points: Collection[PointId], instant_us: int) -> Answers:
        purpose = Purpose(tag=ReadingTag.BOUNDARY, asked_us=instant_us, points=points)
        return await self._measure(place, purpose, Rank.BOUNDARY)

    async def _measure(self, place: Place, purpose: Purpose, rank: Rank) -> Answers:
        """Read the billing registers of a meter's points anew, and again while they are in doubt."""
        device = place.device
        points = list(purpose.points or device.points)
        reads: Sequence[PlannedRead] = _billing_plan(place, points)
        if device.quarantined_for is not None:
            why = f"it is quarantined: {device.quarantined_for}"
            return _failed(points, ReadFailure.QUARANTINED, why)
        found: dict[tuple[PointId, RegisterId], Reading] = {}
        reason = ""
        try:
            for pause_s in (None, *LOOK_PAUSES_S):
                await self._hub.clock.sleep(pause_s or 0.0)
                doubtful: list[PlannedRead] = []
                for read, taken in await self._look(place, reads, purpose, rank, is_first=pause_s is None):
                    found.update(((one.point, one.register), one) for one in taken.readings)
                    reason = taken.reason or reason
                    if taken.has_doubt:
                        doubtful.append(read)
                reads = doubtful
                if not reads:
                    break
        except LinkFailed as error:
            return _failed(points, ReadFailure.NO_REPLY, str(error))
        except WrongIdentity as error:
            return _failed(points, ReadFailure.QUARANTINED, str(error))
        answers: Answers = {}
        for point in points:
            mine = tuple(reading for reading in found.values() if reading.point == point)
            answers |= {point: mine} if mine else _failed([point], ReadFailure.BAD_REPLY, reason)
        return answers

    async def _look(
        self, place: Place, reads: Sequence[PlannedRead], purpose: Purpose, rank: Rank, *, is_first: bool
    ) -> list[tuple[PlannedRead, Taken]]:
        device, worker = place.device, place.worker

        async def job() -> list[tuple[PlannedRead, Taken]]:
            if is_first:
                await worker.meet(device)
            looks = []
            for read in reads:
                reply = await worker.transact(device, read.request(device.unit))
                looks.append((read, self._intake.take(device, read, reply, purpose)))
            return looks

        return await worker.urgent(rank, job)

    async def _look_again(self, device: Device, read: PlannedRead) -> None:
        """Look at a value in doubt a few times more, and first at who it is that answers."""
        place = self._place(device.points[0])
        try:
            for turn, pause_s in enumerate(LOOK_PAUSES_S):
                await self._hub.clock.sleep(pause_s)
                if device.quarantined_for is not None:
                    return
                looks = await self._look(place, [read], Purpose(), Rank.READ, is_first=turn == 0)
                if not any(taken.has_doubt for _, taken in looks):
                    return
        except (LinkFailed, WrongIdentity) as error:
            self._hub.log.debug("%s did not answer the second look: %s", device.meter, error)
        finally:
            self._looking_again.discard(device.meter)

    def _put(self, reading: Reading) -> None:
        for stream in self._streams:
            stream.put(reading)
        if any(stream.is_closed for stream in self._streams):
            self._streams = [stream for stream in self._streams if not stream.is_closed]

    @staticmethod
    def _time_s(place: Place) -> float:
        """What measuring a meter takes of its bus."""
        device, timing = place.device, place.worker.link.timing
        limits = Limits(timing=timing, turn_s=device.turn_s)
        reads = [*_billing_plan(place, device.points), *plan(device.multipliers, device.profile, limits).reads]
        identity = device.profile.identity
        if identity is not None:
            point = identity.point
            reads.append(PlannedRead(function=point.function, address=point.address, count=point.count, points=()))
        return sum(read_time_s(read, limits) for read in reads)

    def _place(self, point: PointId) -> Place:
        try:
            return self.places[point]
        except KeyError:
            raise NotFound(f"no meter is configured for point {point!r}") from None


def _billing_plan(place: Place, points: Collection[PointId]) -> tuple[PlannedRead, ...]:
    device = place.device
    limits = Limits(timing=place.worker.link.timing, turn_s=device.turn_s)
    return plan(device.billing(points), device.profile, limits, device.gaps).reads


def _failed(points: Collection[PointId], reason: ReadFailure, why: str) -> Answers:
    why = why or "it has no billing register that gave a value"
    return {point: ReadFailed(point, reason, f"{point}: {why}") for point in points}


def _register(device: Device, point: PointId, one: Point) -> Register:
    assert one.counter is not None
    ratio = device.ratio_of(one)
    unknown = f"its transformer ratio ({', '.join(one.multiply_by)}) is not known"
    return Register(
        point=point,
        meter=device.meter,
        register=RegisterId(device.quantities[one.name].name),
        unit=one.unit,
        scale=one.counter.scale,
        modulus_raw=one.counter.modulus_raw,
        power_max_w=int(one.counter.rate_max_per_h * 1000),
        ratio=ratio or (1, 1),
        flagged_for=unknown if ratio is None else device.ratio_flag if one.multiply_by else None,
    )
