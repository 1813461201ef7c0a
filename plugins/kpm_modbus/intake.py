"""Takes replies in: words become values, values become entities and readings, and doubt is never hidden."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hub.contracts.ids import PointId, RegisterId
from hub.contracts.links import Reply
from hub.contracts.metering import EpochHint, Reading, ReadingTag, RegisterStuck
from hub.contracts.profiles import Point
from hub.contracts.profiles.words import Decoded, Flaw, decode, multiplied
from hub.contracts.relays import Position
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.states import BAD, GOOD, UNCERTAIN, Quality
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.judge import Belief, Verdict, judge
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.planner import PlannedRead
from plugins.kpm_modbus.ratios import Ratios
from plugins.kpm_modbus.stuck import counts_at, watch, watts
from plugins.kpm_modbus.values import shown

POWER = "power"
"""What a supply point's power is called; its energy is held against it."""

Handles = Mapping[tuple[PointId, str], EntityHandle]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a read was made for; a poll has none."""

    tag: ReadingTag | None = None
    asked_us: int | None = None
    points: Collection[PointId] | None = None
    """Whose registers were asked for; None for all of the meter's."""


POLLED = Purpose()


@dataclass(slots=True)
class Taken:
    """What a reply gave."""

    readings: list[Reading] = field(default_factory=list)
    has_doubt: bool = False
    """Something in it has to be looked at again at once."""
    reason: str = ""


