"""Typed events, told to whoever asked for that type or for that type and key.

Order: an event published while another is being told waits until every listener has heard the first one, so all
listeners hear all events in one order. Who has unsubscribed is not told any more, not even an event on its way.
A chain of events that cause events is cut at `DEPTH_MAX` or `CHAIN_MAX`, with the listener that keeps it going
named. Events are notices after the fact: nothing that must not be lost travels here.
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

CHAIN_MAX = 100_000
"""How many events one event may cause in all: listeners that each cause two never come to a depth of 100."""

TASKS_MAX = 1000
"""How many tasks of one coroutine listener may run at once; what comes beyond is dropped for it."""


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

    def __call__(self, owner: str, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Future[Any] | None:
        """Start the work; its failure is the owner's. The task, or None when there is nothing to wait for."""


class Listener:
    """One subscription: whose it is, what to call, and how often that went wrong."""

    __slots__ = ("callback", "dropped", "failures", "is_flooded", "owner", "tasks")

    def __init__(self, owner: str, callback: Callable[[Any], object]) -> None:
        """Subscribe with it through `Channel.add`, under as many keys as wanted."""
        self.owner = owner
        self.callback = callback
        self.failures = 0
        self.tasks = 0
        """How many tasks of a coroutine listener run now."""
        self.dropped = 0
        """How many events it was not told because too many of its tasks ran."""
        self.is_flooded = False

    def task_ended(self, _: object) -> None:
        """Count a task less; a burst is over once half of the tasks are through."""
        self.tasks -= 1
        if self.tasks <= TASKS_MAX // 2:
            self.is_flooded = False

    def __repr__(self) -> str:
        """Name the plugin and the function, for logs and the watchdog."""
        return f"{self.owner}:{getattr(self.callback, '__qualname__', repr(self.callback))}"


