"""What commissioning does on the wire: prove who answers, look where the relay stands, move it, judge the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hub.contracts.grants import CommissioningSession, mint_for_commissioning
from hub.contracts.ids import PointId
from hub.contracts.links import LinkFailed
from hub.contracts.metering import Liveness
from hub.contracts.relays import CommandResult, Desired, ObservedRelay, Outcome, Position, Relays
from hub.core.clock import Clock
from hub.core.context import Context
from hub.core.errors import NotFound
from plugins.kpm_modbus.bus import WrongIdentity
from plugins.kpm_modbus.commands import Place
from plugins.kpm_modbus.commission_records import Session, Step, findings_of, findings_of_command
from plugins.kpm_modbus.commission_supply import CommissioningRefused
from plugins.kpm_modbus.observed import Observer
from plugins.kpm_modbus.schedule import Rank

COMMAND_LIMIT_S = {Desired.OPEN: 20.0, Desired.CLOSED: 40.0}

WANTED = {
    Desired.OPEN: frozenset({Position.OPEN}),
    Desired.CLOSED: frozenset({Position.CLOSED, Position.ARMED}),
}
"""Where a relay has to stand after a command; one that waits for its button was closed as far as a wire can."""


class RelayOnTest:
    """The relays that are commissioned."""

    def __init__(self, clock: Clock, places: Mapping[PointId, Place], relays: Relays, observer: Observer) -> None:
        """Work on these points."""
        self._clock = clock
        self._places = places
        self._relays = relays
        self._observer = observer

    def check(self, point: PointId) -> Place:
        """Where the point is on the field; raises for what cannot be commissioned."""
        place = self._places.get(point)
        if place is None:
            raise NotFound(f"no meter is configured for point {point!r}; see `hub modbus status`")
        device = place.device
        if device.profile.relay is None or not {"open", "close"} <= set(device.profile.actions):
            raise CommissioningRefused(f"{point}: a {device.profile.id} has no relay that can be commanded")
        if point != device.points[0]:
            raise CommissioningRefused(f"{point}: the relay of its meter feeds {device.points[0]}; commission that")
        if not self._relays.traits(point).may_open_remotely:
            why = "has no serial number to prove" if device.profile.identity is None else "would switch itself off"
            raise CommissioningRefused(f"{point}: a {device.profile.id} {why}, so its relay is never opened")
        if device.liveness is not Liveness.LIVE:
            raise CommissioningRefused(f"{point}: its meter is {device.liveness.value}; look at the wiring first")
        return place

    async def identify(self, point: PointId, step: Step) -> Step:
        """The step with who answered and where the relay stands; raises `WrongIdentity`, or `LinkFailed`."""
        place = self._places[point]
        observed = await self._look(place)
        is_closed = observed.position is Position.CLOSED
        detail = f"it is {place.device.serial}, its relay reads {observed.position.value}"
        if not is_closed:
            detail += "; a trip test begins with a closed one: close it on the meter, or by supply control"
        found = {**findings_of(observed), "unit": place.device.unit, "profile": place.device.profile.id}
        return self.ended(replace(step, found=found), detail=detail, has_passed=is_closed)

    async def check_closed(self, point: PointId) -> None:
        """Prove who answers once more, and raise unless its relay is closed."""
        try:
            observed = await self._look(self._places[point])
        except (WrongIdentity, LinkFailed) as error:
            raise CommissioningRefused(f"{point}: whether power is back cannot be seen: {error}") from error
        if observed.position is Position.ARMED:
            raise CommissioningRefused(f"{point}: its relay is armed; press the meter's button, then say so again")
        if observed.position is not Position.CLOSED:
            raise CommissioningRefused(f"{point}: its relay reads {observed.position.value}; restore it first")

    async def command(self, session: Session, desired: Desired) -> CommandResult:
        """Move the relay under the fence that stood when the session began, so that supply's newer word wins."""
        now_us = self._clock.now_us()
        right = CommissioningSession(
            id=session.id,
            point=session.point,
            expires_us=session.expires_us,
            context=Context(session.context_id, session.actor),
        )
        until_us = now_us + round(COMMAND_LIMIT_S[desired] * 1e6)
        grant = mint_for_commissioning(right, desired, session.fence, now_us=now_us, expires_us=until_us)
        return await self._relays.ensure(session.point, desired, grant, session.fence, grant.expires_us)

    def judged(self, step: Step, result: CommandResult) -> Step:
        """A step with what its command came to."""
        is_there = (
            result.outcome is Outcome.CONFIRMED
            and result.observed is not None
            and result.observed.position in WANTED[result.desired]
        )
        detail = result.detail
        if result.desired is Desired.OPEN and is_there and result.writes == 0:
            is_there, detail = False, "it stood open already; somebody else has opened it"
        return self.ended(replace(step, found=findings_of_command(result)), detail=detail, has_passed=is_there)

    def ended(self, step: Step, *, detail: str, has_passed: bool = False) -> Step:
        """A step that is over."""
        return replace(step, ended_us=self._clock.now_us(), detail=detail, has_passed=has_passed)

    async def _look(self, place: Place) -> ObservedRelay:
        async def job() -> ObservedRelay:
            await place.worker.prove(place.device)
            return await self._observer.look(place.worker, place.device)

        return await place.worker.urgent(Rank.READ, job)
