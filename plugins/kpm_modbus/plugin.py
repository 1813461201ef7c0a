"""The field layer as a plugin: polls meters, streams readings, shows entities, commands relays."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Literal

import voluptuous as vol

from hub.contracts.ids import BusId, MeterId, PointId
from hub.contracts.links import LINKS
from hub.contracts.metering import (
    READINGS,
    Liveness,
    MeterBack,
    MeterSilent,
    MeterStatus,
    ReadFailed,
    ReadFailure,
    Reading,
    ReadingTag,
    Register,
)
from hub.contracts.naming import check_slug, point_binary, point_sensor, unique_id
from hub.contracts.relays import RELAYS, ObservedRelay, Position
from hub.contracts.streams import ReadingStream
from hub.core.config.fields import duration
from hub.core.errors import HubError, NotFound
from hub.core.plugins import EntityHandle, Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import BAD
from hub.core.storage import Tx
from plugins.kpm_modbus.commands import MIGRATIONS, Commands
from plugins.kpm_modbus.meter import ENERGY_SCALE, IMPORT, NOT_READ, Meter, Poll, WrongIdentity

POWER_MAX_W = 69_000  # 3 x 230 V x 100 A
MISSES_TO_SILENT = 3
UNANSWERED = (*NOT_READ, WrongIdentity)


def point_id(value: object) -> PointId:
    """A point's id in configuration."""
    if not isinstance(value, str):
        raise vol.Invalid("expected a point's id")
    try:
        return PointId(check_slug(value, "point"))
    except ValueError as error:
        raise vol.Invalid(str(error)) from None


CONFIG = {
    vol.Required("buses"): [
        {
            vol.Required("id"): str,
            vol.Required("link"): str,
            vol.Optional("period", default="10 s"): duration,
            vol.Required("meters"): [
                {
                    vol.Required("point"): point_id,
                    vol.Required("unit"): vol.All(int, vol.Range(1, 247)),
                    vol.Required("serial"): str,
                }
            ],
        }
    ]
}


class Place:
    """A meter with its entities and its liveness."""

    def __init__(self, meter: Meter, bus: BusId, period_us: int, handles: list[EntityHandle]) -> None:
        """Start live, not seen yet."""
        self.meter = meter
        self.bus = bus
        self.period_us = period_us
        self.power, self.energy, self.relay = handles
        self.misses = 0

    def show(self, poll: Poll) -> None:
        """Write the entities from a good poll."""
        source_us = poll.reading.source_us
        self.power.set(poll.power_w, source_us=source_us)
        self.energy.set(poll.reading.value, source_us=source_us)

    def show_relay(self, observed: ObservedRelay) -> None:
        """Write the relay's entity: read-only, on means closed."""
        assert observed.evidence is not None
        known = observed.position in {Position.CLOSED, Position.OPEN}
        value = observed.position is Position.CLOSED if known else None
        self.relay.set(value, source_us=observed.evidence.source_us)


class FieldReadings:
    """The `metering` service over a set of meters."""

    def __init__(self, hub: PluginHub, places: Mapping[PointId, Place], commands: Commands) -> None:
        """Serve these meters' readings."""
        self._hub = hub
        self._places = places
        self._commands = commands
        self._streams: list[ReadingStream] = []

    def subscribe(self, *, points: Collection[PointId] | None = None) -> ReadingStream:
        """A stream of the billing registers of some points, or of all, from now on."""
        stream = ReadingStream(points)
        self._streams.append(stream)
        return stream

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """The import register."""
        place = self._place(point)
        return (
            Register(
                point=point, meter=place.meter.id, register=IMPORT, unit="kWh", scale=ENERGY_SCALE,
                modulus_raw=None, power_max_w=POWER_MAX_W,
            ),
        )  # fmt: skip

    def status(self, point: PointId) -> MeterStatus:
        """The state of the meter behind a point."""
        place = self._place(point)
        liveness = (
            Liveness.LIVE if not place.misses
            else Liveness.SUSPECT if place.misses < MISSES_TO_SILENT
            else Liveness.DEAD
        )  # fmt: skip
        return MeterStatus(
            meter=place.meter.id, bus=place.bus, liveness=liveness, serial=place.meter.serial,
            last_good_us=place.meter.last_good_us, period_us=place.period_us, is_bus_healthy=not place.misses,
        )  # fmt: skip

    async def read_now(
        self,
        point: PointId,
        deadline_us: int,
        tag: Literal[ReadingTag.REQUESTED, ReadingTag.FINAL] = ReadingTag.REQUESTED,
    ) -> tuple[Reading, ...]:
        """Read the billing register of a point, measured after this call."""
        place = self._place(point)
        left_s = (deadline_us - self._hub.clock.now_us()) / 1e6
        try:
            async with asyncio.timeout(left_s):
                return (await self.poll(place, tag),)
        except TimeoutError:
            raise ReadFailed(point, ReadFailure.DEADLINE, f"{point}: no reading before the deadline") from None
        except UNANSWERED as error:
            raise ReadFailed(point, ReadFailure.NO_REPLY, str(error)) from error

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Read points as near to an instant as their buses can."""
        await self._hub.clock.sleep(max(0.0, (instant_us - self._hub.clock.now_us()) / 1e6))

        async def one(point: PointId) -> tuple[Reading, ...] | ReadFailed:
            try:
                return (await self.poll(self._place(point), ReadingTag.BOUNDARY, instant_us),)
            except UNANSWERED as error:
                return ReadFailed(point, ReadFailure.NO_REPLY, str(error))

        ordered = list(points)
        return dict(zip(ordered, await asyncio.gather(*(one(point) for point in ordered)), strict=True))

    def lift(self, tx: Tx, meter: MeterId, serial: str) -> None:
        """Expect another instrument in a meter's place from the commit on."""
        place = self._place(PointId(meter))
        tx.on_commit(lambda: setattr(place.meter, "serial", serial))

    async def poll(self, place: Place, tag: ReadingTag | None = None, asked_us: int | None = None) -> Reading:
        """Poll one meter, show it, and put its reading on the streams."""
        poll = await place.meter.poll(tag, asked_us)
        place.show(poll)
        self._commands.note(place.meter.point, poll.relay)
        for stream in self._streams:
            stream.put(poll.reading)
        self._streams = [stream for stream in self._streams if not stream.is_closed]
        return poll.reading

    def _place(self, point: PointId) -> Place:
        try:
            return self._places[point]
        except KeyError:
            raise NotFound(f"no meter is configured for point {point!r}") from None


