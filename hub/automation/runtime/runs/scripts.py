"""Scripts as actions of a run: `script.NAME` is waited for, `script.turn_on` and `script.turn_off` are not.

A script that is called is a run of its own, named by the key of the call: made again after a crash, the call finds
the run that goes on, or its answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.automation.language.model import Script, rendered
from hub.automation.runtime.runs.ambient import Ambient
from hub.automation.runtime.runs.brake import StormBrake
from hub.automation.runtime.runs.calling import Asked
from hub.automation.runtime.runs.library import Library
from hub.automation.runtime.runs.outcomes import Outcome, StepFails
from hub.automation.runtime.runs.program import Program
from hub.automation.runtime.runs.roster import Roster
from hub.automation.runtime.runs.run import Answer, Run
from hub.automation.runtime.runs.schema import DropRow
from hub.automation.runtime.runs.strands import Cancel, Done, Raised
from hub.automation.runtime.runs.tools import nothing_to_cancel
from hub.automation.runtime.runs.traces import Trace
from hub.automation.templates import TemplateError
from hub.core.actions import InvalidCall
from hub.core.config import did_you_mean
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.core.faultpoints import point

DOMAIN = "script"


class Scripts:
    """Begins and ends runs of scripts; implements `OwnActions`."""

    def __init__(self, roster: Roster, library: Library, ambient: Ambient, brake: StormBrake) -> None:
        """Run the scripts of a library."""
        self._roster = roster
        self._library = library
        self._ambient = ambient
        self._brake = brake

    def begin(self, run: Run, asked: Asked, done: Done) -> Cancel | None:
        """Begin what an action of scripts says; None for any other action."""
        domain, _, name = asked.action.partition(".")
        if domain != DOMAIN:
            return None
        if name == "turn_on":
            given = asked.data.get("variables") or {}
            if not isinstance(given, Mapping):
                raise InvalidCall(f"script.turn_on: `variables` must be a mapping, got {str(given)[:100]!r}")
            for script in self._named(asked):
                child = self._child(script, dict(given), f"{asked.key}/{script.definition.id}", run, asked)
                self._enter(child, parent=None, stack=())
            done({})
            return nothing_to_cancel
        if name == "turn_off":
            for script in self._named(asked):
                self.end_all(script.definition.id, "script.turn_off")
            done({})
            return nothing_to_cancel
        return self._call(self.find(name), run, asked, done)

    def find(self, name: str) -> Program:
        """A script by its name; raises `NotFound` with a close one."""
        program = self._library.present("script", name)
        if program is None:
            hint = did_you_mean(name, self._library.scripts())
            raise NotFound(f"there is no script {name!r}.{hint or ' See scripts.yaml.'}")
        return program

    def end_all(self, name: str, reason: str) -> None:
        """End all runs of a script."""
        for run in self._roster:
            if run.lane[:2] == (DOMAIN, name):
                self._roster.cancel(run, reason)

    def start(
        self, name: str, variables: Mapping[str, object], run_id: str, context: Context, done: Done
    ) -> Cancel:
        """Run a script that a person or another plugin called; called again under the same id, it is joined."""
        program = self.find(name)
        known = self._joined(run_id, done, None)
        if known is not None:
            return known
        script = _script(program)
        own = self._given(script, dict(variables))
        run = self._made(program, own, run_id, f"{DOMAIN}.{name}", Context(run_id, context.actor, context.id))
        return self._begun(run, parent=None, stack=(name,), done=done)

    def _named(self, asked: Asked) -> list[Program]:
        names = asked.data.get("entity_id")
        listed = names if isinstance(names, list) else [names]
        if not names:
            raise InvalidCall(f"{asked.action}: name the scripts under `target`, entity_id: script.NAME")
        return [self.find(str(name).partition(".")[2]) for name in listed]

    def _call(self, program: Program, run: Run, asked: Asked, done: Done) -> Cancel:
        known = self._joined(asked.key, done, run)
        if known is not None:
            return known
        name = program.definition.id
        if name in run.stack and program.definition.mode in ("restart", "queued"):
            self._roster.told_dropped(DOMAIN, name, "warning", f"it calls itself in mode {program.definition.mode}")
            done({})
            return nothing_to_cancel
        child = self._child(program, dict(asked.data), asked.key, run, asked)
        return self._begun(child, parent=run.id, stack=(*run.stack, name), done=done)

    def _joined(self, run_id: str, done: Done, by: Run | None) -> Cancel | None:
        """Take the answer of a run that was begun before, or wait for it."""
        answer = self._roster.answers.pop(run_id, None)
        if answer is not None:
            if by is not None:
                by.taken.append(run_id)
            _tell(answer, done)
            return nothing_to_cancel
        child = self._roster.get(run_id)
        if child is None:
            return None
        child.told.append(lambda answer: _tell(answer, done))
        return lambda: self._roster.cancel(child, "its caller was ended")

    def _child(self, program: Program, given: dict[str, object], run_id: str, run: Run, asked: Asked) -> Run:
        own = self._given(_script(program), given)
        return self._made(program, own, run_id, asked.key, Context(run_id, run.context.actor, run.context.id), run)

    def _given(self, script: Script, given: dict[str, object]) -> dict[str, object]:
        """What the caller gives, checked against the fields of the script."""
        if self._roster.tools.is_as_in_home_assistant:
            return given
        for field in script.fields:
            if field.key not in given and field.default is not None:
                given[field.key] = field.default
            if field.is_required and given.get(field.key) is None:
                raise InvalidCall(f"script.{script.id} needs {field.key!r}; write it under `data`")
        return given

    def _made(
        self,
        program: Program,
        own: dict[str, object],
        run_id: str,
        cause: str,
        context: Context,
        by: Run | None = None,
    ) -> Run:
        script, tools = program.definition, self._roster.tools
        ambient = self._ambient.of(program, context)
        try:
            for name, value in script.variables.items():
                if name not in own:
                    seen = {**ambient, **own}
                    own[name] = rendered(value, lambda template, seen=seen: template.value(tools.world, seen))  # type: ignore[misc]
        except TemplateError as error:
            raise StepFails(f"script.{script.id}: variables: {error}") from error
        now_us = tools.clock.now_us()
        trace = Trace(run_id, DOMAIN, script.id, None, now_us, cause)
        root = script.id if by is None else by.root
        return Run(
            run_id, program, (DOMAIN, script.id, None), None, root, context, now_us, next(self._roster.numbers),
            cause, own, ambient, trace,
        )  # fmt: skip

    def _begun(self, run: Run, *, parent: str | None, stack: tuple[str, ...], done: Done) -> Cancel:
        """Begin a run that somebody waits for."""
        run.told.append(lambda answer: _tell(answer, done))
        if not self._enter(run, parent=parent, stack=stack):
            done({})
            return nothing_to_cancel
        return lambda: self._roster.cancel(run, "its caller was ended")

    def _enter(self, run: Run, *, parent: str | None, stack: tuple[str, ...]) -> bool:
        """Let a run begin as its mode says; False when it may not."""
        roster, script = self._roster, run.program.definition
        admission = roster.lanes.ask(script, run.lane)
        is_durable = roster.tools.journal.is_durable
        dropped = admission.dropped
        if not dropped and is_durable:
            dropped = self._brake.holds(DOMAIN, script, run.begun_us)
        if dropped:
            run.trace.outcome, run.trace.reason, run.trace.ended_us = Outcome.DROPPED, dropped, run.begun_us
            roster.records.ended(run.trace, script.stored_traces)
            roster.told_dropped(DOMAIN, script.id, script.max_exceeded, dropped)
            roster.tools.journal.drop(DropRow(DOMAIN, script.id, None, run.begun_us, dropped, run.cause))
            return False
        run.parent, run.stack, run.is_waiting = parent, stack, admission.waits
        for other in admission.ends:
            roster.cancel(other, "mode restart: a newer run took its place")
        roster.enter(run)
        roster.count(run)
        if is_durable:
            roster.tools.journal.keep(run.row(), lambda: self._written(run))
        elif not run.is_waiting:
            roster.start(run)
        return True

    def _written(self, run: Run) -> None:
        point("runs.script_begun")
        if not run.is_waiting:
            self._roster.start_soon(run)


def _script(program: Program) -> Script:
    assert isinstance(program.definition, Script)
    return program.definition


def _tell(answer: Answer, done: Done) -> None:
    """Hand a caller the answer of a script: its response, or the error that it ended with."""
    if answer.outcome is Outcome.FAILED:
        done(Raised(StepFails(answer.reason, is_passable=answer.is_passable)))
    else:
        done({} if answer.response is None else answer.response)