class Intake:
    """What every reply goes through, polled or asked for."""

    def __init__(
        self,
        hub: PluginHub,
        observer: Observer,
        handles: Handles,
        ratios: Ratios,
        put: Callable[[Reading], None],
    ) -> None:
        """Show values by these handles, and give readings on by `put`."""
        self._hub = hub
        self._observer = observer
        self._handles = handles
        self._ratios = ratios
        self._put = put

    def take(self, device: Device, read: PlannedRead, reply: Reply, purpose: Purpose = POLLED) -> Taken:
        """Take in a reply: show its values, put its readings on the streams."""
        taken = Taken()
        counters: list[tuple[Point, Decoded]] = []
        source_us = (reply.sent_us + reply.received_us) // 2
        for point in read.points:
            decoded = decode(point, read.words_of(point, reply.words))
            if point.counter is not None:
                counters.append((point, decoded))
                continue
            if point in device.multipliers and device.quarantined_for is None:
                taken.has_doubt |= self._ratios.took(device, point, decoded)
            self._show(device, point, decoded, source_us)
        for point, decoded in counters:  # after the ratios and the power that came with them
            self._count(device, read, point, decoded, reply, purpose, taken)
        if taken.readings:
            device.last_good_us = source_us
        for reading in taken.readings:
            self._put(reading)
        return taken

    def mark(self, device: Device, quality: Quality) -> None:
        """Say of all of a meter's values that they are doubtful now."""
        for quantity in device.quantities.values():
            handle = self._handles.get((quantity.point, quantity.name))
            if handle is not None and self._hub.states.get(handle.entity_id) is not None:
                self._hub.states.mark(handle.entity_id, quality)

    def _count(
        self,
        device: Device,
        read: PlannedRead,
        point: Point,
        decoded: Decoded,
        reply: Reply,
        purpose: Purpose,
        taken: Taken,
    ) -> None:
        """A counter's value: judged beside its last one, held while it is in doubt."""
        source_us = (reply.sent_us + reply.received_us) // 2
        if device.quarantined_for is not None:  # it is another instrument's: nothing is learnt from it
            self._show(device, point, decoded, source_us)
            return
        verdict = self._judge(device, point, decoded)
        if verdict is None or verdict.belief is Belief.HOLD:
            self._doubt(device, point, verdict)
            taken.has_doubt |= verdict is not None
            taken.reason = "it is no number" if verdict is None else verdict.reason
            return
        if verdict.hint is not EpochHint.CONTINUES:
            device.untold[point.name] = verdict.hint
        is_stuck = point.is_billing and self._is_stuck(device, point, decoded, source_us)
        self._show(device, point, decoded, source_us, is_doubtful=is_stuck)
        quantity = device.quantities.get(point.name)
        if not point.is_billing or quantity is None:
            return
        if purpose.points is not None and quantity.point not in purpose.points:
            return
        ratio = device.ratio_of(point)
        if ratio is None:
            taken.reason = f"its transformer ratio ({', '.join(point.multiply_by)}) is not known"
            return
        is_good = decoded.flaw is None and not is_stuck and (device.ratio_flag is None or not point.multiply_by)
        taken.readings.append(
            Reading(
                point=quantity.point,
                meter=device.meter,
                register=RegisterId(quantity.name),
                serial=device.serial,
                words=read.words_of(point, reply.words),
                raw=_raw(decoded),
                scale=0 if point.counter is None else point.counter.scale,
                unit=point.unit,
                quality=GOOD if is_good else UNCERTAIN,
                source_us=source_us,
                received_us=reply.received_us,
                epoch=device.untold.pop(point.name, EpochHint.CONTINUES),
                frame_sha=hashlib.sha256(reply.frame).hexdigest(),
                plan=f"{device.profile.id}/{point.name}",
                tag=purpose.tag,
                asked_us=purpose.asked_us,
                ratio=ratio,
            )
        )

    def _judge(self, device: Device, point: Point, decoded: Decoded) -> Verdict | None:
        """What to think of a counter's value; None when the meter sent none."""
        if decoded.raw is None or decoded.flaw in {Flaw.NOT_A_NUMBER, Flaw.NOT_DECIMAL}:
            return None
        assert point.counter is not None
        now_us = round(self._hub.clock.monotonic() * 1e6)
        before = device.believed.get(point.name)
        quantity = device.quantities.get(point.name)
        was_open = False
        if before is not None and quantity is not None:
            seen = self._observer.of(quantity.point)
            ago_us = now_us - before.monotonic_us
            since_us = seen.since_us
            was_open = (
                seen.position is Position.OPEN
                and since_us is not None
                and since_us <= self._hub.clock.now_us() - ago_us
            )
        verdict = judge(decoded.raw, now_us, before, point.counter, relay_was_open=was_open)
        device.believed[point.name] = verdict.believed
        return verdict

    def _is_stuck(self, device: Device, point: Point, decoded: Decoded, source_us: int) -> bool:
        """Whether power flows and the register has not moved for too long; said once."""
        quantity = device.quantities.get(point.name)
        ratio = device.ratio_of(point)
        if quantity is None or ratio is None:
            return False
        power_w = device.powers_w.get(quantity.point, Decimal(0)) * ratio[1] / ratio[0]
        power_w = power_w if counts_at(point, power_w) else Decimal(0)
        before = device.still.get(point.name)
        was_stuck = before is not None and before.is_stuck(point)
        now_us = round(self._hub.clock.monotonic() * 1e6)
        still = device.still[point.name] = watch(before, _raw(decoded), power_w, source_us, now_us)
        is_stuck = still.is_stuck(point)
        if is_stuck and not was_stuck:
            self._hub.log.warning(
                "%s %s stands at %d although %d Wh have flowed by its power; it is uncertain until it moves",
                device.meter, point.name, still.raw, still.flowed_wh,
            )  # fmt: skip
            self._hub.bus.publish(
                RegisterStuck(
                    meter=device.meter,
                    points=(quantity.point,),
                    register=RegisterId(quantity.name),
                    since_us=still.since_us,
                )
            )
        return is_stuck

    def _doubt(self, device: Device, point: Point, verdict: Verdict | None) -> None:
        """A counter in doubt: nothing is shown as fresh."""
        quantity = device.quantities.get(point.name)
        handle = None if quantity is None else self._handles.get((quantity.point, quantity.name))
        if handle is not None and self._hub.states.get(handle.entity_id) is not None:
            self._hub.states.mark(handle.entity_id, BAD if verdict is None else UNCERTAIN)
        if verdict is not None and verdict.believed.doubted_looks == 1:
            self._hub.log.warning("%s %s is in doubt (%s); looking again", device.meter, point.name, verdict.reason)

    def _show(
        self, device: Device, point: Point, decoded: Decoded, source_us: int, *, is_doubtful: bool = False
    ) -> None:
        quantity = device.quantities.get(point.name)
        handle = None if quantity is None else self._handles.get((quantity.point, quantity.name))
        if quantity is None or handle is None:
            return
        if decoded.value is None:
            if self._hub.states.get(handle.entity_id) is not None:
                self._hub.states.mark(handle.entity_id, BAD)
            return
        value = shown(point, decoded)
        if isinstance(value, Decimal) and point.multiply_by:
            if device.ratio_of(point) is None:
                if self._hub.states.get(handle.entity_id) is not None:
                    self._hub.states.mark(handle.entity_id, UNCERTAIN)
                return  # not a value before its ratios are known
            value = multiplied(value, *(device.ratios[name] for name in point.multiply_by))
        if quantity.name == POWER and isinstance(value, Decimal):
            device.powers_w[quantity.point] = watts(point, value) or Decimal(0)
        is_flagged = device.ratio_flag is not None and bool(point.multiply_by)
        is_good = decoded.flaw is None and device.quarantined_for is None and not is_doubtful and not is_flagged
        handle.set(value, quality=GOOD if is_good else UNCERTAIN, source_us=source_us)


def _raw(decoded: Decoded) -> int:
    assert decoded.raw is not None, "a counter without a number never gets so far"
    return decoded.raw
