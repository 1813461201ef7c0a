"""Transformer ratios: what a meter's values are multiplied by, so a wrong one multiplies every bill.

The first ratio that a meter shows is taken for its own and kept on disk. Another one is used from then on, since
the meter counts by it, but its readings are uncertain until a person has looked at the transformers and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import voluptuous as vol

from hub.contracts.ids import MeterId, PointId
from hub.contracts.metering import MeterRatioChanged, MeterRatioConfirmed
from hub.contracts.naming import action_name
from hub.contracts.profiles import Point
from hub.contracts.profiles.words import Decoded
from hub.core.actions import Call, Effect
from hub.core.config.fields import decimal
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from hub.core.storage import Reader, Tx
from plugins.kpm_modbus.device import Device


class NotConfirmed(HubError):
    """The ratio that a person confirms is not the one that the meter shows, or nothing has changed."""


class Ratios:
    """The confirmed ratio of each meter, and those that wait for a person."""

    def __init__(self, hub: PluginHub) -> None:
        """Keep them in the plugin's database; `load` first."""
        self._hub = hub
        self._confirmed: dict[tuple[MeterId, str], Decimal] = {}
        self._doubted: dict[tuple[MeterId, str], Decimal] = {}
        self._senseless: set[tuple[MeterId, str]] = set()

    async def load(self) -> None:
        """Take up what earlier starts have seen."""

        def read(reader: Reader) -> dict[tuple[MeterId, str], Decimal]:
            rows = reader.all("SELECT meter, name, value FROM kpm_modbus__ratios")
            return {(MeterId(row[0]), row[1]): Decimal(row[2]) for row in rows}

        self._confirmed = await self._hub.db.read(read)

    def took(self, device: Device, point: Point, decoded: Decoded) -> bool:
        """Take in a look at a ratio; whether it has to be looked at again, with nothing billed until then."""
        key = (device.meter, point.name)
        value = decoded.value
        if not isinstance(value, Decimal) or decoded.flaw is not None or value <= 0:
            self._refuse(device, point, decoded)
            return False
        self._senseless.discard(key)
        confirmed = self._confirmed.get(key)
        if confirmed is None:
            self._confirmed[key] = value
            self._hub.spawn(f"ratio of {device.meter}", self._keep(device.meter, point.name, value))
        elif value != confirmed:
            return self._differs(device, point, confirmed, value)
        was_flagged = device.ratios.get(point.name, value) != value
        device.ratios[point.name] = value
        self._doubted.pop(key, None)
        if was_flagged:
            self._settle(device, [point.name])
        return False

    def changed(self, device: Device) -> dict[str, Decimal]:
        """The ratios that a meter shows now and nobody has confirmed."""
        return {
            name: value
            for name, value in device.ratios.items()
            if self._confirmed.get((device.meter, name), value) != value
        }

    def confirm(self, tx: Tx, device: Device, ratio: Decimal) -> None:
        """Trust what a meter shows now from the commit on; `ratio` is what the person found at the transformers."""
        changed = self.changed(device)
        if not changed:
            raise NotConfirmed(f"{device.meter}: no transformer ratio of it waits to be confirmed")
        shown = Decimal(1)
        for value in device.ratios.values():
            shown *= value
        if shown != ratio:
            raise NotConfirmed(
                f"{device.meter}: it shows {shown.normalize():f}, and {ratio.normalize():f} was to be confirmed; "
                "look at the transformers, then correct the meter's setting or the number"
            )
        for name, value in changed.items():
            _write(tx, device.meter, name, value)

        def committed() -> None:
            self._confirmed.update(((device.meter, name), value) for name, value in changed.items())
            self._settle(device, list(changed))

        tx.on_commit(committed)

    def forget(self, tx: Tx, device: Device) -> None:
        """Expect any ratio of the instrument that comes next, from the commit on."""
        tx.execute("DELETE FROM kpm_modbus__ratios WHERE meter = ?", (device.meter,))

        def committed() -> None:
            for known in (self._confirmed, self._doubted):
                for key in [key for key in known if key[0] == device.meter]:
                    del known[key]

        tx.on_commit(committed)

    def _differs(self, device: Device, point: Point, confirmed: Decimal, value: Decimal) -> bool:
        key = (device.meter, point.name)
        if device.ratios.get(point.name) == value:
            return False
        if self._doubted.get(key) != value:
            self._doubted[key] = value
            device.ratios.pop(point.name, None)
            return True
        del self._doubted[key]
        device.ratios[point.name] = value
        device.ratio_flag = (
            f"its {point.name} was {confirmed.normalize():f} and is {value.normalize():f}; look at the "
            "transformers, then correct the meter's setting or call modbus.confirm_ratio"
        )
        self._hub.log.error("%s: %s", device.meter, device.ratio_flag)
        self._hub.bus.publish(
            MeterRatioChanged(
                meter=device.meter,
                points=device.points,
                ratio=point.name,
                was=confirmed.as_integer_ratio(),
                now=value.as_integer_ratio(),
            )
        )
        return False

    def _refuse(self, device: Device, point: Point, decoded: Decoded) -> None:
        key = (device.meter, point.name)
        device.ratios.pop(point.name, None)
        if key not in self._senseless:
            self._senseless.add(key)
            self._hub.log.error(
                "%s: its %s reads %s, which is no transformer ratio; nothing of it is billed until it is one",
                device.meter, point.name, decoded.value,
            )  # fmt: skip

    def _settle(self, device: Device, names: list[str]) -> None:
        if not self.changed(device):
            device.ratio_flag = None
        for name in names:
            self._hub.bus.publish(
                MeterRatioConfirmed(
                    meter=device.meter,
                    points=device.points,
                    ratio=name,
                    now=device.ratios[name].as_integer_ratio(),
                )
            )

    async def _keep(self, meter: MeterId, name: str, value: Decimal) -> None:
        await self._hub.db.write(lambda tx: _write(tx, meter, name, value))


def offer_confirmation(hub: PluginHub, ratios: Ratios, device_of: Callable[[PointId], Device]) -> None:
    """Let people say that a changed ratio is right."""

    def confirm(tx: Tx, call: Call) -> None:
        ratios.confirm(tx, device_of(PointId(call.data["point"])), call.data["ratio"])

    hub.actions.register(
        action_name("modbus", "confirm_ratio"),
        confirm,
        effect=Effect.TX,
        description="Trust a meter's changed transformer ratio: what the person found at the transformers.",
        schema={vol.Required("point"): str, vol.Required("ratio"): decimal},
    )


def _write(tx: Tx, meter: MeterId, name: str, value: Decimal) -> None:
    tx.execute(
        "INSERT INTO kpm_modbus__ratios VALUES (?, ?, ?)"
        " ON CONFLICT (meter, name) DO UPDATE SET value = excluded.value",
        (meter, name, str(value)),
    )
