"""Variables that every run has and no record holds, since they are made anew when it resumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.automation.runtime.runs.program import Program
from hub.automation.templates import ContextView
from hub.core.context import Context

NOTHING: Mapping[str, object] = {}


class Ambient:
    """Makes `this` and `context` for runs whose templates name them."""

    def __init__(self, this: Callable[[str, str], Mapping[str, object]]) -> None:
        """`this` shows the entity of a rule or script (kind, id)."""
        self._this = this

    def of(self, program: Program, context: Context) -> Mapping[str, object]:
        """The variables for one run."""
        if program.names.isdisjoint(("this", "context")):
            return NOTHING
        found: dict[str, object] = {}
        if "this" in program.names:
            found["this"] = self._this(program.kind, program.definition.id)
        if "context" in program.names:
            found["context"] = ContextView(context)
        return found
