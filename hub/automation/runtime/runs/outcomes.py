"""How runs end, and what ends a sequence, a run or a step before its end."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """How a run ended, or why it never began."""

    FINISHED = "finished"
    """It came to its end, or to a `stop`."""
    ENDED = "ended"
    """A condition did not pass, a wait timed out, or a `stop` said it is an error."""
    FAILED = "failed"
    """A step went wrong."""
    CANCELLED = "cancelled"
    """Somebody ended it: a newer run of mode restart, a person, a rule that was switched off or removed."""
    REFUSED = "refused"
    """The conditions of the rule did not pass, so there was no run."""
    DROPPED = "dropped"
    """It should have run and did not: the mode was busy, or the storm brake held it."""


class Halt(Exception):
    """A run goes no further; not a fault of a step."""


class ConditionEnds(Halt):
    """A condition that did not pass ends the steps it stands among, and at the top the run."""


class RunAborts(Halt):
    """The run ends here, with all that it is inside of."""


class RunStops(Halt):
    """A `stop` step: the run ends well, with an answer for who called it."""

    def __init__(self, reason: str, response: object = None) -> None:
        """Say why, and what the caller gets."""
        super().__init__(reason)
        self.response = response


class StepFails(Exception):
    """A step went wrong; `continue_on_error` passes over it where that is not a mistake in the rule itself."""

    def __init__(self, message: str, *, is_passable: bool = True) -> None:
        """Say what went wrong."""
        super().__init__(message)
        self.is_passable = is_passable


class Cancelled(BaseException):
    """Thrown into a run that somebody has ended; no step may catch it."""


def fault_record(error: Exception) -> dict[str, object]:
    """An end of a parallel branch as it is kept until the other branches have ended."""
    record: dict[str, object] = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, RunStops):
        record["response"] = error.response
    if isinstance(error, StepFails):
        record["is_passable"] = error.is_passable
    return record


def recorded_fault(record: dict[str, object]) -> Exception:
    """The end of a branch that `fault_record` kept."""
    text = str(record["text"])
    match record["kind"]:
        case "RunStops":
            return RunStops(text, record["response"])
        case "RunAborts":
            return RunAborts(text)
        case _:
            return StepFails(text, is_passable=bool(record.get("is_passable")))
