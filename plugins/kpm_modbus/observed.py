"""Where relays stand, by what was last read of them: status register first, electrical evidence beside it."""

from __future__ import annotations

from collections.abc import Callable

from hub.contracts.ids import PointId
from hub.contracts.links import Reply
from hub.contracts.profiles import Check, Point
from hub.contracts.profiles.words import decode, relay_position
from hub.contracts.relays import Evidence, ObservedRelay, Position, RelayObserved
from hub.core.bus import Event
from hub.core.clock import Clock
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.planner import Limits, plan
from plugins.kpm_modbus.polls import relay_request

FLOWING_MA = 100
"""Above this, current flows: no open relay lets it through."""


class Observer:
    """The last look at each relay."""

    def __init__(
        self, clock: Clock, publish: Callable[[Event], None], show: Callable[[ObservedRelay], None]
    ) -> None:
        """Tell changes by `publish`, and every look by `show`."""
        self._clock = clock
        self._publish = publish
        self._show = show
        self._seen: dict[PointId, ObservedRelay] = {}
        self._moved_us: dict[PointId, int] = {}

    def of(self, point: PointId) -> ObservedRelay:
        """Where a relay stands as last seen; UNKNOWN until it was read."""
        unknown = ObservedRelay(point=point, position=Position.UNKNOWN, since_us=None, evidence=None)
        return self._seen.get(point, unknown)

    def moved_us(self, point: PointId) -> int | None:
        """When a relay was last seen to have moved; None while it was not, since the process started."""
        return self._moved_us.get(point)

    async def look(self, worker: BusWorker, device: Device) -> ObservedRelay:
        """Read a relay's status and the currents now; from within the worker's own jobs."""
        check = device.profile.relay
        assert check is not None, f"{device.profile.id} has no relay to look at"
        reply = await worker.transact(device, relay_request(device.unit, check))
        current_ma = await self._current_ma(worker, device)
        return self.note(device, check, reply, current_ma)

    def note(self, device: Device, check: Check, reply: Reply, current_ma: int | None) -> ObservedRelay:
        """Take in a status reply, and the largest phase current if it was read beside it."""
        point = device.points[0]
        position = relay_position(check, reply.words)
        if position is Position.OPEN and current_ma is not None and current_ma > FLOWING_MA:
            position = Position.UNKNOWN  # it says open, and current flows: one of the two lies
        source_us = (reply.sent_us + reply.received_us) // 2
        evidence = Evidence(
            position=relay_position(check, reply.words),
            status_words=reply.words,
            current_ma=current_ma,
            voltage_mv=None,
            serial=device.serial,
            source_us=source_us,
        )
        before = self._seen.get(point)
        moved = before is None or before.position is not position
        since_us = source_us if before is None or moved else before.since_us
        if position is Position.UNKNOWN:
            since_us = None
        observed = ObservedRelay(point=point, position=position, since_us=since_us, evidence=evidence)
        self._seen[point] = observed
        self._show(observed)
        if moved:
            if before is not None and before.position is not Position.UNKNOWN:
                self._moved_us[point] = source_us
            self._publish(RelayObserved(observed=observed, was=None if before is None else before.position))
        return observed

    async def _current_ma(self, worker: BusWorker, device: Device) -> int | None:
        currents = [point for point in device.profile.points if is_current(point)]
        if not currents:
            return None
        largest = 0
        limits = Limits(timing=worker.link.timing, turn_s=device.turn_s)
        for read in plan(currents, device.profile, limits).reads:
            reply = await worker.transact(device, read.request(device.unit))
            for point in read.points:
                value = decode(point, read.words_of(point, reply.words)).value
                if value is not None and not isinstance(value, str):
                    largest = max(largest, abs(int(value * 1000)))
        return largest


def is_current(point: Point) -> bool:
    """Whether a point is a phase current."""
    return point.unit == "A"
