"""Reasons to put the site on hold: while one stands, the hub switches nothing off on its own judgement."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub.core import context as contexts
from hub.core.bus import Bus, Event

log = logging.getLogger(__name__)

CLOCK_DOUBTFUL = "clock_doubtful"
STORAGE_FAILING = "storage_failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChanged(Event):
    """A reason for the hold came (`detail` says why) or went (`detail` is None)."""

    reason: str
    detail: str | None

    @property
    def key(self) -> str:
        """The reason."""
        return self.reason


class Holds:
    """The standing reasons, each with its detail; the site is on hold while there is any."""

    def __init__(self, bus: Bus) -> None:
        """Start without a reason."""
        self._bus = bus
        self._reasons: dict[str, str] = {}
        self._levels: dict[str, int] = {}
        self.look_again: Callable[[], object] = lambda: None
        """Brings the holds up to date, such as by checking the clock."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why the site is on hold, by reason; empty when it is not."""
        return MappingProxyType(self._reasons)

    def ask(self) -> bool:
        """Whether the site is on hold, after one more look at the clock; ask on the loop, right before acting."""
        self.look_again()
        return self.is_held

    @property
    def is_held(self) -> bool:
        """Whether the site is on hold."""
        return bool(self._reasons)

    def place(self, reason: str, detail: str, *, level: int = logging.WARNING) -> None:
        """Put the site on hold for a reason; placing it again renews its detail. `level` is how loud to log it."""
        was = self._reasons.get(reason)
        self._reasons[reason] = detail
        if was is None:
            log.log(level, "on hold: %s: %s", reason, detail)
            self._levels[reason] = level
        if was != detail:
            self._bus.publish(HoldChanged(context=contexts.current(), reason=reason, detail=detail))

    def lift(self, reason: str) -> None:
        """Take one reason away; the hold ends with the last one."""
        if self._reasons.pop(reason, None) is not None:
            log.log(self._levels.pop(reason, logging.WARNING), "hold lifted: %s", reason)
            self._bus.publish(HoldChanged(context=contexts.current(), reason=reason, detail=None))
