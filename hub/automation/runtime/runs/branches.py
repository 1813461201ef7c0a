"""The step `parallel`: its branches run side by side, and the run goes on when all have ended."""

from __future__ import annotations

from hub.automation.language.model import Branch, Parallel
from hub.automation.runtime.runs.outcomes import Cancelled, StepFails, fault_record, recorded_fault
from hub.automation.runtime.runs.places import BranchPlace
from hub.automation.runtime.runs.scopes import Scope
from hub.automation.runtime.runs.strands import Cancel, Done, Pause, Strand
from hub.automation.runtime.runs.tools import NO_VARIABLES
from hub.automation.runtime.runs.walk import Stand, Walk
from hub.automation.templates import Template


async def parallel(walk: Walk, step: Parallel, stand: Stand) -> None:
    """Start all branches in order and wait for all; then the first end that was no good one is the step's."""
    places = stand.place.get("branches")
    if places is None:
        places = stand.place["branches"] = [{} for _ in step.branches]
    if step.branches:
        walk.run.is_fresh = False
    if walk.tools.is_as_in_home_assistant:
        await walk.breathe()
    await Pause(_Branches(walk, step, stand, places).begin)
    for branch, place in zip(step.branches, places, strict=True):
        fault = place.get("fault")
        if fault is None:
            continue
        error = recorded_fault(fault)
        if not (branch.continue_on_error and isinstance(error, StepFails) and error.is_passable):
            raise error


class _Branches:
    """All branches of one step under way."""

    def __init__(self, walk: Walk, step: Parallel, stand: Stand, places: list[BranchPlace]) -> None:
        self._walk = walk
        self._step = step
        self._stand = stand
        self._places = places
        self._strands: list[Strand] = []
        self._left = 0

    def begin(self, done: Done) -> Cancel:
        open_branches = [
            (branch, place)
            for branch, place in zip(self._step.branches, self._places, strict=True)
            if not place.get("is_over") and self._is_enabled(branch)
        ]
        self._left = len(open_branches)
        if not open_branches:
            done(None)
        for branch, place in open_branches:
            self._start(branch, place, done)
        return self._cancel

    def _is_enabled(self, branch: Branch) -> bool:
        flag = branch.enabled
        return bool(flag.value(self._walk.tools.world, NO_VARIABLES)) if isinstance(flag, Template) else flag

    def _start(self, branch: Branch, place: BranchPlace, done: Done) -> None:
        scope = Scope(place.setdefault("own", {}), self._stand.scope, is_branch=True)
        work = self._walk.sequence(branch.sequence, place.setdefault("inside", {}), scope, self._stand.rounds)

        def ended(error: BaseException | None) -> None:
            place["is_over"] = True
            if isinstance(error, Exception):
                place["fault"] = fault_record(error)
            elif isinstance(error, Cancelled):
                return
            self._left -= 1
            if self._left == 0:
                done(None)

        strand = Strand(work, self._walk.run.context, ended)
        self._strands.append(strand)
        strand.start()

    def _cancel(self) -> None:
        for strand in self._strands:
            strand.stop()
