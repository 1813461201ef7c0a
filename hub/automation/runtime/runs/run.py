"""One run: its variables, where it stands, and how that is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hub.automation.runtime.runs.lanes import LaneKey
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.packing import pack
from hub.automation.runtime.runs.places import Place
from hub.automation.runtime.runs.program import Program
from hub.automation.runtime.runs.schema import RunRow
from hub.automation.runtime.runs.scopes import Scope
from hub.automation.runtime.runs.strands import Strand
from hub.automation.runtime.runs.traces import Trace
from hub.core.context import Context


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to decide before a run goes on."""

    about: str
    """`restart`: whether it goes on at all; `unknown`: whether a call is made again."""
    text: str
    asked_us: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a run ended, for who called it."""

    outcome: Outcome
    reason: str = ""
    response: object = None
    is_passable: bool = True


Told: TypeAlias = Callable[[Answer], object]


@dataclass(slots=True, eq=False)
class Run:
    """A run of one version of a rule or script."""

    id: str
    program: Program
    lane: LaneKey
    entity_uid: str | None
    root: str
    """The rule that it all began with; a script that a person called."""
    context: Context
    begun_us: int
    number: int
    cause: str
    own: dict[str, object]
    ambient: Mapping[str, object]
    trace: Trace
    parent: str | None = None
    """The run that called it and waits for its answer."""
    stack: tuple[str, ...] = ()
    """The scripts that it is called from, itself included."""
    place: Place = field(default_factory=lambda: Place())
    question: Question | None = None
    is_fresh: bool = True
    """Nothing has happened since it was written down that would come out otherwise a second time."""
    is_resumed: bool = False
    """It goes on after a restart, and has not come to anything new yet."""
    is_waiting: bool = False
    """It has not begun: others of its lane are before it."""
    is_over: bool = False
    strand: Strand | None = None
    told: list[Told] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Runs whose answers it has, which need not be kept once it is written down itself."""

    @property
    def scope(self) -> Scope:
        """The variables at the top of the run."""
        return Scope(self.own, ambient=self.ambient)

    def row(self, *, with_trace: bool = False) -> RunRow:
        """The run as it stands now."""
        question = self.question
        if question is None:
            state, asked = "open", None
        else:
            state, asked = "asking", [question.about, question.text, question.asked_us, question.path]
        shown = self.trace.shown() if with_trace else None
        trace = None if shown is None else pack({"steps": shown["steps"], "notes": self.trace.notes})
        return self._row(state, [self.own, self.place, asked], trace)

    def done_row(self, answer: Answer) -> RunRow:
        """The run once it has ended, while its caller has not taken the answer."""
        told = [answer.outcome.value, answer.reason, answer.response, answer.is_passable]
        return self._row("done", told, None)

    def _row(self, state: str, rest: list[object], trace: str | None) -> RunRow:
        program = self.program
        head = (
            self.lane[2], self.entity_uid, self.root, self.cause, self.context.parent_id, self.parent, self.stack,
        )  # fmt: skip
        definition = program.definition
        return RunRow(
            self.id, program.kind, definition.id, definition.version, self.begun_us, self.number, state,
            pack([head, rest]), trace,
        )  # fmt: skip