class Channel(Generic[E]):
    """The listeners of one event type. `wants(key)` first, then build the event."""

    __slots__ = ("_bus", "by_key", "event_type", "everyone", "revision")

    def __init__(self, bus: Bus, event_type: type[E]) -> None:
        """Start without listeners; the tuples are replaced, never changed, so telling is safe meanwhile."""
        self._bus = bus
        self.event_type = event_type
        self.everyone: tuple[Listener, ...] = ()
        self.by_key: dict[str, tuple[Listener, ...]] = {}
        self.revision = 0
        """Grows when anybody subscribes or unsubscribes, so that telling notices it."""

    def wants(self, key: str | None) -> bool:
        """Whether anybody would hear an event with this key."""
        return bool(self.everyone) or key in self.by_key

    def add(self, key: str | None, listener: Listener) -> Unsubscribe:
        """Subscribe a listener to all events of the type, or to those with a key."""
        self.revision += 1
        if key is None:
            self.everyone = (*self.everyone, listener)
        else:
            self.by_key[key] = (*self.by_key.get(key, ()), listener)
        return lambda: self._remove(key, listener)

    def hears(self, key: str | None, listener: Listener) -> bool:
        """Whether the listener is subscribed, now, to events with this key."""
        return listener in self.everyone or (key is not None and listener in self.by_key.get(key, ()))

    def _remove(self, key: str | None, listener: Listener) -> None:
        self.revision += 1
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
        self._caused = 0
        self._is_cut = False
        self.running: Listener | None = None
        """The listener being called now, for the watchdog."""
        self.on_failure: Callable[[Listener, BaseException], None] | None = None
        self.cut_chains = 0
        self.cut_events = 0
        """How many events were not told because their chain had run away."""

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

        A plain function runs inline and must be quick; a coroutine function runs as the owner's task. While
        `TASKS_MAX` of its tasks run, further events are dropped for it: a slow reader takes a `queue`.
        """
        return self.channel(event_type).add(key, Listener(owner, callback))

    def queue(
        self, event_type: type[E], *, key: str | None = None, size_max: int = 1000, owner: str
    ) -> EventQueue[E]:
        """A bounded queue of events for a slow reader: when full, the oldest is dropped and counted."""
        queue: EventQueue[E] = EventQueue(size_max)
        queue.unsubscribe = self.subscribe(event_type, queue.put, key=key, owner=owner)
        return queue

    def listeners_of(self, owner: str) -> list[Listener]:
        """All subscriptions of an owner, for tests and diagnostics."""
        found: list[Listener] = []
        for channel in self._channels.values():
            for listeners in (channel.everyone, *channel.by_key.values()):
                found += [listener for listener in listeners if listener.owner == owner]
        return found

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
            if self._depth >= DEPTH_MAX or self._caused >= CHAIN_MAX:
                self._cut(event)
            else:
                self._caused += 1
                self._waiting.append((channel, event, key, self._depth + 1))
            return
        self._telling = True
        try:
            self._deliver(channel, event, key)
            while self._waiting:
                channel, event, key, self._depth = self._waiting.popleft()
                self._deliver(channel, event, key)
        finally:
            self._waiting.clear()  # empty, unless something like a KeyboardInterrupt ends the telling
            self._telling = self._is_cut = False
            self._depth = self._caused = 0
            self.running = None

    def _deliver(self, channel: Channel[Any], event: Event, key: str | None) -> None:
        listeners = channel.everyone
        if key is not None and key in channel.by_key:
            listeners = channel.by_key[key] + listeners
        revision = channel.revision
        with contexts.use(event.context):
            for listener in listeners:
                if channel.revision != revision and not channel.hears(key, listener):
                    continue
                self.running = listener
                try:
                    work = listener.callback(event)
                    if work is not None and inspect.iscoroutine(work):
                        self._start(listener, event, work)
                # A plain function is never cancelled: its CancelledError comes from some future that it asked.
                # None of these, nor a sys.exit(), is the fault of the publisher or of the next listener.
                except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001
                    self._failed(listener, event, error)

    def _start(self, listener: Listener, event: Event, work: Coroutine[Any, Any, object]) -> None:
        if listener.tasks >= TASKS_MAX:
            work.close()
            self._drop(listener, event)
            return
        try:
            task = self._spawn(listener.owner, repr(listener), work)
        except BaseException:
            work.close()
            raise
        if task is None:
            return
        listener.tasks += 1
        task.add_done_callback(listener.task_ended)

    def _drop(self, listener: Listener, event: Event) -> None:
        listener.dropped += 1
        if listener.is_flooded:
            return  # told once a burst
        listener.is_flooded = True
        flood = RuntimeError(
            f"{TASKS_MAX} tasks of {listener!r} run at once, so further {type(event).__name__} events are dropped "
            "for it; a slow reader takes its events from `bus.queue`"
        )
        log.error("%s", flood)
        self._report(listener, flood)

    def _failed(self, listener: Listener, event: Event, error: BaseException) -> None:
        listener.failures += 1
        log.error(
            "%r failed on %s: %s: %s", listener, type(event).__name__, type(error).__name__, error, exc_info=error
        )
        self._report(listener, error)

    def _cut(self, event: Event) -> None:
        self.cut_events += 1
        if self._is_cut or self.running is None:
            return  # told once a chain: a report that publishes must not feed the chain it reports
        self._is_cut = True
        self.cut_chains += 1
        size = f"{DEPTH_MAX} events deep" if self._depth >= DEPTH_MAX else f"after {CHAIN_MAX} events"
        log.error(
            "event chain cut: %r published %s %s; it probably reacts to its own event",
            self.running, type(event).__name__, size,
        )  # fmt: skip
        self._report(self.running, RuntimeError(f"runaway event chain, cut {size}"))

    def _report(self, listener: Listener, error: BaseException) -> None:
        if self.on_failure is None:
            return
        try:
            self.on_failure(listener, error)
        except Exception:
            log.exception("telling the failure of %r failed too", listener)


class EventQueue(Generic[E]):
    """Events waiting for a slow reader; bounded, the oldest dropped first, the drops counted."""

    def __init__(self, size_max: int) -> None:
        """Hold at most that many events."""
        self._events: deque[E] = deque(maxlen=size_max)
        self._arrived = asyncio.Event()
        self.dropped = 0
        self.unsubscribe: Unsubscribe = lambda: None

    def put(self, event: E) -> None:
        """Add an event; a full queue loses its oldest."""
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._arrived.set()

    def take(self) -> list[E]:
        """All events that wait now, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    async def get(self) -> E:
        """The oldest event; waits for one."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()
