"""From a firing to a run: variables, conditions, brake and mode are looked at in the instant of the edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.automation.language.model import Rule, rendered
from hub.automation.runtime.contract import Firing
from hub.automation.runtime.runs import schema
from hub.automation.runtime.runs.ambient import Ambient
from hub.automation.runtime.runs.brake import StormBrake
from hub.automation.runtime.runs.library import Library
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.program import Program
from hub.automation.runtime.runs.roster import Roster
from hub.automation.runtime.runs.run import Answer, Run
from hub.automation.runtime.runs.schema import DropRow, RunRow
from hub.automation.runtime.runs.traces import Trace
from hub.automation.runtime.strategies import Strategies
from hub.automation.templates import TemplateError
from hub.core.context import Context
from hub.core.ids import Ids
from hub.core.storage import Tx


class Considered:
    """What becomes of a firing: a run and the runs that it ends, or why there is none."""

    __slots__ = ("drop", "ends", "row", "run")

    def __init__(
        self,
        run: Run | None = None,
        row: RunRow | None = None,
        ends: tuple[Run, ...] = (),
        drop: DropRow | None = None,
    ) -> None:
        """Hold what `begin` writes."""
        self.run = run
        self.row = row
        self.ends = ends
        self.drop = drop


class RunStarter:
    """Implements `Starter`."""

    def __init__(
        self,
        roster: Roster,
        library: Library,
        ids: Ids,
        strategies: Strategies,
        ambient: Ambient,
        brake: StormBrake,
        on_triggered: Callable[[Run], object],
    ) -> None:
        """Begin runs of the rules of a library; `on_triggered` is told of every run that begins."""
        self._roster = roster
        self._library = library
        self._ids = ids
        self._strategies = strategies
        self._ambient = ambient
        self._brake = brake
        self._on_triggered = on_triggered

    def consider(self, firing: Firing, *, is_forced: bool = False, skips_conditions: bool = False) -> Considered:
        """Whether a firing runs, and with what; one that a person forces runs though the rule is off."""
        rule = firing.rule
        program = self._library.present("rule", rule.id)
        if program is None or not (is_forced or self._roster.records.of("rule", rule.id).is_on):
            return Considered()
        run_id = self._ids.new()
        data = firing.trigger_data
        trace = Trace(
            run_id, "rule", rule.id, firing.entity_uid, firing.at_us, str(data.get("description") or ""), data
        )
        context = Context(run_id, f"rule:{rule.id}", firing.context.id)
        ambient = self._ambient.of(program, context)
        own: dict[str, object] = {**firing.variables, "trigger": data}
        try:
            self._render(rule, own, ambient)
        except TemplateError as error:
            return self._refused(trace, rule, Outcome.FAILED, f"variables: {error}")
        if rule.conditions and not skips_conditions:
            judge = self._roster.tools.judge
            seen = {**ambient, **own} if ambient else own
            trace.judgement = judge.all_of(rule.conditions, seen)
            if not trace.judgement.passes:
                return self._refused(trace, rule, Outcome.REFUSED, trace.judgement.told)
        return self._admit(firing, program, trace, context, ambient, own)

    def begin(self, tx: Tx, considered: Sequence[Considered]) -> None:
        """Write runs and drops in the transaction of what fired them; the runs start after its commit."""
        schema.write_runs(tx, [one.row for one in considered if one.row is not None])
        ended = [run.id for one in considered for run in one.ends]
        if ended:
            schema.delete_runs(tx, ended)
        drops = [one.drop for one in considered if one.drop is not None]
        if drops:
            schema.write_drops(tx, drops)
        tx.on_commit(lambda: self._begun(considered))

    def abandon(self, considered: Sequence[Considered], error: Exception) -> None:
        """None of these begins."""
        for one in considered:
            for run in one.ends:
                self._roster.tools.journal.forget(run.id)
            if one.run is not None:
                self._roster.finish(one.run, Answer(Outcome.FAILED, f"it could not be written down: {error}"))

    def _begun(self, considered: Sequence[Considered]) -> None:
        for one in considered:
            if one.run is not None and one.row is not None and not one.run.is_waiting:
                self._roster.start_soon(one.run)

    def _render(self, rule: Rule, own: dict[str, object], ambient: Mapping[str, object]) -> None:
        """Add the rule's own variables; what the trigger brought goes before them."""
        world = self._roster.tools.world
        for variables in (rule.trigger_variables, rule.variables):
            for name, value in variables.items():
                if name not in own:
                    seen = {**ambient, **own} if ambient else own
                    own[name] = rendered(value, lambda template, seen=seen: template.value(world, seen))  # type: ignore[misc]

    def _admit(
        self,
        firing: Firing,
        program: Program,
        trace: Trace,
        context: Context,
        ambient: Mapping[str, object],
        own: dict[str, object],
    ) -> Considered:
        rule, roster, entity_uid = firing.rule, self._roster, firing.entity_uid
        lane = ("rule", *self._strategies.run_key(firing))
        admission = roster.lanes.ask(rule, lane)
        dropped = admission.dropped
        if not dropped and roster.tools.journal.is_durable:
            dropped = self._brake.holds("rule", rule, roster.tools.clock.now_us())
        if dropped:
            self._refused(trace, rule, Outcome.DROPPED, dropped)
            roster.told_dropped("rule", rule.id, rule.max_exceeded, dropped)
            return Considered(drop=DropRow("rule", rule.id, entity_uid, firing.at_us, dropped, trace.cause))
        run = Run(
            trace.run_id, program, lane, entity_uid, rule.id, context, firing.at_us, next(roster.numbers),
            trace.cause, own, ambient, trace, is_waiting=admission.waits,
        )  # fmt: skip
        for other in admission.ends:
            roster.cancel(other, "mode restart: a newer run took its place", is_kept=True)
        roster.enter(run)
        roster.count(run)
        self._on_triggered(run)
        if roster.tools.journal.is_durable:
            return Considered(run, run.row(), admission.ends)
        if not run.is_waiting:
            (roster.start_soon if admission.ends else roster.start)(run)
        return Considered()

    def _refused(self, trace: Trace, rule: Rule, outcome: Outcome, reason: str) -> Considered:
        trace.outcome, trace.reason = outcome, reason
        trace.ended_us = self._roster.tools.clock.now_us()
        self._roster.records.ended(trace, rule.stored_traces)
        return Considered()
