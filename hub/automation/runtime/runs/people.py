"""Runs that wait for a person: whether to go on after a restart, or what became of a call that was cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hub.automation.runtime.runs.roster import Roster
from hub.automation.runtime.runs.run import Question, Run
from hub.automation.runtime.runs.strands import Cancel, Done
from hub.core.errors import HubError, NotFound

Choice: TypeAlias = Literal["go_on", "repeat", "skip"]

_CHOICES: dict[str, tuple[str, ...]] = {"restart": ("go_on",), "unknown": ("repeat", "skip")}


class WrongChoice(HubError):
    """The question of a run has no such answer."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that waits for a person."""

    run_id: str
    kind: str
    name: str
    entity_uid: str | None
    began_us: int
    about: str
    text: str
    asked_us: int
    path: str
    choices: tuple[str, ...]
    """What `approve` takes; `cancel` ends the run in any case."""


class WaitingRoom:
    """All runs that wait for a person."""

    def __init__(self, roster: Roster) -> None:
        """Look after the runs of a roster."""
        self._roster = roster
        self._answers: dict[str, Done] = {}

    def ask(self, run: Run, question: Question, done: Done) -> Cancel:
        """List a run; `done` is told the choice. After a restart it is asked again."""
        run.question = question
        self._answers[run.id] = done
        self._roster.tools.journal.keep(run.row(with_trace=True))

        def withdraw() -> None:
            self._answers.pop(run.id, None)
            run.question = None

        return withdraw

    def all(self) -> list[WaitingRun]:
        """Those who wait, the longest waiting first."""
        found = [_shown(run, run.question) for run in self._roster if run.question is not None]
        return sorted(found, key=lambda one: (one.asked_us, one.run_id))

    def approve(self, run_id: str, choice: Choice | None = None) -> None:
        """Let a run go on; where there is more than one way the choice must be given."""
        run, question = self._find(run_id)
        choices = _CHOICES[question.about]
        chosen = choice or (choices[0] if len(choices) == 1 else None)
        if chosen not in choices:
            raise WrongChoice(
                f"run {run_id} asks: {question.text}; choose one of {', '.join(choices)}"
                + (f", not {choice}" if choice else "")
            )
        run.question = None
        run.trace.notes.append(f"a person decided: {chosen}")
        done = self._answers.pop(run_id, None)
        self._roster.tools.journal.keep(run.row(with_trace=True))
        if done is None:
            self._roster.start_soon(run)
        else:
            done(chosen)

    def cancel(self, run_id: str, reason: str = "a person ended it") -> None:
        """End a run that waits."""
        run, _ = self._find(run_id)
        self._answers.pop(run_id, None)
        run.question = None
        self._roster.cancel(run, reason)

    def _find(self, run_id: str) -> tuple[Run, Question]:
        run = self._roster.get(run_id)
        if run is None or run.question is None:
            waiting = ", ".join(one.run_id for one in self.all()) or "none"
            raise NotFound(f"no run {run_id!r} waits for a person; those that do: {waiting}")
        return run, run.question


def _shown(run: Run, question: Question) -> WaitingRun:
    return WaitingRun(
        run.id, run.program.kind, run.program.definition.id, run.entity_uid, run.begun_us, question.about,
        question.text, question.asked_us, question.path, _CHOICES[question.about],
    )  # fmt: skip
