"""Configuration errors: values that carry their position, raised all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.core.config.nodes import Mark

_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One thing that is wrong, and where; without a mark the message itself must say where."""

    message: str
    mark: Mark | None = None

    def __str__(self) -> str:
        """`file:line:column: message`."""
        return self.message if self.mark is None else f"{self.mark}: {self.message}"


class ConfigErrors(Exception):
    """Everything that is wrong with a configuration, sorted by file and position."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        """Take at least one error; the same error met twice, as through two includes, counts once."""
        unmarked = Mark("", 0, 0)
        self.errors = tuple(
            sorted(dict.fromkeys(errors), key=lambda error: (error.mark or unmarked, error.message))
        )
        if not self.errors:
            raise ValueError("ConfigErrors needs at least one error")
        super().__init__(self.errors)

    def __str__(self) -> str:
        """One line for each error."""
        lines = [str(error) for error in self.errors[:_SHOWN_MAX]]
        if len(self.errors) > _SHOWN_MAX:
            lines.append(f"... and {len(self.errors) - _SHOWN_MAX} more errors")
        return "\n".join(lines)
