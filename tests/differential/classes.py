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
from comparison import TOLERANCE_S, Call, Difference, difference, same_call, same_value

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
    return (
        difference(found.case, _with_rules_sorted(found.ours, rules), _with_rules_sorted(found.theirs, rules))
        is None
    )


def _is_restarted_meanwhile(found: Difference) -> bool:
    """Home Assistant called more, all of it by rules of mode restart when something happened."""
    rules = _rules_of_mode(found, "restart")
    happened = [line["t"] for line in found.case.trace]
    ours = _by_rule(found.ours)
    for call in _by_rule(found.theirs):
        if ours and same_call(ours[0], call):
            ours.pop(0)
        elif call["rule"] not in rules or not (
            any(abs(call["t"] - t) <= TOLERANCE_S for t in happened)
            or any(one["rule"] == call["rule"] and abs(one["t"] - call["t"]) <= TOLERANCE_S for one in found.ours)
        ):
            return False
    return not ours


def _rounded_alike(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_rounded_alike(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1.001 * TOLERANCE_S
    return same_value(one, other)


def _is_last_digit(found: Difference) -> bool:
    if "wait.remaining" not in found.case.rules + "".join(found.case.files.values()):
        return False
    return len(found.ours) == len(found.theirs) and all(
        same_call({**one, "data": {}}, {**other, "data": {}}) and _rounded_alike(one["data"], other["data"])
        for one, other in zip(found.ours, found.theirs, strict=True)
    )


def _is_cut_off_at_a_stop(found: Difference) -> bool:
    """Only while a hub stops did Home Assistant call more, and up to there both called the same."""
    stops = [line["t"] for line in found.case.trace if "restart" in line]

    def at_a_stop(call: Call) -> bool:
        return any(abs(call["t"] - stop) <= TOLERANCE_S for stop in stops)

    ours, theirs = ([call for call in calls if not at_a_stop(call)] for calls in (found.ours, found.theirs))
    mine = [call for call in _by_rule(found.ours) if at_a_stop(call)]
    rest = iter(call for call in _by_rule(found.theirs) if at_a_stop(call))
    return difference(found.case, ours, theirs) is None and all(
        any(same_call(call, other) for other in rest) for call in mine
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
        "in mode parallel, which of two runs goes on first within one instant is such an accident too; the calls"
        " are the same",
        _is_interleaving_of_runs,
    ),
    DifferenceClass(
        "a run that is restarted while it goes on",
        "Home Assistant ends a run a few turns of the loop after the newer one was asked for, and what the old one"
        " still does until then is done; here an ended run does nothing more",
        _is_restarted_meanwhile,
    ),
    DifferenceClass(
        "a run that is cut off by the stop",
        "Home Assistant lets runs go on while it stops, as far as they come; here they stand still and go on after"
        " the start, or are lost with the other strategies",
        _is_cut_off_at_a_stop,
    ),
    DifferenceClass(
        "the last digit of the time that is left",
        "`wait.remaining` is reckoned in whole microseconds here and in floats there; just between two thousandths"
        " they are rounded apart",
        _is_last_digit,
    ),
)


def explanation(found: Difference) -> DifferenceClass | None:
    """The first class that explains a difference."""
    return next((one for one in CLASSES if one.explains(found)), None)


def table(counts: Counter[str], cases: int) -> str:
    """How many cases each class excuses."""
    rows = [f"{counts[one.name]:6} {counts[one.name] / cases:7.2%}  {one.name}" for one in CLASSES]
    return "\n".join([*rows, f"{sum(counts.values()):6} {sum(counts.values()) / cases:7.2%}  excused of {cases}"])
