"""The visible state of each plugin: what `hub plugin list` shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hub.core.bus import Event


class PluginState(Enum):
    """Where a plugin is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    BLOCKED = "blocked"
    """Waits for a service that nobody provides now."""
    FAILED = "failed"
    """Broke; tried again at `next_try_us`, if that is set."""
    QUARANTINED = "quarantined"
    """Broke too often; only a person starts it again."""
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(slots=True)
class PluginStatus:
    """What is known of one plugin now."""

    name: str
    version: str
    source: str
    critical: bool
    state: PluginState = PluginState.STOPPED
    reason: str = ""
    """Why it is not running, or what went wrong last; with what to do."""
    next_try_us: int | None = None
    failures: int = 0
    """Starts and runs that failed since the hub started."""
    errors: int = 0
    """Errors of its listeners and tasks since the hub started."""
    last_error: str = ""
    blocked_s: float = 0.0
    """How long it has blocked the event loop, within the last ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginChanged(Event):
    """A plugin went from one state to another."""

    name: str
    state: PluginState
    reason: str

    @property
    def key(self) -> str:
        """The plugin's name."""
        return self.name
