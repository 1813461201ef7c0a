"""Relay commands: identity, write, settle, read back, electrical evidence. The only code that moves a relay.

A command goes ahead of all polls, in two turns on the bus with the relay's settling time between them, so that the
others are not held up meanwhile. Nothing here remembers a command over a restart: an open dies with the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from hub.contracts.ids import Fence, PointId
from hub.contracts.links import Failure, Function, LinkFailed, Request
from hub.contracts.metering import Liveness
from hub.contracts.profiles import Step, denied
from hub.contracts.relays import (
    CommandFinished,
    CommandResult,
    Desired,
    Grant,
    GrantSource,
    ObservedRelay,
    Outcome,
    Position,
    Refusal,
    RelayTraits,
    refusal_of,
)
from hub.core.errors import NotFound
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from plugins.kpm_modbus.attempts import Attempts
from plugins.kpm_modbus.bus import BusWorker, WrongIdentity
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.schedule import Rank

ACTIONS = {Desired.OPEN: "open", Desired.CLOSED: "close"}
"""What a profile calls the way to each level."""

MAY_HAVE_OBEYED = frozenset({4, 5})
"""The exceptions by which a meter says that it has begun: failed in the middle, and still at it."""

IDENTITY_AGE_MAX_S = 10.0
"""A close may rest on a proof of identity this young; the read-back proves it again."""


@dataclass(frozen=True, slots=True)
class Place:
    """A device with the worker of its bus."""

    device: Device
    worker: BusWorker


@dataclass(slots=True)
class _Attempt:
    """One command on its way."""

    point: PointId
    desired: Desired
    fence: Fence
    deadline_us: int
    queued_us: int
    until_s: float
    """Monotonic: a wall clock that is set back does not make an order younger."""
    first_byte_us: int | None = None
    writes: int = 0
    """What may have left, the one under way included."""
    lost: LinkFailed | None = None
    """The write left, and its reply was lost."""

    @property
    def wanted(self) -> Position:
        return Position.CLOSED if self.desired is Desired.CLOSED else Position.OPEN


@dataclass(slots=True)
class _Running:
    """A command under way, and how many wait for it."""

    attempt: _Attempt
    task: asyncio.Task[CommandResult]
    waiting: int = 0

    def is_for(self, fence: Fence, desired: Desired) -> bool:
        """Whether it is this very command, and not over yet."""
        return (self.attempt.fence, self.attempt.desired) == (fence, desired) and not self.task.done()


class _Refused(Exception):
    """The command is not tried, for a reason."""

    def __init__(self, refusal: Refusal, text: str, not_before_us: int | None = None) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.not_before_us = not_before_us


class Commands:
    """The `relays` service over a site's meters."""

    def __init__(
        self,
        hub: PluginHub,
        places: Mapping[PointId, Place],
        observer: Observer,
        attempts: Attempts,
        min_interval_us: int,
    ) -> None:
        """Command these meters' relays; each stays in a position so long before an open is obeyed."""
        self._min_interval_us = min_interval_us
        self._hub = hub
        self._places = places
        self._observer = observer
        self._attempts = attempts
        self._under_way: dict[PointId, _Running] = {}

    async def ensure(
        self, point: PointId, desired: Desired, grant: Grant, fence: Fence, deadline_us: int
    ) -> CommandResult:
        """Bring a relay to a position and prove it; see the contract."""
        place = self._place(point)
        clock = self._hub.clock
        now_us = clock.now_us()
        until_us = min(deadline_us, grant.expires_us)
        until_s = clock.monotonic() + (until_us - now_us) / 1e6
        attempt = _Attempt(point, desired, fence, until_us, now_us, until_s)
        running = self._under_way.get(point)
        if running is not None and running.is_for(fence, desired):
            return await self._joined(running)
        refusal = refusal_of(
            point, desired, grant, fence, deadline_us, now_us=now_us, highest=self._attempts.highest(point)
        )
        if refusal is not None:
            return await self._finish(attempt, grant, Outcome.REFUSED, refusal[1], refusal=refusal[0])
        if grant.source is GrantSource.SUPPLY:
            await self._attempts.note_fence(point, fence, desired)
        running = _Running(attempt, asyncio.ensure_future(self._command(place, attempt, grant)))
        self._under_way[point] = running
        running.task.add_done_callback(partial(self._forget, running))
        return await self._joined(running)

    def _forget(self, running: _Running, _: asyncio.Task[CommandResult]) -> None:
        if self._under_way.get(running.attempt.point) is running:
            del self._under_way[running.attempt.point]

    @staticmethod
    async def _joined(running: _Running) -> CommandResult:
        """Wait for a command; when nobody does any more, one that has not begun is withdrawn."""
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        except asyncio.CancelledError:
            if running.waiting == 1 and running.attempt.first_byte_us is None:
                running.task.cancel()
            raise
        finally:
            running.waiting -= 1

    def observed(self, point: PointId) -> ObservedRelay:
        """Where a relay stands as last seen."""
        self._place(point)
        return self._observer.of(point)

    def traits(self, point: PointId) -> RelayTraits:
        """What the relay can do, by its meter's profile."""
        device = self._place(point).device
        if not _has_relay(device, point):
            raise NotFound(f"{point} has no relay: its meter is a {device.profile.id}")
        capabilities = device.profile.capabilities
        return RelayTraits(
            needs_button=capabilities.needs_button,
            may_open_remotely=device.profile.identity is not None and not capabilities.is_self_powered_behind_relay,
            min_interval_us=self._min_interval_us,
        )

    def highest_fence(self, point: PointId) -> Fence:
        """The highest fence obeyed so far."""
        highest = self._attempts.highest(point)
        return Fence(0) if highest is None else highest[0]

    async def _command(self, place: Place, attempt: _Attempt, grant: Grant) -> CommandResult:
        rank = Rank.CLOSE if attempt.desired is Desired.CLOSED else Rank.OPEN
        try:
            with place.worker.commanding():
                stands = await place.worker.urgent(rank, lambda: self._write(place, attempt))
                if not stands:
                    action = place.device.profile.actions[ACTIONS[attempt.desired]]
                    await self._hub.clock.sleep(float(action.settle_s))
                observed = await place.worker.urgent(Rank.VERIFY, lambda: self._read_back(place, attempt))
        except _Refused as refused:
            return await self._finish(
                attempt, grant, Outcome.REFUSED, str(refused),
                refusal=refused.refusal, not_before_us=refused.not_before_us,
            )  # fmt: skip
        except WrongIdentity as error:
            return await self._finish(
                attempt, grant, *self._without_proof(attempt, str(error)), refusal=self._identity_refusal(attempt)
            )
        except LinkFailed as error:
            return await self._finish(attempt, grant, *self._without_proof(attempt, str(error), error))
        return await self._finish(attempt, grant, *self._judged(attempt, observed), observed=observed)

    async def _write(self, place: Place, attempt: _Attempt) -> bool:
        """The first turn on the bus: prove, look, write. True when the relay stands as desired already."""
        device, worker = place.device, place.worker
        self._check(place, attempt)
        if attempt.desired is Desired.OPEN or not self._is_proven(device):
            await worker.prove(device)
        if (
            self._may_stand_already(attempt)
            and (await self._observer.look(worker, device)).position is attempt.wanted
        ):
            return True
        action = device.profile.actions[ACTIONS[attempt.desired]]
        for step in action.before:
            await self._send(place, attempt, step)
        await self._send(place, attempt, action.command)
        return False

    async def _send(self, place: Place, attempt: _Attempt, step: Step) -> None:
        """One write; a lost reply is remembered, and the read-back decides."""
        device = place.device
        forbidden = denied(device.profile, step)
        if forbidden is not None:
            why = forbidden.reason or "it is on the deny-list"
            raise _Refused(Refusal.DENIED, f"{attempt.point}: {step.address:#06x} is never written: {why}")
        is_coil = step.function is Function.WRITE_COIL
        if self._is_over(attempt):
            raise _Refused(Refusal.EXPIRED, f"{attempt.point}: the order came too late to be obeyed")
        values = (int(bool(step.values[0])),) if is_coil else step.values
        request = Request(
            unit=device.unit, function=step.function, address=step.address, count=len(values), values=values
        )
        fault_point("kpm_modbus.before_write")
        attempt.first_byte_us = attempt.first_byte_us or self._hub.clock.now_us()
        attempt.writes += 1  # before it leaves: a stop of the hub in its middle must not make it unheard of
        try:
            reply = await place.worker.transact(device, request)
        except LinkFailed as error:
            is_refusal = error.reason is Failure.EXCEPTION and error.exception_code not in MAY_HAVE_OBEYED
            if not error.was_sent or is_refusal:
                attempt.writes -= 1
                attempt.first_byte_us = attempt.first_byte_us if attempt.writes else None
                raise
            attempt.lost = error
        else:
            is_first = attempt.writes == 1
            attempt.first_byte_us = reply.sent_us if is_first else min(attempt.first_byte_us, reply.sent_us)
        fault_point("kpm_modbus.after_write")

    async def _read_back(self, place: Place, attempt: _Attempt) -> ObservedRelay:
        """The second turn: prove again who was commanded, and look where its relay stands and what flows."""
        if attempt.desired is Desired.CLOSED and attempt.writes:
            await place.worker.prove(place.device)
        return await self._observer.look(place.worker, place.device)

    def _check(self, place: Place, attempt: _Attempt) -> None:
        """What forbids the command in the moment it begins."""
        device, point = place.device, attempt.point
        highest = self._attempts.highest(point)  # those that came and went while this one waited included
        if highest is not None and highest[0] > attempt.fence:
            raise _Refused(Refusal.SUPERSEDED, f"{point}: a newer decision came while this one waited")
        if self._is_over(attempt):
            raise _Refused(Refusal.EXPIRED, f"{point}: the order waited past its deadline")
        if device.profile.relay is None or ACTIONS[attempt.desired] not in device.profile.actions:
            raise _Refused(Refusal.NO_RELAY, f"{point}: a {device.profile.id} has no relay that can be commanded")
        if not _has_relay(device, point):
            raise _Refused(
                Refusal.NO_RELAY, f"{point} has no relay of its own: its meter's relay feeds {device.points[0]}"
            )
        if device.quarantined_for is not None:
            raise _Refused(Refusal.QUARANTINED, f"{point} is quarantined: {device.quarantined_for}")
        if attempt.desired is Desired.OPEN:
            self._check_open(device, point, self._hub.clock.now_us())

    def _is_over(self, attempt: _Attempt) -> bool:
        """Whether an order may not be obeyed any more, by either clock."""
        clock = self._hub.clock
        return clock.now_us() >= attempt.deadline_us or clock.monotonic() >= attempt.until_s

    def _check_open(self, device: Device, point: PointId, now_us: int) -> None:
        if not self.traits(point).may_open_remotely:
            raise _Refused(Refusal.DENIED, f"{point}: a {device.profile.id} must not be switched off remotely")
        if device.liveness is not Liveness.LIVE:
            raise _Refused(
                Refusal.STALE, f"{point}: its meter is {device.liveness.value}; nothing is switched off blindly"
            )
        moved_us = self._observer.moved_us(point)
        if moved_us is not None and now_us - moved_us < self._min_interval_us:
            not_before_us = moved_us + self._min_interval_us
            raise _Refused(Refusal.TOO_SOON, f"{point}: its relay has moved a moment ago", not_before_us)

    def _may_stand_already(self, attempt: _Attempt) -> bool:
        """Whether a look can spare the write; where it was just seen elsewhere, the level is written at once."""
        return self._observer.of(attempt.point).position in {attempt.wanted, Position.UNKNOWN}

    def _is_proven(self, device: Device) -> bool:
        proven_s = device.proven_s
        return proven_s is not None and self._hub.clock.monotonic() - proven_s <= IDENTITY_AGE_MAX_S

    @staticmethod
    def _judged(attempt: _Attempt, observed: ObservedRelay) -> tuple[Outcome, str]:
        """What the read-back says of the command."""
        wanted = attempt.wanted
        if observed.position is wanted or (wanted is Position.CLOSED and observed.position is Position.ARMED):
            return Outcome.CONFIRMED, f"the relay is {observed.position.value}"
        if attempt.lost is not None:
            return Outcome.UNKNOWN, f"the reply to the write was lost, the relay reads {observed.position.value}"
        return Outcome.UNCONFIRMED, f"the meter took the write, but the relay reads {observed.position.value}"

    @staticmethod
    def _without_proof(attempt: _Attempt, text: str, error: LinkFailed | None = None) -> tuple[Outcome, str]:
        """The outcome when the wire gave no read-back."""
        if not attempt.writes:
            return (Outcome.FAILED, text) if error is not None else (Outcome.REFUSED, text)
        return Outcome.UNKNOWN, f"written, but not read back: {text}"

    @staticmethod
    def _identity_refusal(attempt: _Attempt) -> Refusal | None:
        return None if attempt.writes else Refusal.WRONG_IDENTITY

    async def _finish(
        self,
        attempt: _Attempt,
        grant: Grant,
        outcome: Outcome,
        detail: str,
        *,
        refusal: Refusal | None = None,
        not_before_us: int | None = None,
        observed: ObservedRelay | None = None,
    ) -> CommandResult:
        result = CommandResult(
            point=attempt.point,
            desired=attempt.desired,
            fence=attempt.fence,
            outcome=outcome,
            detail=detail,
            refusal=refusal,
            not_before_us=not_before_us,
            writes=attempt.writes,
            observed=observed,
            queued_us=attempt.queued_us,
            first_byte_us=attempt.first_byte_us,
            finished_us=self._hub.clock.now_us(),
        )
        await self._attempts.record(result, grant)
        self._hub.bus.publish(CommandFinished(context=grant.context, result=result))
        return result

    def _place(self, point: PointId) -> Place:
        try:
            return self._places[point]
        except KeyError:
            raise NotFound(f"no meter is configured for point {point!r}") from None


def _has_relay(device: Device, point: PointId) -> bool:
    """Whether a meter's relay is this point's: of a meter with several circuits it is the first one's."""
    return device.profile.relay is not None and point == device.points[0]
