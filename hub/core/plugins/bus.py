"""The bus as one plugin sees it: its listeners go with it, and it cannot flood the others."""

from __future__ import annotations

from hub.core.bus import Bus, Callback, Channel, E, Event, EventQueue, Unsubscribe
from hub.core.clock import Clock
from hub.core.errors import HubError
from hub.core.plugins.ownership import Ownership

EVENTS_PER_S_MAX = 50_000
EVENTS_BURST_MAX = 200_000


class BusFlood(HubError):
    """A plugin publishes more than the hub can tell; it has to slow down."""


class FloodGate:
    """A token bucket over a plugin's events and state writes; virtual time has no rate, so nothing is counted."""

    __slots__ = ("_checked_at", "_clock", "_left", "_owner")

    def __init__(self, owner: str, clock: Clock) -> None:
        """Start full."""
        self._owner = owner
        self._clock = clock
        self._left = EVENTS_BURST_MAX
        self._checked_at = clock.monotonic()

    def take(self) -> None:
        """Count one event; raises `BusFlood` when the plugin has no more to spend now."""
        self._left -= 1
        if self._left < 0:
            self._refill()

    def _refill(self) -> None:
        if self._clock.is_virtual:
            self._left = EVENTS_BURST_MAX
            return
        now = self._clock.monotonic()
        earned = int((now - self._checked_at) * EVENTS_PER_S_MAX)
        if earned == 0:
            raise BusFlood(
                f"plugin {self._owner!r} publishes more than {EVENTS_PER_S_MAX} events a second; "
                "publish changes only, or fewer of them"
            )
        self._checked_at = now
        self._left = min(EVENTS_BURST_MAX, earned) - 1  # what was refused is not owed, or a pause would not help


class PluginBus:
    """The bus for one plugin."""

    def __init__(self, bus: Bus, own: Ownership, gate: FloodGate) -> None:
        """Bind the bus to an owner."""
        self._bus = bus
        self._own = own
        self._gate = gate

    def subscribe(self, event_type: type[E], callback: Callback[E], *, key: str | None = None) -> Unsubscribe:
        """Call back for every event of exactly this type, or only for those with a key.

        A slow coroutine function loses events beyond `hub.core.bus.TASKS_MAX` under way; take a `queue` instead.
        """
        return self._own.add(self._bus.subscribe(event_type, callback, key=key, owner=self._own.owner))

    def queue(self, event_type: type[E], *, key: str | None = None, size_max: int = 1000) -> EventQueue[E]:
        """A bounded queue of events for a slow reader: when full, the oldest is dropped and counted."""
        queue = self._bus.queue(event_type, key=key, size_max=size_max, owner=self._own.owner)
        queue.unsubscribe = self._own.add(queue.unsubscribe)
        return queue

    def channel(self, event_type: type[E]) -> Channel[E]:
        """The channel of an event type, for publishers that ask `wants(key)` before they build."""
        return self._bus.channel(event_type)

    def publish(self, event: Event) -> None:
        """Tell an event to its type's listeners."""
        self._gate.take()
        self._bus.publish(event)
