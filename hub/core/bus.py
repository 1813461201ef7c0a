"""Typed events, told to whoever asked for that type or for that type and key.

Order: an event published while another is being told waits until every listener has heard the first one, so all
listeners hear all events in one order. A chain of events that cause events is cut at `DEPTH_MAX`, with the
listener that keeps it going named. Events are notices after the fact: nothing that money depends on travels here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from hub.core import context as contexts
from hub.core.context import Context

log = logging.getLogger(__name__)

DEPTH_MAX = 100
"""How many events deep a chain of causes may go before it counts as a runaway loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events: something that has happened."""

    context: Context = contexts.SYSTEM

    @property
    def key(self) -> str | None:
        """What keyed subscribers select by, such as an entity id; None for events without a key."""
        return None


E = TypeVar("E", bound=Event)
Callback = Callable[[E], object]
Unsubscribe = Callable[[], None]


class Spawn(Protocol):
    """Starts a supervised task in the name of an owner."""

    def __call__(self, owner: str, name: str, work: Coroutine[Any, Any, object]) -> object:
        """Start the work; its failure is the owner's."""


class Listener:
    """One subscription: whose it is, what to call, and how often that went wrong."""

    __slots__ = ("callback", "failures", "is_coroutine", "owner")

    def __init__(self, owner: str, callback: Callable[[Any], object]) -> None:
        """Decide once how the callback is to be called."""
        self.owner = owner
        self.callback = callback
        self.failures = 0
        self.is_coroutine = inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(
            getattr(callback, "__call__", None)  # noqa: B004 - callable objects with an async __call__
        )

    def __repr__(self) -> str:
        """Name the plugin and the function, for logs and the watchdog."""
        return f"{self.owner}:{getattr(self.callback, '__qualname__', repr(self.callback))}"


class Channel(Generic[E]):
    """The listeners of one event type. `wants(key)` first, then build the event."""

    __slots__ = ("_bus", "by_key", "event_type", "everyone")

    def __init__(self, bus: Bus, event_type: type[E]) -> None:
        """Start without listeners; the tuples are replaced, never changed, so telling is safe meanwhile."""
        self._bus = bus
        self.event_type = event_type
        self.everyone: tuple[Listener, ...] = ()
        self.by_key: dict[str, tuple[Listener, ...]] = {}

    def wants(self, key: str | None) -> bool:
        """Whether anybody would hear an event with this key."""
        return bool(self.everyone) or key in self.by_key

    def add(self, key: str | None, listener: Listener) -> Unsubscribe:
        """Subscribe a listener to all events of the type, or to those with a key."""
        if key is None:
            self.everyone = (*self.everyone, listener)
        else:
            self.by_key[key] = (*self.by_key.get(key, ()), listener)
        return lambda: self._remove(key, listener)

    def _remove(self, key: str | None, listener: Listener) -> None:
        if key is None:
            self.everyone = tuple(other for other in self.everyone if other is not listener)
            return
        left = tuple(other for other in self.by_key.get(key, ()) if other is not listener)
        if left:
            self.by_key[key] = left
        else:
            self.by_key.pop(key, None)

    def publish(self, event: E, key: str | None) -> None:
        """Tell the event to everybody who wants it, after the events already being told."""
        self._bus.tell(self, event, key)


