"""The field layer's section of `hub.yaml`: its schema, checks of the whole, and the meters that it describes."""

from __future__ import annotations

import re
from collections.abc import Collection
from math import ceil

import voluptuous as vol

from hub.contracts.ids import MeterId, PointId
from hub.contracts.naming import check_slug
from hub.contracts.profiles import Profile
from hub.core.config import ConfigError, ConfigErrors
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
    if profile.identity is not None and not re.fullmatch(profile.identity.pattern, str(meter["serial"])):
        raise ValueError(
            f"{where}: no {profile.id} can have the serial number {meter['serial']!r}; read it off again"
        )
    if profile.identity is None and "serial" in meter:
        raise ValueError(f"{where}: a {profile.id} has no serial number to compare with; take `serial:` out")
    quantities = quantities_of(profile, meter, groups)
    if not quantities:
        raise ValueError(f"{where}: nothing of a {profile.id} would be read; look at `groups:` and `channels:`")
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


def too_much(bus: str, meters: int, fast_load: float, period_s: float) -> str | None:
    """Why a bus could not keep its periods even if nothing went wrong; None when it can."""
    if fast_load <= 1:
        return None
    return (
        f"bus {bus}: reading the fast group of its {meters} meters takes {fast_load:.0%} of the time; "
        f"give `periods: fast` at least {ceil(10 * fast_load * period_s) / 10} s"
    )


def check_load(worker: BusWorker, period_s: float) -> None:
    """Refuse periods that the bus could not keep; raises `ConfigErrors`."""
    text = too_much(worker.bus, len(worker.devices), worker.fast_load, period_s)
    if text is not None:
        raise ConfigErrors([ConfigError(f"plugin kpm_modbus: {text}")])
