"""The way of a run through its steps: what every kind of step does stands in a module of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from hub.automation.language.model import Condition, Length, Step, length_of, rendered
from hub.automation.runtime.runs.outcomes import Cancelled, ConditionEnds, RunAborts, StepFails
from hub.automation.runtime.runs.places import Place, step_to
from hub.automation.runtime.runs.run import Run
from hub.automation.runtime.runs.scopes import Scope
from hub.automation.runtime.runs.strands import Cancel, Done, Pause
from hub.automation.runtime.runs.tools import NO_VARIABLES, Tools, nothing_to_cancel
from hub.automation.runtime.runs.traces import TraceStep, judged
from hub.automation.runtime.truth import Judgement
from hub.automation.templates import Template, TemplateError
from hub.core.errors import HubError


class Stand:
    """One step under way: what it is, where it stands, what it sees, and its line in the trace."""

    __slots__ = ("entry", "place", "rounds", "scope")

    def __init__(self, place: Place, scope: Scope, rounds: str, entry: TraceStep) -> None:
        """Hold them together; `rounds` counts the loops around it, `#2.1`."""
        self.place = place
        self.scope = scope
        self.rounds = rounds
        self.entry = entry

    def inside(self) -> Place:
        """Where the sequence inside this step stands."""
        return self.place.setdefault("inside", {})

    def set(self, name: str, value: object, *, is_guarded: bool = False) -> None:
        """Set a variable."""
        self.entry.changed[name] = value
        (self.scope.assign_guarded if is_guarded else self.scope.assign)(name, value)


Doing: TypeAlias = "Callable[[Walk, Any, Stand], Awaitable[None]]"


class Walk:
    """One run's way."""

    def __init__(self, run: Run, tools: Tools, doings: dict[type, Doing]) -> None:
        """Walk a run; `doings` says how each kind of step is done."""
        self.run = run
        self.tools = tools
        self._doings = doings

    async def from_the_start(self) -> None:
        """All steps of the run, from where it stands to its end."""
        await self._steps(self.run.program.steps, self.run.place, self.run.scope, "")

    async def sequence(self, steps: Sequence[Step], place: Place, scope: Scope, rounds: str) -> None:
        """Steps inside a step: a condition that does not pass ends these, and no more."""
        began_us = self.tools.clock.now_us()
        with suppress(ConditionEnds):
            await self._steps(steps, place, scope, rounds)
        # In Home Assistant what has waited inside comes back a turn later, so that other runs go first.
        if self.tools.is_as_in_home_assistant and self.tools.clock.now_us() != began_us:
            await self.breathe()

    async def _steps(self, steps: Sequence[Step], place: Place, scope: Scope, rounds: str) -> None:
        for index in range(place.get("at", 0), len(steps)):
            step_to(place, index)
            await self._step(steps[index], place, scope, rounds)

    async def _step(self, step: Step, place: Place, scope: Scope, rounds: str) -> None:
        run = self.run
        if run.is_over:
            raise Cancelled
        entry = run.trace.open(step.path, rounds, self.tools.clock.now_us())
        try:
            if step.enabled is not True and not self._is_enabled(step):
                entry.result["enabled"] = False
                return
            await self._doings[type(step)](self, step, Stand(place, scope, rounds, entry))
        except StepFails as error:
            entry.error = str(error)
            if not (step.continue_on_error and error.is_passable):
                raise
        except (TemplateError, HubError) as error:
            entry.error = str(error)
            raise StepFails(str(error), is_passable=False) from error

    def _is_enabled(self, step: Step) -> bool:
        flag = step.enabled
        return bool(flag.value(self.tools.world, NO_VARIABLES)) if isinstance(flag, Template) else flag

    # What steps use

    def render(self, value: object, scope: Scope) -> Any:
        """A value with its templates rendered; raises `TemplateError`."""
        world, variables = self.tools.world, scope.visible()
        return rendered(value, lambda template: template.value(world, variables))

    def length_us(self, length: Length, scope: Scope, what: str) -> int:
        """A length of time of this run; one that is none ends the run."""
        world, variables = self.tools.world, scope.visible()
        try:
            found = length_of(length, lambda template: template.value(world, variables))
        except (TemplateError, ValueError) as error:
            raise RunAborts(f"{what}: {error}") from error
        if isinstance(length, Template | dict):
            self.run.is_fresh = False
        return found.days * 86_400_000_000 + found.seconds * 1_000_000 + found.microseconds

    def passes(self, conditions: Sequence[Condition], stand: Stand, path: str) -> Judgement:
        """What is found of conditions; it goes into the trace."""
        self.run.is_fresh = False
        found = self.tools.judge.all_of(conditions, stand.scope.visible(), path)
        stand.entry.result["conditions"] = list(judged(found))
        return found

    async def kept(self) -> None:
        """Wait until it is on disk where the run stands, unless a crash now would lead to the same."""
        run, journal = self.run, self.tools.journal
        if not journal.is_durable or run.is_fresh:
            return

        def begin(done: Done) -> Cancel:
            self.keep(lambda: done(None))
            return nothing_to_cancel

        await Pause(begin)

    def keep(self, then: Callable[[], object] | None = None, *, with_trace: bool = False) -> None:
        """Have it written down where the run stands."""
        run, journal = self.run, self.tools.journal
        if journal.is_durable:
            journal.keep(run.row(with_trace=with_trace), then)
            for taken in run.taken:
                journal.forget(taken)
            run.taken.clear()

    async def until(self, due_us: int) -> None:
        """Wait until an instant of the wall clock."""

        def begin(done: Done) -> Cancel:
            return self.tools.alarms.at(due_us, lambda: done(None)).cancel

        self.run.is_fresh = False
        if due_us > self.tools.clock.now_us():
            await Pause(begin)

    async def breathe(self) -> None:
        """Let others go on before this run does."""

        def begin(done: Done) -> Cancel:
            return asyncio.get_running_loop().call_soon(done, None).cancel

        await Pause(begin)

    def came_late(self, late_us: int) -> None:
        """The hub was down when the run should have gone on: it sees how late it is, and may be too late."""
        run = self.run
        if late_us <= 0:
            return
        trigger = run.own.get("trigger")
        if isinstance(trigger, dict):
            trigger["late_s"] = late_us / 1e6
        run.trace.notes.append(f"went on {late_us / 1e6:g} s late, since the hub was down")
        limit_s = run.program.definition.max_late_s
        if limit_s is not None and late_us > limit_s * 1_000_000:
            raise RunAborts(f"{late_us / 1e6:g} s late, and max_late is {limit_s} s")
