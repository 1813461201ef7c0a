"""Takes up the runs that a crash or a stop of the hub left in their middle."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping

from hub.automation.runtime.runs.ambient import Ambient
from hub.automation.runtime.runs.lanes import LaneKey
from hub.automation.runtime.runs.library import Library
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.packing import Unpacking
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
        roster = self._roster
        callers: dict[str, str] = {}
        for row in rows:
            try:
                self._enter(row, callers, ambient)
            except (ConfigErrors, LookupError, ValueError, TypeError) as error:
                log.error("run %s of %s %s cannot go on: %s", row.id, row.kind, row.name, error)
                roster.tools.journal.forget(row.id)
        for run in roster:
            why = gone(run.program.kind, run.program.definition.id)
            if why:
                roster.finish(run, Answer(Outcome.CANCELLED, why))
        self._end_orphans()
        for run_id in [run_id for run_id in roster.answers if roster.get(callers[run_id]) is None]:
            del roster.answers[run_id]
            roster.tools.journal.forget(run_id)
        for run in roster:
            self._by_policy(run)
        return [run for run in roster if self._goes_on(run)]

    def _end_orphans(self) -> None:
        """What a run called ends with it."""
        while orphans := [one for one in self._roster if one.parent and self._roster.get(one.parent) is None]:
            for run in orphans:
                self._roster.finish(run, Answer(Outcome.CANCELLED, "its caller was ended"))

    def _goes_on(self, run: Run) -> bool:
        run.is_waiting = run.program.definition.mode == "queued" and not self._roster.lanes.is_first(run)
        return not run.is_waiting and run.question is None

    def _enter(self, row: RunRow, callers: dict[str, str], ambient: Ambient) -> None:
        head, rest = self._unpack(row.body)
        lane, entity_uid, root, cause, caused_by, parent, stack = head
        if row.state == "done":
            outcome, reason, response, is_passable = rest
            self._roster.answers[row.id] = Answer(Outcome(outcome), reason, response, is_passable)
            callers[row.id] = parent
            return
        content = self._contents.get((row.kind, row.name, row.version))
        program = self._library.pinned(row.kind, row.name, row.version, content)
        own, place, asked = rest
        context = Context(row.id, f"rule:{root}", caused_by)
        trace = Trace(row.id, row.kind, row.name, entity_uid, row.begun_us, cause, own.get("trigger"))
        if row.trace is not None:
            earlier = json.loads(row.trace)
            trace.earlier, trace.notes = earlier["steps"], earlier["notes"]
        trace.notes.append("the hub was restarted in its middle; events from meanwhile were not heard")
        key: LaneKey = (row.kind, row.name, lane)
        run = Run(
            row.id, program, key, entity_uid, root, context, row.begun_us, row.number, cause, own,
            ambient.of(program, context), trace, parent, tuple(stack), place,
            is_fresh=False, is_resumed=True,
        )  # fmt: skip
        if asked is not None:
            run.question = Question(*asked)
        self._roster.enter(run)

    def _by_policy(self, run: Run) -> None:
        """Let a run go on, end it, or ask a person, as its rule says."""
        policy = run.program.definition.on_restart
        if policy == "skip":
            reason = "the hub stopped in its middle, and on_restart is skip"
            self._roster.finish(run, Answer(Outcome.CANCELLED, reason))
        elif run.question is not None and run.question.about != "restart":
            run.question = None  # the step asks again
        if policy == "ask" and run.question is None:
            text = "the hub stopped in its middle, and on_restart is ask"
            run.question = Question("restart", text, self._roster.tools.clock.now_us())
            self._roster.tools.journal.keep(run.row())
