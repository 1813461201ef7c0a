"""Meters without a wire: registers that a test sets, read with real times, tags, identity checks and silence."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from hub.contracts.ids import BusId, MeterId, PointId, RegisterId
from hub.contracts.metering import (
    EpochHint,
    IdentityTaken,
    Liveness,
    MeterBack,
    MeterQuarantined,
    MeterSilent,
    MeterStatus,
    QuarantineLifted,
    ReadFailed,
    ReadFailure,
    Reading,
    ReadingTag,
    Register,
)
from hub.contracts.streams import ReadingStream
from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.errors import NotFound
from hub.core.states import GOOD
from hub.core.storage import Tx
from hub.testing.fakes.faults import Faults

WIRE_S = 0.05
"""How long a read is on the wire."""
TIMEOUT_S = 0.3
ENERGY = RegisterId("energy_import")


@dataclass(slots=True, kw_only=True)
class _Meter:
    register: Register
    expected_serial: str
    actual_serial: str
    raw: int
    last_raw: int | None = None
    last_good_us: int | None = None
    silent_since_us: int | None = None


class FakeReadings:
    """A field layer of single-register meters; `faults` applies to all of them, `silence` to one."""

    def __init__(
        self, clock: Clock, faults: Faults | None = None, publish: Callable[[Event], object] = lambda event: None
    ) -> None:
        """Start without meters; events go to `publish`, such as a bus's."""
        self._clock = clock
        self.faults = faults or Faults()
        self._publish = publish
        self._meters: dict[PointId, _Meter] = {}
        self._silent: set[PointId] = set()
        self._streams: list[ReadingStream] = []
        self._boundaries: dict[
            tuple[frozenset[PointId], int], asyncio.Task[dict[PointId, tuple[Reading, ...] | ReadFailed]]
        ] = {}

    def add_meter(self, point: PointId, *, serial: str = "1001", raw: int = 0, scale: int = 0) -> None:
        """Hang a meter on a point: one import register in Wh, with the given scale."""
        register = Register(
            point=point, meter=MeterId(f"meter_{point}"), register=ENERGY, unit="Wh", scale=scale,
            modulus_raw=1 << 32, power_max_w=50_000,
        )  # fmt: skip
        self._meters[point] = _Meter(
            register=register, expected_serial=serial, actual_serial=serial, raw=raw
        )  # fmt: skip

    def use(self, point: PointId, raw: int) -> None:
        """Let that much energy flow, in steps of the register."""
        self._meter(point).raw += raw

    def swap(self, point: PointId, *, serial: str, raw: int = 0) -> None:
        """Somebody hangs another instrument there, without telling the hub."""
        meter = self._meter(point)
        meter.actual_serial, meter.raw = serial, raw

    def silence(self, point: PointId, *, is_silent: bool = True) -> None:
        """Cut one meter off, or let it answer again."""
        self._silent.add(point) if is_silent else self._silent.discard(point)

    def subscribe(self, *, points: Collection[PointId] | None = None) -> ReadingStream:
        """A stream of some points' readings, or of all, from now on."""
        stream = ReadingStream(points)
        self._streams.append(stream)
        return stream

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """The one register of a point."""
        return (self._meter(point).register,)

    def status(self, point: PointId) -> MeterStatus:
        """The state of the meter behind a point."""
        meter = self._meter(point)
        is_wrong = meter.actual_serial != meter.expected_serial
        return MeterStatus(
            meter=meter.register.meter,
            bus=BusId("fake_bus"),
            liveness=Liveness.LIVE if meter.silent_since_us is None else Liveness.DEAD,
            serial=meter.expected_serial,
            last_good_us=meter.last_good_us,
            period_us=10_000_000,
            is_bus_healthy=not self.faults.absent,
            quarantined_for=f"serial {meter.actual_serial} answered" if is_wrong else None,
        )

    async def poll(self, point: PointId) -> None:
        """What the field layer does all the time: read a meter, untagged; silence is noticed, not raised."""
        with suppress(ReadFailed):
            await self._read(point, None, None, None)

    async def read_now(
        self,
        point: PointId,
        deadline_us: int,
        tag: Literal[ReadingTag.REQUESTED, ReadingTag.FINAL] = ReadingTag.REQUESTED,
    ) -> tuple[Reading, ...]:
        """Read a point now."""
        return await self._read(point, deadline_us, tag, None)

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Read points at an instant; asking for the same again joins."""
        place = (frozenset(points), instant_us)
        task = self._boundaries.get(place)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._boundary(sorted(place[0]), instant_us))
            self._boundaries[place] = task
        return await asyncio.shield(task)

    def lift(self, tx: Tx, meter: MeterId, serial: str) -> None:
        """Expect another instrument from the commit on."""
        found = next((one for one in self._meters.values() if one.register.meter == meter), None)
        if found is None:
            raise NotFound(f"there is no meter {meter!r}; known: {', '.join(sorted(self._meters)) or 'none'}")
        for other in self._meters.values():
            if other is not found and other.expected_serial == serial:
                raise IdentityTaken(
                    f"serial {serial} is the meter at {other.register.meter} already; read the plate again"
                )

        def committed() -> None:
            if found.expected_serial != serial:
                found.expected_serial, found.last_raw = serial, None
                points = (found.register.point,)
                self._publish(QuarantineLifted(context=tx.context, meter=meter, points=points, serial=serial))

        tx.on_commit(committed)

    async def _boundary(
        self, points: Collection[PointId], instant_us: int
    ) -> dict[PointId, tuple[Reading, ...] | ReadFailed]:
        await self._clock.sleep(max(0.0, (instant_us - self._clock.now_us()) / 1e6))
        found: dict[PointId, tuple[Reading, ...] | ReadFailed] = {}
        for point in points:
            try:
                found[point] = await self._read(point, None, ReadingTag.BOUNDARY, instant_us)
            except ReadFailed as error:
                found[point] = error
        return found

    async def _read(
        self, point: PointId, deadline_us: int | None, tag: ReadingTag | None, asked_us: int | None
    ) -> tuple[Reading, ...]:
        meter = self._meter(point)
        left_s = (deadline_us - self._clock.now_us()) / 1e6 if deadline_us is not None else float("inf")
        if left_s < self.faults.delay_s + WIRE_S:
            await self._clock.sleep(max(0.0, left_s))
            raise ReadFailed(point, ReadFailure.DEADLINE, f"{point}: its turn did not come before the deadline")
        await self._clock.sleep(self.faults.delay_s)
        began_us = self._clock.now_us()
        if self.faults.absent or point in self._silent:
            await self._clock.sleep(min(TIMEOUT_S, left_s - self.faults.delay_s))
            self._went_silent(meter, began_us)
            raise ReadFailed(point, ReadFailure.NO_REPLY, f"{point}: no reply within {TIMEOUT_S:g} s")
        await self._clock.sleep(WIRE_S)
        if self.faults.take_failure():
            raise ReadFailed(point, ReadFailure.BAD_REPLY, f"{point}: the reply was damaged (CRC)")
        self._answered(meter)
        if meter.actual_serial != meter.expected_serial:
            text = f"{point}: serial {meter.actual_serial} answered, {meter.expected_serial} is expected"
            raise ReadFailed(point, ReadFailure.QUARANTINED, text)
        reading = self._reading(meter, began_us, tag, asked_us)
        self._streams = [stream for stream in self._streams if not stream.is_closed]
        for stream in self._streams:
            stream.put(reading)
        return (reading,)

    def _reading(self, meter: _Meter, began_us: int, tag: ReadingTag | None, asked_us: int | None) -> Reading:
        now_us = self._clock.now_us()
        words = (meter.raw >> 16 & 0xFFFF, meter.raw & 0xFFFF)
        frame = f"{meter.actual_serial}:{words}".encode()
        last, meter.last_raw = meter.last_raw, meter.raw
        epoch = EpochHint.FIRST if last is None else EpochHint.CONTINUES
        if last is not None and meter.raw < last:
            epoch = EpochHint.RESET
        meter.last_good_us = began_us + (now_us - began_us) // 2
        register = meter.register
        plain = Reading(
            point=register.point, meter=register.meter, register=register.register, serial=meter.actual_serial,
            words=words, raw=meter.raw, scale=register.scale, unit=register.unit, quality=GOOD,
            source_us=meter.last_good_us, received_us=now_us, epoch=epoch,
            frame_sha=hashlib.sha256(frame).hexdigest(), plan="fake",
        )  # fmt: skip
        return replace(plain, tag=tag, asked_us=asked_us)

    def _went_silent(self, meter: _Meter, began_us: int) -> None:
        if meter.silent_since_us is None:
            meter.silent_since_us = began_us
            points = (meter.register.point,)
            self._publish(MeterSilent(meter=meter.register.meter, points=points, last_good_us=meter.last_good_us))

    def _answered(self, meter: _Meter) -> None:
        name, points = meter.register.meter, (meter.register.point,)
        if meter.actual_serial != meter.expected_serial:
            self._publish(
                MeterQuarantined(
                    meter=name,
                    points=points,
                    expected_serial=meter.expected_serial,
                    found_serial=meter.actual_serial,
                )
            )
        elif meter.silent_since_us is not None:
            silent_us = self._clock.now_us() - meter.silent_since_us
            meter.silent_since_us = None
            self._publish(MeterBack(meter=name, points=points, silent_us=silent_us))

    def _meter(self, point: PointId) -> _Meter:
        if point not in self._meters:
            known = ", ".join(sorted(self._meters)) or "none"
            raise NotFound(f"no meter is known at point {point!r}; known: {known}")
        return self._meters[point]
