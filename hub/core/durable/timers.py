"""Durable timers: set in a transaction, fired in a transaction of their own together with what they cause.

They are due by the wall clock, survive restarts, and fire exactly once: the row goes in the same commit in which
the handler's effect lands. A handler that raises leaves the timer in place; it is tried again after growing pauses.
"""

from __future__ import annotations

import heapq
import logging
from asyncio import TimerHandle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.core import context as contexts
from hub.core.clock import Clock
from hub.core.codec import decode, encode
from hub.core.context import Context
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.storage import Database, Row, StorageError, Tx
from hub.core.supervisor import Backoff, Supervisor

log = logging.getLogger(__name__)

RETRY = Backoff(first_s=1.0, cap_s=600.0)


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


class Timers:
    """All durable timers of a hub; one loop timer waits for the earliest."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, supervisor: Supervisor) -> None:
        """Nothing fires before `load`."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._due: list[tuple[int, int, tuple[str, str]]] = []
        self._current: dict[int, int] = {}
        """The due time of each known timer, by row; heap items that differ are out of date."""
        self._waiting: dict[tuple[str, str], set[int]] = {}
        """Due timers whose handler is not there now."""
        self._firing: set[int] = set()
        self._handle: TimerHandle | None = None
        self._is_running = False

    async def load(self) -> int:
        """Take up the timers of earlier starts, and begin to fire; how many there are."""
        rows = await self._db.read(lambda reader: reader.all("SELECT id, owner, name, due_us FROM core__timers"))
        self._is_running = True
        for row, owner, name, due_us in rows:
            self._arm(row, due_us, (owner, name))
        return len(rows)

    def stop(self) -> None:
        """Fire nothing more; the timers stay for the next start."""
        self._is_running = False
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def handle(self, name: str, handler: Handler, *, owner: str) -> Callable[[], None]:
        """Name the function that a kind of timer runs: `fn(tx, timer)`; the result takes it back."""
        place = (owner, name)
        if place in self._handlers:
            raise ValueError(f"{owner} handles its timer {name!r} already")
        self._handlers[place] = handler
        for row in self._waiting.pop(place, set()):
            if row in self._current:
                self._arm(row, self._current[row], place)

        def withdraw() -> None:
            if self._handlers.get(place) is handler:
                del self._handlers[place]

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
        row = tx.bound_to("core").one(
            "INSERT INTO core__timers (owner, name, key, due_us, payload, context_id, actor)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, name, key) DO UPDATE SET due_us = excluded.due_us,"
            " payload = excluded.payload, context_id = excluded.context_id, actor = excluded.actor,"
            " attempts = 0, last_error = NULL RETURNING id",
            (owner, name, key, due_us, encode(payload or {}), cause.id, cause.actor),
        )
        assert row is not None
        timer = int(row[0])
        tx.on_commit(lambda: self._arm(timer, due_us, (owner, name)))

    def cancel(self, tx: Tx, name: str, key: str, *, owner: str) -> bool:
        """Take a timer back; False when there was none."""
        row = tx.bound_to("core").one(
            "DELETE FROM core__timers WHERE owner = ? AND name = ? AND key = ? RETURNING id", (owner, name, key)
        )
        if row is None:
            return False
        timer = int(row[0])
        tx.on_commit(lambda: self._current.pop(timer, None))
        return True

    def rearm(self) -> None:
        """Look at the wall clock again, after it stepped."""
        if self._is_running:
            self._wait()

    def _arm(self, row: int, due_us: int, place: tuple[str, str]) -> None:
        self._current[row] = due_us
        heapq.heappush(self._due, (due_us, row, place))
        if self._is_running and self._due[0][1] == row:
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
            due_us, row, place = heapq.heappop(self._due)
            if self._current.get(row) != due_us or row in self._firing:
                continue
            if place not in self._handlers:
                self._waiting.setdefault(place, set()).add(row)
                continue
            self._firing.add(row)
            self._supervisor.spawn(place[0], f"timer {place[1]}", self._fire(row, due_us, place))
        self._wait()

    async def _fire(self, row: int, due_us: int, place: tuple[str, str]) -> None:
        try:
            found = await self._db.read(
                lambda reader: reader.one("SELECT * FROM core__timers WHERE id = ?", (row,))
            )
            if found is None or found["due_us"] != due_us or place not in self._handlers:
                return
            handler = self._handlers[place]
            cause = Context(found["context_id"], found["actor"]).child(self._ids.new())
            with contexts.use(cause):
                try:
                    await self._db.write(lambda tx: self._run(tx, row, due_us, handler, cause), owner=place[0])
                except Exception as error:  # noqa: BLE001 - the timer stays and is tried again
                    await self._postpone(found, error, place)
                    return
            if self._current.get(row) == due_us:
                del self._current[row]
        finally:
            self._firing.discard(row)
            again_us = self._current.get(row)
            if again_us is not None:
                self._arm(row, again_us, place)

    def _run(self, tx: Tx, row: int, due_us: int, handler: Handler, cause: Context) -> None:
        core = tx.bound_to("core")
        found = core.one("DELETE FROM core__timers WHERE id = ? AND due_us = ? RETURNING *", (row, due_us))
        if found is None:
            return
        late_us = max(0, self._clock.now_us() - due_us)
        payload = decode(found["payload"])
        handler(
            tx,
            Timer(found["owner"], found["name"], found["key"], due_us, late_us, payload, found["attempts"], cause),
        )
        point("timers.before_commit")

    async def _postpone(self, found: Row, error: Exception, place: tuple[str, str]) -> None:
        attempts = found["attempts"] + 1
        pause_s = RETRY.pause_s(attempts, self._ids)
        log.error(
            "timer %s/%s (%s) failed, attempt %d, again in %.0f s: %s: %s",
            *place, found["key"], attempts, pause_s, type(error).__name__, error, exc_info=error,
        )  # fmt: skip
        again_us = self._clock.now_us() + int(pause_s * 1e6)
        row = found["id"]
        try:
            await self._db.write(
                lambda tx: tx.execute(
                    "UPDATE core__timers SET attempts = ?, last_error = ?, due_us = ? WHERE id = ? AND due_us = ?",
                    (attempts, f"{type(error).__name__}: {error}", again_us, row, found["due_us"]),
                )
            )
        except StorageError:
            log.warning("timer %s/%s: the postponement could not be written; it is kept in memory", *place)
            self._clock.call_later(pause_s, lambda: self._arm(row, found["due_us"], place))
            self._current.pop(row, None)
            return
        self._current[row] = again_us
