"""What a random case is made with: its dice, what it has used of the syntax, and durations that never meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub.core.ids import SeededIds

T = TypeVar("T")
Yaml = dict[str, Any]

_MILLISECONDS = tuple(range(3, 1000, 7))


def jinja(expression: object) -> str:
    """A template of one expression."""
    return "{{ " + str(expression) + " }}"


@dataclass
class Draft:
    """A case in the making."""

    seed: int
    local_start: datetime
    used: set[str] = field(default_factory=set)
    """Names of the syntax elements that the case holds."""
    actions: int = 0
    triggers: list[str] = field(default_factory=list)
    """Ids of the triggers of the rule in the making."""
    heard: list[str] = field(default_factory=list)
    """Events that earlier rules fire, and this one may hear: never its own, so that no loop runs for ever."""

    own_event: str = ""
    """The event that steps of the rule in the making fire."""

    def __post_init__(self) -> None:
        self.random = SeededIds(self.seed).random
        self._milliseconds = list(_MILLISECONDS)
        self.random.shuffle(self._milliseconds)

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random.random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of these."""
        return self.random.choice(options)

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """One or more of these, in any order."""
        return self.random.sample(options, self.random.randint(1, min(most, len(options))))

    def use(self, *elements: str) -> None:
        """Count elements of the syntax."""
        self.used.update(elements)

    def seconds(self, most: int = 20) -> float:
        """A duration that no other of the case equals: two timers of one instant have no order worth comparing."""
        return round(self.random.randint(1, most) + self._milliseconds.pop() / 1000, 3)

    def instant_near(self, spread_s: int = 300) -> str:
        """A local hour, as rules write it, in the time that the trace takes."""
        at = self.local_start + timedelta(seconds=self.random.randint(5, spread_s))
        return at.strftime("%H:%M:%S")

    def instant_soon(self) -> str:
        """An instant with its zone, as a sensor tells it."""
        at = self.local_start + timedelta(seconds=self.random.randint(30, 300))
        return at.replace(microsecond=0).isoformat()

    def duration(self, element: str, most: int = 20) -> Any:
        """A duration in one of the spellings; counts them under the element."""
        value = self.seconds(most)
        whole, rest = divmod(round(value * 1000), 1000)
        spelling = self.pick(("number", "text", "mapping", "template", "template in a mapping"))
        self.use(f"{element}: {spelling}")
        return {
            "number": value,
            "text": f"00:00:{whole:02}.{rest:03}",
            "mapping": {"seconds": whole, "milliseconds": rest},
            "template": jinja(value),
            "template in a mapping": {"seconds": jinja(value)},
        }[spelling]
