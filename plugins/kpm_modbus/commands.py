"""Relay commands: identity, write, settle, read back, electrical evidence; and the highest fence ever obeyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from hub.core.errors import NotFound
from hub.core.faultpoints import point as fault_point
from hub.core.plugins import PluginHub
from hub.core.storage import Migration, Reader, Tx
from plugins.kpm_modbus.meter import NOT_READ, Meter, WrongIdentity

MIGRATIONS = (
    Migration(
        1,
        "fences",
        """
CREATE TABLE kpm_modbus__fences (
  point TEXT PRIMARY KEY, fence INTEGER NOT NULL, desired TEXT NOT NULL) STRICT;
CREATE TABLE kpm_modbus__attempts (
  id INTEGER PRIMARY KEY, point TEXT NOT NULL, fence INTEGER NOT NULL, desired TEXT NOT NULL,
  outcome TEXT NOT NULL, detail TEXT NOT NULL, at_us INTEGER NOT NULL, reference TEXT NOT NULL) STRICT;
""",
    ),
)

SETTLE_S = 0.2
IDLE_CURRENT_MA = 50


class Commands:
    """The `relays` service over a set of meters."""

    def __init__(self, hub: PluginHub, meters: Mapping[PointId, Meter]) -> None:
        """Command these meters' relays."""
        self._hub = hub
        self._meters = meters
        self._highest: dict[PointId, tuple[Fence, Desired]] = {}
        self._observed: dict[PointId, ObservedRelay] = {}
        self.on_observed: Callable[[ObservedRelay], None] = lambda observed: None

    async def load(self) -> None:
        """Take up the fences of earlier starts."""

        def read(reader: Reader) -> dict[PointId, tuple[Fence, Desired]]:
            rows = reader.all("SELECT point, fence, desired FROM kpm_modbus__fences")
            return {PointId(row[0]): (Fence(row[1]), Desired(row[2])) for row in rows}

        self._highest = await self._hub.db.read(read)

    async def ensure(
        self, point: PointId, desired: Desired, grant: Grant, fence: Fence, deadline_us: int
    ) -> CommandResult:
        """Bring a relay to a position and prove it; see the contract."""
        queued_us = self._hub.clock.now_us()
        meter = self._meter(point)
        refusal = refusal_of(
            point, desired, grant, fence, deadline_us, now_us=queued_us, highest=self._highest.get(point)
        )
        if refusal is not None:
            result = self._result(point, desired, fence, queued_us, Outcome.REFUSED, refusal[1], refusal=refusal[0])
        else:
            if grant.source is GrantSource.SUPPLY:
                await self._note_fence(point, fence, desired)
            result = await self._carry_out(meter, desired, fence, queued_us)
        await self._record(result, grant)
        self._hub.bus.publish(CommandFinished(context=grant.context, result=result))
        return result

    def observed(self, point: PointId) -> ObservedRelay:
        """Where a relay stands as last seen."""
        self._meter(point)
        unknown = ObservedRelay(point=point, position=Position.UNKNOWN, since_us=None, evidence=None)
        return self._observed.get(point, unknown)

    def traits(self, point: PointId) -> RelayTraits:
        """A KPM33B closes directly and carries its own supply before the relay."""
        self._meter(point)
        return RelayTraits(needs_button=False, may_open_remotely=True, min_interval_us=0)

    def highest_fence(self, point: PointId) -> Fence:
        """The highest fence obeyed so far."""
        return self._highest.get(point, (Fence(0), Desired.CLOSED))[0]

    def note(self, point: PointId, evidence: Evidence) -> ObservedRelay:
        """Take in a look at a relay, by a poll or a command."""
        before = self._observed.get(point)
        same = before is not None and before.position is evidence.position
        since_us = before.since_us if before is not None and same else evidence.source_us
        observed = ObservedRelay(point=point, position=evidence.position, since_us=since_us, evidence=evidence)
        self._observed[point] = observed
        if not same:
            was = before.position if before is not None else None
            self._hub.bus.publish(RelayObserved(observed=observed, was=was))
        self.on_observed(observed)
        return observed

    async def _carry_out(self, meter: Meter, desired: Desired, fence: Fence, queued_us: int) -> CommandResult:
        wanted = Position.CLOSED if desired is Desired.CLOSED else Position.OPEN
        first_byte_us: int | None = None
        try:
            await meter.identify()
            if (await meter.read_relay()).position is not wanted:
                first_byte_us = self._hub.clock.now_us()
                fault_point("kpm_modbus.before_write")
                await meter.write_relay(desired is Desired.CLOSED)
                fault_point("kpm_modbus.after_write")
                await self._hub.clock.sleep(SETTLE_S)
            observed = self.note(meter.point, await meter.read_relay())
        except WrongIdentity as error:
            return self._result(
                meter.point, desired, fence, queued_us, Outcome.REFUSED, str(error), refusal=Refusal.WRONG_IDENTITY
            )
        except NOT_READ as error:
            outcome = Outcome.FAILED if first_byte_us is None else Outcome.UNKNOWN
            return self._result(meter.point, desired, fence, queued_us, outcome, str(error), first_byte_us)
        evidence = observed.evidence
        flows = evidence is not None and (evidence.current_ma or 0) > IDLE_CURRENT_MA
        if observed.position is wanted and not (wanted is Position.OPEN and flows):
            return self._result(
                meter.point, desired, fence, queued_us, Outcome.CONFIRMED, f"the relay is {wanted.value}",
                first_byte_us, observed,
            )  # fmt: skip
        detail = "current still flows" if flows else f"the relay reads {observed.position.value}"
        return self._result(
            meter.point, desired, fence, queued_us, Outcome.UNCONFIRMED, detail, first_byte_us, observed
        )

    def _result(
        self,
        point: PointId,
        desired: Desired,
        fence: Fence,
        queued_us: int,
        outcome: Outcome,
        detail: str,
        first_byte_us: int | None = None,
        observed: ObservedRelay | None = None,
        refusal: Refusal | None = None,
    ) -> CommandResult:
        return CommandResult(
            point=point,
            desired=desired,
            fence=fence,
            outcome=outcome,
            detail=detail,
            refusal=refusal,
            writes=int(first_byte_us is not None),
            observed=observed,
            queued_us=queued_us,
            first_byte_us=first_byte_us,
            finished_us=self._hub.clock.now_us(),
        )

    async def _note_fence(self, point: PointId, fence: Fence, desired: Desired) -> None:
        def write(tx: Tx) -> None:
            tx.execute(
                "INSERT INTO kpm_modbus__fences VALUES (?, ?, ?)"
                " ON CONFLICT (point) DO UPDATE SET fence = excluded.fence, desired = excluded.desired",
                (point, fence, desired.value),
            )

        await self._hub.db.write(write)
        self._highest[point] = (fence, desired)

    async def _record(self, result: CommandResult, grant: Grant) -> None:
        row = (
            result.point, result.fence, result.desired.value, result.outcome.value, result.detail,
            result.finished_us, grant.reference,
        )  # fmt: skip
        await self._hub.db.write(
            lambda tx: tx.execute(
                "INSERT INTO kpm_modbus__attempts (point, fence, desired, outcome, detail, at_us, reference)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        )

    def _meter(self, point: PointId) -> Meter:
        try:
            return self._meters[point]
        except KeyError:
            raise NotFound(f"no meter with a relay is configured for point {point!r}") from None
