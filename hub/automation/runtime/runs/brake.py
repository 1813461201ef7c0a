"""The storm brake: a rule that fires without end is held, so that it harms nobody else."""

from __future__ import annotations

from collections import deque

from hub.automation.language.model import RunLimit, Runnable

DEFAULT_LIMIT = RunLimit(10_000, 60)
"""For rules that name none: more than every entity of a large site once, far less than a rule that fires itself."""


class StormBrake:
    """Counts the runs that each rule begins."""

    def __init__(self) -> None:
        """Nothing has run yet."""
        self._begun_us: dict[tuple[str, str], deque[int]] = {}

    def holds(self, kind: str, definition: Runnable, now_us: int) -> str:
        """Why no further run may begin now; empty when it may, and then it is counted."""
        limit = definition.max_runs_per or DEFAULT_LIMIT
        begun = self._begun_us.setdefault((kind, definition.id), deque())
        while begun and begun[0] <= now_us - limit.per_s * 1_000_000:
            begun.popleft()
        if len(begun) >= limit.runs:
            return f"storm brake: {limit.runs} runs began within {limit.per_s} s"
        begun.append(now_us)
        return ""

    def forget(self, kind: str, name: str) -> None:
        """A rule is gone."""
        self._begun_us.pop((kind, name), None)
