"""The differences from Home Assistant that stand with `--home-assistant` too, each as a predicate with its reason.

Every class has a row in `docs/rules.md`. A difference that no class explains fails the suite.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import yaml
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


def _rules_of_mode(found: Difference, mode: str) -> set[str]:
    """The rules of a case, and of what it reloads, that have a mode."""
    texts = [found.case.rules, *found.case.files.values()]
    rules = [rule for text in texts for rule in yaml.safe_load(text) or [] if isinstance(rule, dict)]
    return {str(rule["id"]) for rule in rules if rule.get("mode") == mode and "id" in rule}


def _with_rules_sorted(calls: list[Call], rules: set[str]) -> list[Call]:
    """The calls of each instant and rule, and those of some rules in one order whatever it was."""
    return [
        call
        for group in _instants(_by_rule(calls))
        for rule, mine in groupby(group, key=lambda one: one["rule"])
        for call in (sorted(mine, key=lambda one: json.dumps(one, sort_keys=True)) if rule in rules else mine)
    ]


def _is_interleaving_of_runs(found: Difference) -> bool:
    rules = _rules_of_mode(found, "parallel")
    return difference(found.case, _with_rules_sorted(found.ours, rules), _with_rules_sorted(found.theirs, rules)) is None


def _without_repeated(calls: list[Call], rules: set[str]) -> list[Call]:
    """The calls, without those that a rule repeats within an instant."""
    kept: list[Call] = []
    for group in _instants(_by_rule(calls)):
        seen: list[tuple[object, object]] = []
        for call in group:
            if call["rule"] in rules and (call["rule"], call["action"]) in seen:
                continue
            seen.append((call["rule"], call["action"]))
            kept.append(call)
    return kept


def _is_restarted_at_once(found: Difference) -> bool:
    rules = _rules_of_mode(found, "restart")
    return (
        difference(found.case, _without_repeated(found.ours, rules), _without_repeated(found.theirs, rules)) is None
    )


CLASSES: tuple[DifferenceClass, ...] = (
    DifferenceClass(
        "rules of one instant take turns differently",
        "which of two rules goes on first within one instant is an accident of the event loop's turns; the calls of"
        " each rule keep their order",
        _is_interleaving,
    ),
    DifferenceClass(
        "runs of one rule take turns differently",
        "in mode parallel, which of two runs goes on first within one instant is such an accident too; the calls are"
        " the same",
        _is_interleaving_of_runs,
    ),
    DifferenceClass(
        "a run that is restarted in the instant of its start",
        "in Home Assistant the first steps of parallel branches are still done after the run was ended; here an"
        " ended run does nothing more",
        _is_restarted_at_once,
    ),
)


def explanation(found: Difference) -> DifferenceClass | None:
    """The first class that explains a difference."""
    return next((one for one in CLASSES if one.explains(found)), None)


def table(counts: Counter[str], cases: int) -> str:
    """How many cases each class excuses."""
    rows = [f"{counts[one.name]:6} {counts[one.name] / cases:7.2%}  {one.name}" for one in CLASSES]
    return "\n".join([*rows, f"{sum(counts.values()):6} {sum(counts.values()) / cases:7.2%}  excused of {cases}"])
