"""The runs under way: how each begins, goes on and ends."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count

from hub.automation.runtime.runs.doings import DOINGS
from hub.automation.runtime.runs.lanes import Lanes
from hub.automation.runtime.runs.outcomes import (
    Cancelled,
    ConditionEnds,
    Outcome,
    RunAborts,
    RunStops,
    StepFails,
)
from hub.automation.runtime.runs.records import Records
from hub.automation.runtime.runs.run import Answer, Run
from hub.automation.runtime.runs.strands import Strand
from hub.automation.runtime.runs.tools import Tools
from hub.automation.runtime.runs.walk import Walk
from hub.core.faultpoints import point

log = logging.getLogger(__name__)

STARTS_PER_TURN = 50
"""Runs that go on in one turn of the loop, so that a burst lets others work in between."""

_SEVERITIES = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class Roster:
    """All runs of an engine."""

    def __init__(self, records: Records, on_ended: Callable[[Run], object]) -> None:
        """Start empty; `tools` are given before the first run."""
        self.tools: Tools
        self._on_ended = on_ended
        self.records = records
        self.lanes: Lanes[Run] = Lanes()
        self.numbers = count(1)
        """Tell runs of one instant apart."""
        self.answers: dict[str, Answer] = {}
        """How runs ended whose callers, after a restart, have not come to ask yet."""
        self._runs: dict[str, Run] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._ready: deque[Run] = deque()
        self._is_turn_set = False
        self._is_stopped = False

    def __iter__(self) -> Iterator[Run]:
        """The runs under way, in the order in which they began."""
        return iter(list(self._runs.values()))

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._runs)

    def get(self, run_id: str) -> Run | None:
        """A run under way."""
        return self._runs.get(run_id)

    def enter(self, run: Run) -> None:
        """Count a run; it does nothing yet."""
        self._runs[run.id] = run
        self._counts[_named(run)] += 1
        self.lanes.enter(run)

    def count(self, run: Run) -> None:
        """Count a run that is new, for the record of its rule or script."""
        kind, name = _named(run)
        record = self.records.of(kind, name)
        record.runs += 1
        record.last_triggered_us = run.begun_us
        self.records.changed(kind, name)

    def under_way(self, kind: str, name: str) -> int:
        """How many runs of a rule or script are under way or wait."""
        return self._counts[kind, name]

    def start_soon(self, run: Run) -> None:
        """Let a run begin or go on in one of the next turns of the loop."""
        self._ready.append(run)
        if not self._is_turn_set:
            self._is_turn_set = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_turn_set = False
        for _ in range(min(STARTS_PER_TURN, len(self._ready))):
            self.start(self._ready.popleft())
        if self._ready and not self._is_turn_set:
            self._is_turn_set = True
            asyncio.get_running_loop().call_soon(self._turn)

    def start(self, run: Run) -> None:
        """Let a run begin or go on, at once."""
        if run.is_over or run.strand is not None or run.question is not None or self._is_stopped:
            return
        point("runs.begun")
        run.is_waiting = False
        walk = Walk(run, self.tools, DOINGS)
        run.strand = Strand(walk.from_the_start(), run.context, lambda error: self._ended(run, error))
        run.strand.start()

    def _ended(self, run: Run, error: BaseException | None) -> None:
        if run.is_over or self._is_stopped:
            return
        match error:
            case None:
                self.finish(run, Answer(Outcome.FINISHED))
            case RunStops():
                self.finish(run, Answer(Outcome.FINISHED, str(error), error.response))
            case ConditionEnds() | RunAborts():
                self.finish(run, Answer(Outcome.ENDED, str(error)))
            case StepFails():
                self.finish(run, Answer(Outcome.FAILED, str(error), is_passable=error.is_passable))
            case Cancelled():
                self.finish(run, Answer(Outcome.CANCELLED, "it was ended"))
            case _:
                log.error("run %s of %s %s failed", run.id, *_named(run), exc_info=error)
                self.finish(run, Answer(Outcome.FAILED, f"{type(error).__name__}: {error}"))

    def cancel(self, run: Run, reason: str, *, is_kept: bool = False) -> None:
        """End a run where it stands; `is_kept` leaves its row to the caller."""
        if run.is_over:
            return
        self.finish(run, Answer(Outcome.CANCELLED, reason), is_kept=is_kept)
        if run.strand is not None:
            run.strand.stop()

    def finish(self, run: Run, answer: Answer, *, is_kept: bool = False) -> None:
        """A run is over: it is recorded, its caller is told, and the next of its lane may begin."""
        point("runs.before_end")
        run.is_over = True
        if self._runs.pop(run.id, None) is not None:
            self._counts[_named(run)] -= 1
        self._record(run, answer)
        heir = self.lanes.leave(run)
        if not is_kept:
            self._write_end(run, answer)
        for told in run.told:
            told(answer)
        run.told.clear()
        if heir is not None and heir.is_waiting:
            self.start_soon(heir)
        self._on_ended(run)

    def _write_end(self, run: Run, answer: Answer) -> None:
        journal = self.tools.journal
        for taken in run.taken:
            journal.forget(taken)
        parent = None if run.parent is None else self._runs.get(run.parent)
        if parent is None:
            journal.forget(run.id)
            return
        journal.keep(run.done_row(answer))
        if run.told:
            parent.taken.append(run.id)
        else:
            self.answers[run.id] = answer

    def _record(self, run: Run, answer: Answer) -> None:
        trace = run.trace
        trace.outcome, trace.reason = answer.outcome, answer.reason
        trace.ended_us = self.tools.clock.now_us()
        self.records.ended(trace, run.program.definition.stored_traces)
        if answer.outcome is Outcome.FAILED:
            log.error("%s %s failed: %s (run %s)", *_named(run), answer.reason, run.id)

    def told_dropped(self, kind: str, name: str, severity: str, reason: str) -> None:
        """Say that a run was dropped, as loud as its definition wants it."""
        if severity != "silent":
            log.log(_SEVERITIES[severity], "%s %s does not run: %s", kind, name, reason)

    def stop(self) -> None:
        """Let all runs be, as a crash would; what is on disk goes on at the next start."""
        self._is_stopped = True
        self._ready.clear()
        for run in self:
            run.is_over = True
            if run.strand is not None:
                run.strand.stop()
        self._runs.clear()


def _named(run: Run) -> tuple[str, str]:
    return run.program.kind, run.program.definition.id
