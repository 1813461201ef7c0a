"""The field layer's section of `hub.yaml`: its schema, checks of the whole, and the meters that it describes."""

from __future__ import annotations

from collections.abc import Collection

import voluptuous as vol

from hub.contracts.ids import MeterId, PointId
from hub.contracts.naming import check_slug
from hub.contracts.profiles import Profile
from hub.core.config.fields import duration
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.device import Device, Quantity


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


def device_of(
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
