"""What one YAML document gives and needs: its value, the meaning of its tags, the limits on all files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub.core.config.errors import ConfigError
from hub.core.config.nodes import ConfigValue, Mark

DEPTH_MAX = 64  # of lists and mappings in each other, through aliases and includes too
NODES_MAX = 500_000  # over all files; what an alias names counts each time
ALIASES_MAX = 20_000
ERRORS_MAX = 1_000


class LimitReached(Exception):
    """The files together are too much to go on reading."""

    def __init__(self, message: str, mark: Mark) -> None:
        """Say which limit, and where it was met."""
        super().__init__(message)
        self.error = ConfigError(message, mark)


@dataclass(slots=True)
class Budget:
    """What all documents of one load have used up together."""

    nodes: int = 0
    aliases: int = 0


class Document(NamedTuple):
    """The value of a document, where it starts, and the depth of its deepest list or mapping."""

    value: ConfigValue
    mark: Mark
    deepest: int


class Tags(Protocol):
    """What the tags of a document mean."""

    @property
    def names(self) -> Sequence[str]:
        """The tags that exist; none when the document may have no tags."""

    def read(self, tag: str, argument: str, mark: Mark, depth: int) -> Document | None:
        """The value for a tag with its argument; None when the error is recorded instead."""
