"""The field layer as a plugin: a worker per bus, entities for people and rules, the metering and relay services."""

from __future__ import annotations

from typing import Any

from hub.contracts.ids import BusId, MeterId, PointId
from hub.contracts.links import LINKS, Link, LinkFailed, Reply
from hub.contracts.metering import (
    READINGS,
    BusBack,
    BusSilent,
    Liveness,
    MeterBack,
    MeterQuarantined,
    MeterSilent,
    QuarantineLifted,
)
from hub.contracts.naming import point_binary, point_sensor, unique_id
from hub.contracts.profiles import profile_folders
from hub.contracts.relays import RELAYS, ObservedRelay, Position
from hub.core.plugins import EntityHandle, Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import BAD, GOOD, UNCERTAIN
from plugins.kpm_modbus.answers import CountingLink
from plugins.kpm_modbus.attempts import MIGRATIONS, Attempts
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.bus_entities import BusEntities
from plugins.kpm_modbus.bus_figures import BusFigures
from plugins.kpm_modbus.commands import Commands, Place
from plugins.kpm_modbus.commission_actions import register_commissioning
from plugins.kpm_modbus.commission_relay import RelayOnTest
from plugins.kpm_modbus.commissioning import Commissioner
from plugins.kpm_modbus.configuration import CONFIG, check_load, device_of
from plugins.kpm_modbus.configuration_check import check_configuration
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.looking import register_looking
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.planner import PlannedRead
from plugins.kpm_modbus.readings import FieldReadings
from plugins.kpm_modbus.wire import open_link

SILENCE_PERIODS = 1.5
"""So many polls after a meter died it is told of: a whole bus gone by then is one fault, not one per meter."""

RELAY = "relay"


