"""Commissioning: a person walks one point through identity, a trip test and a restore test.

Besides supply control this is the only way to move a relay. The session is on disk before the first byte leaves,
each step before it is tried, and a relay that a session opened is closed again when nobody goes on: after five
minutes, or when the hub starts again. Nothing here ever opens a relay but the step that the person asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from hub.contracts.ids import PointId
from hub.contracts.links import LinkFailed
from hub.contracts.relays import Desired, Refusal, Relays
from hub.contracts.supply import Commissioning as Stage
from hub.core import context as contexts
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub
from hub.core.storage import Tx
from plugins.kpm_modbus import commission_records as records
from plugins.kpm_modbus.bus import WrongIdentity
from plugins.kpm_modbus.commission_records import IDENTITY, RESTORE, TRIP, Ended, Session, Step
from plugins.kpm_modbus.commission_relay import RelayOnTest
from plugins.kpm_modbus.commission_supply import (
    CommissioningRefused,
    SupplyAway,
    supply_that_agrees,
    supply_that_runs,
    tell_supply,
)

WALK_S = 900.0
"""How long a session waits for its person's next step."""

OPEN_MAX_S = 300.0
"""How long the relay stays open without a word from the person."""

WATCH_S = 5.0

PEOPLE = ("os:", "user:")
"""How actors begin who can stand at a panel: a rule or a plugin cannot, and never gets a relay by this door."""

CLOSES_MAX = 12
"""So often a lapsed session tries to close its relay, `WATCH_S` apart, before it says that it cannot."""


@dataclass(slots=True)
class _Held:
    """An open session in memory."""

    session: Session
    until_s: float
    """Monotonic: a step of the wall clock neither ends a session nor keeps a relay open."""
    why_over: str = "nobody went on with it"
    step: asyncio.Lock = field(default_factory=asyncio.Lock)
    closes: int = 0


