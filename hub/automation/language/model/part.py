"""What every trigger, condition and step has."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.automation.language.model.values import Flag
from hub.core.config import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What every trigger, condition and step has."""

    path: str
    alias: str = ""
    enabled: Flag = True
    mark: Mark | None = field(default=None, compare=False)
