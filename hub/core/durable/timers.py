"""Durable timers: set in a transaction, fired in a transaction of their own together with what they cause.

They are due by the wall clock, survive restarts, and fire exactly once: the row goes in the same commit in which
the handler's effect lands. A handler that raises leaves the timer in place; it is tried again after growing pauses.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import logging
from asyncio import TimerHandle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from hub.core import context as contexts
from hub.core.clock import Clock
from hub.core.codec import decode, encode
from hub.core.context import Context
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.storage import Database, StorageError, Tx
from hub.core.supervisor import Backoff, Supervisor

log = logging.getLogger(__name__)

RETRY = Backoff(first_s=1.0, cap_s=600.0)

VOID_KEPT_MIN = 64
"""Settings that were moved or cancelled stay in the heap until they are more than the timers by this many."""


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer as its handler sees it."""

    owner: str
    name: str
    key: str
    due_us: int
    late_us: int
    """How long after its time it fires; large after a time without the hub."""
    payload: Mapping[str, Any]
    attempts: int
    context: Context


Handler = Callable[[Tx, Timer], object]
Place: TypeAlias = tuple[str, str, str]
"""Owner, name and key: what a timer is known by. Row ids would not do, SQLite gives them out again."""


@dataclass(frozen=True, slots=True, eq=False)
class _Armed:
    """One setting of a timer; a newer one of the same place makes it void."""

    place: Place
    due_us: int

    @property
    def kind(self) -> tuple[str, str]:
        return self.place[:2]


