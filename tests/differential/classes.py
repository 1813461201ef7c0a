"""The differences from Home Assistant that stand with `--home-assistant` too, each as a predicate with its reason.

Every class has a row in `docs/rules.md`. A difference that no class explains fails the suite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from comparison import TOLERANCE_S, Call, Difference, difference

CLASSES_MAX = 10
EXCUSED_SHARE_MAX = 0.03


@dataclass(frozen=True)
class DifferenceClass:
    """A kind of difference that is meant."""

    name: str
    reason: str
    explains: Callable[[Difference], bool]


def _instants(calls: list[Call]) -> list[list[Call]]:
    """Calls in groups of one instant each."""
    groups: list[list[Call]] = []
    for call in calls:
        if groups and abs(call["t"] - groups[-1][0]["t"]) <= TOLERANCE_S:
            groups[-1].append(call)
        else:
            groups.append([call])
    return groups


def _by_rule(calls: list[Call]) -> list[Call]:
    """The calls of each instant with those of one rule side by side, each rule's in their order."""
    return [
        call
        for group in _instants(calls)
        for _, mine in groupby(sorted(group, key=lambda one: str(one["rule"])), key=lambda one: one["rule"])
        for call in mine
    ]


def _is_interleaving(found: Difference) -> bool:
    return difference(found.case, _by_rule(found.ours), _by_rule(found.theirs)) is None


CLASSES: tuple[DifferenceClass, ...] = (
    DifferenceClass(
        "rules of one instant take turns differently",
        "which of two rules goes on first within one instant is an accident of the event loop's turns; the calls of"
        " each rule keep their order",
        _is_interleaving,
    ),
)


def explanation(found: Difference) -> DifferenceClass | None:
    """The first class that explains a difference."""
    return next((one for one in CLASSES if one.explains(found)), None)


def table(counts: Counter[str], cases: int) -> str:
    """How many cases each class excuses."""
    rows = [f"{counts[one.name]:6} {counts[one.name] / cases:7.2%}  {one.name}" for one in CLASSES]
    return "\n".join([*rows, f"{sum(counts.values()):6} {sum(counts.values()) / cases:7.2%}  excused of {cases}"])
