"""A definition as runs interpret it: its steps, and what can be said of them before any run."""

from __future__ import annotations

from hub.automation.language import Rule, Script, parts_of, templates_of
from hub.automation.language.model import Call, Runnable, Step
from hub.automation.templates import Template


class Program:
    """One version of a rule or script."""

    def __init__(self, definition: Rule | Script) -> None:
        """Look through a definition once."""
        self.definition: Rule | Script = definition
        self.kind = "rule" if isinstance(definition, Rule) else "script"
        self.steps: tuple[Step, ...] = definition.actions if isinstance(definition, Rule) else definition.sequence
        self.names = _names(definition)
        """The variables that its templates take."""
        self._is_settled: dict[int, bool] = {}
        self._is_plain: dict[int, bool] = {}

    def is_settled(self, step: Step) -> bool:
        """Whether a step's own values are the same whenever they are rendered with the same variables."""
        found = self._is_settled.get(id(step))
        if found is None:
            found = self._is_settled[id(step)] = all(map(_depends_on_nothing, templates_of(step)))
        return found

    def is_plain(self, call: Call) -> bool:
        """Whether a call is the same each time as it was written, with nothing in it that could be changed."""
        found = self._is_plain.get(id(call))
        if found is None:
            data = call.data
            found = self._is_plain[id(call)] = (
                isinstance(call.action, str)
                and not call.target
                and isinstance(data, dict)
                and not any(isinstance(value, Template | list | dict) for value in data.values())
            )
        return found


def _names(definition: Runnable) -> frozenset[str]:
    names: set[str] = set()
    for part in (definition, *parts_of(definition)):
        for template in templates_of(part):
            names |= template.names
    return frozenset(names)


def _depends_on_nothing(template: Template) -> bool:
    reads = template.depends_on
    return reads.is_complete and not (
        reads.references or reads.domains or reads.all_states or reads.uses_time or "random" in template.text
    )
