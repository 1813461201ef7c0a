"""What is wrong with the field layer's section of `hub.yaml` beyond its schema: every fault, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from os.path import realpath
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import voluptuous as vol

from hub.contracts.links import Link
from hub.contracts.profiles import Profile, ProfileFolder, find_profile, profile_folders
from hub.core.clock import SystemClock
from hub.core.config import ConfigDict, ConfigError, ConfigErrors, mark_of, validate
from hub.core.errors import HubError
from plugins.kpm_modbus.configuration import CONFIG, device_of, too_much
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.planner import PlannedRead
from plugins.kpm_modbus.polls import Polls
from plugins.kpm_modbus.wire.open import BadLinkUrl, open_link

SIMULATED = "sim"
"""The scheme of links that somebody else opens: their timing is known when they are open."""

_PORT_MODBUS_TCP = 502
_Path: TypeAlias = tuple[str | int, ...]
_Fault: TypeAlias = tuple[_Path, str]
_Section: TypeAlias = Mapping[str, Any]


def check_configuration(section: _Section, folders: Iterable[ProfileFolder]) -> Mapping[str, Profile]:
    """The profiles of a section by name; raises `ConfigErrors` with everything that is wrong with it."""
    profiles, errors = _profiles(section, tuple(folders))
    faults = list(_clashes(section["buses"]))
    for place, bus in enumerate(section["buses"]):
        faults += [(("buses", place, *path), text) for path, text in _bus_faults(bus, profiles)]
    errors += [
        ConfigError(f"plugin kpm_modbus at {_shown(path)}: {text}", mark_of(section, path)) for path, text in faults
    ]
    if errors:
        raise ConfigErrors(errors)
    return profiles


def faults_of(section: ConfigDict, folder: Path) -> tuple[ConfigError, ...]:
    """What is wrong with a section of `hub.yaml` as it is written, for `hub check`."""
    try:
        made = validate(section, vol.Schema(CONFIG), where="plugin kpm_modbus", mark=section.mark)
    except ConfigErrors:
        return ()  # the schema has told of it
    try:
        check_configuration(made, profile_folders(folder))
    except ConfigErrors as wrong:
        return wrong.errors
    return ()


def _profiles(
    section: _Section, folders: tuple[ProfileFolder, ...]
) -> tuple[dict[str, Profile], list[ConfigError]]:
    """The profiles that can be had, and what is wrong with the others, told where they are first named."""
    named: dict[str, _Path] = {}
    for place, bus in enumerate(section["buses"]):
        for number, meter in enumerate(bus["meters"]):
            named.setdefault(meter["profile"], ("buses", place, "meters", number, "profile"))
    profiles: dict[str, Profile] = {}
    errors: list[ConfigError] = []
    for name, path in named.items():
        try:
            profiles[name] = find_profile(name, folders)
        except ConfigErrors as wrong:
            errors += wrong.errors
        except HubError as error:
            errors.append(ConfigError(f"plugin kpm_modbus at {_shown(path)}: {error}", mark_of(section, path)))
    return profiles, errors


def _clashes(buses: list[_Section]) -> Iterator[_Fault]:
    """What can be there once only: a bus's id, a port, a point; an address, on its bus."""
    ids: set[str] = set()
    ports: dict[str, str] = {}
    points: dict[str, str] = {}
    for place, bus in enumerate(buses):
        if bus["id"] in ids:
            yield ("buses", place, "id"), f"there are two buses {bus['id']!r}; give each its own id"
        ids.add(bus["id"])
        other = ports.setdefault(_port_of(bus["link"]), bus["id"])
        if other != bus["id"]:
            text = f"buses {other} and {bus['id']} are both on {bus['link']}; a port has one master"
            yield ("buses", place, "link"), text
        units: set[int] = set()
        for number, meter in enumerate(bus["meters"]):
            path: _Path = ("buses", place, "meters", number)
            if meter["unit"] in units:
                text = f"bus {bus['id']}: two meters have unit {meter['unit']}; they would answer at once"
                yield (*path, "unit"), text
            units.add(meter["unit"])
            channels = meter.get("channels", {})
            named = [((*path, "channels", name), point) for name, point in channels.items()]
            for where, point in [((*path, "point"), meter["point"])] if "point" in meter else named:
                if point in points:
                    yield where, f"point {point!r} stands on two meters or circuits; each point has one"
                points[point] = bus["id"]


def _bus_faults(bus: _Section, profiles: Mapping[str, Profile]) -> Iterator[_Fault]:
    """What is wrong with one bus by itself; its load is told when nothing else is."""
    faults: list[_Fault] = []
    link: Link | None = None
    if urlsplit(bus["link"]).scheme != SIMULATED:
        try:
            link = open_link(bus["link"], SystemClock())
        except BadLinkUrl as error:
            faults.append((("link",), str(error)))
    for group, period in bus["periods"].items():
        if period <= timedelta(0):
            faults.append((("periods", group), "a period cannot be 0 s; take the group out of `groups:` instead"))
    if not bus["groups"]:
        faults.append((("groups",), "name at least one of fast, normal and slow; nothing would be read"))
    devices: list[Device] = []
    for number, meter in enumerate(bus["meters"]):
        path: _Path = ("meters", number)
        if isinstance(meter["unit"], bool):
            faults.append(
                ((*path, "unit"), f"expected a whole number from 1 to 247, got {str(meter['unit']).lower()}")
            )
        elif bus["groups"] and meter["profile"] in profiles:
            try:
                devices.append(device_of(meter, profiles[meter["profile"]], bus["groups"], {}))
            except ValueError as error:
                faults.append((path, str(error)))
    yield from faults
    units = {device.unit for device in devices}
    if link is not None and not faults and len(units) == len(devices) == len(bus["meters"]):
        text = _overload(bus, link, devices)
        if text is not None:
            yield ("periods", "fast"), text


def _overload(bus: _Section, link: Link, devices: list[Device]) -> str | None:
    periods_s = {group: period.total_seconds() for group, period in bus["periods"].items()}
    load = Polls(SystemClock(), link, devices, periods_s, _NoJobs()).fast_load
    return too_much(bus["id"], len(devices), load, periods_s["fast"])


class _NoJobs:
    """The work behind polls that are only planned."""

    def read_job(self, device: Device, read: PlannedRead) -> None:
        """Nothing is read."""

    def relay_job(self, device: Device) -> None:
        """Nothing is looked at."""

    def identity_job(self, device: Device) -> None:
        """Nobody is asked."""


def _port_of(url: str) -> str:
    """What two links must not share, whatever their options: a device, or a host's port."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "serial":
            return realpath(parts.path)
        return f"{parts.hostname}:{parts.port or _PORT_MODBUS_TCP}" if parts.scheme != SIMULATED else url
    except ValueError:
        return url


def _shown(path: _Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
