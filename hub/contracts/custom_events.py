"""Events whose type is only a text: what rules and webhooks make up as they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.core.bus import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEvent(Event):
    """An event without a class of its own, as the `event` step of a rule puts on the bus."""

    event_type: str
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its type, by which its listeners are found."""
        return self.event_type
