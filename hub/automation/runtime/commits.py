"""Writes what triggers did: what comes in one turn of the loop shares a transaction, in the order of the edges.

While one transaction is being written the next one gathers, so a burst makes few of them. A store that fails is
tried again with the same content: no latch moves on disk without its run, and nothing overtakes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from logging import Logger
from typing import Any, Generic, NamedTuple, TypeVar

from hub.automation.runtime.contract import Starter
from hub.automation.runtime.store import Move, apply
from hub.core.clock import Clock
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.storage import StorageClosed, StorageError, Tx
from hub.core.supervisor import Backoff

C = TypeVar("C")

STORE_PAUSE = Backoff(first_s=1.0, cap_s=30.0)

SHARE_MAX = 500
"""Firings in one transaction, so that the first of a long burst need not wait for the last."""


class _Item(NamedTuple, Generic[C]):
    moves: Sequence[Move]
    considered: C | None


class Commits(Generic[C]):
    """What is to be written, and the one task that writes it."""

    def __init__(
        self,
        write: Callable[[Callable[[Tx], object]], Awaitable[object]],
        spawn: Callable[[str, Coroutine[Any, Any, object]], object],
        starter: Starter[C],
        clock: Clock,
        ids: Ids,
        log: Logger,
    ) -> None:
        """Write by `write`, in a task started by `spawn`."""
        self._write = write
        self._spawn = spawn
        self._starter = starter
        self._clock = clock
        self._ids = ids
        self._log = log
        self._waiting: list[_Item[C]] = []
        self._is_writing = False
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, moves: Sequence[Move], considered: C | None = None) -> None:
        """Write rows, and begin what was considered in the same transaction."""
        self._waiting.append(_Item(moves, considered))
        if not self._is_writing:
            self._is_writing = True
            self._idle.clear()
            self._spawn("rule triggers", self._write_all())

    async def settled(self) -> None:
        """Wait until all that was put is on disk."""
        await self._idle.wait()

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                items, self._waiting = self._waiting[:SHARE_MAX], self._waiting[SHARE_MAX:]
                await self._write_items(items)
        finally:
            self._is_writing = False
            self._idle.set()

    async def _write_items(self, items: list[_Item[C]]) -> None:
        moves = [move for item in items for move in item.moves]
        considered = [item.considered for item in items if item.considered is not None]

        def together(tx: Tx) -> None:
            apply(tx, moves)
            if considered:
                self._starter.begin(tx, considered)
            point("automation.triggers_fired")

        attempt = 0
        while True:
            attempt += 1
            try:
                await self._write(together)
            except StorageClosed:
                return  # the hub is stopping; the next start finds everything as it was before
            except StorageError as error:
                self._log.warning("%d firings wait for the store: %s", len(considered), error)
                await self._clock.sleep(STORE_PAUSE.pause_s(attempt, self._ids))
            except Exception as error:  # noqa: BLE001 - whatever a rule does wrong stays with that rule
                await self._split(items, error)
                return
            else:
                return

    async def _split(self, items: list[_Item[C]], error: Exception) -> None:
        """One firing must not take the others with it: write each by itself, and the bad one's rows without it."""
        if len(items) > 1:
            for item in items:
                await self._write_items([item])
            return
        moves, considered = items[0]
        if considered is None:
            self._log.error("trigger rows cannot be written and are left as they are", exc_info=error)
            return
        self._log.error("a firing cannot begin", exc_info=error)
        self._starter.abandon([considered], error)
        await self._write_items([_Item(moves, None)])
