"""Which variables a step sees and where it sets them, as Home Assistant 2025.4 has it.

A variable is set where it is defined, or for the whole run when it is new. Only `repeat` belongs to its loop, and
`wait` to its parallel branch.
"""

from __future__ import annotations

from collections.abc import Mapping


class Scope:
    """The variables of a run, of a loop in it, or of a parallel branch in it."""

    __slots__ = ("_ambient", "_is_branch", "own", "parent")

    def __init__(
        self,
        own: dict[str, object],
        parent: Scope | None = None,
        *,
        is_branch: bool = False,
        ambient: Mapping[str, object] | None = None,
    ) -> None:
        """Hold variables; `ambient` are those of a run that are made anew when it resumes, such as `this`."""
        self.own = own
        self.parent = parent
        self._is_branch = is_branch
        self._ambient = ambient

    def visible(self) -> Mapping[str, object]:
        """All variables that a template sees here; not to be changed."""
        if self.parent is not None:
            return {**self.parent.visible(), **self.own} if self.own else self.parent.visible()
        return {**self._ambient, **self.own} if self._ambient else self.own

    def assign(self, name: str, value: object) -> None:
        """Set a variable where it is defined, or for the whole run."""
        scope = self
        while scope.parent is not None:
            if scope._is_branch:
                scope.own.pop(name, None)
            elif name in scope.own:
                break
            scope = scope.parent
        scope.own[name] = value

    def assign_guarded(self, name: str, value: object) -> None:
        """Set a variable that parallel branches do not share."""
        scope = self
        while scope.parent is not None:
            if scope._is_branch or name in scope.own:
                break
            scope = scope.parent
        scope.own[name] = value
