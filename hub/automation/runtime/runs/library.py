"""The rules and scripts that may run now, and the older versions that runs are pinned to."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hub.automation.language import Rule, Script, rule_from_content, script_from_content
from hub.automation.runtime.runs.program import Program


class Library:
    """Programs by kind and name, and by version."""

    def __init__(self, providers: Collection[str] = ()) -> None:
        """Start empty; `providers` are the triggers that plugins provide."""
        self._providers = providers
        self._present: dict[tuple[str, str], Program] = {}
        self._pinned: dict[tuple[str, str, str], Program] = {}

    def put(self, definition: Rule | Script) -> Program:
        """Make a definition the present one."""
        program = Program(definition)
        self._present[program.kind, definition.id] = program
        return program

    def remove(self, kind: str, name: str) -> None:
        """Take a definition away."""
        self._present.pop((kind, name), None)

    def present(self, kind: str, name: str) -> Program | None:
        """The present version of a rule or script."""
        return self._present.get((kind, name))

    def scripts(self) -> list[str]:
        """The names of all scripts."""
        return [name for kind, name in self._present if kind == "script"]

    def pinned(self, kind: str, name: str, version: str, content: str | None) -> Program:
        """A version that a run is pinned to; raises `ConfigErrors` when this hub cannot read it any more."""
        present = self.present(kind, name)
        if present is not None and present.definition.version == version:
            return present
        place = kind, name, version
        program = self._pinned.get(place)
        if program is None:
            if content is None:
                raise LookupError(f"the {version[:12]} version of {kind} {name} is not on disk")
            definition: Rule | Script = (
                rule_from_content(content, rule_id=name, providers=self._providers)
                if kind == "rule"
                else script_from_content(content, script_id=name, providers=self._providers)
            )
            program = self._pinned[place] = Program(definition)
        return program


def contents(definitions: Iterable[Rule | Script]) -> list[tuple[str, str, str, str]]:
    """What of definitions is kept on disk."""
    return [
        ("rule" if isinstance(one, Rule) else "script", one.id, one.version, one.content) for one in definitions
    ]
