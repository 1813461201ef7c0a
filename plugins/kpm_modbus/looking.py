"""What people and programs ask of a running field layer: how the buses do, and what a meter reads now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from hub.contracts.ids import PointId
from hub.contracts.metering import Reading, Readings
from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect, InvalidCall
from hub.core.clock import from_us
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from plugins.kpm_modbus.bus_figures import BusFigures
from plugins.kpm_modbus.bus_status import status_of
from plugins.kpm_modbus.wire.record import FRAMES_KEPT

STATUS = "modbus.status"
READ = action_name("modbus", "read")
READ_LIMIT_US = 10_000_000


class Looking:
    """Answers from the buses and their readings."""

    def __init__(self, hub: PluginHub, buses: Sequence[BusFigures], readings: Readings) -> None:
        """Look at these."""
        self._hub = hub
        self._buses = buses
        self._readings = readings

    async def status(self, principal: Principal, params: Mapping[str, Any]) -> object:
        """All that is known of the buses, or of one."""
        bus, frames = params.get("bus"), params.get("frames", 0)
        if not isinstance(frames, int) or not 0 <= frames <= FRAMES_KEPT:
            raise InvalidCall(f"frames={frames!r}: ask for 0 to {FRAMES_KEPT}, so many are kept")
        clock = self._hub.clock
        wanted = None if bus is None else str(bus)
        return status_of(self._buses, wanted, frames, now_us=clock.now_us(), now_s=clock.monotonic())

    async def read(self, call: Call) -> object:
        """The billing registers of a point, measured now; they go to billing as well."""
        until_us = self._hub.clock.now_us() + READ_LIMIT_US
        return [_described(one) for one in await self._readings.read_now(PointId(call.data["point"]), until_us)]


def register_looking(hub: PluginHub, buses: Sequence[BusFigures], readings: Readings) -> None:
    """Offer the query and the action."""
    looking = Looking(hub, buses, readings)
    hub.answer(
        STATUS,
        looking.status,
        description="How buses spend their time and how meters answer: all, or one `bus`, with its last `frames`.",
    )
    hub.actions.register(
        READ,
        looking.read,
        effect=Effect.LEVEL,
        description="Read the billing registers of a point now, ahead of all polls; billing gets the readings too.",
        schema={vol.Required("point"): str},
        returns="Each register with its value, unit, quality, time and proof.",
    )


def _described(reading: Reading) -> dict[str, object]:
    return {
        "register": reading.register,
        "value": reading.value,
        "unit": reading.unit,
        "quality": reading.quality.value,
        "measured_at": from_us(reading.source_us),
        "serial": reading.serial,
        "raw": reading.raw,
        "scale": reading.scale,
        "words": list(reading.words),
        "epoch": reading.epoch.value,
        "frame_sha": reading.frame_sha,
    }
