"""Three-valued logic: what is not known is neither true nor false, and its opposite is not known either."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Truth(Enum):
    """What can be said of a condition."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def truth_of(claim: bool) -> Truth:
    """A claim as a truth."""
    return TRUE if claim else FALSE


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of a condition, why, and what was found of those inside it."""

    path: str
    """Where the condition stands in its rule, for traces."""
    truth: Truth
    reason: str
    """`sensor.a is 150, not below 100`, `unknown: sensor.a is stale for 12 min`."""
    parts: tuple[Judgement, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether a run may go on; what is unknown does not pass."""
        return self.truth is TRUE

    @property
    def told(self) -> str:
        """The reason of the innermost condition that decided: what a person wants to read."""
        for part in self.parts:
            if part.truth is self.truth:
                return part.told
        return self.reason
