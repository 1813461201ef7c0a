"""What each run did, step by step, and why others did not run: the last few of each rule and entity."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.packing import pack
from hub.automation.runtime.truth import Judgement

STEPS_MAX = 400
"""Steps that a trace holds; of a run with more of them the first and the last are kept."""

LASTS_MAX = 20
"""How often the same step stands in a trace: a loop shows its last rounds."""

TEXT_MAX = 2_000
"""Characters of a value in a trace."""


@dataclass(slots=True, eq=False)
class TraceStep:
    """One step as it was run."""

    path: str
    """With the rounds of loops behind it: `actions/1/repeat/sequence/0#3`."""
    at_us: int
    changed: dict[str, object] = field(default_factory=dict)
    """The variables that it set."""
    result: dict[str, object] = field(default_factory=dict)
    error: str = ""

    def shown(self) -> dict[str, object]:
        """As a record."""
        record: dict[str, object] = {"path": self.path, "at_us": self.at_us}
        for name, value in (("changed", self.changed), ("result", self.result), ("error", self.error)):
            if value:
                record[name] = _short(value)
        return record


@dataclass(slots=True, eq=False)
class Trace:
    """One run, or one that was not to be."""

    run_id: str
    kind: str
    name: str
    """The id of the rule or script."""
    entity_uid: str | None
    began_us: int
    cause: str = ""
    """What the trigger says of itself."""
    trigger: Mapping[str, object] | None = None
    outcome: Outcome | None = None
    reason: str = ""
    ended_us: int | None = None
    judgement: Judgement | None = None
    """What was found of the rule's conditions."""
    steps: list[TraceStep] = field(default_factory=list)
    earlier: list[dict[str, object]] = field(default_factory=list)
    """The steps from before a restart of the hub."""
    number: int = 0
    """Traces that were kept later have larger ones."""
    notes: list[str] = field(default_factory=list)
    """What else is worth knowing: a restart in its middle, what was lost by it."""
    _seen: dict[str, deque[TraceStep]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What it is counted by: firings that led to no run must not drive out what did run."""
        was_run = self.outcome not in (Outcome.REFUSED, Outcome.DROPPED)
        return f"{'run' if was_run else 'none'} {self.entity_uid or ''}"

    def open(self, path: str, rounds: str, at_us: int) -> TraceStep:
        """A new step."""
        step = TraceStep(path + rounds, at_us)
        if rounds:
            seen = self._seen.setdefault(path, deque())
            seen.append(step)
            if len(seen) > LASTS_MAX:
                self._forget(seen.popleft())
        self.steps.append(step)
        if len(self.steps) > STEPS_MAX:
            del self.steps[STEPS_MAX // 2]
        return step

    def _forget(self, step: TraceStep) -> None:
        for place, other in enumerate(self.steps):
            if other is step:
                del self.steps[place]
                return

    def shown(self) -> dict[str, object]:
        """As a record, for people and for the file."""
        record: dict[str, object] = {
            "run": self.run_id, self.kind: self.name, "began_us": self.began_us, "ended_us": self.ended_us,
            "outcome": self.outcome.value if self.outcome else "running", "reason": self.reason,
            "cause": self.cause,
            "steps": [*self.earlier, *(step.shown() for step in self.steps)],
        }  # fmt: skip
        for name, value in (("entity_uid", self.entity_uid), ("notes", self.notes), ("trigger", self.trigger)):
            if value:
                record[name] = _short(value)
        if self.judgement is not None:
            record["conditions"] = list(judged(self.judgement))
        return record


def judged(judgement: Judgement) -> Iterator[dict[str, object]]:
    """A judgement and those inside it, each with its path."""
    yield {"path": judgement.path, "result": judgement.truth.value, "reason": judgement.reason}
    for part in judgement.parts:
        yield from judged(part)


def _short(value: object) -> object:
    """A value that fits into a trace: a long one is cut, and says so."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]}... ({len(value)} characters)"
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        text = pack(value)
        return list(value) if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}... ({len(value)} items)"
    return value


class TraceStore:
    """The last traces of every rule, script and entity, in memory; `unsaved` are those that are not on disk yet."""

    def __init__(self) -> None:
        """Hold none."""
        self._kept: dict[tuple[str, str], dict[str, deque[Trace]]] = {}
        self._numbers = count(1)
        self.unsaved: dict[str, tuple[Trace, int]] = {}
        """With how many of their place are kept, by run id."""
        self.dropped: list[tuple[str, str]] = []
        """Rules and scripts whose traces on disk go as well."""

    def add(self, trace: Trace, keep: int) -> None:
        """Keep a trace that has ended, and no more than so many of its rule and entity."""
        if keep <= 0:
            return
        traces = self._kept.setdefault((trace.kind, trace.name), {}).setdefault(trace.place, deque())
        trace.number = next(self._numbers)
        traces.append(trace)
        self.unsaved[trace.run_id] = trace, keep
        while len(traces) > keep:
            self.unsaved.pop(traces.popleft().run_id, None)

    def of(self, kind: str, name: str) -> list[Trace]:
        """The traces of a rule or script since the hub started, the newest first."""
        found = [trace for traces in self._kept.get((kind, name), {}).values() for trace in traces]
        return sorted(found, key=lambda trace: trace.number, reverse=True)

    def drop(self, kind: str, name: str) -> None:
        """Forget a rule or script that is gone."""
        for traces in self._kept.pop((kind, name), {}).values():
            for trace in traces:
                self.unsaved.pop(trace.run_id, None)
        self.dropped.append((kind, name))
