"""A durable outbox: messages put in a transaction, delivered at least once after it, in the order of their turn.

Delivery and its record cannot be one step, so a crash between the two delivers again: consumers carry the key to
the far side, which is expected to know it. Delivered rows stay for a while, so that a key put twice is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.core import context as contexts
from hub.core.clock import Clock
from hub.core.codec import decode, digest, encode
from hub.core.context import Context
from hub.core.errors import HubError
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.storage import Database, Reader, Row, StorageError, Tx
from hub.core.supervisor import Backoff, Supervisor

log = logging.getLogger(__name__)

KEEP_DELIVERED_US = 90 * 86_400 * 1_000_000
IDLE_LOOK_S = 3600.0


class KeyReused(HubError):
    """A key was used again with another payload: a bug or a fraud, never to be waved through."""


class Undeliverable(HubError):
    """Raised by a consumer: this message can never be delivered; it is kept as failed and not tried again."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One message as its consumer sees it; the same key arrives again after a crash."""

    topic: str
    key: str
    payload: Mapping[str, Any]
    attempt: int
    created_us: int
    expires_us: int | None
    context: Context


Deliver = Callable[[OutboxItem], Awaitable[object]]


class Outbox:
    """All topics of a hub; each has at most one consumer at a time."""

    def __init__(self, db: Database, clock: Clock, ids: Ids, supervisor: Supervisor) -> None:
        """Messages wait until their topic has a consumer."""
        self._db = db
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor
        self._wake: dict[str, asyncio.Event] = {}
        self._consumers: dict[str, str] = {}

    def put(
        self,
        tx: Tx,
        topic: str,
        key: str,
        payload: Mapping[str, object],
        *,
        owner: str,
        expires_us: int | None = None,
    ) -> bool:
        """Put a message; False when this key was put before with the same payload. Leaves after the commit."""
        core = tx.bound_to("core")
        now_us = self._clock.now_us()
        sha = digest(payload)
        known = core.one("SELECT payload_sha FROM core__outbox WHERE topic = ? AND key = ?", (topic, key))
        if known is not None:
            if known[0] != sha:
                raise KeyReused(
                    f"outbox {topic!r}: the key {key!r} was used before with another payload; "
                    "make a new key for a new message"
                )
            return False
        core.execute(
            "INSERT INTO core__outbox (owner, topic, key, payload, payload_sha, state, created_us, next_try_us,"
            " expires_us, context_id, actor) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?)",
            (
                owner, topic, key, encode(payload), sha, now_us, now_us, expires_us,
                tx.context.id, tx.context.actor,
            ),
        )  # fmt: skip
        tx.on_commit(lambda: self._arrived(topic))
        return True

    def consume(
        self,
        topic: str,
        deliver: Deliver,
        *,
        owner: str,
        parallel: int = 1,
        backoff: Backoff | None = None,
        limit_s: float = 60.0,
    ) -> Callable[[], None]:
        """Deliver a topic's messages with this coroutine function, at most `parallel` at once; undo by the result.

        A raise, or more than `limit_s`, means not delivered: it is tried again after a pause, until it expires.
        """
        if topic in self._consumers:
            raise ValueError(f"outbox {topic!r} is consumed by {self._consumers[topic]} already")
        self._consumers[topic] = owner
        worker = _Worker(self._db, self._clock, self._ids, topic, deliver, parallel, backoff or Backoff(), limit_s)
        self._wake[topic] = worker.wake
        task = self._supervisor.keep(owner, f"outbox {topic}", worker.run)

        def withdraw() -> None:
            if self._wake.get(topic) is worker.wake:
                task.cancel()
                del self._wake[topic]
                del self._consumers[topic]

        return withdraw

    async def result(self, topic: str, key: str) -> tuple[str, Any]:
        """The state of a message (`pending`, `done`, `failed`, `expired`) and its result or last error."""
        row = await self._db.read(
            lambda reader: reader.one(
                "SELECT state, result, last_error FROM core__outbox WHERE topic = ? AND key = ?", (topic, key)
            )
        )
        if row is None:
            return "unknown", None
        return row["state"], decode(row["result"]) if row["result"] is not None else row["last_error"]

    async def counts(self) -> dict[str, dict[str, int]]:
        """How many messages each topic has in each state."""
        rows = await self._db.read(
            lambda reader: reader.all("SELECT topic, state, count(*) FROM core__outbox GROUP BY topic, state")
        )
        counts: dict[str, dict[str, int]] = {}
        for topic, state, count in rows:
            counts.setdefault(topic, {})[state] = count
        return counts

    async def purge(self, now_us: int) -> int:
        """Forget delivered, failed and expired messages that are old enough at that time; how many."""
        before_us = now_us - KEEP_DELIVERED_US
        return await self._db.write(
            lambda tx: tx.execute(
                "DELETE FROM core__outbox WHERE id IN (SELECT id FROM core__outbox"
                " WHERE state <> 'pending' AND created_us < ? LIMIT 1000)",
                (before_us,),
            ),
            origin="core:purge",
        )

    def rearm(self) -> None:
        """Look at the wall clock again, after it stepped."""
        for wake in self._wake.values():
            wake.set()

    def _arrived(self, topic: str) -> None:
        wake = self._wake.get(topic)
        if wake is not None:
            wake.set()