class Commissioner:
    """The open sessions of a site, at most one for each point."""

    def __init__(self, hub: PluginHub, relay: RelayOnTest, relays: Relays) -> None:
        """Commission points; `take_up` first, and keep `watch` running."""
        self._hub = hub
        self._relay = relay
        self._relays = relays
        self._open: dict[str, _Held] = {}
        self._wake = asyncio.Event()

    async def take_up(self) -> None:
        """Find the sessions that an earlier start left open: they are over, and `watch` ends them."""
        for session in await self._hub.db.read(records.all_open):
            last = session.steps[-1].name if session.steps else "its begin"
            why = f"the hub stopped in the middle of it, after {last}"
            self._open[session.id] = _Held(session, self._hub.clock.monotonic(), why)
            self._hub.log.warning(
                "%s: the commissioning by %s is unfinished: %s", session.point, session.actor, why
            )

    async def begin(self, point: PointId, actor: str) -> Session:
        """Open a session on a point; supply control leaves its relay alone from now on."""
        if not actor.startswith(PEOPLE):
            raise CommissioningRefused(f"{point}: a person commissions it, no {actor}; use `hub modbus commission`")
        self._relay.check(point)
        supply = await supply_that_agrees(self._hub, point)
        now_us = self._hub.clock.now_us()
        session = Session(
            id=self._hub.ids.new(),
            point=point,
            actor=actor,
            context_id=contexts.current().id,
            fence=self._relays.highest_fence(point),
            is_known_to_supply=False,
            started_us=now_us,
            expires_us=now_us + round(WALK_S * 1e6),
        )

        def write(tx: Tx) -> Session:
            other = records.open_of(tx, point)
            if other is not None:
                raise CommissioningRefused(
                    f"{point} is being commissioned by {other.actor} already, in session {other.id}; finish that "
                    f"one first, or end it with `hub modbus commission {point} --end`"
                )
            begun = replace(session, is_known_to_supply=tell_supply(supply, tx, point, Stage.STARTED, None))
            records.insert(tx, begun)
            return begun

        session = await self._hub.db.write(write)
        self._open[session.id] = _Held(session, self._hub.clock.monotonic() + WALK_S)
        self._wake.set()
        return session

    async def identify(self, session_id: str, actor: str) -> Session:
        """Prove who answers, and look where the relay stands; the wrong serial number ends the session."""
        async with self._taking(session_id, actor) as held:
            session = held.session
            if session.may_have_opened:
                raise CommissioningRefused(f"{session.point}: its trip test has begun; restore it first")
            step = Step(name=IDENTITY, began_us=self._hub.clock.now_us(), found={})
            try:
                step = await self._relay.identify(session.point, step)
            except WrongIdentity as error:
                await self._note(held, session.begun(self._relay.ended(step, detail=str(error))))
                return await self._end(held, Ended.FAILED, str(error))
            except LinkFailed as error:
                step = self._relay.ended(step, detail=str(error))
            return await self._note(held, session.begun(step))

    async def trip(self, session_id: str, actor: str, *, is_right_meter: bool) -> Session:
        """Open the relay, once the person has said that the proven meter is the one in front of them."""
        async with self._taking(session_id, actor) as held:
            session, clock = held.session, self._hub.clock
            if not session.has_passed(IDENTITY):
                raise CommissioningRefused(f"{session.point}: prove its identity first")
            if session.may_have_opened:
                raise CommissioningRefused(f"{session.point}: its relay was opened already; restore it first")
            held.session = session = session.confirmed(IDENTITY, is_confirmed=is_right_meter)
            if not is_right_meter:
                return await self._end(held, Ended.ABANDONED, "the person says that it is another meter")
            await supply_that_agrees(self._hub, session.point, knows_the_point=session.is_known_to_supply)
            held.until_s = clock.monotonic() + OPEN_MAX_S
            expires_us = clock.now_us() + round(OPEN_MAX_S * 1e6)
            step = Step(name=TRIP, began_us=clock.now_us(), found={})
            session = await self._note(held, replace(session.begun(step), expires_us=expires_us))
            step = self._relay.judged(step, await self._relay.command(session, Desired.OPEN))
            return await self._note(held, session.with_last(step))

    async def restore(self, session_id: str, actor: str, *, is_power_off: bool) -> Session:
        """Close the relay again, whatever the person saw; what they saw is written down."""
        async with self._taking(session_id, actor) as held:
            session = held.session
            if not session.may_have_opened:
                raise CommissioningRefused(f"{session.point}: nothing was opened, so there is nothing to restore")
            held.session = session.confirmed(TRIP, is_confirmed=is_power_off)
            return await self._close(held)

    async def finish(self, session_id: str, actor: str, *, is_power_back: bool, note: str = "") -> Session:
        """End the session: passed if every step was as it should be and the person saw it so.

        Without the person's word that power is back it is only ended, by anybody, and the relay closed if need be.
        """
        async with self._taking(session_id, actor, is_end=not is_power_back) as held:
            if not is_power_back:
                return await self._give_up(held, note or f"ended by {actor}")
            if not held.session.has_passed(RESTORE):
                raise CommissioningRefused(f"{held.session.point}: restore it first")
            await self._relay.check_closed(held.session.point)
            held.session = held.session.confirmed(RESTORE, is_confirmed=True)
            if held.session.all_passed_and_confirmed:
                return await self._end(held, Ended.PASSED, note)
            return await self._end(held, Ended.FAILED, note or "a step was not as it should be")

    async def watch(self) -> None:
        """End the sessions that nobody goes on with, for ever."""
        while True:
            self._wake.clear()
            if not self._open:
                await self._wake.wait()
            for held in list(self._open.values()):
                if not held.step.locked() and self._hub.clock.monotonic() >= held.until_s:
                    async with held.step:
                        await self._lapse(held)
            await self._hub.clock.sleep(WATCH_S)

    async def _lapse(self, held: _Held) -> None:
        """Close the relay if the session may have opened it, and end the session as unfinished."""
        try:
            if held.session.may_have_opened and held.closes < CLOSES_MAX:
                await self._close(held)
                held.closes += 1
                if held.session.ended_us is not None or (held.session.may_have_opened and held.closes < CLOSES_MAX):
                    return
            detail = held.why_over
            if held.session.may_have_opened:
                detail += "; its relay may be open and could not be closed: go and look"
            elif held.session.last(TRIP) is not None:
                detail += "; its relay is closed again"
            await self._end(held, Ended.UNFINISHED, detail)
        except SupplyAway as away:
            self._hub.log.debug("a commissioning session waits for its end: %s", away)

    async def _give_up(self, held: _Held, note: str) -> Session:
        has_tripped = held.session.last(TRIP) is not None
        if held.session.may_have_opened:
            await self._close(held)
        if held.session.ended_us is not None:
            return held.session
        if held.session.may_have_opened:  # `watch` goes on trying
            held.until_s, held.why_over = self._hub.clock.monotonic(), note
            return held.session
        return await self._end(held, Ended.FAILED if has_tripped else Ended.ABANDONED, note)

    async def _close(self, held: _Held) -> Session:
        """Try to close the relay once; when supply control has taken over meanwhile, the session ends instead."""
        session, clock = held.session, self._hub.clock
        try:
            await supply_that_agrees(self._hub, session.point, knows_the_point=session.is_known_to_supply)
        except SupplyAway:
            raise
        except CommissioningRefused as refused:
            return await self._end(held, Ended.ABANDONED, f"its relay is left to supply control: {refused}")
        is_over = clock.monotonic() >= held.until_s
        expires_us = clock.now_us() + round(WALK_S * 1e6)
        step = Step(name=RESTORE, began_us=clock.now_us(), found={})
        session = await self._note(held, replace(session.begun(step), expires_us=expires_us))
        try:
            result = await self._relay.command(session, Desired.CLOSED)
        except NotFound as gone:  # its meter was taken out of the configuration meanwhile
            held.closes = CLOSES_MAX
            return await self._note(held, session.with_last(self._relay.ended(step, detail=str(gone))))
        step = self._relay.judged(step, result)
        session = await self._note(held, session.with_last(step))
        if result.refusal in {Refusal.FENCE_LOWER, Refusal.SUPERSEDED}:
            why = f"supply control has decided since, and its relay is left to it: {result.detail}"
            return await self._end(held, Ended.ABANDONED, why)
        if step.has_passed and not is_over:
            held.until_s = clock.monotonic() + WALK_S
        return session

    async def _note(self, held: _Held, session: Session) -> Session:
        await self._hub.db.write(lambda tx: records.update(tx, session))
        held.session = session
        return session

    async def _end(self, held: _Held, outcome: Ended, detail: str) -> Session:
        """End a session and tell supply control, in one transaction."""
        session = replace(held.session, ended_us=self._hub.clock.now_us(), outcome=outcome, detail=detail)
        supply = supply_that_runs(self._hub, session.point, knows_the_point=session.is_known_to_supply)
        is_passed = outcome is Ended.PASSED
        stage = Stage.PASSED if is_passed else Stage.ABANDONED

        def write(tx: Tx) -> Session:
            is_told = tell_supply(supply, tx, session.point, stage, session.last(TRIP) if is_passed else None)
            ended = replace(session, is_known_to_supply=is_told)
            if is_passed and not is_told:
                ended = replace(ended, detail=f"{detail}; supply control does not know the point yet".strip("; "))
            records.update(tx, ended)
            return ended

        held.session = await self._hub.db.write(write)
        self._open.pop(session.id, None)
        tell = self._hub.log.info if is_passed else self._hub.log.warning
        tell("%s: its commissioning by %s %s: %s", session.point, session.actor, outcome.value, held.session.detail)
        return held.session

    @asynccontextmanager
    async def _taking(self, session_id: str, actor: str, *, is_end: bool = False) -> AsyncIterator[_Held]:
        """One step at a time, by the person who began, while the session stands; anybody may end it."""
        held = self._open.get(session_id)
        if held is None:
            raise CommissioningRefused(f"there is no open commissioning session {session_id!r}; begin one")
        session = held.session
        if session.actor != actor and not is_end:
            raise CommissioningRefused(f"{session.point} is being commissioned by {session.actor}, not by {actor}")
        if self._hub.clock.monotonic() >= held.until_s and not is_end:
            raise CommissioningRefused(
                f"{session.point}: its commissioning session is over: {held.why_over}; begin another one"
            )
        if held.step.locked() and not is_end:
            raise CommissioningRefused(f"{session.point}: a step of its commissioning is under way; wait for it")
        async with held.step:
            if held.session.ended_us is not None:
                raise CommissioningRefused(f"{session.point}: its commissioning has ended: {held.session.detail}")
            yield held
