"""Modes: who may run beside whom. A lane is a rule, a rule for one entity, or a script."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from hub.automation.language.model import Runnable

LaneKey: TypeAlias = tuple[str, str, str | None]
"""`rule` or `script`, its id, and the entity that it runs for."""


class InLane(Protocol):
    """What a lane knows of a run."""

    @property
    def lane(self) -> LaneKey:
        """Where it counts."""


R = TypeVar("R", bound=InLane)


class Admission(NamedTuple, Generic[R]):
    """What becomes of a run that wants to begin."""

    dropped: str = ""
    """Why it may not run at all."""
    waits: bool = False
    """It runs when those before it have ended."""
    ends: tuple[R, ...] = ()
    """Those that have to end for it."""


class Lanes(Generic[R]):
    """All runs under way and those that wait, by lane, in the order in which they began."""

    def __init__(self) -> None:
        """Start empty."""
        self._lanes: dict[LaneKey, list[R]] = {}

    def ask(self, definition: Runnable, key: LaneKey) -> Admission[R]:
        """What the mode of a definition says to one more run."""
        runs = self._lanes.get(key)
        if not runs:
            return Admission()
        match definition.mode:
            case "single":
                return Admission(dropped="mode single: a run is under way")
            case "restart":
                return Admission(ends=tuple(runs))
            case _ if len(runs) >= definition.max:
                running = "runs are under way" if definition.mode == "parallel" else "runs are under way or wait"
                return Admission(
                    dropped=f"mode {definition.mode}: {len(runs)} {running}, and max is {definition.max}"
                )
            case "queued":
                return Admission(waits=True)
            case _:
                return Admission()

    def enter(self, run: R) -> None:
        """Count a run."""
        self._lanes.setdefault(run.lane, []).append(run)

    def leave(self, run: R) -> R | None:
        """Count a run no more; the one that comes first now, if it was not first before."""
        runs = self._lanes.get(run.lane, [])
        if run not in runs:
            return None
        was_first = runs[0] is run
        runs.remove(run)
        if not runs:
            del self._lanes[run.lane]
            return None
        return runs[0] if was_first else None

    def is_first(self, run: R) -> bool:
        """Whether nobody of its lane is before a run."""
        runs = self._lanes.get(run.lane)
        return not runs or runs[0] is run
