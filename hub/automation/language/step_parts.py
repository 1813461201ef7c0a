"""What the readers of steps share: the keys that every step has, and steps inside a step."""

from __future__ import annotations

from typing import TypedDict

from hub.automation.language.block import Block
from hub.automation.language.conditions import read_conditions
from hub.automation.language.model import Condition, Flag, Step
from hub.core.config import ConfigList, Mark


class Shared(TypedDict):
    """The keys of every step."""

    path: str
    alias: str
    enabled: Flag
    mark: Mark | None
    continue_on_error: bool


def read_shared(block: Block) -> Shared:
    """The keys that every step has."""
    return Shared(
        path=block.path,
        alias=block.text("alias"),
        enabled=block.enabled(),
        mark=block.mark,
        continue_on_error=block.flag("continue_on_error", default=False),
    )


def steps_at(block: Block, key: str) -> tuple[Step, ...]:
    """The steps under a key, which may be none."""
    from hub.automation.language.steps import read_steps  # steps hold steps

    nodes = block.raw(key)
    return read_steps(nodes, block.inside(key), block.reading) if isinstance(nodes, ConfigList) else ()


def conditions_at(block: Block, key: str) -> tuple[Condition, ...]:
    """The conditions under a key, which may be none."""
    nodes = block.raw(key)
    return read_conditions(nodes, block.inside(key), block.reading) if isinstance(nodes, ConfigList) else ()
