"""Why a rule did not run: what a person wants to know, in sentences, with the records behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TypedDict

from hub.automation.language import Rule
from hub.automation.runtime.contract import LatchView, Note
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.records import RuleRecord
from hub.automation.runtime.runs.schema import DropRow
from hub.automation.runtime.runs.traces import Trace, judged
from hub.core.clock import from_us

DROPS_SHOWN = 10


class Explanation(TypedDict):
    """What is known of a rule that did or did not run."""

    rule: str
    is_on: bool
    sentences: list[str]
    """Why it did not run, the likeliest reason first."""
    record: dict[str, object]
    latches: list[dict[str, object]]
    notes: list[dict[str, object]]
    drops: list[dict[str, object]]
    last_refusal: dict[str, object] | None
    under_way: int


def explain(
    rule: Rule,
    record: RuleRecord,
    fault: str,
    latches: Sequence[LatchView],
    notes: Sequence[tuple[int, Note]],
    drops: Sequence[DropRow],
    traces: Sequence[Trace],
    under_way: int,
    asking: Sequence[str],
) -> Explanation:
    """Put together what is known."""
    refusal = next((trace for trace in traces if trace.outcome is Outcome.REFUSED), None)
    failure = next((trace for trace in traces if trace.outcome is Outcome.FAILED), None)
    sentences = [f"it is not attached: {fault}"] if fault else []
    if not record.is_on:
        sentences.append("it is switched off")
    sentences += [f"run {run_id} waits for a person to decide" for run_id in asking]
    sentences += [_of_latch(view, record) for view in latches if _is_telling(view, record)]
    if refusal is not None:
        sentences.append(f"at {_time(refusal.began_us)} its conditions did not pass: {refusal.reason}")
    if failure is not None:
        sentences.append(f"at {_time(failure.began_us)} it failed: {failure.reason}")
    sentences += [f"at {_time(drop.at_us)} a run was dropped: {drop.reason}" for drop in drops[:3]]
    sentences += [f"at {_time(at_us)} trigger {note.trigger_key} {note.kind}: {note.text}" for at_us, note in notes]
    if not sentences:
        was = (
            "it has not been triggered yet" if record.last_triggered_us is None else "nothing kept it from running"
        )
        sentences.append(f"{was}; its triggers are attached and wait")
    return {
        "rule": rule.id,
        "is_on": record.is_on,
        "sentences": sentences,
        "record": asdict(record),
        "latches": [view._asdict() for view in latches],
        "notes": [{"at_us": at_us, **asdict(note)} for at_us, note in notes],
        "drops": [drop._asdict() for drop in drops[:DROPS_SHOWN]],
        "last_refusal": None if refusal is None else _shown(refusal),
        "under_way": under_way,
    }


def is_overlooked(latches: Sequence[LatchView], record: RuleRecord) -> bool:
    """Whether a rule has never fired although somebody is beyond one of its thresholds."""
    return record.last_triggered_us is None and any(view.is_beyond for view in latches)


def _is_telling(view: LatchView, record: RuleRecord) -> bool:
    return view.is_beyond is None or view.due_us is not None or view.is_set or bool(view.is_beyond)


def _of_latch(view: LatchView, record: RuleRecord) -> str:
    who = f"{view.entity_id} (trigger {view.trigger_key})"
    if view.is_beyond is None:
        return f"{who}: it cannot be said where it stands, {view.reason}"
    if view.due_us is not None:
        return f"{who}: beyond, and its `for` ends at {_time(view.due_us)}"
    if view.is_set and record.last_triggered_us is None:
        return f"{who}: it was beyond already when the rule came, and fires at its next crossing"
    if view.is_set:
        return f"{who}: it has fired for this crossing, and can fire again once the value is back"
    return f"{who}: beyond, and about to fire"


def _shown(trace: Trace) -> dict[str, object]:
    conditions = [] if trace.judgement is None else list(judged(trace.judgement))
    return {"at_us": trace.began_us, "cause": trace.cause, "reason": trace.reason, "conditions": conditions}


def _time(at_us: int) -> str:
    return from_us(at_us).isoformat(timespec="seconds")
