"""What all runs of an engine work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hub.automation.runtime.conditions import Judge
from hub.automation.runtime.contract import WaitArmer
from hub.automation.runtime.runs.calling import Asked, Caller
from hub.automation.runtime.runs.journal import Journal
from hub.automation.runtime.runs.strands import Cancel, Done
from hub.automation.runtime.runs.workers import Workers
from hub.automation.runtime.timers import Alarms
from hub.automation.runtime.world import RuleWorld
from hub.core.bus import Event
from hub.core.clock import Clock

if TYPE_CHECKING:
    from hub.automation.runtime.runs.run import Question, Run


class OwnActions(Protocol):
    """The actions that are the engine's own: scripts."""

    def begin(self, run: Run, asked: Asked, done: Done) -> Cancel | None:
        """Begin one of them, and tell `done` the response or `Raised`; None when the action is somebody else's."""


class People(Protocol):
    """Who decides what the engine cannot know."""

    def ask(self, run: Run, question: Question, done: Done) -> Cancel:
        """List a run among those that wait for a person; `done` is told the choice."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs of an engine work with."""

    world: RuleWorld
    judge: Judge
    armer: WaitArmer
    alarms: Alarms
    clock: Clock
    journal: Journal
    caller: Caller
    own_actions: OwnActions
    people: People
    publish: Callable[[Event], object]
    workers: Workers
    on_call: Callable[[Asked], object]
    """Told of every call before it is made."""
    is_as_in_home_assistant: bool = False
    """An error of a condition ends `until`, and one in the data of an event leaves them empty."""


def nothing_to_cancel() -> None:
    """For pauses that cannot be taken back."""


NO_VARIABLES: Mapping[str, object] = {}
