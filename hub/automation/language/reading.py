"""What all readers of one rule share: where errors go, how templates are compiled, which providers there are."""

from __future__ import annotations

from collections.abc import Collection

from hub.automation.templates import Template, compile_template, is_template
from hub.core.config import ConfigError, ConfigErrors, Mark


class Problems:
    """Collects everything that is wrong in one rule or script."""

    def __init__(self, who: str, mark: Mark | None) -> None:
        """`who` begins every text: "rule 'low'"."""
        self.who = who
        self.mark = mark
        self.errors: list[ConfigError] = []

    def add(self, message: str, mark: Mark | None, path: str = "") -> None:
        """Record one error; without a mark of its own it stands where the rule does."""
        place = f"{self.who}, {path}" if path else self.who
        error = ConfigError(f"{place}: {message}", mark or self.mark)
        if error not in self.errors:  # a step and the condition in it read the same keys
            self.errors.append(error)


class Reading:
    """The circumstances under which one rule or script is read."""

    def __init__(self, problems: Problems, providers: Collection[str]) -> None:
        """`providers` are the names of the triggers and conditions that loaded plugins provide."""
        self.problems = problems
        self.providers = providers

    def template(self, text: str, mark: Mark | None, path: str, *, limited: bool = False) -> Template | None:
        """A compiled template; None with its errors recorded."""
        where = mark or self.problems.mark or f"{self.problems.who}, {path}"
        try:
            return compile_template(text, where, is_limited=limited)
        except ConfigErrors as found:
            for error in found.errors:
                self.problems.add(error.message, error.mark or mark, path)
            return None


def is_template_text(value: object) -> bool:
    """Whether a value is a text with something to render in it."""
    return isinstance(value, str) and is_template(value)
