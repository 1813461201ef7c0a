"""Reads a device profile: YAML in, a checked `Profile` out, or everything that is wrong with it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import cast

from hub.contracts.links import Function
from hub.contracts.naming import SLUG, SLUG_LENGTH_MAX
from hub.contracts.profiles.checks import check_profile
from hub.contracts.profiles.faults import Faults
from hub.contracts.profiles.faults import Path as Place
from hub.contracts.profiles.form import (
    ActionConfig,
    ActionsConfig,
    BalanceConfig,
    CapabilitiesConfig,
    ChannelsConfig,
    IdentityConfig,
    LinkConfig,
    ProfileConfig,
    RangesConfig,
    RelayConfig,
    StepConfig,
)
from hub.contracts.profiles.frames import check_frames
from hub.contracts.profiles.model import (
    Action,
    Balance,
    Capabilities,
    Channel,
    Check,
    Frame,
    Identity,
    Kind,
    LinkDefaults,
    Point,
    Profile,
    Range,
    Step,
)
from hub.contracts.profiles.points import POINTS_MAX, PointMaker, Row, moved
from hub.contracts.profiles.schema import SCHEMA
from hub.contracts.profiles.tables import TABLES
from hub.core.config import did_you_mean, load, validate

_COIL_ON = 0xFF00  # as manuals print it; in a `Step` it is 1


def load_profile(path: Path, root: Path | None = None) -> Profile:
    """The profile in a file; raises `ConfigErrors` with all that is wrong, each with its place and field.

    `root` is the folder that marks are relative to and where `!secret` and `!include` look; by default the file's.
    The file is named for the profile: `eastron_sdm630.yaml` holds `profile: eastron_sdm630`.
    """
    loaded = load(path, root=root)
    config = cast(ProfileConfig, validate(loaded.value, SCHEMA, where="profile", mark=loaded.mark))
    faults = Faults(loaded.value, loaded.mark)
    profile, rows = _Making(config, faults).profile(os.fspath(path))
    faults.raise_any()
    check_profile(profile, rows, faults)
    faults.raise_any()
    check_frames(profile, faults)
    faults.raise_any()
    return profile


class _Making:
    """Makes a profile of a configuration whose values are right one by one."""

    def __init__(self, config: ProfileConfig, faults: Faults) -> None:
        self._config = config
        self._faults = faults
        self._maker = PointMaker(faults, config["defaults"])

    def profile(self, file: str) -> tuple[Profile, list[Row]]:
        """The profile, and where each of its points is written."""
        config = self._config
        self._check_id(config["profile"], file)
        rows = list(self._maker.rows(config["points"], ("points",)))
        channels, channel_rows = self._channels(config.get("channels"))
        rows += channel_rows
        points = tuple(chain(*(row.points for row in rows)))
        if not points:
            self._faults.add(("points",), "there are none; a profile needs at least one value to read")
        if len(points) > POINTS_MAX:
            self._faults.add(("points",), f"{len(points)} points are more than {POINTS_MAX}; read fewer")
        identity = self._identity(config.get("identity"))
        return Profile(
            id=config["profile"],
            vendor=config["vendor"],
            models=tuple(config["models"]),
            status=config["status"],
            source=config["source"],
            notes=config["notes"].strip(),
            link=_link(config["link"]),
            capabilities=_capabilities(config["capabilities"]),
            identity=identity,
            points=points,
            relay=_relay(config.get("relay")),
            actions=self._actions(config.get("actions"), ()),
            deny=_ranges(config["deny"]),
            gaps_proven=_ranges(config["gaps_proven"]),
            forbidden=_ranges(config["forbidden"]),
            frames=tuple(Frame(**frame) for frame in config["frames"]),
            channels=channels,
            balance=self._balance(config.get("balance"), points),
        ), rows

    def _check_id(self, name: str, file: str) -> None:
        stem = Path(file).stem
        if not SLUG.fullmatch(name) or len(name) > SLUG_LENGTH_MAX:
            self._faults.add(("profile",), f"{name!r} is no id; write a-z, 0-9 and _, such as eastron_sdm630")
        elif name != stem:
            text = f"the file is named {stem!r}; a profile is found by its file, so name both the same"
            self._faults.add(("profile",), text)

    def _identity(self, config: IdentityConfig | None) -> Identity | None:
        if config is None:
            return None
        config = {**config, "kind": Kind.STATE, "group": "slow"}
        return Identity(point=self._maker.make("serial", config, ("identity",)), pattern=config["pattern"])

    def _channels(self, config: ChannelsConfig | None) -> tuple[tuple[Channel, ...], list[Row]]:
        """Each circuit with its points at later addresses."""
        if config is None:
            return (), []
        first_rows = list(self._maker.rows(config["points"], ("channels", "points")))
        own = {point.name for row in first_rows for point in row.points}
        channels = []
        rows = []
        for place, name in enumerate(config["names"]):
            if not SLUG.fullmatch(name):
                text = f"{name!r} is no name; write a-z, 0-9 and single _, such as c1"
                self._faults.add(("channels", "names"), text)
            points: dict[str, Point] = {}
            for row in first_rows:
                made = {point.name: _of_channel(point, name, place, config, own) for point in row.points}
                points |= made
                rows.append(Row(row.path, tuple(made.values())))
            channels.append(
                Channel(
                    name=name,
                    points=MappingProxyType(points),
                    relay=_relay(config.get("relay"), place, config),
                    actions=self._actions(config.get("actions"), ("channels",), place, config),
                )
            )
        return tuple(channels), rows

    def _balance(self, config: BalanceConfig | None, points: Sequence[Point]) -> Balance | None:
        if config is None:
            return None
        by_name = {point.name: point for point in points}
        point = by_name.get(config["point"])
        if point is None:
            text = f"there is no point {config['point']!r}.{did_you_mean(config['point'], by_name)}"
            self._faults.add(("balance", "point"), text)
            return None
        return Balance(point=point, function=config["write"])

    def _actions(
        self, config: ActionsConfig | None, path: Place, place: int = 0, channels: ChannelsConfig | None = None
    ) -> Mapping[str, Action]:
        if config is None:
            return MappingProxyType({})
        here = (*path, "actions")
        return MappingProxyType(
            {
                "open": self._action(config["open"], (*here, "open"), place, channels),
                "close": self._action(config["close"], (*here, "close"), place, channels),
            }
        )

    def _action(self, config: ActionConfig, path: Place, place: int, channels: ChannelsConfig | None) -> Action:
        return Action(
            before=tuple(
                self._step(step, (*path, "before", number)) for number, step in enumerate(config["before"])
            ),
            command=self._step(config["command"], (*path, "command"), place, channels),
            settle_s=config["settle"],
            timeout_s=config["timeout"],
        )

    def _step(
        self, config: StepConfig, path: Place, place: int = 0, channels: ChannelsConfig | None = None
    ) -> Step:
        function = config["write"]
        if "value" not in config and "values" not in config:
            self._faults.add(path, "missing key 'value': what is written; or 'values' for several registers")
        values = tuple(config["values"] if "values" in config else [config.get("value", 0)])
        if function is not Function.WRITE_REGISTERS and len(values) != 1:
            self._faults.add((*path, "values"), f"function {function:d} writes one value, not {len(values)}")
        if function is Function.WRITE_COIL:
            if values[0] not in {0, 1, _COIL_ON}:
                text = f"a coil is written 1 (on; 0xFF00 on the wire) or 0 (off), not {values[0]}"
                self._faults.add((*path, "value"), text)
            values = (int(values[0] != 0),)
        address = config["at"] + _shift(place, channels, function is Function.WRITE_COIL)
        return Step(function=function, address=address, values=values)


def _of_channel(point: Point, channel: str, place: int, config: ChannelsConfig, own: set[str]) -> Point:
    multipliers = tuple(f"{channel}_{name}" if name in own else name for name in point.multiply_by)
    shifted = moved(point, f"{channel}_{point.name}", _shift(place, config, point.function.reads_bits))
    return replace(shifted, multiply_by=multipliers)


def _shift(place: int, channels: ChannelsConfig | None, of_bits: bool) -> int:
    if channels is None:
        return 0
    return place * (channels["bit_step"] if of_bits else channels["step"])


def _link(config: LinkConfig) -> LinkDefaults:
    parity, stop_bits = config["format"][1], config["format"][2]
    return LinkDefaults(
        baud=config["baud"], parity=parity, stop_bits=int(stop_bits), unit=config["unit"], turn_s=config["turn"]
    )


def _capabilities(config: CapabilitiesConfig) -> Capabilities:
    return Capabilities(
        functions=frozenset(config["functions"]),
        registers_max=config["registers_max"],
        coils_max=config["coils_max"],
        min_gap_s=config["min_gap"],
        needs_button=config["needs_button"],
        is_self_powered_behind_relay=config["is_self_powered_behind_relay"],
        has_prepaid=config["has_prepaid"],
    )


def _relay(config: RelayConfig | None, place: int = 0, channels: ChannelsConfig | None = None) -> Check | None:
    if config is None:
        return None
    bits = config["count"] if config["read"].reads_bits else 16 * config["count"]
    return Check(
        function=config["read"],
        address=config["at"] + _shift(place, channels, config["read"].reads_bits),
        count=config["count"],
        mask=config.get("mask", (1 << bits) - 1),
        open_value=config["open"],
        closed_value=config["closed"],
        armed_value=config.get("armed"),
    )


def _ranges(config: RangesConfig) -> tuple[Range, ...]:
    return tuple(
        Range(function=TABLES[table], first=first, last=last, reason=reason)
        for table, spans in config.items()
        for first, last, reason in spans
    )
