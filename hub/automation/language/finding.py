"""What a check finds in a rule that can be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hub.automation.language.model import Rule, Runnable
from hub.core.config import ConfigError, Mark

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """An error will fail whenever the part runs; a warning is something that nobody would write on purpose."""

    severity: Severity
    error: ConfigError
    id: str
    """Of the rule or script."""

    def __str__(self) -> str:
        """`file:line:column: severity: message`."""
        place = "" if self.error.mark is None else f"{self.error.mark}: "
        return f"{place}{self.severity}: {self.error.message}"


def name_of(runnable: Runnable) -> str:
    """How findings name a rule or script."""
    return f"{'rule' if isinstance(runnable, Rule) else 'script'} {runnable.id!r}"


def finding(runnable: Runnable, severity: Severity, message: str, mark: Mark | None, path: str = "") -> Finding:
    """A finding at a part of a rule or script."""
    place = f"{name_of(runnable)}, {path}" if path else name_of(runnable)
    return Finding(severity, ConfigError(f"{place}: {message}", mark or runnable.mark), runnable.id)