class Timers:
    """All durable timers of a hub; one loop timer waits for the earliest."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, supervisor: Supervisor) -> None:
        """Nothing fires before `load`."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._due: list[tuple[int, int, _Armed]] = []
        self._numbers = count()
        self._armed: dict[Place, _Armed] = {}
        """The setting of each timer that holds; heap items that differ are void."""
        self._waiting: dict[tuple[str, str], set[Place]] = {}
        """Due timers whose handler is not there now."""
        self._firing: set[Place] = set()
        self._handle: TimerHandle | None = None
        self._is_running = False

    async def load(self) -> int:
        """Take up the timers of earlier starts, and begin to fire; how many there are."""
        rows = await self._db.read(lambda reader: reader.all("SELECT owner, name, key, due_us FROM core__timers"))
        self._is_running = True
        for owner, name, key, due_us in rows:
            if (owner, name, key) not in self._armed:  # or it was set while this was read
                self._arm((owner, name, key), due_us)
        self._wait()
        return len(rows)

    def stop(self) -> None:
        """Fire nothing more; the timers stay for the next start."""
        self._is_running = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def handle(self, name: str, handler: Handler, *, owner: str) -> Callable[[], None]:
        """Name the function that a kind of timer runs: `fn(tx, timer)`; the result takes it back."""
        kind = (owner, name)
        if kind in self._handlers:
            raise ValueError(f"{owner} handles its timer {name!r} already")
        if inspect.iscoroutinefunction(handler):
            raise ValueError(f"{owner}: the handler of timer {name!r} must be a plain function fn(tx, timer)")
        self._handlers[kind] = handler
        for place in self._waiting.pop(kind, set()):
            if place in self._armed:
                self._arm(place, self._armed[place].due_us)

        def withdraw() -> None:
            if self._handlers.get(kind) is handler:
                del self._handlers[kind]

        return withdraw

    def set(
        self,
        tx: Tx,
        name: str,
        key: str,
        due_us: int,
        payload: Mapping[str, object] | None = None,
        *,
        owner: str,
    ) -> None:
        """Set the timer of that name and key, or move it if it is set; counts once the transaction commits."""
        cause = tx.context
        tx.bound_to("core").execute(
            "INSERT INTO core__timers (owner, name, key, due_us, payload, context_id, actor)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name, key) DO UPDATE SET due_us = excluded.due_us,"
            " payload = excluded.payload, context_id = excluded.context_id, actor = excluded.actor,"
            " attempts = 0, last_error = NULL",
            (owner, name, key, due_us, encode(payload or {}), cause.id, cause.actor),
        )
        tx.on_commit(lambda: self._arm((owner, name, key), due_us))

    def cancel(self, tx: Tx, name: str, key: str, *, owner: str) -> bool:
        """Take a timer back; False when there was none."""
        found = tx.bound_to("core").execute(
            "DELETE FROM core__timers WHERE owner = ? AND name = ? AND key = ?", (owner, name, key)
        )
        if not found:
            return False
        tx.on_commit(lambda: self._armed.pop((owner, name, key), None))
        return True

    def rearm(self) -> None:
        """Look at the wall clock again, after it stepped."""
        if self._is_running:
            self._wait()

    def _arm(self, place: Place, due_us: int) -> None:
        armed = self._armed[place] = _Armed(place, due_us)
        if len(self._due) > 2 * len(self._armed) + VOID_KEPT_MIN:
            self._due = [item for item in self._due if self._armed.get(item[2].place) is item[2]]
            heapq.heapify(self._due)
        heapq.heappush(self._due, (due_us, next(self._numbers), armed))
        if self._is_running and self._due[0][2] is armed:
            self._wait()

    def _wait(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._due:
            self._handle = self._clock.call_at(self._due[0][0], self._fire_due)

    def _fire_due(self) -> None:
        self._handle = None
        now_us = self._clock.now_us()
        while self._due and self._due[0][0] <= now_us:
            _, _, armed = heapq.heappop(self._due)
            if self._armed.get(armed.place) is not armed or armed.place in self._firing:
                continue
            if armed.kind not in self._handlers:
                self._waiting.setdefault(armed.kind, set()).add(armed.place)
                continue
            self._firing.add(armed.place)
            owner, name, _ = armed.place
            self._supervisor.spawn(owner, f"timer {name}", self._fire(armed))
        self._wait()

    async def _fire(self, armed: _Armed) -> None:
        try:
            await self._try(armed)
        except asyncio.CancelledError:
            # Its plugin is being stopped. Whether the transaction still lands, the next handler's try will show.
            self._firing.discard(armed.place)
            self._waiting.setdefault(armed.kind, set()).add(armed.place)
            raise
        self._firing.discard(armed.place)
        still = self._armed.get(armed.place)
        if still is not None:
            self._arm(armed.place, still.due_us)

    async def _try(self, armed: _Armed) -> None:
        attempts = 0
        try:
            found = await self._db.read(
                lambda reader: reader.one(
                    "SELECT * FROM core__timers WHERE owner = ? AND name = ? AND key = ?", armed.place
                )
            )
            if found is not None:
                attempts = found["attempts"]
                if found["due_us"] != armed.due_us:
                    self._replace(armed, found["due_us"])
                    return
                handler = self._handlers.get(armed.kind)
                if handler is None:
                    return
                cause = Context(found["context_id"], found["actor"]).child(self._ids.new())
                with contexts.use(cause):
                    await self._db.write(lambda tx: self._run(tx, armed, handler, cause), owner=armed.place[0])
        except Exception as error:  # noqa: BLE001 - the timer stays and is tried again
            await self._postpone(armed, attempts + 1, error)
        else:
            self._replace(armed, None)

    def _replace(self, armed: _Armed, due_us: int | None) -> None:
        """Put another time, or none, in the place of a setting, unless that was replaced already."""
        if self._armed.get(armed.place) is armed:
            if due_us is None:
                del self._armed[armed.place]
            else:
                self._armed[armed.place] = _Armed(armed.place, due_us)

    def _run(self, tx: Tx, armed: _Armed, handler: Handler, cause: Context) -> object:
        core = tx.bound_to("core")
        found = core.one(
            "DELETE FROM core__timers WHERE owner = ? AND name = ? AND key = ? AND due_us = ? RETURNING *",
            (*armed.place, armed.due_us),
        )
        if found is None:
            return None
        late_us = max(0, self._clock.now_us() - armed.due_us)
        timer = Timer(*armed.place, armed.due_us, late_us, decode(found["payload"]), found["attempts"], cause)
        result = handler(tx, timer)
        point("timers.before_commit")
        return result

    async def _postpone(self, armed: _Armed, attempts: int, error: Exception) -> None:
        pause_s = RETRY.pause_s(attempts, self._ids)
        log.error(
            "timer %s/%s (%s) failed, attempt %d, again in %.0f s: %s: %s",
            *armed.place, attempts, pause_s, type(error).__name__, error, exc_info=error,
        )  # fmt: skip
        again_us = self._clock.now_us() + int(pause_s * 1e6)
        try:
            await self._db.write(
                lambda tx: tx.execute(
                    "UPDATE core__timers SET attempts = ?, last_error = ?, due_us = ?"
                    " WHERE owner = ? AND name = ? AND key = ? AND due_us = ?",
                    (attempts, f"{type(error).__name__}: {error}", again_us, *armed.place, armed.due_us),
                )
            )
        except StorageError:
            log.warning(
                "timer %s/%s (%s): the postponement could not be written, it is kept in memory", *armed.place
            )
            if self._armed.get(armed.place) is armed:
                del self._armed[armed.place]
                self._clock.call_later(pause_s, lambda: self._arm_again(armed))
        else:
            self._replace(armed, again_us)

    def _arm_again(self, armed: _Armed) -> None:
        if armed.place not in self._armed:
            self._arm(armed.place, armed.due_us)