class Bus:
    """All channels of a hub and the one queue that orders what is told."""

    def __init__(self, spawn: Spawn) -> None:
        """Coroutine listeners run as tasks started by `spawn`."""
        self._spawn = spawn
        self._channels: dict[type[Event], Channel[Any]] = {}
        self._waiting: deque[tuple[Channel[Any], Event, str | None, int]] = deque()
        self._telling = False
        self._depth = 0
        self.running: Listener | None = None
        """The listener being called now, for the watchdog."""
        self.on_failure: Callable[[Listener, BaseException], None] | None = None
        self.cut_chains = 0

    def channel(self, event_type: type[E]) -> Channel[E]:
        """The channel of an event type, for publishers that ask before they build."""
        channel = self._channels.get(event_type)
        if channel is None:
            channel = self._channels[event_type] = Channel(self, event_type)
        return channel

    def subscribe(
        self, event_type: type[E], callback: Callback[E], *, key: str | None = None, owner: str
    ) -> Unsubscribe:
        """Call back for every event of exactly this type, or only for those with a key.

        A plain function runs inline and must be quick; a coroutine function runs as the owner's task.
        """
        return self.channel(event_type).add(key, Listener(owner, callback))

    def queue(
        self, event_type: type[E], *, key: str | None = None, size_max: int = 1000, owner: str
    ) -> EventQueue[E]:
        """A bounded queue of events for a slow reader: when full, the oldest is dropped and counted."""
        queue: EventQueue[E] = EventQueue(size_max)
        queue.unsubscribe = self.subscribe(event_type, queue.put, key=key, owner=owner)
        return queue

    def publish(self, event: Event) -> None:
        """Tell an event to its type's listeners."""
        channel = self._channels.get(type(event))
        if channel is not None:
            key = event.key
            if channel.everyone or key in channel.by_key:
                self.tell(channel, event, key)

    def tell(self, channel: Channel[Any], event: Event, key: str | None) -> None:
        """Tell one event now, or queue it behind the one being told."""
        if self._telling:
            if self._depth >= DEPTH_MAX:
                self._cut(event)
            else:
                self._waiting.append((channel, event, key, self._depth + 1))
            return
        self._telling = True
        try:
            self._deliver(channel, event, key)
            while self._waiting:
                channel, event, key, self._depth = self._waiting.popleft()
                self._deliver(channel, event, key)
        finally:
            self._telling = False
            self._depth = 0

    def _deliver(self, channel: Channel[Any], event: Event, key: str | None) -> None:
        listeners = channel.everyone
        if key is not None and key in channel.by_key:
            listeners = channel.by_key[key] + listeners
        outer = self.running
        with contexts.use(event.context):
            for listener in listeners:
                self.running = listener
                try:
                    if listener.is_coroutine:
                        self._spawn(listener.owner, repr(listener), listener.callback(event))  # type: ignore[arg-type]
                    else:
                        listener.callback(event)
                except Exception as error:  # noqa: BLE001 - one listener's fault is not another's
                    self._failed(listener, event, error)
        self.running = outer

    def _failed(self, listener: Listener, event: Event, error: Exception) -> None:
        listener.failures += 1
        log.error(
            "%r failed on %s: %s: %s", listener, type(event).__name__, type(error).__name__, error, exc_info=error
        )
        if self.on_failure is not None:
            self.on_failure(listener, error)

    def _cut(self, event: Event) -> None:
        self.cut_chains += 1
        log.error(
            "event loop cut: %r published %s at %d events deep; it probably reacts to its own event",
            self.running, type(event).__name__, DEPTH_MAX,
        )  # fmt: skip
        if self.on_failure is not None and self.running is not None:
            self.on_failure(self.running, RuntimeError(f"runaway event chain, {DEPTH_MAX} deep"))


class EventQueue(Generic[E]):
    """Events waiting for a slow reader; bounded, the oldest dropped first, the drops counted."""

    def __init__(self, size_max: int) -> None:
        """Hold at most that many events."""
        self._events: deque[E] = deque(maxlen=size_max)
        self._arrived: Callable[[], None] | None = None
        self.dropped = 0
        self.unsubscribe: Unsubscribe = lambda: None

    def put(self, event: E) -> None:
        """Add an event; a full queue loses its oldest."""
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        if self._arrived is not None:
            self._arrived()

    def take(self) -> list[E]:
        """All events that wait now, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    async def get(self) -> E:
        """The oldest event; waits for one."""
        while not self._events:
            arrived = asyncio.Event()
            self._arrived = arrived.set
            try:
                await arrived.wait()
            finally:
                self._arrived = None
        return self._events.popleft()