class ModbusPlugin(Plugin):
    """Meters on Modbus: read at the limit of the wire, never wrong, commanded with proof."""

    manifest = Manifest(
        name="kpm_modbus",
        version="0.3.0",
        description="Meters on Modbus: readings for billing, entities for people, relays commanded with proof.",
        provides=(READINGS, RELAYS),
        after=("simulator",),
        config=CONFIG,
        migrations=MIGRATIONS,
        critical=True,
    )

    def __init__(self) -> None:
        """Start with nothing opened: `stop` is called after a failed setup as well."""
        self._links: list[Link] = []

    async def setup(self, hub: PluginHub) -> None:
        """Open the links, register the entities, offer the services."""
        self._hub = hub
        self._silent_buses: dict[BusId, int] = {}
        self._refusals: set[tuple[MeterId, int]] = set()
        folders = profile_folders(hub.site.folder)
        attempts = Attempts(hub.db)
        await attempts.load()
        replaced = await attempts.serials()
        self._handles: dict[tuple[PointId, str], EntityHandle] = {}
        self._observer = Observer(hub.clock, hub.bus.publish, self._show_relay)
        self._readings = FieldReadings(hub, self._observer, self._handles)
        self._buses: list[BusFigures] = []
        profiles = check_configuration(hub.config, folders)
        for bus in hub.config["buses"]:
            devices = [
                device_of(meter, profiles[meter["profile"]], bus["groups"], replaced) for meter in bus["meters"]
            ]
            await self._add_bus(bus, devices)
        places = self._readings.places
        min_interval_us = round(hub.config["relay_min_interval"].total_seconds() * 1e6)
        commands = Commands(hub, places, self._observer, attempts, min_interval_us)
        await self._readings.start()
        hub.provide(READINGS, self._readings)
        hub.provide(RELAYS, commands)
        register_looking(hub, self._buses, self._readings)
        commissioner = Commissioner(hub, RelayOnTest(hub.clock, places, commands, self._observer), commands)
        await commissioner.take_up()
        register_commissioning(hub, commissioner)
        for figures in self._buses:
            hub.keep(f"bus {figures.worker.bus}", figures.worker.run)
        hub.keep("commissioning", commissioner.watch)

    async def _add_bus(self, bus: dict[str, Any], devices: list[Device]) -> None:
        """Open a bus, make its worker and its entities."""
        hub = self._hub
        periods_s = {group: period.total_seconds() for group, period in bus["periods"].items()}
        for device in devices:
            await self._add_entities(device, periods_s)
        link = CountingLink(self._open(bus["link"]), bus["link"])
        self._links.append(link)
        worker = BusWorker(hub.clock, hub.ids, BusId(bus["id"]), link, devices, periods_s, self)
        check_load(worker, periods_s["fast"])
        for device in devices:
            for point in device.points:
                self._readings.places[point] = Place(device, worker)
        figures = BusFigures(hub.clock, worker, link)
        self._buses.append(figures)
        entities = BusEntities(hub, figures)
        await entities.add()
        hub.keep(f"health of bus {worker.bus}", entities.refresh_bus)
        hub.keep(f"health of the meters on {worker.bus}", entities.refresh_meters)

    async def stop(self) -> None:
        """Let go of the links."""
        for link in self._links:
            await link.close()

    def place(self, point: PointId) -> Place:
        """The device behind a point, with the worker of its bus; for those who look into the field layer."""
        return self._readings.places[point]

    def took(self, device: Device, read: PlannedRead, reply: Reply) -> None:
        """A planned read was answered."""
        self._readings.took(device, read, reply)

    def saw_relay(self, device: Device, reply: Reply) -> None:
        """A relay's status was polled."""
        assert device.profile.relay is not None
        self._observer.note(device, device.profile.relay, reply, None)

    def refused(self, device: Device, read: PlannedRead, error: LinkFailed) -> None:
        """A meter answered that it will not be read so: its profile is wrong, and people should know once."""
        key = (device.meter, read.address)
        if key not in self._refusals:
            self._refusals.add(key)
            self._hub.log.error(
                "%s refuses the read of %d at %#06x (%s); correct profile %s",
                device.meter, read.count, read.address, error, device.profile.id,
            )  # fmt: skip
        self._readings.mark(device, UNCERTAIN)

    def died(self, device: Device) -> None:
        """A meter counts as dead: its values are bad, and people are told unless it is back at once."""
        self._readings.mark(device, BAD)
        self._hub.spawn(f"silence of {device.meter}", self._tell_silence(device))

    def came_back(self, device: Device) -> None:
        """A dead meter answers again."""
        worker = self._readings.places[device.points[0]].worker
        silent_us = self._hub.clock.now_us() - (device.dead_since_us or self._hub.clock.now_us())
        since_us = self._silent_buses.pop(worker.bus, None)
        if since_us is not None:
            self._hub.bus.publish(BusBack(bus=worker.bus, silent_us=self._hub.clock.now_us() - since_us))
        self._hub.bus.publish(MeterBack(meter=device.meter, points=device.points, silent_us=silent_us))

    def identified(self, device: Device, fault: str | None) -> None:
        """An identity was read: the wrong one quarantines the meter, the right one lifts that."""
        if fault == device.quarantined_for:
            return
        was, device.quarantined_for = device.quarantined_for, fault
        if fault is None:
            self._hub.bus.publish(
                QuarantineLifted(meter=device.meter, points=device.points, serial=device.serial or "")
            )
            return
        if was is None:
            self._hub.log.error("quarantined: %s", fault)
            self._readings.mark(device, UNCERTAIN)
            self._hub.bus.publish(
                MeterQuarantined(
                    meter=device.meter,
                    points=device.points,
                    expected_serial=device.serial or "",
                    found_serial=fault,
                )
            )

    async def _tell_silence(self, device: Device) -> None:
        worker = self._readings.places[device.points[0]].worker
        await self._hub.clock.sleep(SILENCE_PERIODS * worker.period_s("fast"))
        if device.liveness is Liveness.LIVE:
            return
        if not worker.is_silent:
            self._hub.log.warning("%s is silent", device.meter)
            self._hub.bus.publish(
                MeterSilent(meter=device.meter, points=device.points, last_good_us=device.last_good_us)
            )
        elif worker.bus not in self._silent_buses:
            self._silent_buses[worker.bus] = self._hub.clock.now_us()
            self._hub.log.error("bus %s is silent: none of its %d meters answers", worker.bus, len(worker.devices))
            self._hub.bus.publish(BusSilent(bus=worker.bus, meters=len(worker.devices)))

    def _show_relay(self, observed: ObservedRelay) -> None:
        handle = self._handles.get((observed.point, RELAY))
        if handle is None or observed.evidence is None:
            return
        known = observed.position in {Position.CLOSED, Position.OPEN}
        value = observed.position is Position.CLOSED if known else None
        handle.set(value, quality=GOOD if known else UNCERTAIN, source_us=observed.evidence.source_us)

    def _open(self, url: str) -> Link:
        links = self._hub.find(LINKS)
        if links is not None and url.startswith("sim://"):
            return links.open(url)
        return open_link(url, self._hub.clock)

    async def _add_entities(self, device: Device, periods_s: dict[str, float]) -> None:
        by_name = {point.name: point for point in device.profile.points}
        wanted: dict[tuple[PointId, str], EntityWanted] = {}
        for name, quantity in device.quantities.items():
            point = by_name[name]
            wanted[quantity.point, quantity.name] = EntityWanted(
                unique_id("point", quantity.point, quantity.name),
                point_sensor(quantity.point, quantity.name),
                f"{quantity.point} {quantity.name}".replace("_", " "),
                unit=point.unit or None,
                period_us=round(periods_s[point.group] * 1e6),
            )
        if device.profile.relay is not None:
            point_id = device.points[0]
            wanted[point_id, RELAY] = EntityWanted(
                unique_id("point", point_id, RELAY),
                point_binary(point_id, RELAY),
                f"{point_id} relay".replace("_", " "),
                period_us=round(periods_s["fast"] * 1e6),
            )
        handles = await self._hub.add_entities(list(wanted.values()))
        self._handles.update(zip(wanted, handles, strict=True))
