"""The field layer as a plugin: a worker per bus, entities for people and rules, the metering and relay services."""

from __future__ import annotations

from collections.abc import Collection

import voluptuous as vol

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
from hub.contracts.naming import check_slug, point_binary, point_sensor, unique_id
from hub.contracts.profiles import Profile, find_profile, profile_folders
from hub.contracts.relays import RELAYS, ObservedRelay, Position
from hub.core.config.fields import duration
from hub.core.plugins import EntityHandle, Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import BAD, GOOD, UNCERTAIN
from plugins.kpm_modbus.attempts import MIGRATIONS, Attempts
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.commands import Commands, Place
from plugins.kpm_modbus.device import Device, Quantity
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.planner import PlannedRead
from plugins.kpm_modbus.readings import FieldReadings
from plugins.kpm_modbus.wire import open_link

SILENCE_PERIODS = 1.5
"""So many polls after a meter died it is told of: a whole bus gone by then is one fault, not one per meter."""

RELAY = "relay"


def slug(value: object) -> str:
    """An id in configuration."""
    try:
        return check_slug(str(value), "id")
    except ValueError as error:
        raise vol.Invalid(str(error)) from None


GROUPS = ("fast", "normal", "slow")
_PERIODS = {
    vol.Optional("fast", default="10 s"): duration,
    vol.Optional("normal", default="60 s"): duration,
    vol.Optional("slow", default="1 h"): duration,
}
_METER = {
    vol.Exclusive("point", "points"): slug,
    vol.Exclusive("channels", "points"): {str: slug},
    vol.Required("profile"): str,
    vol.Required("unit"): vol.All(int, vol.Range(1, 247)),
    vol.Optional("serial"): str,
}
CONFIG = {
    vol.Optional("relay_min_interval", default="60 s"): duration,
    vol.Required("buses"): [
        {
            vol.Required("id"): slug,
            vol.Required("link"): str,
            vol.Optional("periods", default=dict): _PERIODS,
            vol.Optional("groups", default=lambda: ["fast", "normal"]): [vol.In(GROUPS)],
            vol.Required("meters"): vol.All([_METER], vol.Length(min=1)),
        }
    ],
}


class ModbusPlugin(Plugin):
    """Meters on Modbus: read at the limit of the wire, never wrong, commanded with proof."""

    manifest = Manifest(
        name="kpm_modbus",
        version="0.2.0",
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
        folders = profile_folders(hub.site.folder / "profiles")
        attempts = Attempts(hub.db)
        await attempts.load()
        replaced = await attempts.serials()
        self._handles: dict[tuple[PointId, str], EntityHandle] = {}
        self._observer = Observer(hub.clock, hub.bus.publish, self._show_relay)
        self._readings = FieldReadings(hub, self._observer, self._handles)
        self._workers: list[BusWorker] = []
        check_buses(hub.config["buses"])
        for bus in hub.config["buses"]:
            devices = [
                self._device(meter, find_profile(meter["profile"], folders), bus["groups"], replaced)
                for meter in bus["meters"]
            ]
            periods_s = {group: period.total_seconds() for group, period in bus["periods"].items()}
            for device in devices:
                await self._add_entities(device, periods_s)
            link = self._open(bus["link"])
            self._links.append(link)
            worker = BusWorker(hub.clock, hub.ids, BusId(bus["id"]), link, devices, periods_s, self)
            check_load(worker)
            self._workers.append(worker)
            for device in devices:
                for point in device.points:
                    self._readings.places[point] = Place(device, worker)
        min_interval_us = round(hub.config["relay_min_interval"].total_seconds() * 1e6)
        commands = Commands(hub, self._readings.places, self._observer, attempts, min_interval_us)
        hub.provide(READINGS, self._readings)
        hub.provide(RELAYS, commands)
        for worker in self._workers:
            hub.keep(f"bus {worker.bus}", worker.run)

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

    @staticmethod
    def _device(
        meter: dict[str, object], profile: Profile, groups: Collection[str], replaced: dict[str, str]
    ) -> Device:
        """A configured meter; what its profile needs of the configuration is asked for here."""
        where = f"unit {meter['unit']}"
        if profile.identity is not None and "serial" not in meter:
            raise ValueError(f"{where}: a {profile.id} has a serial number; write it as `serial:`")
        if profile.identity is None and "serial" in meter:
            raise ValueError(f"{where}: a {profile.id} has no serial number to compare with; take `serial:` out")
        quantities = quantities_of(profile, meter, groups)
        point = next(iter(quantities.values())).point
        meter_id = MeterId(point)
        serial = replaced.get(meter_id) or meter.get("serial")
        return Device(
            meter=meter_id,
            unit=int(str(meter["unit"])),
            profile=profile,
            serial=None if serial is None else str(serial),
            quantities=quantities,
        )

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


def quantities_of(profile: Profile, meter: dict[str, object], groups: Collection[str]) -> dict[str, Quantity]:
    """Whose each point of a meter is: one supply point's, or one per channel of a meter with several circuits."""
    if not profile.channels:
        if "point" not in meter:
            raise ValueError(f"unit {meter['unit']}: name the supply point that it feeds as `point:`")
        point = PointId(str(meter["point"]))
        return {one.name: Quantity(point, one.name) for one in profile.points if one.group in groups}
    channels = meter.get("channels")
    if not isinstance(channels, dict):
        raise ValueError(
            f"unit {meter['unit']}: a {profile.id} has several circuits; name their points in `channels:`"
        )
    known = {channel.name: channel for channel in profile.channels}
    unknown = sorted(set(channels) - set(known))
    if unknown:
        raise ValueError(f"unit {meter['unit']}: no channel {', '.join(unknown)}; there are {', '.join(known)}")
    return {
        one.name: Quantity(PointId(str(channels[name])), plain)
        for name, channel in known.items()
        if name in channels
        for plain, one in channel.points.items()
        if one.group in groups
    }


def check_buses(buses: list[dict[str, object]]) -> None:
    """Refuse what cannot work on the wire: one port for two buses, one address or point for two meters."""
    links: dict[object, object] = {}
    points: dict[object, object] = {}
    for bus in buses:
        if bus["link"] in links:
            raise ValueError(
                f"buses {links[bus['link']]} and {bus['id']} are both on {bus['link']}; a port has one master"
            )
        links[bus["link"]] = bus["id"]
        units: set[object] = set()
        meters = bus["meters"]
        assert isinstance(meters, list)
        for meter in meters:
            if meter["unit"] in units:
                raise ValueError(
                    f"bus {bus['id']}: two meters have unit {meter['unit']}; they would answer at once"
                )
            units.add(meter["unit"])
            for point in [meter["point"]] if "point" in meter else list(meter.get("channels", {}).values()):
                if point in points:
                    raise ValueError(f"point {point!r} stands on two meters; each point has one")
                points[point] = bus["id"]


def check_load(worker: BusWorker) -> None:
    """Refuse periods that the bus could not keep even if nothing went wrong."""
    if worker.fast_load > 1:
        raise ValueError(
            f"bus {worker.bus}: reading the fast group of its {len(worker.devices)} meters takes "
            f"{worker.fast_load:.0%} of the time; give `periods: fast` at least {worker.fast_needed_s:.1f} s"
        )
