"""Both engines on the same cases: how many agree, which class excuses the others, and what nobody explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from classes import CLASSES_MAX, EXCUSED_SHARE_MAX, explanation, table
from comparison import Call, difference
from ha_peer import Answer, Case
from shrinking import shrunk

UNEXPLAINED_SHOWN_MAX = 5

Ours = Callable[[Case], list[Call]]
Theirs = Callable[[Case], Answer]


@dataclass
class Outcome:
    """What a comparison came to."""

    cases: int = 0
    calls: int = 0
    silent: int = 0
    """Cases in which nobody called anything."""
    excused: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    """A report of each, the first few shrunk."""

    def table(self) -> str:
        """What was compared, and how many differences each class excuses."""
        head = f"{self.cases} cases, {self.calls} calls, {self.silent} cases without a call"
        return f"{head}, {len(self.unexplained)} unexplained\n{table(self.excused, max(1, self.cases))}"

    @property
    def excused_share(self) -> float:
        """The share of the cases that a class excuses."""
        return sum(self.excused.values()) / max(1, self.cases)

    def judge(self, classes: int) -> None:
        """Raise unless everything is explained, by few enough classes, in few enough cases."""
        assert not self.unexplained, "\n\n".join(self.unexplained)
        assert classes <= CLASSES_MAX, f"{classes} classes; {CLASSES_MAX} at most"
        assert self.excused_share <= EXCUSED_SHARE_MAX, f"{self.excused_share:.1%} excused"


def compare(pairs: Iterable[tuple[Case, Answer]], ours: Ours, theirs: Theirs) -> Outcome:
    """Compare our calls of each case with theirs; `theirs` is asked again while a case is made smaller."""
    outcome = Outcome()
    for case, answer in pairs:
        outcome.cases += 1
        if (problem := _problem(case, answer)) is not None:
            outcome.unexplained.append(problem)
            continue
        outcome.calls += len(answer.calls)
        outcome.silent += not answer.calls
        found = difference(case, _ours(ours, case), answer.calls)
        if found is None:
            continue
        if (meant := explanation(found)) is not None:
            outcome.excused[meant.name] += 1
        elif len(outcome.unexplained) < UNEXPLAINED_SHOWN_MAX:
            outcome.unexplained.append(_smallest(case, ours, theirs))
        else:
            outcome.unexplained.append(f"--- {case.name}: one more")
    return outcome


def _problem(case: Case, answer: Answer) -> str | None:
    if answer.error is not None:
        return f"--- {case.name}: Home Assistant did not answer: {answer.error}"
    if answer.refused:
        return f"--- {case.name}: Home Assistant refused {answer.refused}"
    return None


def _ours(ours: Ours, case: Case) -> list[Call]:
    try:
        return ours(case)
    except Exception as error:
        return [{"t": -1.0, "rule": None, "action": f"raised {type(error).__name__}", "data": {"text": str(error)}}]


def _smallest(case: Case, ours: Ours, theirs: Theirs) -> str:
    def differs(smaller: Case) -> bool:
        answer = theirs(smaller)
        if _problem(smaller, answer) is not None:
            return False
        found = difference(smaller, _ours(ours, smaller), answer.calls)
        return found is not None and explanation(found) is None

    small = shrunk(case, differs)
    found = difference(small, _ours(ours, small), theirs(small).calls)
    assert found is not None, f"{case.name} differs at times only"
    return replace(found, case=replace(small, name=f"{case.name}, made smaller")).report()