class _Worker:
    """Delivers one topic: reads what is due, runs a few deliveries at once, sleeps until the next turn."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        ids: Ids,
        topic: str,
        deliver: Deliver,
        parallel: int,
        backoff: Backoff,
        limit_s: float,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._topic = topic
        self._deliver = deliver
        self._parallel = parallel
        self._backoff = backoff
        self._limit_s = limit_s
        self._ahead_max_us = int(backoff.cap_s * (1 + backoff.jitter) * 1e6)
        """No turn is set further ahead than this; if one is, the wall clock was put back, and it is due."""
        self.wake = asyncio.Event()

    async def run(self) -> None:
        under_way: dict[asyncio.Task[None], int] = {}
        try:
            while True:
                await self._fill(under_way)
                for task in [task for task in under_way if task.done()]:
                    del under_way[task]
                    task.result()
        except asyncio.CancelledError:
            for task in under_way:
                task.cancel()
            raise
        finally:
            # All of them to their end: one left behind would be delivered again beside itself.
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _fill(self, under_way: dict[asyncio.Task[None], int]) -> None:
        """Start what is due while there are free slots, then wait until one gets free or something gets due."""
        self.wake.clear()
        pause_s = None
        if len(under_way) < self._parallel:
            taken = encode(list(under_way.values()))
            rows, next_us = await self._db.read(
                lambda reader: self._due(reader, taken, self._parallel - len(under_way))
            )
            for row in rows:
                under_way[asyncio.ensure_future(self._one(row))] = row["id"]
            if len(under_way) < self._parallel:
                pause_s = IDLE_LOOK_S
                if next_us is not None:
                    pause_s = min(pause_s, max(0.0, (next_us - self._clock.now_us()) / 1e6))
        if pause_s is None:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            return
        woken = asyncio.ensure_future(self.wake.wait())
        try:
            await asyncio.wait({*under_way, woken}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    def _due(self, reader: Reader, taken: str, count: int) -> tuple[list[Row], int | None]:
        """What to deliver next and is not under way; when that is less than asked for, also when more gets due."""
        now_us = self._clock.now_us()
        ahead_us = now_us + self._ahead_max_us
        rows = reader.all(
            "SELECT * FROM core__outbox WHERE topic = ? AND state = 'pending'"
            " AND (next_try_us <= ? OR next_try_us > ?) AND id NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY next_try_us, id LIMIT ?",
            (self._topic, now_us, ahead_us, taken, count),
        )
        if len(rows) == count:
            return rows, None
        next_us = reader.value(
            "SELECT min(next_try_us) FROM core__outbox WHERE topic = ? AND state = 'pending'"
            " AND next_try_us > ? AND next_try_us <= ? AND id NOT IN (SELECT value FROM json_each(?))",
            (self._topic, now_us, ahead_us, taken),
        )
        return rows, None if next_us is None else int(next_us)

    async def _one(self, row: Row) -> None:
        now_us = self._clock.now_us()
        if row["expires_us"] is not None and row["expires_us"] <= now_us:
            await self._settle(row, "expired", None, "expired before it could be delivered")
            return
        attempt = row["attempts"] + 1
        cause = Context(row["context_id"], row["actor"]).child(self._ids.new())
        item = OutboxItem(
            self._topic, row["key"], decode(row["payload"]), attempt, row["created_us"], row["expires_us"], cause
        )
        point("outbox.before_deliver")
        limit = asyncio.timeout(self._limit_s)
        try:
            with contexts.use(cause):
                async with limit:
                    result = await self._deliver(item)
        except Undeliverable as error:
            await self._settle(row, "failed", None, str(error))
        except (Exception, asyncio.CancelledError) as error:  # any failure means: not delivered, try again
            if isinstance(error, asyncio.CancelledError) and self._is_being_cancelled():
                raise
            text = f"{type(error).__name__}: {error}"
            if limit.expired():
                text = f"no answer within {self._limit_s:g} s"
            log.warning("outbox %s: %s not delivered, attempt %d: %s", self._topic, row["key"], attempt, text)
            again_us = now_us + int(self._backoff.pause_s(attempt, self._ids) * 1e6)
            await self._record(
                "UPDATE core__outbox SET attempts = ?, last_error = ?, next_try_us = ?"
                " WHERE id = ? AND state = 'pending'",
                (attempt, text, again_us, row["id"]),
            )
        else:
            point("outbox.after_deliver")
            await self._settle(row, "done", self._recordable(row, result), None)

    @staticmethod
    def _is_being_cancelled() -> bool:
        """Whether this very task is to end, and not only something that the consumer awaited."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _recordable(self, row: Row, result: object) -> str | None:
        try:
            return encode(result)
        except (TypeError, ValueError) as error:
            log.error("outbox %s: %s was delivered, its result cannot be kept: %s", self._topic, row["key"], error)
            return None

    async def _settle(self, row: Row, state: str, result: str | None, error: str | None) -> None:
        await self._record(
            "UPDATE core__outbox SET state = ?, attempts = attempts + 1, result = ?, last_error = ?"
            " WHERE id = ? AND state = 'pending'",
            (state, result, error, row["id"]),
        )

    async def _record(self, sql: str, values: tuple[str | int | None, ...]) -> None:
        """Write an outcome; while the store fails, wait: delivering again and again would be worse."""
        attempt = 0
        while True:
            try:
                await self._db.write(lambda tx: tx.execute(sql, values), origin=f"core:outbox:{self._topic}")
            except StorageError:
                attempt += 1
                await self._clock.sleep(self._backoff.pause_s(attempt, self._ids))
            else:
                return
