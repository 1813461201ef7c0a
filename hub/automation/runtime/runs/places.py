"""Where a run stands: plain JSON, changed in place while the run goes on, and enough to go on from there."""

from __future__ import annotations

from typing import TypedDict


class Pinned(TypedDict):
    """A call as it was rendered: after a crash it is made again with the same data under the same key."""

    action: str
    data: dict[str, object]


class BranchPlace(TypedDict, total=False):
    """Where a parallel branch stands."""

    inside: Place
    own: dict[str, object]
    is_over: bool
    fault: dict[str, object]


class Place(TypedDict, total=False):
    """Where a sequence of steps stands, and what its present step has done so far."""

    at: int
    """Which step; all that follows belongs to it alone."""
    call: Pinned
    due_us: int | None
    is_waiting: bool
    held: list[str]
    """What a wait was armed for and held already then."""
    remaining_s: float | None
    is_armed: bool
    way: str
    """Which sequence was chosen."""
    round: int
    count: int
    items: list[object]
    inside: Place
    branches: list[BranchPlace]


def step_to(place: Place, index: int) -> None:
    """Go on to another step; what the last one kept is forgotten."""
    if place.get("at") != index:
        place.clear()  # type: ignore[attr-defined]  # a mapping whose keys are all optional
        place["at"] = index