class ModbusPlugin(Plugin):
    """Meters on Modbus: read on time, commanded with proof."""

    manifest = Manifest(
        name="kpm_modbus",
        version="0.1.0",
        description="Meters on Modbus: readings for billing, entities for people, relays commanded with proof.",
        provides=(READINGS, RELAYS),
        needs=(LINKS,),
        config=CONFIG,
        migrations=MIGRATIONS,
        critical=True,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Open the links, register the entities, offer the services."""
        self._hub = hub
        self._places: dict[PointId, Place] = {}
        for bus in hub.config["buses"]:
            link = hub.get(LINKS).open(bus["link"])
            period_us = int(bus["period"].total_seconds() * 1e6)
            for meter in bus["meters"]:
                point: PointId = meter["point"]
                if point in self._places:
                    raise ValueError(f"point {point!r} stands on two meters; each point has one")
                handles = await hub.add_entities(_entities(point, period_us))
                instrument = Meter(hub.clock, link, point, meter["unit"], meter["serial"])
                self._places[point] = Place(instrument, BusId(bus["id"]), period_us, handles)
        commands = Commands(hub, {point: place.meter for point, place in self._places.items()})
        await commands.load()
        commands.on_observed = lambda observed: self._places[observed.point].show_relay(observed)
        self._readings = FieldReadings(hub, self._places, commands)
        hub.provide(READINGS, self._readings)
        hub.provide(RELAYS, commands)

    async def run(self) -> None:
        """Poll every meter on its own period."""
        async with asyncio.TaskGroup() as group:
            for place in self._places.values():
                group.create_task(self._poll_for_ever(place))

    async def _poll_for_ever(self, place: Place) -> None:
        period_s = place.period_us / 1e6
        due = self._hub.clock.monotonic()
        while True:
            try:
                await self._readings.poll(place)
            except UNANSWERED as error:
                self._missed(place, error)
            else:
                self._answered(place)
            now = self._hub.clock.monotonic()
            due += period_s * max(1, int((now - due) / period_s) + 1)
            await self._hub.clock.sleep(due - now)

    def _missed(self, place: Place, error: HubError) -> None:
        place.misses += 1
        if place.misses == 1:
            self._hub.log.info("%s missed a poll: %s", place.meter.point, error)
        if place.misses == MISSES_TO_SILENT:
            self._hub.log.warning("%s is silent: %s", place.meter.point, error)
            for handle in (place.power, place.energy, place.relay):
                self._hub.states.mark(handle.entity_id, BAD)
            self._hub.bus.publish(
                MeterSilent(
                    meter=place.meter.id, points=(place.meter.point,), last_good_us=place.meter.last_good_us
                )
            )

    def _answered(self, place: Place) -> None:
        if place.misses >= MISSES_TO_SILENT:
            silent_us = place.misses * place.period_us
            self._hub.bus.publish(MeterBack(meter=place.meter.id, points=(place.meter.point,), silent_us=silent_us))
        place.misses = 0


def _entities(point: PointId, period_us: int) -> list[EntityWanted]:
    return [
        EntityWanted(unique_id("point", point, "power"), point_sensor(point, "power"), f"{point} power",
                     unit="W", period_us=period_us),
        EntityWanted(unique_id("point", point, "energy"), point_sensor(point, "energy"), f"{point} energy",
                     unit="kWh", period_us=period_us),
        EntityWanted(unique_id("point", point, "relay"), point_binary(point, "relay"), f"{point} relay",
                     period_us=period_us),
    ]  # fmt: skip
