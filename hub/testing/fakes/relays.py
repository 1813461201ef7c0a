"""Relays without a wire, one line per point: grant, fence and deadline are checked as by the real field layer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import (
    CommandFinished,
    CommandResult,
    Desired,
    Evidence,
    Grant,
    GrantSource,
    ObservedRelay,
    Outcome,
    Position,
    Refusal,
    RelayObserved,
    RelayTraits,
    refusal_of,
)
from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.errors import NotFound
from hub.testing.fakes.faults import Faults

TIMEOUT_S = 0.3
SETTLE_S = 0.1
LOAD_MA = 5_000
DIRECT = RelayTraits(needs_button=False, may_open_remotely=True, min_interval_us=0)


@dataclass(slots=True, kw_only=True)
class RelayFaults(Faults):
    """What can go wrong with a relay; `fail_next` is an exception reply, `absent` a meter that is silent."""

    lose_reply_next: int = 0
    """How many of the next writes arrive but lose their reply and the reads after it."""
    is_stuck: bool = False
    """The meter takes the write, and the contact does not move."""
    lies: bool = False
    """Stuck as well, and the status register says that it moved: only the current tells."""


@dataclass(slots=True, kw_only=True)
class _Relay:
    contact: Position
    traits: RelayTraits
    observed: ObservedRelay
    is_quarantined: bool = False
    moved_us: int | None = None
    highest: tuple[Fence, Desired] | None = None
    line: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: Fence = Fence(0)  # noqa: RUF009 - a NewType's call makes a plain int


@dataclass(slots=True, kw_only=True)
class _Command:
    point: PointId
    desired: Desired
    grant: Grant
    fence: Fence
    deadline_us: int
    queued_us: int
    has_begun: bool = False
    waiters: int = 0
    first_byte_us: int | None = None
    writes: int = 0
    task: asyncio.Task[CommandResult] | None = None


class FakeRelays:
    """All relays of a test; `attempts` keeps what came of every command, as the field layer's table does."""

    def __init__(
        self,
        clock: Clock,
        faults: RelayFaults | None = None,
        publish: Callable[[Event], object] = lambda event: None,
    ) -> None:
        """Start without relays; events go to `publish`, such as a bus's."""
        self._clock = clock
        self.faults = faults or RelayFaults()
        self._publish = publish
        self._relays: dict[PointId, _Relay] = {}
        self._under_way: dict[tuple[PointId, Fence, Desired], _Command] = {}
        self.attempts: list[CommandResult] = []

    def add_relay(
        self, point: PointId, *, contact: Position = Position.CLOSED, traits: RelayTraits = DIRECT
    ) -> None:
        """Hang a relay on a point; nobody has looked at it yet."""
        unseen = ObservedRelay(point=point, position=Position.UNKNOWN, since_us=None, evidence=None)
        self._relays[point] = _Relay(contact=contact, traits=traits, observed=unseen)

    def contact(self, point: PointId) -> Position:
        """Where the contact really is, which no program can see."""
        return self._relay(point).contact

    def press_button(self, point: PointId) -> None:
        """A person presses the meter's button: an armed relay closes."""
        relay = self._relay(point)
        if relay.contact is Position.ARMED:
            relay.contact = Position.CLOSED

    def quarantine(self, point: PointId) -> None:
        """The meter there is not the one expected."""
        self._relay(point).is_quarantined = True

    def look(self, point: PointId) -> ObservedRelay:
        """What a poll does: read status and current, and tell of a change."""
        relay = self._relay(point)
        evidence = self._evidence(relay, relay.contact)
        return self._observe(point, relay, relay.contact, evidence)

    def restart(self) -> None:
        """The process died: what was observed is gone, orders under way are gone, fences and contacts stay."""
        for command in self._under_way.values():
            if command.task is not None:
                command.task.cancel()
        for point, relay in self._relays.items():
            relay.observed = ObservedRelay(point=point, position=Position.UNKNOWN, since_us=None, evidence=None)
            relay.line = asyncio.Lock()

    async def ensure(
        self, point: PointId, desired: Desired, grant: Grant, fence: Fence, deadline_us: int
    ) -> CommandResult:
        """Bring a relay to a position and prove it, or say why not."""
        place = (point, fence, desired)
        command = self._under_way.get(place)
        if command is None or command.task is None or command.task.cancelling():
            command = _Command(
                point=point, desired=desired, grant=grant, fence=fence, deadline_us=deadline_us,
                queued_us=self._clock.now_us(),
            )  # fmt: skip
            command.task = asyncio.get_running_loop().create_task(self._finish(command), name=f"relay {point}")
            self._under_way[place] = command
            command.task.add_done_callback(lambda done: self._landed(place, done))
        command.waiters += 1
        try:
            return await asyncio.shield(command.task)
        finally:
            command.waiters -= 1
            if not command.has_begun and not command.waiters:
                command.task.cancel()

    def observed(self, point: PointId) -> ObservedRelay:
        """Where a relay stands as last seen."""
        return self._relay(point).observed

    def traits(self, point: PointId) -> RelayTraits:
        """What the relay can do."""
        return self._relay(point).traits

    def highest_fence(self, point: PointId) -> Fence:
        """The highest fence obeyed so far."""
        highest = self._relay(point).highest
        return Fence(0) if highest is None else highest[0]

    def _landed(self, place: tuple[PointId, Fence, Desired], done: asyncio.Task[CommandResult]) -> None:
        command = self._under_way.get(place)
        if command is not None and command.task is done:
            del self._under_way[place]

    async def _finish(self, command: _Command) -> CommandResult:
        result = await self._carry_out(command)
        self.attempts.append(result)
        self._publish(CommandFinished(context=command.grant.context, result=result))
        return result

    async def _carry_out(self, command: _Command) -> CommandResult:
        relay = self._relays.get(command.point)
        if relay is None:
            known = ", ".join(sorted(self._relays)) or "none"
            return self._refused(
                command, Refusal.NO_RELAY, f"{command.point} has no relay; points with one: {known}"
            )
        refused = self._refusal(command, relay)
        if refused is not None:
            return refused
        relay.wanted = max(relay.wanted, command.fence)
        async with relay.line:
            await self._clock.sleep(self.faults.delay_s)
            if relay.wanted > command.fence:
                text = f"{command.point}: fence {relay.wanted} came while {command.fence} waited"
                return self._refused(command, Refusal.SUPERSEDED, text)
            refused = self._refusal(command, relay)
            if refused is not None:
                return refused
            command.has_begun = True
            if command.grant.source is GrantSource.SUPPLY:
                relay.highest = (command.fence, command.desired)
            return await self._on_the_wire(command, relay)

    def _refusal(self, command: _Command, relay: _Relay) -> CommandResult | None:
        now_us = self._clock.now_us()
        point = command.point
        found = refusal_of(
            point, command.desired, command.grant, command.fence, command.deadline_us, now_us=now_us,
            highest=relay.highest,
        )  # fmt: skip
        if found is not None:
            return self._refused(command, *found)
        if relay.is_quarantined:
            return self._refused(command, Refusal.QUARANTINED, f"{point}: its meter is quarantined")
        if command.desired is Desired.CLOSED or relay.contact is Position.OPEN:
            return None
        if not relay.traits.may_open_remotely:
            return self._refused(command, Refusal.DENIED, f"{point}: its profile forbids opening it remotely")
        not_before_us = (relay.moved_us or 0) + relay.traits.min_interval_us
        if relay.moved_us is not None and now_us < not_before_us:
            return self._refused(command, Refusal.TOO_SOON, f"{point}: it moved just now", not_before_us)
        return None

    async def _on_the_wire(self, command: _Command, relay: _Relay) -> CommandResult:
        desired, point = command.desired, command.point
        if self.faults.absent and desired is Desired.OPEN:
            await self._clock.sleep(TIMEOUT_S)  # its identity did not answer, so no write left
            return self._result(command, Outcome.FAILED, f"{point}: no reply; nothing was written")
        wanted = Position(desired.value)
        if desired is Desired.CLOSED and relay.traits.needs_button:
            wanted = Position.ARMED
        is_there = relay.contact in {wanted, Position(desired.value)}
        if not self.faults.absent and is_there and not self.faults.lies:
            await self._clock.sleep(SETTLE_S)
            self._observe(point, relay, relay.contact, self._evidence(relay, relay.contact))
            return self._result(command, Outcome.CONFIRMED, f"{point} was {relay.contact.value} already")
        command.first_byte_us = self._clock.now_us()
        command.writes = 1
        if self.faults.absent:
            await self._clock.sleep(2 * TIMEOUT_S)
            self._observe(point, relay, Position.UNKNOWN, None)
            return self._result(command, Outcome.UNKNOWN, f"{point}: no reply to the write, nor to a read after it")
        if self.faults.take_failure():
            await self._clock.sleep(SETTLE_S)
            return self._result(command, Outcome.FAILED, f"{point}: the meter answered with an exception")
        if not self.faults.is_stuck and not self.faults.lies:
            relay.contact, relay.moved_us = wanted, command.first_byte_us
        if self.faults.lose_reply_next > 0:
            self.faults.lose_reply_next -= 1
            await self._clock.sleep(2 * TIMEOUT_S)
            self._observe(point, relay, Position.UNKNOWN, None)
            return self._result(command, Outcome.UNKNOWN, f"{point}: the write's reply was lost; read it first")
        await self._clock.sleep(SETTLE_S)
        return self._read_back(command, relay, wanted)

    def _read_back(self, command: _Command, relay: _Relay, wanted: Position) -> CommandResult:
        status = wanted if self.faults.lies else relay.contact
        evidence = self._evidence(relay, status)
        has_current = bool(evidence.current_ma)
        agrees = has_current is (status is Position.CLOSED)
        seen = status if agrees else Position.UNKNOWN
        self._observe(command.point, relay, seen, evidence)
        if seen is wanted:
            return self._result(command, Outcome.CONFIRMED, f"{command.point} is {wanted.value}")
        text = f"{command.point}: the status says {status.value}, the current is {evidence.current_ma} mA"
        return self._result(command, Outcome.UNCONFIRMED, text)

    def _evidence(self, relay: _Relay, status: Position) -> Evidence:
        current_ma = LOAD_MA if relay.contact is Position.CLOSED else 0
        return Evidence(
            position=status, status_words=(int(status is Position.CLOSED),), current_ma=current_ma,
            voltage_mv=230_000, serial="1001", source_us=self._clock.now_us(),
        )  # fmt: skip

    def _observe(
        self, point: PointId, relay: _Relay, position: Position, evidence: Evidence | None
    ) -> ObservedRelay:
        was = relay.observed
        since_us = was.since_us
        if position is not was.position or since_us is None:
            since_us = None if position is Position.UNKNOWN else self._clock.now_us()
        relay.observed = ObservedRelay(
            point=point, position=position, since_us=since_us, evidence=evidence or was.evidence
        )
        if position is not was.position:
            before = None if was.evidence is None else was.position
            self._publish(RelayObserved(observed=relay.observed, was=before))
        return relay.observed

    def _refused(
        self, command: _Command, why: Refusal, text: str, not_before_us: int | None = None
    ) -> CommandResult:
        return self._result(command, Outcome.REFUSED, text, why, not_before_us)

    def _result(
        self,
        command: _Command,
        outcome: Outcome,
        detail: str,
        refusal: Refusal | None = None,
        not_before_us: int | None = None,
    ) -> CommandResult:
        relay = self._relays.get(command.point)
        return CommandResult(
            point=command.point, desired=command.desired, fence=command.fence, outcome=outcome, detail=detail,
            refusal=refusal, not_before_us=not_before_us, writes=command.writes,
            observed=None if relay is None else relay.observed, queued_us=command.queued_us,
            first_byte_us=command.first_byte_us, finished_us=self._clock.now_us(),
        )  # fmt: skip

    def _relay(self, point: PointId) -> _Relay:
        if point not in self._relays:
            known = ", ".join(sorted(self._relays)) or "none"
            raise NotFound(f"point {point!r} has no relay; points with one: {known}")
        return self._relays[point]
