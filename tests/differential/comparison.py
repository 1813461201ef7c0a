"""What two engines called, compared: the same calls with the same data, in order, within a millisecond."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ha_peer import Case

Call = dict[str, Any]
TOLERANCE_S = 0.001


@dataclass(frozen=True)
class Difference:
    """Where the calls of two engines part."""

    case: Case
    ours: list[Call]
    theirs: list[Call]
    place: int
    """The first call that differs."""

    def report(self) -> str:
        """The case and both answers, as a person reads them."""
        lines = [f"--- {self.case.name}", f"start {self.case.start} {self.case.tz}", self.case.rules.rstrip()]
        lines += [f"  {name}:\n{text.rstrip()}" for name, text in self.case.files.items()]
        lines += [f"  {json.dumps(line)}" for line in self.case.trace]
        for number, (ours, theirs) in enumerate(zip_longest(self.ours, self.theirs)):
            if number >= self.place - 2:
                mark = "  same  " if number < self.place else "! differs"
                lines += [f"{mark} ours   {json.dumps(ours)}", f"{mark} theirs {json.dumps(theirs)}"]
            if number > self.place + 3:
                lines.append("...")
                break
        return "\n".join(lines)


def difference(case: Case, ours: Sequence[Call], theirs: Sequence[Call]) -> Difference | None:
    """The first difference of two answers, or None."""
    for place, (one, other) in enumerate(zip_longest(ours, theirs)):
        if one is None or other is None or not same_call(one, other):
            return Difference(case, list(ours), list(theirs), place)
    return None


def same_call(one: Call, other: Call) -> bool:
    """Whether two calls say the same, at the same time."""
    return (
        abs(one["t"] - other["t"]) <= TOLERANCE_S
        and one["rule"] == other["rule"]
        and one["action"] == other["action"]
        and same_value(one["data"], other["data"])
    )


def same_value(one: Any, other: Any) -> bool:
    """Equal, with the type: 1, 1.0 and true are three values; the last digits of a float are nobody's claim."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, float):
        return abs(one - other) <= 1e-9 * max(1.0, abs(one)) or (one != one and other != other)
    return bool(one == other)
