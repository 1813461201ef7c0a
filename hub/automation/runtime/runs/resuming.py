"""Takes up the runs that a crash or a stop of the hub left in their middle."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from hub.automation.runtime.runs.ambient import Ambient
from hub.automation.runtime.runs.lanes import LaneKey
from hub.automation.runtime.runs.library import Library
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.packing import Unpacking
from hub.automation.runtime.runs.program import Program
from hub.automation.runtime.runs.roster import Roster
from hub.automation.runtime.runs.run import Answer, Question, Run
from hub.automation.runtime.runs.schema import RunRow
from hub.automation.runtime.runs.traces import Trace
from hub.core.config import ConfigErrors
from hub.core.context import Context

log = logging.getLogger(__name__)

Gone = Callable[[str, str], str]
"""Why runs of a rule or script (kind, name) may not go on: it was removed or switched off; empty if they may."""


class Resuming:
    """Brings runs back from their rows."""

    def __init__(self, roster: Roster, library: Library, contents: Mapping[tuple[str, str, str], str]) -> None:
        """Read pinned definitions from `contents`."""
        self._roster = roster
        self._library = library
        self._contents = contents
        self._unpack = Unpacking(roster.tools.world)

    def resume(self, rows: list[RunRow], gone: Gone, ambient: Ambient) -> list[Run]:
        """Enter all runs that may go on; those that wait for nobody are to be started, in this order."""
        known = {row.id for row in rows}
        entered: list[Run] = []
        for row in rows:
            try:
                run = self._one(row, known, gone, ambient)
            except (ConfigErrors, LookupError, ValueError, TypeError) as error:
                log.error("run %s of %s %s cannot go on: %s", row.id, row.kind, row.name, error)
                self._roster.tools.journal.forget(row.id)
                continue
            if run is not None:
                entered.append(run)
        started = []
        for run in entered:
            run.is_waiting = run.program.definition.mode == "queued" and not self._roster.lanes.is_first(run)
            if not run.is_waiting and run.question is None:
                started.append(run)
        return started

    def _one(self, row: RunRow, known: set[str], gone: Gone, ambient: Ambient) -> Run | None:
        head: dict[str, Any] = self._unpack(row.head)
        parent = head["parent"]
        if row.state == "done":
            if parent in known:
                outcome, reason, response, is_passable = self._unpack(row.body)
                self._roster.answers[row.id] = Answer(Outcome(outcome), reason, response, is_passable)
            else:
                self._roster.tools.journal.forget(row.id)
            return None
        content = self._contents.get((row.kind, row.name, row.version))
        program = self._library.pinned(row.kind, row.name, row.version, content)
        run = self._run(row, head, program, ambient)
        self._roster.enter(run)
        why = gone(row.kind, row.name)
        if parent is not None and parent not in known:
            why = why or "its caller is gone"
        if why:
            self._roster.finish(run, Answer(Outcome.CANCELLED, why))
            return None
        return self._by_policy(run)

    def _by_policy(self, run: Run) -> Run | None:
        """Go on, end, or ask a person, as the rule says."""
        policy = run.program.definition.on_restart
        if policy == "skip":
            reason = "the hub stopped in its middle, and on_restart is skip"
            self._roster.finish(run, Answer(Outcome.CANCELLED, reason))
            return None
        if run.question is not None and run.question.about != "restart":
            run.question = None  # the step asks again
        if policy == "ask" and run.question is None:
            text = "the hub stopped in its middle, and on_restart is ask"
            run.question = Question("restart", text, self._roster.tools.clock.now_us())
            self._roster.tools.journal.keep(run.row())
        return run

    def _run(self, row: RunRow, head: dict[str, Any], program: Program, ambient: Ambient) -> Run:
        body: dict[str, Any] = self._unpack(row.body)
        actor = f"rule:{head['root']}"
        context = Context(row.id, actor, head["caused_by"])
        own = body["own"]
        entity_uid, cause = head["entity_uid"], head["cause"]
        trace = Trace(row.id, row.kind, row.name, entity_uid, row.begun_us, cause, own.get("trigger"))
        if row.trace is not None:
            earlier = json.loads(row.trace)
            trace.earlier, trace.notes = earlier["steps"], earlier["notes"]
        trace.notes.append("the hub was restarted in its middle; events from meanwhile were not heard")
        lane: LaneKey = (row.kind, row.name, head["lane"])
        run = Run(
            row.id, program, lane, entity_uid, head["root"], context, row.begun_us, row.number, cause, own,
            ambient.of(program, context), trace, head["parent"], tuple(head["stack"]), body["place"],
            is_fresh=False, is_resumed=True,
        )  # fmt: skip
        if "question" in body:
            run.question = Question(*body["question"])
        return run
